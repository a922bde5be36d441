//! Intervals for an error ratio that was measured from few events.

use super::{
    Confidence, Interval,
    special::{Tail, beta_quantile, normal_quantile},
};
use crate::math::Tally;

/// Wilson's score interval for the error ratio, or `None` without events.
///
/// With z the normal quantile of 1 − α/2: (p̂ + z²/2n ± z √(p̂(1−p̂)/n + z²/4n²)) / (1 + z²/n). Good
/// on average at any n; the ends are exactly 0 and 1 where no event or every event is bad
/// (E. B. Wilson, 1927).
///
/// ```
/// use slo_core::{math::Tally, stats::{Confidence, wilson}};
///
/// // 1 of 10 requests failed. What may the error ratio be?
/// let interval = wilson(Tally::new(10, 1)?, Confidence::P95).unwrap();
/// assert!((interval.low() - 0.017_876).abs() < 1e-6 && (interval.high() - 0.404_150).abs() < 1e-6);
/// # Ok::<(), slo_core::Error>(())
/// ```
#[must_use]
pub fn wilson(tally: Tally, confidence: Confidence) -> Option<Interval> {
    (tally.total() > 0).then(|| wilson_of(tally.bad() as f64, tally.good() as f64, confidence))
}

/// Wilson's interval for numbers of events that need not be whole; more than zero in all.
pub(super) fn wilson_of(x: f64, good: f64, confidence: Confidence) -> Interval {
    let n = x + good;
    let z = normal_quantile(confidence.alpha() / 2.0);
    let root = z * (x * (good / n) + z * z / 4.0).sqrt();
    let (middle, scale) = (x + z * z / 2.0, n + z * z);
    // (middle − root) loses its digits near zero; the product of the ends, x²/n, gives the lower one.
    let high = ((middle + root) / scale).min(1.0);
    let low = x * (x / n) / (middle + root);
    Interval::new(if x > 0.0 { low } else { 0.0 }, if good > 0.0 { high } else { 1.0 })
}

/// The Clopper–Pearson interval for the error ratio, or `None` without events.
///
/// From the quantiles of Beta(x, n − x + 1) and Beta(x + 1, n − x). Its coverage is never below the
/// confidence level, but it is wide (C. J. Clopper and E. S. Pearson, 1934). The ends are exactly 0 and 1 if
/// no event or every event is bad.
///
/// ```
/// use slo_core::{math::Tally, stats::{Confidence, clopper_pearson}};
///
/// // No failure among 1,000 requests: that does not show 99.9 % yet.
/// let interval = clopper_pearson(Tally::new(1_000, 0)?, Confidence::P95).unwrap();
/// assert_eq!(interval.low(), 0.0);
/// assert!((interval.high() - 0.003_682).abs() < 1e-6);
/// # Ok::<(), slo_core::Error>(())
/// ```
#[must_use]
pub fn clopper_pearson(tally: Tally, confidence: Confidence) -> Option<Interval> {
    beta_interval(tally, confidence, 0.0, 1.0)
}

/// Jeffreys' interval for the error ratio, or `None` without events.
///
/// Quantiles of Beta(x + ½, n − x + ½), the posterior of an uninformative prior. On average, its coverage is
/// the confidence level, and it is narrower than [`clopper_pearson`] (L. D. Brown, T. T. Cai and A.
/// `DasGupta`, 2001). The ends are exactly 0 and 1 if no event or every event is bad.
///
/// ```
/// use slo_core::{math::Tally, stats::{Confidence, jeffreys}};
///
/// let interval = jeffreys(Tally::new(1_000, 5)?, Confidence::P95).unwrap();
/// assert!((interval.low() - 0.001_910).abs() < 1e-6 && (interval.high() - 0.010_925).abs() < 1e-6);
/// # Ok::<(), slo_core::Error>(())
/// ```
#[must_use]
pub fn jeffreys(tally: Tally, confidence: Confidence) -> Option<Interval> {
    beta_interval(tally, confidence, 0.5, 0.5)
}

/// Quantiles of Beta(x + a, n − x + 1 − a) below and of Beta(x + b, n − x + 1 − b) above.
fn beta_interval(tally: Tally, confidence: Confidence, a: f64, b: f64) -> Option<Interval> {
    let (x, good) = (tally.bad() as f64, tally.good() as f64);
    if tally.total() == 0 {
        return None;
    }
    let half = confidence.alpha() / 2.0;
    let low = if tally.bad() == 0 { 0.0 } else { beta_quantile(Tail::Lower, half, x + a, good + 1.0 - a) };
    let high = if tally.good() == 0 { 1.0 } else { beta_quantile(Tail::Upper, half, x + b, good + 1.0 - b) };
    Some(Interval::new(low, high))
}
