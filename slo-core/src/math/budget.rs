//! Error budgets: allowed, consumed, remaining, and how long they last.

use super::{BurnRate, Tally};
use crate::{
    Error,
    model::{Objective, Ratio, Window},
};

/// An error budget: what the objective allows, and what has been spent of it.
///
/// Which events the allowance is taken of is part of the value:
///
/// * [`ErrorBudget::observed`]: of the events seen. Right once a whole period has been seen.
/// * [`ErrorBudget::projected`]: of the events expected in the whole period. Needed early: one error
///   among the first ten requests is not 9,900 % of a month's budget.
///
/// ```
/// use slo_core::math::{ErrorBudget, Tally};
///
/// let budget = ErrorBudget::observed("99.9%".parse()?, Tally::new(3_000_000, 750)?);
/// assert_eq!(budget.allowed().to_string(), "3000");
/// assert_eq!(budget.consumed(), Some(0.25));
/// assert_eq!(budget.remaining(), Some(0.75));
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorBudget {
    objective: Objective,
    bad: u64,
    // The events that the allowance is taken of.
    events: u64,
}

impl ErrorBudget {
    /// The budget of the events in `tally`.
    #[must_use]
    pub const fn observed(objective: Objective, tally: Tally) -> Self {
        Self { objective, bad: tally.bad(), events: tally.total() }
    }

    /// The budget of a period in which `expected` events are expected, `tally` of them seen.
    ///
    /// # Errors
    /// Fewer events expected than seen.
    pub fn projected(objective: Objective, tally: Tally, expected: u64) -> Result<Self, Error> {
        if expected < tally.total() {
            return Err(Error::new(format!("{} events seen of {expected} expected", tally.total()))
                .with_hint("expect at least the events already seen"));
        }
        Ok(Self { objective, bad: tally.bad(), events: expected })
    }

    /// The objective.
    #[must_use]
    pub const fn objective(&self) -> Objective {
        self.objective
    }

    /// The bad events that are allowed, βN, exactly; fractions count.
    #[must_use]
    pub fn allowed(&self) -> Ratio {
        let budget = self.objective.budget();
        // p ≤ 10^12 and N < 2^64: the product fits.
        Ratio::new(budget.numerator() * u128::from(self.events), budget.denominator()).unwrap_or(Ratio::ZERO)
    }

    /// The bad events so far.
    #[must_use]
    pub const fn bad(&self) -> u64 {
        self.bad
    }

    /// The share that is spent, B/(βN): above 1 when overspent, `None` without events.
    #[must_use]
    pub fn consumed(&self) -> Option<f64> {
        let (spent, allowed) = self.scaled();
        (allowed > 0).then(|| spent as f64 / allowed as f64)
    }

    /// The share that is left, 1 − B/(βN): never clamped, so negative when overspent; `None` without
    /// events.
    ///
    /// | events | remaining |
    /// |---|---|
    /// | none | `None` |
    /// | none bad | 1 |
    /// | all bad, observed | 1 − 1/β |
    #[must_use]
    pub fn remaining(&self) -> Option<f64> {
        let (spent, allowed) = self.scaled();
        if allowed == 0 {
            return None;
        }
        // Subtracted as integers: near zero, 1 − c would lose its digits.
        let (left, sign) = if spent <= allowed { (allowed - spent, 1.0) } else { (spent - allowed, -1.0) };
        Some(sign * (left as f64 / allowed as f64))
    }

    /// (B·q, p·N) with β = p/q: the same ratio as (B, βN), in integers below 2^104.
    fn scaled(&self) -> (u128, u128) {
        let budget = self.objective.budget();
        (u128::from(self.bad) * budget.denominator(), budget.numerator() * u128::from(self.events))
    }
}

/// The time a service may be entirely down within `window`, β·W in seconds, exactly.
///
/// ```
/// use slo_core::{math::allowed_downtime, model::Window};
///
/// let seconds = allowed_downtime("99.9%".parse()?, Window::days(30));
/// assert_eq!(seconds.to_string(), "2592"); // 43 minutes 12 seconds (SRE Book, appendix A)
/// # Ok::<(), slo_core::Error>(())
/// ```
#[must_use]
pub fn allowed_downtime(objective: Objective, window: Window) -> Ratio {
    // Both are bounded by their constructors, so the product fits.
    objective.budget().checked_mul(window.as_seconds()).unwrap_or(Ratio::ZERO)
}

/// Seconds until the budget is gone if it goes on burning at `burn`: r·T/b.
///
/// For constant traffic, not counting spend that will leave a rolling period.
///
/// | remaining | burn | seconds |
/// |---|---|---|
/// | ≤ 0 | any | 0 |
/// | > 0 | 0 | `None`: it is not being spent |
///
/// ```
/// use slo_core::{math::{BurnRate, Tally, time_to_exhaustion}, model::Window};
///
/// let burn = BurnRate::of(Tally::new(1_000, 10)?, "99.9%".parse()?).unwrap();
/// assert_eq!(time_to_exhaustion(0.5, burn, Window::days(30)), Some(129_600.0)); // 1.5 days at 10×
/// # Ok::<(), slo_core::Error>(())
/// ```
#[must_use]
pub fn time_to_exhaustion(remaining: f64, burn: BurnRate, period: Window) -> Option<f64> {
    if remaining <= 0.0 {
        return Some(0.0);
    }
    let seconds = remaining * period.as_seconds().to_f64() / burn.value();
    seconds.is_finite().then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn observed(objective: &str, total: u64, bad: u64) -> ErrorBudget {
        ErrorBudget::observed(objective.parse().unwrap(), Tally::new(total, bad).unwrap())
    }

    #[test]
    fn overspend_is_not_clamped() {
        assert_eq!(observed("99.9%", 10, 1).remaining(), Some(-99.0));
        assert_eq!(observed("99%", 100, 100).remaining(), Some(-99.0));
        assert_eq!(observed("99%", 0, 0).remaining(), None);
    }

    #[test]
    fn projects_onto_the_whole_period() {
        let tally = Tally::new(10, 1).unwrap();
        let budget = ErrorBudget::projected("99.9%".parse().unwrap(), tally, 10_000).unwrap();
        assert_eq!(budget.remaining(), Some(0.9));
        assert!(ErrorBudget::projected("99.9%".parse().unwrap(), tally, 9).is_err());
    }

    #[test]
    fn a_spent_budget_lasts_no_longer() {
        let burn = BurnRate::of(Tally::new(10, 1).unwrap(), "99%".parse().unwrap()).unwrap();
        assert_eq!(time_to_exhaustion(-0.1, burn, Window::days(30)), Some(0.0));
        let still = BurnRate::of(Tally::new(10, 0).unwrap(), "99%".parse().unwrap()).unwrap();
        assert_eq!(time_to_exhaustion(0.5, still, Window::days(30)), None);
        assert_eq!(time_to_exhaustion(0.0, still, Window::days(30)), Some(0.0));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]
        #[test]
        fn has_the_sign_of_sli_minus_objective(total in 1..u64::MAX, share in 0.0..=1.0_f64, percent in 1..99_999_u32) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a count")]
            let tally = Tally::new(total, ((total as f64 * share) as u64).min(total)).unwrap();
            let objective: Objective = format!("{}.{:03}%", percent / 1_000, percent % 1_000).parse().unwrap();
            let remaining = ErrorBudget::observed(objective, tally).remaining().unwrap();
            prop_assert_eq!(remaining < 0.0, tally.exceeds(objective.budget()));
            prop_assert!(remaining.is_finite() && remaining <= 1.0);
        }
    }
}
