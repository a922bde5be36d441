//! `slo runbook`

use super::serve::{LAUNCHER, outside, read, runtime};
use crate::{
    args::{RunbookRun, Runbooks, RunbooksVerb},
    error::Error,
    time::now,
};
use slo_ops::{
    alert::{Delivery, Source},
    incident::{Entry, Episode, Event, Incident, StepState},
    runbook::{ApprovalRule, Remediation, Runbook, Step, Task},
};
use slo_server::{
    config::Config,
    respond::Engine,
    store::{Arrival, Sqlite, Store},
};
use std::{
    fs,
    io::{self, Read, Write},
    path::Path,
    sync::Arc,
    time::Duration,
};
use tokio::{sync::watch, time::sleep};

pub(super) fn run(runbooks: &Runbooks, out: &mut dyn Write, talk: &mut dyn Write) -> Result<(), Error> {
    let RunbooksVerb::Run(asked) = &runbooks.verb;
    let (mut config, services) = read(&asked.config, &asked.reading, asked.scale.time_scale, talk)?;
    let runbook = config.runbooks.get(&asked.name).cloned().ok_or_else(|| {
        let names: Vec<&str> = config.runbooks.keys().map(String::as_str).collect();
        let known = if names.is_empty() {
            "add it to `runbooks`".to_owned()
        } else {
            format!("choose one of: {}", names.join(", "))
        };
        Error::Input(format!("{}: no runbook `{}`\n  hint: {known}", asked.config.display(), asked.name))
    })?;
    for name in &asked.approve {
        let is_of = |step: &Step| step.name == *name && matches!(step.task, Task::Remediate(_));
        if !runbook.steps.iter().any(is_of) {
            return Err(Error::Usage(format!("--approve: the runbook has no remediation `{name}`")));
        }
    }
    let mut delivery = delivery(&asked.alert)?;
    for alert in &mut delivery.alerts {
        alert.annotations.insert(slo_core::model::Notification::RESPONSE.to_owned(), asked.name.clone());
    }
    let now = now();
    let entry = Incident::new(delivery.incident()).receive(&delivery, now);
    let incident = Incident::of(delivery.incident(), [&entry]);
    let Some(episode) = incident.open() else {
        return Err(Error::Input(format!("{}: none of its alerts is firing", asked.alert.display())));
    };
    if asked.dry_run {
        return plan(&runbook, episode, out);
    }
    // What a trial changes, somebody has named.
    for runbook in config.runbooks.values_mut() {
        for step in &mut runbook.steps {
            if let Task::Remediate(remediation) = &mut step.task {
                remediation.approval = ApprovalRule::Required { within: Remediation::APPROVAL_WITHIN };
            }
        }
    }
    // Sends no notifications, and does not write to the server's record.
    config.notify = slo_server::config::Notify::default();
    runtime()?.block_on(answer(asked, &config, services, delivery, out))
}

/// The body of a webhook, from a file or standard input.
fn delivery(path: &Path) -> Result<Delivery, Error> {
    let bytes = if path == Path::new("-") {
        let mut bytes = Vec::new();
        io::stdin().read_to_end(&mut bytes)?;
        bytes
    } else {
        fs::read(path).map_err(|error| Error::file(path, &error))?
    };
    // Grafana's webhooks have a version number of their own.
    let source = if is_of_grafana(&bytes) { Source::Grafana } else { Source::Alertmanager };
    Delivery::parse(source, &bytes).map_err(|error| {
        let hint = error.hint().map_or_else(String::new, |hint| format!("\n  hint: {hint}"));
        Error::Input(format!("{}: {error}{hint}", path.display()))
    })
}

fn is_of_grafana(body: &[u8]) -> bool {
    let json = serde_json::from_slice::<serde_json::Value>(body).unwrap_or_default();
    json.get("version").and_then(serde_json::Value::as_str) == Some("1")
}

