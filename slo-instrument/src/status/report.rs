//! What the status page shows.

use crate::{Service, SloStatus, State};
use serde::Serialize;

/// Everything the status page shows.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) time_scale: u32,
    pub(super) slos: Vec<SloStatus>,
}

impl Report {
    pub(super) fn of(services: &[Service]) -> Self {
        let mut slos: Vec<SloStatus> = services.iter().flat_map(|slo| slo.statuses().to_vec()).collect();
        // A stable sort: equals keep the order of the spec, so that rows do not jump about.
        slos.sort_by(|a, b| {
            let urgency = |slo: &SloStatus| slo.time_to_exhaustion.unwrap_or(f64::INFINITY);
            a.state.cmp(&b.state).then_with(|| match a.state {
                State::Ok | State::NoData | State::NotCounted => std::cmp::Ordering::Equal,
                _ => urgency(a).total_cmp(&urgency(b)),
            })
        });
        Self { time_scale: services.iter().map(Service::time_scale).max().unwrap_or(1), slos }
    }
}
