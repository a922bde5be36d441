//! Faults of a service, planned or on demand, through the fault layer of slo-instrument.

use crate::{args::Planned, service::App};
use axum::http::StatusCode;
use slo_instrument::Faults;
use std::{collections::BTreeSet, time::Duration};
use tokio::time::{Instant, sleep_until};

/// A fault of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Every request fails with a 503.
    Outage,
    /// Every request takes longer than its SLO allows.
    Slow,
}

/// Any seed: all requests get the fault, so none is drawn.
const SEED: u64 = 0;

impl Fault {
    fn of(self, threshold: Duration) -> slo_instrument::Fault {
        match self {
            Self::Outage => slo_instrument::Fault::error(StatusCode::SERVICE_UNAVAILABLE),
            Self::Slow => slo_instrument::Fault::latency(threshold.mul_f64(1.5)),
        }
    }

    /// Switches the fault on for `time`, in place of other faults.
    pub(crate) fn begin(self, app: &App, time: Duration) -> Result<(), slo_instrument::Error> {
        app.slo.faults().arm([self.of(app.threshold)], SEED, time)
    }
}

/// Switches the planned faults on when their time has come.
pub(crate) fn schedule(apps: &[App], start: Instant, outages: &[Planned], slow: &[Planned]) {
    for app in apps {
        let planned = outages.iter().map(|planned| (Fault::Outage, planned));
        let planned = planned.chain(slow.iter().map(|planned| (Fault::Slow, planned)));
        let planned: Vec<(slo_instrument::Fault, Planned)> = planned
            .filter(|(_, planned)| planned.service == app.name)
            .map(|(fault, planned)| (fault.of(app.threshold), planned.clone()))
            .collect();
        tokio::spawn(follow(app.slo.faults().clone(), start, planned));
    }
}

/// Arms the faults that are planned for each span between two beginnings or ends.
async fn follow(faults: Faults, start: Instant, planned: Vec<(slo_instrument::Fault, Planned)>) {
    let edges: BTreeSet<Duration> =
        planned.iter().flat_map(|(_, planned)| [planned.time.start, planned.time.end]).collect();
    for (from, to) in edges.iter().zip(edges.iter().skip(1)) {
        sleep_until(start + *from).await;
        let active = planned.iter().filter(|(_, planned)| planned.time.contains(from));
        let active: Vec<_> = active.map(|(fault, _)| fault.clone()).collect();
        if !active.is_empty() && faults.arm(active, SEED, to.saturating_sub(*from)).is_err() {
            return;
        }
    }
}
