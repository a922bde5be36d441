//! `slo experiment plan`

use super::journals::folder;
use crate::{
    args::{Format, Planned},
    commands::serve::LAUNCHER,
    error::Error,
    load, table, text,
};
use slo_ops::experiment::{Experiment, Plan};
use slo_prometheus::AsyncClient;
use slo_server::experiment::Laboratory;
use std::{fs, io::Write, path::Path};

/// Reads the experiment and its specs.
pub(super) fn laboratory(planned: &Planned, talk: &mut dyn Write) -> Result<Laboratory, Error> {
    let (file, _) = experiment(&planned.experiment)?;
    let specs = &planned.specs;
    let services = load::services(&specs.files, &specs.reading, planned.scale.time_scale, talk)?;
    let (address, settings) = planned.access.settings(&planned.prometheus)?;
    let client = AsyncClient::new(&address, settings)?;
    Ok(Laboratory::new(&file, &services, client, folder(&planned.journals)?, LAUNCHER.into())?)
}

/// The text of an experiment's file, and what it says.
pub(super) fn experiment(path: &Path) -> Result<(String, Experiment), Error> {
    let text = fs::read_to_string(path).map_err(|error| Error::file(path, &error))?;
    let experiment = slo_ops::experiment::read(&text).map_err(|faults| load::faulty(path, &faults))?;
    Ok((text, experiment))
}

pub(super) async fn plan(planned: &Planned, out: &mut dyn Write, talk: &mut dyn Write) -> Result<(), Error> {
    let laboratory = laboratory(planned, talk)?;
    let plan = laboratory.plan().await.map_err(Error::outside)?;
    if planned.output.format == Format::Json {
        text::json(out, &plan)?;
    } else {
        writeln!(out, "fault: {}", slo_core::plain(&laboratory.experiment().fault.to_string()))?;
        show(&plan, out)?;
    }
    forbidden(&plan)
}

/// The plan as a table, and its warnings.
pub(super) fn show(plan: &Plan, out: &mut dyn Write) -> Result<(), Error> {
    let mut table = table::new(&[
        "SLO",
        "tolerated errors",
        "events/s",
        "events",
        "budget spent if it holds",
        "as tolerated",
        "at most",
        "stops if all fails",
        "events to hold",
        "to break",
    ]);
    let count = |events: Option<u64>| events.map_or_else(|| "-".to_owned(), |events| events.to_string());
    for slo in &plan.slos {
        table.add_row([
            slo.slo.clone(),
            text::percent(Some(slo.tolerated), 3),
            format!("{:.1}", slo.events_per_second),
            format!("{:.0}", slo.events),
            text::percent(Some(slo.spend_without_effect), 3),
            text::percent(Some(slo.spend_as_tolerated), 3),
            text::percent(Some(slo.spend_at_most), 3),
            slo.stops_after_seconds
                .map_or_else(|| "-".to_owned(), |seconds| format!("after {}", text::seconds(seconds))),
            count(slo.events_to_hold),
            count(slo.events_to_break),
        ]);
    }
    write!(out, "{}", table::lines(&table))?;
    for target in &plan.targets {
        writeln!(out, "target: {}", slo_core::plain(target))?;
    }
    for warning in &plan.warnings {
        writeln!(out, "warning: {warning}")?;
    }
    Ok(())
}

/// An error, if the plan has obstacles.
pub(super) fn forbidden(plan: &Plan) -> Result<(), Error> {
    if plan.may_begin() {
        return Ok(());
    }
    let all: Vec<String> = plan.obstacles.iter().map(|obstacle| format!("obstacle: {obstacle}")).collect();
    Err(Error::Inconclusive(format!("{}\nthe experiment must not begin", all.join("\n"))))
}
