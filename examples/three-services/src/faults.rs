//! Faults that are switched on and end by themselves.

use crate::{args::Planned, service::NAMES};
use std::{ops::Range, sync::RwLock, time::Duration};
use tokio::time::Instant;

/// What can be wrong with a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Every request fails with a 503.
    Outage,
    /// Every request takes twice as long as its SLO allows.
    Slow,
}

/// The faults of all services.
#[derive(Debug)]
pub(crate) struct Faults {
    start: Instant,
    active: RwLock<Vec<(usize, Fault, Range<Duration>)>>,
}

impl Faults {
    pub(crate) fn new(start: Instant, outages: &[Planned], slow: &[Planned]) -> Self {
        let planned = |faults: &[Planned], fault| {
            let of =
                move |planned: &Planned| Some((position(&planned.service)?, fault, planned.time.clone()));
            faults.iter().filter_map(of).collect::<Vec<_>>()
        };
        let mut active = planned(outages, Fault::Outage);
        active.extend(planned(slow, Fault::Slow));
        Self { start, active: RwLock::new(active) }
    }

    /// Switches `fault` on from now for `time`; `false` where there is no such service.
    pub(crate) fn begin(&self, service: &str, fault: Fault, time: Duration) -> bool {
        let now = self.start.elapsed();
        let Some(position) = position(service) else { return false };
        match self.active.write() {
            Ok(mut active) => active.push((position, fault, now..now.saturating_add(time))),
            Err(_) => return false,
        }
        true
    }

    /// Ends all faults of a service; `false` where there is no such service.
    pub(crate) fn end(&self, service: &str) -> bool {
        let Some(position) = position(service) else { return false };
        self.active.write().is_ok_and(|mut active| {
            active.retain(|(of, ..)| *of != position);
            true
        })
    }

    /// Whether `service` (a position in [`NAMES`]) has `fault` now.
    pub(crate) fn is_on(&self, service: usize, fault: Fault) -> bool {
        let now = self.start.elapsed();
        self.active.read().is_ok_and(|active| {
            active.iter().any(|(of, kind, time)| *of == service && *kind == fault && time.contains(&now))
        })
    }
}

fn position(service: &str) -> Option<usize> {
    NAMES.iter().position(|name| *name == service)
}
