//! Actions of people on an incident.

use super::record::Opened;
use crate::{args::Act, error::Error, time::now};
use slo_ops::incident::{Entry, Episode, Event, StepRun, StepState};
use std::io::Write;

/// The place of a step, by its name or its number.
pub(super) fn place(episode: &Episode, step: &str) -> Result<usize, Error> {
    let place = episode.step_named(step).ok_or_else(|| {
        let names: Vec<&str> = episode.steps().iter().map(|run| run.info.name.as_str()).collect();
        Error::Input(format!("the episode has no step `{step}`\n  hint: choose one of: {}", names.join(", ")))
    })?;
    if !episode.steps().get(place).is_some_and(StepRun::is_asked) {
        let state = episode.steps().get(place).map(|run| match &run.state {
            StepState::Skipped { reason } => format!("it was skipped, {reason}"),
            StepState::Ended { outcome, .. } => format!("it {outcome}"),
            StepState::Waiting => {
                run.waits_for().unwrap_or_else(|| "its approval has not been requested yet".to_owned())
            }
            other => format!("it is {}", other.name()),
        });
        let state = state.unwrap_or_default();
        return Err(Error::Input(format!("the step `{step}` is not waiting for approval: {state}")));
    }
    Ok(place)
}

/// Records an action on the open episode.
pub(super) async fn acted(
    act: &Act,
    event: impl FnOnce(String, &Episode) -> Result<Event, Error>,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let record = Opened::new(&act.record).await?;
    let id = record.find(&act.incident).await?;
    let (incident, _) = record.incident(id).await?;
    let Some(episode) = incident.open() else {
        return Err(Error::Input(format!("incident {id} has no open episode")));
    };
    let event = event(act.who.clone().unwrap_or_else(user), episode)?;
    let told = episode.told(&event);
    let is_end = matches!(event, Event::Closed { .. });
    record.add(id, Entry::of(episode.id.began, now(), event)).await?;
    writeln!(out, "{}", slo_core::plain(&told))?;
    if is_end {
        writeln!(out, "if its alerts are still firing, the next webhook opens a new episode")?;
    }
    Ok(())
}

/// The name of the user of this process: of the environment, or else of the system's list of users.
pub(in crate::commands) fn user() -> String {
    let mut named = ["USER", "LOGNAME"].into_iter().filter_map(|name| std::env::var(name).ok());
    let found = named.find(|name| !name.is_empty()).or_else(|| {
        use std::os::unix::fs::MetadataExt;
        let id = std::fs::metadata("/proc/self").ok()?.uid().to_string();
        let users = std::fs::read_to_string("/etc/passwd").ok()?;
        let of_line = |line: &str| {
            let mut fields = line.split(':');
            let name = fields.next()?.to_owned();
            (fields.nth(1)? == id).then_some(name)
        };
        users.lines().find_map(of_line)
    });
    found.unwrap_or_else(|| "somebody".to_owned())
}
