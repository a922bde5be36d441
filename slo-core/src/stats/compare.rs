//! Two samples of events: is the second one worse?

use super::{
    Confidence, Interval, hypergeometric_at_least,
    special::{Tail, beta_quantile, ln_beta_tails, ln_binomial, normal_quantile},
    wilson,
};
use crate::{
    Error,
    check::{not_negative, open_unit, unit},
    math::Tally,
};

/// Newcombe's interval for the difference of error ratios, `second` − `first`; `None` without events.
///
/// Wilson's intervals of both, put together: with p̂ and [l, u] of each,
/// d − √((p̂₂−l₂)² + (u₁−p̂₁)²) to d + √((u₂−p̂₂)² + (p̂₁−l₁)²) (R. G. Newcombe, 1998, method 10).
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
    let (one, two) = (wilson(first, confidence)?, wilson(second, confidence)?);
    let (p1, p2) = (first.error_ratio()?, second.error_ratio()?);
    let difference = p2 - p1;
    Some(Interval::new(
        difference - (p2 - two.low()).hypot(one.high() - p1),
        difference + (two.high() - p2).hypot(p1 - one.low()),
    ))
}

/// The statistic of the pooled two-proportion z test, `second` − `first`; `None` where it has no spread.
///
/// (p̂₂ − p̂₁)/√(p̂(1−p̂)(1/n₁ + 1/n₂)). It finds differences too easily in small counts: judge by
/// [`fisher_p_value`].
#[must_use]
pub fn two_proportion_z(first: Tally, second: Tally) -> Option<f64> {
    let (n1, n2) = (first.total() as f64, second.total() as f64);
    let difference = second.error_ratio()? - first.error_ratio()?;
    let pooled = (first.bad() as f64 + second.bad() as f64) / (n1 + n2);
    let spread = (pooled * (1.0 - pooled) * (1.0 / n1 + 1.0 / n2)).sqrt();
    (spread > 0.0).then(|| difference / spread)
}

/// How likely at least this many of the bad events fall into `second` if both are alike, one-sided.
///
/// Fisher's exact test: hypergeometric, given the sums. 1 without bad events.
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

/// Events that each arm needs to tell the error ratio `p1` from the higher or lower `p0`.
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
        return Err(Error::new(format!("no number of events tells {p0} from {p1}")));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
    Ok(events.ceil().max(1.0) as u64)
}

/// What an experiment has shown about a change that may make `margin` more events bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// Worse by more than the margin.
    Degraded,
    /// Not worse by more than the margin.
    NotDegraded,
    /// Neither is shown yet.
    Inconclusive {
        /// Further events per arm at which the interval should clear the margin, if the error ratios
        /// stay as they are; `None` where they sit at the margin.
        events_needed: Option<u64>,
    },
}

/// Compares `second` with `first` by [`newcombe`]'s interval against `margin`; `None` without events.
///
/// In budget terms, the margin of a change that may burn k times the budget is (k − 1)β, or the spend
/// allowed divided by the events exposed.
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
    let Some((interval, p1, p2)) = newcombe(first, second, confidence)
        .and_then(|interval| Some((interval, first.error_ratio()?, second.error_ratio()?)))
    else {
        return Ok(None);
    };
    if interval.low() > margin {
        return Ok(Some(Comparison::Degraded));
    }
    if interval.high() < margin {
        return Ok(Some(Comparison::NotDegraded));
    }
    let distance = p2 - p1 - margin;
    let reach = if distance > 0.0 { p2 - p1 - interval.low() } else { interval.high() - (p2 - p1) };
    // An interval shrinks with the square root of the events.
    let grow = (reach / distance).powi(2) - 1.0;
    let events = first.total().min(second.total()) as f64 * grow;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked")]
    let events_needed = (events.is_finite() && events < 1.8e19).then(|| events.ceil().max(1.0) as u64);
    Ok(Some(Comparison::Inconclusive { events_needed }))
}

/// P(p₂ > p₁ + `margin`) for error ratios p₁ and p₂ known from both tallies with Jeffreys' prior.
///
/// `∫ f₁(p)·P(p₂ > p + margin) dp`, by the trapezoidal rule in ln(p/(1−p)), where it converges
/// exponentially. Half where neither has events and the margin is zero.
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
    let (a1, b1) = (first.bad() as f64 + 0.5, first.good() as f64 + 0.5);
    let (a2, b2) = (second.bad() as f64 + 0.5, second.good() as f64 + 0.5);
    // Beyond these, f₁ holds less than a double can tell from nothing.
    let logit = |p: f64, rest: f64| p.ln() - rest.ln();
    let low = beta_quantile(Tail::Lower, NEGLIGIBLE, a1, b1);
    let high = beta_quantile(Tail::Lower, NEGLIGIBLE, b1, a1);
    let (from, to) = (logit(low, 1.0 - low), logit(1.0 - high, high));
    let step = (to - from) / f64::from(NODES);
    let mut sum = 0.0;
    for node in 0..=NODES {
        let at = from + f64::from(node) * step;
        let (p, rest) = (1.0 / (1.0 + (-at).exp()), 1.0 / (1.0 + at.exp()));
        let density = (ln_binomial(a1, b1, p, rest) + (a1 * b1 / (a1 + b1)).ln()).exp();
        sum += density * ln_beta_tails(a2, b2, p + margin, rest - margin).upper.exp();
    }
    Ok((sum * step).clamp(0.0, 1.0))
}

const NEGLIGIBLE: f64 = 1e-18;
const NODES: u32 = 400;
