//! The next actions on an incident: a function of its record, the configuration and the time.

use super::{
    Action, Choice, Next, Situation, Step, Work,
    messages::{lacks_summary, messages},
    steps::Steps,
};
use crate::incident::{Entry, Episode, Event, Incident, RunbookRun, Target};

/// The next actions on `incident`.
///
/// The caller takes the actions, records them, and asks again. A process that dies loses nothing, since the
/// same record gives the same actions.
#[must_use]
pub fn next(incident: &Incident, situation: &Situation<'_>) -> Next {
    let mut next = Next::default();
    for episode in incident.episodes() {
        let is_last = incident.episodes().last().is_some_and(|last| last.id == episode.id);
        one_episode(episode, is_last, situation, &mut next);
    }
    next
}

fn one_episode(episode: &Episode, is_last: bool, situation: &Situation<'_>, next: &mut Next) {
    let record = |event| Action::Record(Entry::of(episode.id.began, situation.now, event));
    match &episode.runbook {
        RunbookRun::NotChosen if episode.is_open() => {
            let event = match Choice::of(episode, situation.runbooks) {
                Choice::Runbook(runbook) => Event::RunbookChosen {
                    name: runbook.name.clone(),
                    digest: runbook.digest(),
                    steps: runbook.steps.iter().map(Step::info).collect(),
                },
                Choice::None { reason } => Event::NoRunbook { reason },
            };
            next.actions.push(record(event));
        }
        RunbookRun::NotChosen => {
            let reason = "it was resolved before a runbook was chosen".to_owned();
            next.actions.push(record(Event::NoRunbook { reason }));
        }
        RunbookRun::Missing { .. } => {}
        RunbookRun::Chosen { name, digest, steps } => {
            let runbook = situation.runbooks.get(name).filter(|runbook| runbook.digest() == *digest);
            Steps { episode, runbook, name, runs: steps, situation }.next(next);
        }
    }
    if situation.lacks_counts(episode) && !situation.running.contains(&Work::Account(episode.id.began)) {
        next.actions.push(Action::Account { began: episode.id.began });
    }
    if lacks_summary(episode, situation) && !situation.running.contains(&Work::Summarize(episode.id.began)) {
        next.actions.push(Action::Summarize { began: episode.id.began });
    }
    for target in situation.targets {
        // PagerDuty has one alert for the incident: a late message about an earlier episode would end the
        // later one.
        if is_last || *target != Target::PagerDuty {
            messages(episode, *target, situation, next);
        }
    }
}
