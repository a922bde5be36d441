//! The state of an SLO at one moment.

use serde::{Serialize, Serializer};
use slo_core::model::{BurnTier, Severity, Window};
use std::fmt::Display;

/// The status of an SLO in this process: one entry of `/slo.json`.
///
/// Shares are fractions of one. Windows are written as in the spec. Unknown values are `null`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SloStatus {
    /// The service.
    pub service: String,
    /// The SLO.
    pub slo: String,
    /// What it promises, in words.
    pub description: String,
    /// The objective, such as `99.9%`.
    pub objective: String,
    /// The period, such as `30d`.
    pub period: String,
    /// The period in seconds.
    pub period_seconds: f64,
    /// How urgent it is.
    pub state: State,
    /// What is wrong, if anything.
    ///
    /// - The counters contradict each other, and the numbers are from the last good reading.
    /// - This process does not count the SLO, see [`State::NotCounted`].
    /// - A layer is applied twice.
    pub problem: Option<String>,
    /// Events in the period.
    pub total: u64,
    /// Bad events in the period.
    pub bad: u64,
    /// Share of good events in the period.
    pub sli: Option<f64>,
    /// Share of the budget left, for the events seen; as Prometheus records it.
    pub budget_remaining: Option<f64>,
    /// Share of the budget left, if the unseen part of the period has no bad events.
    pub projected_budget_remaining: Option<f64>,
    /// Share of the period that this process has seen.
    pub coverage: f64,
    /// Seconds until the projected budget is gone at the burn rate of the fastest tier's long window.
    pub time_to_exhaustion: Option<f64>,
    /// Burn rates, shortest window first.
    pub windows: Vec<WindowStatus>,
    /// The alert tiers, fastest first.
    pub tiers: Vec<TierStatus>,
}

/// An alert tier of an [`SloStatus`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TierStatus {
    /// Its name: how fast the budget burns when it fires.
    #[serde(serialize_with = "as_text")]
    pub burn_tier: BurnTier,
    /// Whether it pages or opens a ticket.
    #[serde(serialize_with = "as_text")]
    pub severity: Severity,
    /// Its long window.
    #[serde(serialize_with = "as_text")]
    pub long: Window,
    /// Its short window.
    #[serde(serialize_with = "as_text")]
    pub short: Window,
    /// The burn rate that both windows must exceed.
    pub factor: f64,
    /// The fewest bad events in the long window with which firing means something.
    ///
    /// `alerting: {low_traffic: guard}` waits for them, and so does
    /// [`Budget::is_burning`](crate::Budget::is_burning).
    pub fewest_bad: u64,
    /// Whether both windows exceed the factor.
    pub firing: bool,
}

/// A window of an [`SloStatus`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct WindowStatus {
    /// Its length.
    #[serde(serialize_with = "as_text")]
    pub window: Window,
    /// Events in it.
    pub total: u64,
    /// Bad events in it.
    pub bad: u64,
    /// Its burn rate.
    pub burn_rate: Option<f64>,
}

/// The state of an SLO; the most urgent comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum State {
    /// A paging tier fires.
    Page,
    /// The projected budget is gone.
    Exhausted,
    /// A ticket tier fires.
    Ticket,
    /// Its counters contradict each other, see [`SloStatus::problem`].
    Invalid,
    /// Within budget.
    Ok,
    /// No events yet.
    NoData,
    /// Only the rules judge it, for example an SLO over a gauge or a probe.
    NotCounted,
}

impl SloStatus {
    /// The burn rate over one of the alerts' windows.
    #[must_use]
    pub fn burn_rate(&self, window: Window) -> Option<f64> {
        self.windows.iter().find(|status| status.window == window)?.burn_rate
    }
}

/// As it is written in a spec.
fn as_text<S: Serializer>(value: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}
