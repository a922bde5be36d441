//! Error budgets: allowed, consumed, remaining, and how long they last.

use super::{BurnRate, Tally};
use crate::{
    Error,
    model::{Objective, Ratio, Window},
};
use std::time::Duration;

/// An error budget: how much the objective allows, and how much of that is spent.
///
/// The budget is a share of events or of time, see [`Basis`]:
///
/// * [`ErrorBudget::observed`]: of the events seen. Right once a whole period has been seen.
/// * [`ErrorBudget::projected`]: of the events expected in the whole period. Needed early in a period: one
///   error among the first ten requests is not 9,900 % of a month's budget.
/// * [`ErrorBudget::of_time`]: of the time itself. Only this one counts minutes of downtime exactly.
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
    basis: Basis,
    bad: u64,
    // The events, or milliseconds, that the budget is a share of.
    events: u64,
}

/// What an [`ErrorBudget`] is a share of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Basis {
    /// The events seen so far.
    Observed,
    /// The events expected in the whole period.
    Projected,
    /// The milliseconds of the period.
    Time,
}

impl ErrorBudget {
    /// The budget of the events in `tally`.
    #[must_use]
    pub const fn observed(objective: Objective, tally: Tally) -> Self {
        Self { objective, basis: Basis::Observed, bad: tally.bad(), events: tally.total() }
    }

    /// The budget of a period with `expected` events, of which `tally` have been seen.
    ///
    /// # Errors
    /// Fewer events expected than seen.
    pub fn projected(objective: Objective, tally: Tally, expected: u64) -> Result<Self, Error> {
        if expected < tally.total() {
            return Err(Error::new(format!("{} events seen, but only {expected} expected", tally.total()))
                .with_hint("expect at least the events already seen"));
        }
        Ok(Self { objective, basis: Basis::Projected, bad: tally.bad(), events: expected })
    }

    /// The time budget of `period`, of which `bad` was bad; both in whole milliseconds.
    ///
    /// Subtract excluded time from the period first, see [`Exclusions`](super::Exclusions).
    ///
    /// ```
    /// use slo_core::{math::ErrorBudget, model::Window};
    /// use std::time::Duration;
    ///
    /// // One hour of downtime, where 99.9 % of 30 days allows 43 minutes.
    /// let budget = ErrorBudget::of_time("99.9%".parse()?, Window::days(30), Duration::from_secs(3_600))?;
    /// assert_eq!(budget.allowed().to_string(), "2592000"); // ms
    /// assert!((budget.consumed().unwrap() - 1.388_888_9).abs() < 1e-7);
    /// # Ok::<(), slo_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// More bad time than the period has.
    pub fn of_time(objective: Objective, period: Window, bad: Duration) -> Result<Self, Error> {
        let millis = u64::try_from(bad.as_millis()).unwrap_or(u64::MAX);
        if millis > period.as_millis() {
            return Err(Error::new(format!("{bad:?} of bad time is longer than the period of {period}")));
        }
        Ok(Self { objective, basis: Basis::Time, bad: millis, events: period.as_millis() })
    }

    /// What the budget is a share of.
    #[must_use]
    pub const fn basis(&self) -> Basis {
        self.basis
    }

    /// The objective.
    #[must_use]
    pub const fn objective(&self) -> Objective {
        self.objective
    }

    /// The bad events (or milliseconds) that are allowed, βN: exact, not rounded.
    #[must_use]
    pub fn allowed(&self) -> Ratio {
        let budget = self.objective.budget();
        // p ≤ 10^12 and N < 2^64: the product fits.
        Ratio::new(budget.numerator() * u128::from(self.events), budget.denominator()).unwrap_or(Ratio::ZERO)
    }

    /// The bad events (or milliseconds) so far.
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

    /// Whether more than `share` of the budget is spent: exact, strict, false without events.
    ///
    /// On the projected basis, an alert on it does not fire by mistake on quiet nights: B > f·β·N̂ compares
    /// the bad events of the window with the events of the whole period, whatever the current traffic.
    ///
    /// ```
    /// use slo_core::{math::{ErrorBudget, Tally}, model::Ratio};
    ///
    /// // One of ten requests failed this night, of three million expected this month.
    /// let night = Tally::new(10, 1)?;
    /// let objective = "99.9%".parse()?;
    /// let two_percent = Ratio::new(2, 100)?;
    /// assert!(!ErrorBudget::projected(objective, night, 3_000_000)?.has_spent_more_than(two_percent));
    /// # Ok::<(), slo_core::Error>(())
    /// ```
    #[must_use]
    pub fn has_spent_more_than(&self, share: Ratio) -> bool {
        let (spent, allowed) = self.scaled();
        Ratio::new(spent, allowed).is_ok_and(|consumed| consumed > share)
    }

    /// (B·q, p·N) with β = p/q: the same ratio as (B, βN), in integers below 2^104.
    fn scaled(&self) -> (u128, u128) {
        let budget = self.objective.budget();
        (u128::from(self.bad) * budget.denominator(), budget.numerator() * u128::from(self.events))
    }
}

/// The time that a service may be entirely down within `window`: β·W in seconds, exact.
///
/// Positive, and less than the window. Always name the window with it: at 99.9 %, a month allows 40 to 45
/// minutes.
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

