//! A line of the screen.

use std::cmp::Ordering;

/// A line for an SLO, or for the worst of its groups.
#[derive(Clone)]
pub(super) struct Line {
    pub(super) key: String,
    /// The number of other groups of the SLO.
    pub(super) others: usize,
    pub(super) objective: String,
    pub(super) sli: Option<f64>,
    /// The share of the period's budget that is left.
    pub(super) left: Option<f64>,
    /// The long window of the fastest alert, and the burn rate over it.
    pub(super) burn: Option<(String, f64)>,
    /// Seconds that the budget lasts at that rate, if less than the period.
    pub(super) lasts: Option<f64>,
    pub(super) period: String,
    /// The share of the period that was recorded.
    pub(super) seen: Option<f64>,
    pub(super) state: String,
}

impl Line {
    /// The SLO, without its group: no name has a space.
    pub(super) fn slo(&self) -> &str {
        self.key.split(' ').next().unwrap_or_default()
    }

    /// Firing lines first, then the ones whose budget is spent soonest.
    pub(super) fn by_urgency(&self, other: &Self) -> Ordering {
        let lasts = |line: &Self| line.lasts.unwrap_or(f64::INFINITY);
        let is_quiet = |line: &Self| line.state == "ok" || line.state == "no data";
        is_quiet(self)
            .cmp(&is_quiet(other))
            .then(lasts(self).total_cmp(&lasts(other)))
            .then_with(|| self.key.cmp(&other.key))
    }
}
