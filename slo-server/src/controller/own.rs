//! What the controller counts of itself.

use super::{act::Done, world::Key};
use slo_instrument::{Error, Event, Events, Service};
use slo_ops::controller::{Kind, Reason};
use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write as _,
    sync::Mutex,
    time::Instant,
};

/// What the main loop tells those who ask by HTTP.
#[derive(Debug, Clone)]
pub(super) struct State {
    /// Whether everything was listed once.
    pub(super) is_synced: bool,
    /// Whether it may write.
    pub(super) leads: bool,
    /// Whether the lease could be read or written at the last attempt.
    pub(super) elects: bool,
    /// Objects that wait to be looked at, or are.
    pub(super) waiting: usize,
    /// How many objects there are, by kind and reason.
    pub(super) objects: BTreeMap<(Kind, &'static str), u64>,
    /// When the loop came by last.
    pub(super) at: Instant,
}

/// The controller's own metrics.
pub(super) struct Own {
    service: Service,
    state: Mutex<State>,
}

impl Own {
    /// The SLO: 99 % of the looks at an object succeed.
    pub(super) fn new() -> Result<Self, Error> {
        let service = Service::builder("slo-controller")
            .counting(Events::operation("reconcile"))
            .availability("99%")
            .install()?;
        let state = State {
            is_synced: false,
            leads: false,
            elects: false,
            waiting: 0,
            objects: BTreeMap::new(),
            at: Instant::now(),
        };
        Ok(Self { service, state: Mutex::new(state) })
    }

    /// A look begins.
    pub(super) fn look(&self) -> Event {
        self.service.start("reconcile")
    }

    pub(super) fn set(&self, state: State) {
        *self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = state;
    }

    pub(super) fn state(&self) -> State {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// All metrics in Prometheus' text format.
    pub(super) fn metrics(&self) -> String {
        let mut text = self.service.metrics();
        let state = self.state();
        let mut gauge = |name: &str, help: &str, values: &[(String, f64)]| {
            // Writing to a string cannot fail.
            let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n");
            for (labels, value) in values {
                let _ = writeln!(text, "{name}{labels} {value}");
            }
        };
        let one = |value: f64| [(String::new(), value)];
        gauge(
            "slo_controller_leader",
            "Whether this process holds the lease.",
            &one(f64::from(u8::from(state.leads))),
        );
        gauge(
            "slo_controller_synced",
            "Whether everything was listed once.",
            &one(f64::from(u8::from(state.is_synced))),
        );
        gauge(
            "slo_controller_waiting_objects",
            "Objects that wait to be looked at.",
            &one(state.waiting as f64),
        );
        let objects: Vec<(String, f64)> = state
            .objects
            .iter()
            .map(|((kind, reason), count)| {
                (format!("{{kind=\"{kind}\",reason=\"{reason}\"}}"), *count as f64)
            })
            .collect();
        gauge("slo_controller_objects", "Objects with SLOs, by the reason of their condition.", &objects);
        text
    }
}

/// How many objects there are, by kind and reason.
pub(super) fn counted(done: &HashMap<Key, Done>) -> BTreeMap<(Kind, &'static str), u64> {
    let mut counts = BTreeMap::new();
    for (key, done) in done {
        let reason = done.said.as_ref().map_or("Unknown", |(reason, _): &(Reason, String)| reason.as_str());
        *counts.entry((key.kind, reason)).or_default() += 1;
    }
    counts
}
