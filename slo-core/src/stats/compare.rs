//! Two samples of events: is the second one worse?

use super::{
    Confidence, Interval, beta_order::beta_above_beta, hypergeometric_at_least, proportions::wilson_of,
    special::normal_quantile,
};
use crate::{
    Error,
    check::{not_negative, open_unit, unit},
    math::Tally,
};

/// Newcombe's interval for the difference of error ratios, `second` − `first`; `None` without events.
///
/// Combines Wilson's intervals of both: with p̂ and [l, u] of each, d − √((p̂₂−l₂)² + (u₁−p̂₁)²) to d +
/// √((u₂−p̂₂)² + (p̂₁−l₁)²) (R. G. Newcombe, 1998, method 10).
///
/// ```
/// use slo_core::{math::Tally, stats::{Confidence, newcombe}};
///
/// let (before, after) = (Tally::new(5_000, 5)?, Tally::new(5_000, 15)?);
/// let difference = newcombe(before, after, Confidence::P95).unwrap();
/// assert!((difference.low() - 0.000_214_6).abs() < 1e-7 && (difference.high() - 0.004_026_8).abs() < 1e-7);
/// # Ok::<(), slo_core::Error>(())
/// ```
#[must_use]
pub fn newcombe(first: Tally, second: Tally, confidence: Confidence) -> Option<Interval> {
    (first.total() > 0 && second.total() > 0).then(|| newcombe_of(first, second, 1.0, confidence))
}

/// Newcombe's interval if there were `times` as many events of each kind.
fn newcombe_of(first: Tally, second: Tally, times: f64, confidence: Confidence) -> Interval {
    let side = |tally: Tally| {
        let (bad, good) = (tally.bad() as f64, tally.good() as f64);
        (wilson_of(bad * times, good * times, confidence), bad / (bad + good))
    };
    let ((one, p1), (two, p2)) = (side(first), side(second));
    let difference = p2 - p1;
    Interval::new(
        difference - (p2 - two.low()).hypot(one.high() - p1),
        difference + (two.high() - p2).hypot(p1 - one.low()),
    )
}

/// The statistic of the pooled two-proportion z test, `second` − `first`.
///
/// (p̂₂ − p̂₁)/√(p̂(1−p̂)(1/n₁ + 1/n₂)). For small counts, it finds differences too easily: use
/// [`fisher_p_value`] to decide.
///
/// | | statistic |
/// |---|---|
/// | no events on a side | `None` |
/// | no event, or every event, is bad | `None` |
///
/// ```
/// use slo_core::{math::Tally, stats::two_proportion_z};
///
/// let z = two_proportion_z(Tally::new(5_000, 5)?, Tally::new(5_000, 15)?);
/// assert!((z.unwrap() - 2.2383).abs() < 1e-4);
/// # Ok::<(), slo_core::Error>(())
/// ```
#[must_use]
pub fn two_proportion_z(first: Tally, second: Tally) -> Option<f64> {
    let (n1, n2) = (first.total() as f64, second.total() as f64);
    let difference = second.error_ratio()? - first.error_ratio()?;
    let pooled = (first.bad() as f64 + second.bad() as f64) / (n1 + n2);
    let spread = (pooled * (1.0 - pooled) * (1.0 / n1 + 1.0 / n2)).sqrt();
    (spread > 0.0).then(|| difference / spread)
}

/// The one-sided p-value of Fisher's exact test: is `second` worse than `first`?
///
/// The probability that at least this many of the bad events fall into `second` if both are alike:
/// hypergeometric, given the sums. 1 without bad events.
///
/// ```
/// use slo_core::{math::Tally, stats::fisher_p_value};
///
/// // Three failures of the canary's 100 requests, none of the stable version's 100.
/// let p = fisher_p_value(Tally::new(100, 0)?, Tally::new(100, 3)?)?;
/// assert!((p - 0.1231).abs() < 1e-4); // a z test would say 0.04
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// More events than 64 bits hold.
pub fn fisher_p_value(first: Tally, second: Tally) -> Result<f64, Error> {
    let both = first.checked_add(second)?;
    hypergeometric_at_least(second.bad(), both.total(), both.bad(), second.total())
}

