//! `slo report`

mod question;
mod server;
mod span;

use crate::{
    args::{Report as Asked, ReportFormat},
    error::Error,
    load, write,
};
use question::Question;
use server::Server;
use slo_core::artifact::Report;
use span::Span;
use std::{collections::BTreeSet, io::Write};

pub(super) fn run(asked: &Asked, out: &mut dyn Write, talk: &mut dyn Write) -> Result<(), Error> {
    let client = asked.access.client(&asked.prometheus)?;
    let services = load::services(&asked.specs.files, &asked.specs.reading, asked.scale.time_scale, talk)?;
    let span = Span::of(asked)?;
    let mut server = Server { client: &client, warnings: BTreeSet::new() };
    let (mut slos, mut others) = (Vec::new(), Vec::new());
    for service in &services {
        for slo in service.slos() {
            let asked = Question { service, slo, span: &span, zone: &asked.time_zone, most: asked.groups };
            let (shown, counted) = asked.reports(&mut server)?;
            slos.extend(shown);
            others.extend(counted);
        }
    }
    if slos.iter().all(|slo| slo.seen.total() == 0) {
        return Err(Error::Outside(format!(
            "{}: no events of these SLOs were recorded in that time\n  hint: load the rules of `slo \
             generate`, and ask for a time after that; if they were generated with `--time-scale`, give the \
             same value",
            client.address()
        )));
    }
    for one in &others {
        writeln!(
            talk,
            "{}/{}: {} groups that spent less are counted, but not shown\n  hint: show more with `--groups`",
            one.service, one.slo, one.groups
        )?;
    }
    for warning in &server.warnings {
        writeln!(talk, "warning: the report is incomplete: {} says: {warning}", client.address())?;
    }
    let report = Report {
        title: span.title,
        zone: asked.time_zone.clone(),
        start: span.start,
        end: span.end,
        slos,
        others,
        warnings: server.warnings.into_iter().collect(),
    };
    let text = match asked.format {
        ReportFormat::Markdown => report.to_markdown(),
        ReportFormat::Html => report.to_html(),
        ReportFormat::Json => format!("{:#}\n", report.to_json()),
    };
    match &asked.out {
        Some(path) => {
            write::atomically(path, &text)?;
            writeln!(talk, "{}", path.display())?;
        }
        None => out.write_all(text.as_bytes())?,
    }
    Ok(())
}
