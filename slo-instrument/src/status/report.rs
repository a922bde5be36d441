//! What the status page shows.

use crate::{Service, SloStatus, State};
use serde::Serialize;

/// How the SLOs of services do: what the status page shows, and, as JSON, what `/slo.json` is and `slo top` reads.
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
    /// What windows and periods are divided by, the most of any service.
    pub time_scale: u32,
    /// The SLOs, the most urgent first.
    pub slos: Vec<SloStatus>,
}

impl StatusReport {
    /// That of `services`, from what their threads saw last.
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