/// Seconds until the budget is gone at the burn rate `burn`: r·T/b.
///
/// For constant traffic. Spend that will leave a rolling period is ignored. `burn` is `None` without events.
///
/// | remaining | burn | seconds |
/// |---|---|---|
/// | ≤ 0 | any | 0 |
/// | > 0 | none, 0, or too little for a double | `None`: it is not being spent |
///
/// ```
/// use slo_core::{math::{BurnRate, Tally, time_to_exhaustion}, model::Window};
///
/// let burn = BurnRate::of(Tally::new(1_000, 10)?, "99.9%".parse()?).unwrap();
/// assert_eq!(time_to_exhaustion(0.5, burn, Window::days(30))?, Some(129_600.0)); // 1.5 days at 10×
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// A share above 1, or NaN.
pub fn time_to_exhaustion(
    remaining: f64,
    burn: impl Into<Option<BurnRate>>,
    period: Window,
) -> Result<Option<f64>, Error> {
    if remaining.is_nan() || remaining > 1.0 {
        return Err(Error::new(format!("the remaining share of a budget cannot be {remaining}"))
            .with_hint("write 0.5 for 50 %, or a number below 0 if overspent"));
    }
    if remaining <= 0.0 {
        return Ok(Some(0.0));
    }
    let lasts = |burn: BurnRate| remaining * period.as_seconds().to_f64() / burn.value();
    Ok(burn.into().map(lasts).filter(|seconds| seconds.is_finite()))
}

/// Steps until the budget of a rolling period is gone; `None` if it never is.
///
/// `spends` are the shares of the budget that were spent in the equal steps of the period, oldest first. In
/// each further step, the oldest share leaves the period and burn/n is added. [`time_to_exhaustion`] ignores
/// that.
///
/// | | steps |
/// |---|---|
/// | spent already | 0 |
/// | burn ≤ 1, and the sum never reaches 1 | `None` |
/// | no steps | `None` |
///
/// ```
/// use slo_core::math::{BurnRate, rolling_exhaustion};
///
/// // 60 % of a 30-day budget is spent, 50 % of it on a day that is about to leave.
/// let mut days = vec![0.1 / 28.0; 30];
/// (days[0], days[1]) = (0.0, 0.5);
/// // At a burn rate of 1.5 it lasts 20 days; remaining/burn would give 8.
/// assert_eq!(rolling_exhaustion(&days, BurnRate::new(1.5)?)?, Some(20));
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// A spend that is not finite.
pub fn rolling_exhaustion(spends: &[f64], burn: BurnRate) -> Result<Option<usize>, Error> {
    if let Some(index) = spends.iter().position(|spend| !spend.is_finite()) {
        return Err(Error::new(format!("spends[{index}] is not a finite number")));
    }
    let count = spends.len();
    // What is left of the old spend after each step: summed anew from the newest, so that no error builds up.
    let mut kept = vec![0.0];
    for spend in spends.iter().rev() {
        kept.push(kept.last().copied().unwrap_or(0.0) + spend);
    }
    kept.reverse();
    let mut steps = kept.into_iter().enumerate();
    let gone = steps.find(|(step, kept)| {
        // Once all old spend has left, the period holds nothing but the burn: up to 1, it lasts for ever.
        let lasts = *step == count && burn.value() <= 1.0;
        !lasts && kept + *step as f64 * burn.value() / count as f64 >= 1.0
    });
    Ok(gone.map(|(step, _)| step))
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
        assert_eq!(time_to_exhaustion(-0.1, burn, Window::days(30)), Ok(Some(0.0)));
        for remaining in [50.0, f64::NAN] {
            assert!(time_to_exhaustion(remaining, burn, Window::days(30)).is_err());
        }
        let still = BurnRate::of(Tally::new(10, 0).unwrap(), "99%".parse().unwrap()).unwrap();
        assert_eq!(time_to_exhaustion(0.5, still, Window::days(30)), Ok(None));
        assert_eq!(time_to_exhaustion(0.0, still, Window::days(30)), Ok(Some(0.0)));
        assert_eq!(time_to_exhaustion(0.5, None, Window::days(30)), Ok(None));
        assert_eq!(time_to_exhaustion(-3.0, None, Window::days(30)), Ok(Some(0.0)));
    }

    #[test]
    fn old_spend_leaves_a_rolling_period() {
        let burn = |rate| BurnRate::new(rate).unwrap();
        assert_eq!(rolling_exhaustion(&[0.5, 0.6], burn(0.0)), Ok(Some(0)));
        assert_eq!(rolling_exhaustion(&[0.0, 0.0], burn(1.01)), Ok(Some(2)));
        for steps in [2, 49, 100] {
            assert_eq!(rolling_exhaustion(&vec![0.0; steps], burn(1.0)), Ok(None));
        }
        assert_eq!(rolling_exhaustion(&[0.2, 0.2], burn(0.9)), Ok(None));
        assert_eq!(rolling_exhaustion(&[], burn(5.0)), Ok(None));
        assert!(rolling_exhaustion(&[f64::NAN], burn(5.0)).is_err());
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
