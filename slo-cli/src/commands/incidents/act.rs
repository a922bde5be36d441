//! What a person does about an incident.

use super::record::Opened;
use crate::{args::Act, error::Error, time::now};
use slo_ops::incident::{Approval, Entry, Episode, Event, StepRun, StepState};
use std::io::Write;

/// The place of a step, by its name or its number.
pub(super) fn place(episode: &Episode, step: &str) -> Result<usize, Error> {
    let by_name = episode.steps().iter().position(|run| run.info.name == step);
    let by_number =
        || step.parse::<usize>().ok()?.checked_sub(1).filter(|place| *place < episode.steps().len());
    let place = by_name.or_else(by_number).ok_or_else(|| {
        let names: Vec<&str> = episode.steps().iter().map(|run| run.info.name.as_str()).collect();
        Error::Input(format!("the episode has no step `{step}`\n  hint: it has {}", names.join(", ")))
    })?;
    let waits = |run: &StepRun| {
        run.state == StepState::Waiting && matches!(run.approval, Some(Approval::Asked { .. }))
    };
    if !episode.steps().get(place).is_some_and(waits) {
        return Err(Error::Input(format!("the step `{step}` does not wait for an approval")));
    }
    Ok(place)
}

/// Writes down what somebody did about the open episode.
pub(super) async fn acted(
    act: &Act,
    event: impl FnOnce(String, &Episode) -> Result<Event, Error>,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let record = Opened::new(&act.record).await?;
    let id = record.find(&act.incident).await?;
    let (incident, _) = record.incident(id).await?;
    let Some(episode) = incident.open() else {
        return Err(Error::Input(format!("no alert of incident {id} fires any more")));
    };
    let user = || {
        std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_else(|_| "somebody".to_owned())
    };
    let event = event(act.who.clone().unwrap_or_else(user), episode)?;
    let told = event.to_string();
    record.add(id, Entry::of(episode.id.began, now(), event)).await?;
    writeln!(out, "{}", slo_core::plain(&told))?;
    Ok(())
}
