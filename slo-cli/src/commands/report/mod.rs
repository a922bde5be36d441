//! `slo report`

#[cfg(feature = "server")]
mod delivery;
mod server;

use crate::{
    args::{Report as Asked, ReportFormat},
    error::Error,
    load, time, write,
};
pub(super) use server::Server;
use slo_core::{
    artifact::{Report, ReportSpan},
    model::CalendarUnit,
};
use std::{collections::BTreeSet, io::Write};

pub(super) fn run(asked: &Asked, out: &mut dyn Write, talk: &mut dyn Write) -> Result<(), Error> {
    let client = asked.access.client(&asked.prometheus)?;
    let services = load::services(&asked.specs.files, &asked.specs.reading, asked.scale.time_scale, talk)?;
    let span = span(asked)?;
    #[cfg(feature = "server")]
    if asked.delivery {
        return written(asked, &delivery::delivery(asked, &services, &span)?, out, talk);
    }
    #[cfg(feature = "server")]
    if asked.place.store.is_some() || asked.place.config.is_some() {
        return Err(Error::Usage("--store and --config are for --delivery".to_owned()));
    }
    let mut server = Server { client: &client, warnings: BTreeSet::new() };
    let mut report = Report::ask(&services, &span, &asked.time_zone, asked.groups, &mut server)?;
    if report.slos.iter().all(|slo| slo.seen.total() == 0) {
        return Err(Error::Outside(format!(
            "{}: no events of these SLOs were recorded in that time\n  hint: load the rules of `slo \
             generate`, and ask for a time after that; if they were generated with `--time-scale`, give the \
             same value",
            client.address()
        )));
    }
    for one in &report.others {
        writeln!(
            talk,
            "{}/{}: {} groups that spent less are counted, but not shown\n  hint: show more with `--groups`",
            one.service, one.slo, one.groups
        )?;
    }
    for warning in &server.warnings {
        writeln!(talk, "warning: the report is incomplete: {} says: {warning}", client.address())?;
    }
    report.warnings = server.warnings.into_iter().collect();
    let text = match asked.format {
        ReportFormat::Markdown => report.to_markdown(),
        ReportFormat::Html => report.to_html(),
        ReportFormat::Json => format!("{:#}\n", report.to_json()),
    };
    written(asked, &text, out, talk)
}

fn written(asked: &Asked, text: &str, out: &mut dyn Write, talk: &mut dyn Write) -> Result<(), Error> {
    match &asked.out {
        Some(path) => {
            write::atomically(path, text)?;
            writeln!(talk, "{}", path.display())?;
        }
        None => out.write_all(text.as_bytes())?,
    }
    Ok(())
}

fn span(asked: &Asked) -> Result<ReportSpan, Error> {
    let now = asked.end.unwrap_or_else(time::now);
    let (unit, name) = match (&asked.month, &asked.quarter) {
        (Some(month), _) => (CalendarUnit::Month, month),
        (_, Some(quarter)) => (CalendarUnit::Quarter, quarter),
        _ => return Ok(ReportSpan::last(asked.last, now)),
    };
    Ok(ReportSpan::named(unit, name, &asked.time_zone, now)?)
}
