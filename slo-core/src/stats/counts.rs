//! Rates of rare events, such as incidents per quarter.

use super::{
    Confidence, Interval, binomial_at_least,
    special::{Tail, gamma_quantile},
};
use crate::{
    Error,
    check::{finite, positive},
};

/// Garwood's interval for the rate of rare events, from `count` of them in `exposure`.
///
/// [χ²_{α/2}(2n)/2, χ²_{1−α/2}(2n+2)/2] / exposure, per unit of `exposure` (F. Garwood, 1936). The coverage
/// is at least the confidence level. The lower end is exactly 0 for a count of 0.
///
/// ```
/// use slo_core::stats::{Confidence, garwood};
///
/// // Ten incidents in a quarter: how many a quarter should we plan for?
/// let rate = garwood(10, 1.0, Confidence::P95)?;
/// assert!((rate.low() - 4.795).abs() < 1e-3 && (rate.high() - 18.390).abs() < 1e-3);
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// An exposure that is not positive, or so small that the rate does not fit a double.
pub fn garwood(count: u64, exposure: f64, confidence: Confidence) -> Result<Interval, Error> {
    positive("exposure", exposure)?;
    let (n, half) = (count as f64, confidence.alpha() / 2.0);
    let low = if count == 0 { 0.0 } else { gamma_quantile(Tail::Lower, half, n) / exposure };
    let high = finite("the rate", gamma_quantile(Tail::Upper, half, n + 1.0) / exposure)?;
    Ok(Interval::new(low, high))
}

/// An upper bound for the rate, from `count` events in `exposure`: χ²_{1−α}(2n+2)/2 / exposure.
///
/// ```
/// use slo_core::stats::{Confidence, rate_at_most};
///
/// // "Rule of three": nothing seen in a year, so fewer than three a year (at 95 %).
/// assert!((rate_at_most(0, 1.0, Confidence::P95)? - 2.9957).abs() < 1e-4);
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// An exposure that is not positive, or so small that the rate does not fit a double.
pub fn rate_at_most(count: u64, exposure: f64, confidence: Confidence) -> Result<f64, Error> {
    positive("exposure", exposure)?;
    finite("the rate", gamma_quantile(Tail::Upper, confidence.alpha(), count as f64 + 1.0) / exposure)
}

/// The one-sided p-value for a rate that was higher in `first` than in `second`.
///
/// The probability of a first count at least as high if both rates are the same. Given the sum of both
/// counts, the first is binomial with p = t₁/(t₁ + t₂) (J. Przyborowski and H. Wilenski, 1940). 1 if both
/// counts are 0.
///
/// ```
/// use slo_core::stats::rate_increase_p_value;
///
/// // Twelve incidents last quarter, five in this one: are we getting better?
/// let p = rate_increase_p_value((12, 90.0), (5, 90.0))?;
/// assert!((p - 0.0717).abs() < 1e-4); // that is not evidence yet
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// Exposures that are not positive, or counts whose sum does not fit 64 bits.
pub fn rate_increase_p_value(first: (u64, f64), second: (u64, f64)) -> Result<f64, Error> {
    let (t1, t2) = (positive("first exposure", first.1)?, positive("second exposure", second.1)?);
    let both = first
        .0
        .checked_add(second.0)
        .ok_or_else(|| Error::new(format!("{} and {} are more than 64 bits hold", first.0, second.0)))?;
    binomial_at_least(first.0, both, 1.0 / (1.0 + t2 / t1))
}
