//! What the status page shows.

use crate::{Service, SloStatus, State};
use serde::Serialize;

/// The state of the SLOs of services, as on the status page.
///
/// As JSON, it is `/slo.json`, which `slo top` reads.
///
/// ```
/// use slo_instrument::{Service, StatusReport};
///
/// let service = Service::builder("checkout").availability("99.9%").install()?;
/// let report = StatusReport::of(&[service]);
/// assert_eq!((report.time_scale, report.slos[0].slo.as_str()), (1, "availability"));
/// # Ok::<(), slo_instrument::Error>(())
/// ```
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct StatusReport {
    /// The factor by which windows and periods are shortened: the highest of all services.
    pub time_scale: u32,
    /// The SLOs, the most urgent first.
    pub slos: Vec<SloStatus>,
}

impl StatusReport {
    /// The report of `services`, as of their last ticks.
    #[must_use]
    pub fn of(services: &[Service]) -> Self {
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
