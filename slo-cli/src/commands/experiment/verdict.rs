//! `slo experiment verdict`

use super::journals::{folder, runs};
use crate::{
    args::{ReportFormat, Told},
    error::Error,
    text, write,
};
use slo_ops::experiment::{Finding, Run, html, markdown};
use std::io::Write;

pub(super) fn verdict(told: &Told, out: &mut dyn Write, talk: &mut dyn Write) -> Result<(), Error> {
    let all = runs(&folder(&told.journals)?, talk)?;
    if all.is_empty() {
        writeln!(talk, "there are no runs in {}", folder(&told.journals)?.path().display())?;
    }
    let findings = chosen(&all, &told.runs)?;
    let findings = findings.iter().map(|run| Finding::of(run)).collect::<Result<Vec<_>, _>>()?;
    let mut report = Vec::new();
    match told.format {
        ReportFormat::Markdown => report = markdown(&findings).into_bytes(),
        ReportFormat::Html => report = html(&findings).into_bytes(),
        ReportFormat::Json => text::json(&mut report, &findings)?,
    }
    match &told.out {
        Some(path) => {
            write::atomically(path, &String::from_utf8_lossy(&report))?;
            writeln!(talk, "{}", path.display())?;
        }
        None => out.write_all(&report)?,
    }
    Ok(())
}

/// The runs whose IDs begin with one of `wanted`; all without one.
fn chosen<'a>(all: &'a [Run], wanted: &[String]) -> Result<Vec<&'a Run>, Error> {
    for start in wanted {
        if !all.iter().any(|run| run.id.starts_with(start)) {
            return Err(Error::Input(format!(
                "no run begins with `{start}`\n  hint: see `slo experiment status`"
            )));
        }
    }
    let is_wanted = |run: &&Run| wanted.is_empty() || wanted.iter().any(|start| run.id.starts_with(start));
    Ok(all.iter().filter(is_wanted).collect())
}
