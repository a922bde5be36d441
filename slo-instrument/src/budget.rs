//! One SLO's budget, for decisions.

use crate::{SloStatus, source::Source};
use slo_core::model::Severity;
use std::{fmt, sync::Arc};

/// The live budget of one SLO; made by [`Service::budget`](crate::Service::budget).
///
/// Reading it takes no lock and never waits: it shows the state of the last tick.
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
    // Keeps the ticker running while this budget exists.
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

    /// Whether a paging alert tier fires.
    ///
    /// This uses only the events that this process has seen. A tier needs at least
    /// [`TierStatus::fewest_bad`](crate::TierStatus::fewest_bad) bad events, so the first failure of a quiet
    /// hour does not count.
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

    /// The burn rate of the fastest tier; `None` without events.
    ///
    /// It is the lower burn rate of the tier's two windows, because both must be high for the tier to fire.
    #[must_use]
    pub fn burn_rate(&self) -> Option<f64> {
        self.read(|status| {
            let tier = status.tiers.first()?;
            Some(status.burn_rate(tier.long)?.min(status.burn_rate(tier.short)?))
        })?
    }

    /// The share of the budget that is left; `None` without events.
    ///
    /// It is negative when the budget is overspent. The part of the period that this process has not seen
    /// counts as free of bad events.
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
