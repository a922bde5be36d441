//! One SLO's budget, for decisions.

use crate::{SloStatus, source::Source};
use slo_core::model::Severity;
use std::{fmt, sync::Arc};

/// The live budget of one SLO; made by [`Service::budget`](crate::Service::budget).
///
/// Asking takes no lock and does not wait: the answer is that of the last tick.
///
/// ```
/// use slo_instrument::Service;
///
/// let service = Service::builder("search").availability("99.9%").install()?;
/// let budget = service.budget("availability")?;
/// // In a handler: drop optional work while the budget is burning.
/// let suggestions = if budget.is_burning() { None } else { Some(["did you mean …?"]) };
/// assert!(suggestions.is_some());
/// # Ok::<(), slo_instrument::Error>(())
/// ```
#[derive(Clone)]
pub struct Budget {
    // Whose ticker goes on for as long as somebody asks.
    source: Arc<Source>,
    position: usize,
}

impl Budget {
    pub(crate) const fn new(source: Arc<Source>, position: usize) -> Self {
        Self { source, position }
    }

    fn read<T>(&self, read: impl FnOnce(&SloStatus) -> T) -> Option<T> {
        self.source.ticker.latest().load().get(self.position).map(read)
    }

    /// Whether an alert tier fires that pages, on what this process has seen, and on enough bad events to mean something
    /// ([`TierStatus::fewest_bad`](crate::TierStatus::fewest_bad)): not over the first failure of a quiet hour.
    #[must_use]
    pub fn is_burning(&self) -> bool {
        let burns = |status: &SloStatus| {
            status.tiers.iter().any(|tier| {
                let bad =
                    status.windows.iter().find(|window| window.window == tier.long).map(|window| window.bad);
                tier.firing
                    && tier.severity == Severity::Page
                    && bad.is_some_and(|bad| bad >= tier.fewest_bad)
            })
        };
        self.read(burns).unwrap_or(false)
    }

    /// The burn rate of the fastest tier: the lower one of its two windows, as both must be high for it to fire. `None`
    /// without events.
    #[must_use]
    pub fn burn_rate(&self) -> Option<f64> {
        self.read(|status| {
            let tier = status.tiers.first()?;
            Some(status.burn_rate(tier.long)?.min(status.burn_rate(tier.short)?))
        })?
    }

    /// The share of the budget left, with the part of the period that this process has not seen taken as clean; negative
    /// when overspent, `None` without events.
    #[must_use]
    pub fn remaining(&self) -> Option<f64> {
        self.read(|status| status.projected_budget_remaining)?
    }
}

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Budget").field("remaining", &self.remaining()).finish_non_exhaustive()
    }
}
