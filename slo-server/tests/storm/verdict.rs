//! What must hold after the storm.

use crate::{
    senders::{Answered, GROUPS, group_key},
    vendors::Vendors,
};
use slo_core::model::Timestamp;
use slo_ops::{
    alert::IncidentId,
    incident::{Event, Incident, Message, MessageState, StepState, Target},
};
use slo_server::store::Store;
use std::{collections::BTreeMap, fmt, path::Path};

/// What is still to be done; `None` once every incident is over, and everybody was told.
pub(crate) async fn unsettled(store: &dyn Store) -> Option<String> {
    for group in 0..GROUPS {
        let (incident, events) = read(store, group).await;
        let is_told = |target| {
            incident.episodes().iter().all(|episode| {
                let sent = episode.messages.get(&(target, Message::Resolved));
                sent.is_some_and(|sent| matches!(sent.state, MessageState::Accepted { .. }))
            })
        };
        if incident.open().is_some() || !is_told(Target::PagerDuty) || !is_told(Target::Slack) {
            let record: Vec<String> = events.iter().map(ToString::to_string).collect();
            return Some(format!("g{group}:\n{}", record.join("\n")));
        }
    }
    let waiting = store.waiting(Timestamp::from_millis(i64::MAX)).await.unwrap().0;
    (waiting > 0).then(|| format!("{waiting} incidents wait"))
}

async fn read(store: &dyn Store, group: u32) -> (Incident, Vec<Event>) {
    let id = IncidentId::of_group(&group_key(group));
    let record = store.record(id, 0).await.unwrap();
    let incident = Incident::of(id, record.iter().map(|numbered| &numbered.entry));
    (incident, record.into_iter().map(|numbered| numbered.entry.event).collect())
}

/// What was counted.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    recorded: u64,
    steps: u64,
    unknown: u64,
    ran: u64,
    messages: u64,
    may_repeat: u64,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} deliveries are in the record, none is lost; {} steps were started, {} of them unknown, the file has {} lines of \
             steps that run once, none twice; {} Slack messages, {} marked as possible duplicates; one PagerDuty alert each",
            self.recorded, self.steps, self.unknown, self.ran, self.messages, self.may_repeat
        )
    }
}

pub(crate) async fn reach(store: &dyn Store, answered: &Answered, vendors: &Vendors, ran: &Path) -> Verdict {
    let mut verdict = Verdict::default();
    let lines = |path: &Path| {
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for line in std::fs::read_to_string(path).unwrap_or_default().lines() {
            *counts.entry(line.to_owned()).or_default() += 1;
        }
        counts
    };
    let (once, remedied) = (lines(ran), lines(&ran.with_file_name("remedied.log")));
    for group in 0..GROUPS {
        let (incident, events) = read(store, group).await;
        let received = events
            .iter()
            .filter(|event| matches!(event, Event::Received { .. } | Event::Repeated { .. }))
            .count() as u64;
        let known = events.iter().filter(|event| matches!(event, Event::Received { .. })).count();
        assert!(
            received >= answered.recorded[&group],
            "g{group}: {received} of {} are in the record",
            answered.recorded[&group]
        );
        assert_eq!(known, 4, "g{group}: each of the four deliveries is recorded once as a whole");
        verdict.recorded += received;
        assert_eq!(incident.episodes().len(), 1, "g{group}: {:?}", incident.episodes());
        let episode = &incident.episodes()[0];
        for (step, run) in episode.steps().iter().enumerate() {
            assert!(run.state.is_final(), "g{group}: step {step} is {:?}", run.state);
            let starts = run.starts.len();
            assert!(
                starts <= if run.info.repeatable { 3 } else { 1 },
                "g{group}: step {step} was started {starts} times"
            );
            verdict.steps += starts as u64;
            verdict.unknown += u64::from(matches!(run.state, StepState::Unknown { .. }));
        }
        let name = format!("g{group}");
        for log in [&once, &remedied] {
            let times = log.get(&name).copied().unwrap_or(0);
            assert!(times <= 1, "{name}: a step that runs once ran {times} times");
            verdict.ran += times;
        }
        // What the record says has ended well has run.
        let has_run =
            |step: usize| episode.steps().get(step).is_some_and(|run| run.state.name() == "succeeded");
        assert!(
            !has_run(0) || once.contains_key(&name),
            "{name}: the first step is recorded, and did not run"
        );
        assert!(
            !has_run(2) || remedied.contains_key(&name),
            "{name}: the remedy is recorded, and did not run"
        );
    }
    let seen = vendors.seen.lock().unwrap();
    for group in 0..GROUPS {
        let alerts = seen.alerts.get(&IncidentId::of_group(&group_key(group)).to_string());
        let alerts = alerts.map_or(&[][..], Vec::as_slice);
        assert!(alerts.len() <= 1, "g{group}: {alerts:?}");
        for alert in alerts {
            assert_eq!(alert.last().map(String::as_str), Some("resolve"), "g{group}: {alert:?}");
        }
    }
    (verdict.messages, verdict.may_repeat) = (seen.messages, seen.may_repeat);
    verdict
}