/// Prints the steps that would run.
fn plan(runbook: &Runbook, episode: &Episode, out: &mut dyn Write) -> Result<(), Error> {
    let values = runbook.values(episode);
    for (place, step) in runbook.steps.iter().enumerate() {
        writeln!(out, "{}. {} ({})", place + 1, step.name, step.kind())?;
        let command = match (&step.task, step.command()) {
            (Task::Logs(logs), _) => format!("built in, reads {}", logs.files.join(", ")),
            (_, None) => "built in".to_owned(),
            (_, Some(command)) => match values.as_ref().map(|values| command.filled(values)) {
                Ok(Ok(argv)) => format!("runs {argv:?}, {} at most", command.timeout),
                Ok(Err(error)) => format!("is refused: {error}"),
                Err(error) => format!("is refused: {error}"),
            },
        };
        writeln!(out, "   {}", slo_core::plain(&command))?;
        if let Some(rules) = rules(step) {
            writeln!(out, "   {rules}")?;
        }
    }
    Ok(())
}

/// The conditions under which a remediation runs.
fn rules(step: &Step) -> Option<String> {
    let Task::Remediate(remedy) = &step.task else { return None };
    let approval = match remedy.approval {
        ApprovalRule::Required { within } => format!("with an approval within {within}"),
        _ => "without an approval, unless its last two runs did not help".to_owned(),
    };
    let (most, window) = remedy.at_most;
    Some(format!(
        "only if the budget is burning, {approval}; not within {} of the last start; at most {most} times in \
         {window}",
        remedy.cooldown
    ))
}

/// How often the record is polled.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Runs the runbook for a delivery in a temporary record, and prints each new entry.
async fn answer(
    asked: &RunbookRun,
    config: &Config,
    services: Vec<slo_core::model::Service>,
    delivery: Delivery,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let folder = tempfile::tempdir()?;
    let store: Arc<dyn Store> = Arc::new(Sqlite::open(folder.path().join("run.db")).map_err(outside)?);
    let engine = Engine::new(Arc::clone(&store), config, services, LAUNCHER.into())?;
    let id = delivery.incident();
    store.receive(vec![Arrival { delivery, at: now() }]).await.map_err(outside)?;
    let (stop, stopped) = watch::channel(false);
    let worker = tokio::spawn({
        let engine = engine.clone();
        async move { engine.run(stopped).await }
    });
    let (mut incident, mut seen) = (Incident::new(id), 0);
    loop {
        for numbered in store.record(id, seen).await.map_err(outside)? {
            seen = numbered.number;
            incident.apply(&numbered.entry);
            let episode = numbered.entry.episode.and_then(|began| incident.episode(began));
            let event = &numbered.entry.event;
            let told = episode.map_or_else(|| event.to_string(), |episode| episode.told(event));
            writeln!(out, "{}  {}", numbered.entry.at, slo_core::plain(&told))?;
            out.flush()?;
        }
        let Some(episode) = incident.open() else { break };
        let steps = episode.steps();
        if !steps.is_empty() && steps.iter().all(|run| run.state.is_final()) {
            break;
        }
        for (step, run) in steps.iter().enumerate() {
            if run.is_asked() {
                let event = if asked.approve.contains(&run.info.name) {
                    Event::Approved { step, who: "--approve".to_owned() }
                } else {
                    Event::Denied { step, who: "this run (no `--approve` for it)".to_owned() }
                };
                store.add(id, Entry::of(episode.id.began, now(), event)).await.map_err(outside)?;
                engine.wake(id);
            }
        }
        sleep(LOOK_EVERY).await;
    }
    // It may have ended by itself.
    let _ended = stop.send(true);
    worker.await.map_err(outside)?;
    let failed = incident.episodes().iter().flat_map(Episode::steps).filter(|run| match &run.state {
        StepState::Ended { outcome, .. } => !outcome.is_success(),
        StepState::Unknown { .. } => true,
        _ => false,
    });
    let failed: Vec<&str> = failed.map(|run| run.info.name.as_str()).collect();
    if failed.is_empty() {
        Ok(())
    } else {
        Err(Error::Outside(format!("these steps failed: {}", failed.join(", "))))
    }
}