/// Events that each arm needs to distinguish the error ratios `p0` and `p1`.
///
/// One-sided at level `alpha` with the given `power`, by the normal approximation with p̄ the mean of
/// both: `(z_α √(2p̄(1−p̄)) + z_power √(p₀(1−p₀) + p₁(1−p₁)))² / (p₁−p₀)²`, rounded up.
///
/// ```
/// use slo_core::stats::events_per_arm;
///
/// assert_eq!(events_per_arm(0.001, 0.002, 0.05, 0.8)?, 18_519);
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// Shares outside 0 to 1, equal error ratios, or more events than 64 bits hold.
pub fn events_per_arm(p0: f64, p1: f64, alpha: f64, power: f64) -> Result<u64, Error> {
    unit("p0", p0)?;
    unit("p1", p1)?;
    let false_alarm = normal_quantile(open_unit("alpha", alpha)?);
    let miss = normal_quantile(1.0 - open_unit("power", power)?);
    let mean = f64::midpoint(p0, p1);
    let apart =
        false_alarm * (2.0 * mean * (1.0 - mean)).sqrt() + miss * (p0 * (1.0 - p0) + p1 * (1.0 - p1)).sqrt();
    let events = (apart / (p1 - p0)).powi(2);
    if !events.is_finite() || events >= 1.8e19 {
        return Err(Error::new(format!("no number of events can distinguish {p0} from {p1}")));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
    Ok(events.ceil().max(1.0) as u64)
}

/// The result of an experiment: is a change worse by more than a margin?
///
/// Closed: there is no fourth answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is no fourth answer")]
pub enum Comparison {
    /// Worse by more than the margin.
    Degraded,
    /// Not worse by more than the margin.
    NotDegraded,
    /// Neither has been shown yet.
    Inconclusive {
        /// Further events that the larger arm needs for a result if the error ratios stay exactly the same;
        /// the other arm needs proportionally more. `None` if it takes more than half a million times as many
        /// events, for example because the difference is at the margin.
        events_needed: Option<u64>,
    },
}

/// Compares `second` with `first` by [`newcombe`]'s interval against `margin`; `None` without events.
///
/// In budget terms, the margin of a change that may burn k times the budget is (k − 1)β, or the allowed spend
/// divided by the exposed events.
///
/// ```
/// use slo_core::{math::Tally, stats::{Comparison, Confidence, compare}};
///
/// let (stable, canary) = (Tally::new(50_000, 50)?, Tally::new(50_000, 55)?);
/// // May the canary burn twice a budget of 0.1 %?
/// assert_eq!(compare(stable, canary, 0.001, Confidence::P95)?, Some(Comparison::NotDegraded));
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// A negative or infinite margin, or NaN.
pub fn compare(
    first: Tally,
    second: Tally,
    margin: f64,
    confidence: Confidence,
) -> Result<Option<Comparison>, Error> {
    not_negative("margin", margin)?;
    if first.total() == 0 || second.total() == 0 {
        return Ok(None);
    }
    let judge = |times: f64| {
        let interval = newcombe_of(first, second, times, confidence);
        if interval.low() > margin {
            return Some(Comparison::Degraded);
        }
        (interval.high() < margin).then_some(Comparison::NotDegraded)
    };
    if let Some(verdict) = judge(1.0) {
        return Ok(Some(verdict));
    }
    // How many times as many events it takes, by doubling and halving.
    let (mut low, mut high) = (1.0, 2.0);
    while judge(high).is_none() && high < MOST_TIMES {
        (low, high) = (high, high * 2.0);
    }
    if high >= MOST_TIMES {
        return Ok(Some(Comparison::Inconclusive { events_needed: None }));
    }
    for _ in 0..50 {
        let middle = f64::midpoint(low, high);
        if judge(middle).is_some() {
            high = middle;
        } else {
            low = middle;
        }
    }
    let events = first.total().max(second.total()) as f64 * (high - 1.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive, and saturates")]
    let events_needed = Some(events.ceil() as u64);
    Ok(Some(Comparison::Inconclusive { events_needed }))
}

/// If it takes this many times the events, the difference is taken to be at the margin.
const MOST_TIMES: f64 = 1e6;

/// The probability that `second` is worse than `first` by more than `margin`.
///
/// P(p₂ > p₁ + margin) for the error ratios p₁ and p₂ with Jeffreys' prior: `∫ f₁(p)·P(p₂ > p + margin) dp`,
/// or over f₂ if that is the narrower one. The trapezoidal rule in ln(p/(1−p)) converges exponentially: the
/// result is good to about ten digits, down to 1e-15. One half if neither has events and the margin is zero.
///
/// ```
/// use slo_core::{math::Tally, stats::probability_worse};
///
/// let p = probability_worse(Tally::new(5_000, 5)?, Tally::new(5_000, 15)?, 0.0)?;
/// assert!((p - 0.989).abs() < 0.001);
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// A margin outside 0 to 1.
pub fn probability_worse(first: Tally, second: Tally, margin: f64) -> Result<f64, Error> {
    unit("margin", margin)?;
    let posterior = |tally: Tally| (tally.bad() as f64 + 0.5, tally.good() as f64 + 0.5);
    Ok(beta_above_beta(posterior(second), posterior(first), margin))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What it says is needed is needed: no fewer decide, so many do.
    #[test]
    fn asks_for_as_many_events_as_decide() {
        for (n1, x1, n2, x2, margin) in [
            (1_000, 0, 1_000, 0, 0.001),
            (5, 0, 5, 0, 0.1),
            (10_000, 12, 10_000, 15, 0.001),
            (2_000, 2, 500, 2, 0.001),
        ] {
            let (first, second) = (Tally::new(n1, x1).unwrap(), Tally::new(n2, x2).unwrap());
            let found = compare(first, second, margin, Confidence::P95).unwrap();
            let Some(Comparison::Inconclusive { events_needed: Some(needed) }) = found else {
                panic!("{first:?} {second:?}: {found:?}");
            };
            let decided = |events: f64| {
                let interval = newcombe_of(first, second, 1.0 + events / n1.max(n2) as f64, Confidence::P95);
                interval.low() > margin || interval.high() < margin
            };
            assert!(decided(needed as f64 + 1.0) && !decided(needed as f64 - 2.0), "{needed}");
        }
        let at_the_margin =
            compare(Tally::new(10, 0).unwrap(), Tally::new(10, 1).unwrap(), 0.1, Confidence::P95);
        assert_eq!(at_the_margin, Ok(Some(Comparison::Inconclusive { events_needed: None })));
    }
}
