//! `slo release`

mod found;
mod read;
mod show;

use super::{
    gate::{concluded, ruled, until_verdict},
    serve::runtime,
};
use crate::{args::Release, error::Error, load, time};
use slo_core::model::{Service, Timestamp, Window};
use slo_ops::incident::command_line;
use slo_ops::release::{Condition, Gate, GateReport, GateRun, GateSeries, Revision, Safety, advise};
use slo_prometheus::AsyncClient;
use slo_server::gate::Judge;
use std::{collections::BTreeMap, io::Write, process::Command};

pub(super) fn run(args: &Release, out: &mut dyn Write, talk: &mut dyn Write) -> Result<(), Error> {
    let services = if args.files.is_empty() {
        Vec::new()
    } else {
        load::services(&args.files, &args.reading, args.scale.time_scale, talk)?
    };
    let gate = Gate { slos: args.slo.clone(), ..ruled(&args.rules) };
    let client = args.prometheus.as_deref().map(|address| {
        let (address, settings) = args.access.settings(address)?;
        Ok::<_, Error>(AsyncClient::new(&address, settings)?)
    });
    let client = client.transpose()?;
    let found = read::read(args)?;
    let now = time::now();
    let judged = match &client {
        Some(client) => runtime()?.block_on(judged(client, &services, &gate, &found.revisions, now))?,
        None => BTreeMap::new(),
    };
    let name = (found.name.as_str(), args.namespace.as_deref());
    let advice = advise(found.manager, name, &found.revisions, &judged, now);
    show::show(&found, &judged, &advice, args.output.format, out)?;
    let Some(command) = &advice.command else {
        let told = show::sentences(&advice);
        return match (advice.is_well, Condition::of(found.manager, &found.revisions, now)) {
            (true, _) => Ok(()),
            // Whoever works on it is about to tell.
            (false, Some(Condition::Stuck { .. })) => Err(Error::Inconclusive(told)),
            (false, _) => Err(Error::Broken(told)),
        };
    };
    if !args.execute {
        return Err(Error::Broken(format!(
            "{}\nto do so: {}",
            show::sentences(&advice),
            command_line(command)
        )));
    }
    if advice.safety != Safety::Safe && !args.accept_risks {
        let why = if advice.risks.is_empty() {
            "the objects of the revisions are not known".to_owned()
        } else {
            show::risks(&advice)
        };
        return Err(Error::Broken(format!(
            "{why}\nnothing was done\n  hint: if that is fine, give --accept-risks"
        )));
    }
    execute(command, talk)?;
    let Some(client) = &client else { return Ok(()) };
    let began = time::now();
    let report = runtime()?.block_on(async {
        let judge = Judge::new(client, &services, &gate)?;
        until_verdict(&judge, &gate, began, args.wait.as_duration(), talk).await
    })?;
    for slo in &report.slos {
        writeln!(talk, "{}", slo_core::plain(&slo.to_string()))?;
    }
    concluded(&report)
}

fn execute(command: &[String], talk: &mut dyn Write) -> Result<(), Error> {
    let Some((program, words)) = command.split_first() else { return Ok(()) };
    writeln!(talk, "running: {}", command_line(command))?;
    talk.flush()?;
    let status = Command::new(program).args(words).status();
    let status = status.map_err(|error| Error::Outside(format!("{program}: {error}")))?;
    if status.success() {
        return Ok(());
    }
    Err(Error::Outside(format!("{program}: {status}")))
}

/// How many scrapes it takes until the counts are those of the new version.
pub(crate) const SCRAPES_TO_SETTLE: usize = 2;

/// The events of a revision are those of its last day: of what it did in its first one, much may have changed.
const LAST: Window = Window::days(1);

/// What the SLOs say of each revision, by the events while it was the last one.
async fn judged(
    client: &AsyncClient,
    services: &[Service],
    gate: &Gate,
    revisions: &[Revision],
    now: Timestamp,
) -> Result<BTreeMap<u64, GateReport>, Error> {
    let judge = Judge::new(client, services, gate)?;
    let all = GateSeries::default();
    let mut reports = BTreeMap::new();
    for (index, revision) in revisions.iter().enumerate() {
        let end = match revisions.get(index + 1) {
            Some(next) => next.at,
            None => Some(now),
        };
        // Without times, nobody knows which events are its own.
        let (Some(began), Some(end)) = (revision.at, end) else { continue };
        // The first scrapes still have events of the revision before.
        let began = began.after_steps(judge.scrape_interval(), SCRAPES_TO_SETTLE).max(end.before(LAST));
        if end <= began {
            continue;
        }
        let counts = judge.look(&all, began, end).await.map_err(Error::outside)?;
        reports.insert(revision.number, GateRun::default().look(gate, &counts)?);
    }
    Ok(reports)
}
