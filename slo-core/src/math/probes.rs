//! Synthetic probes: the outages they miss, and the false failures they report.

use super::k_of_n;
use crate::{Error, check::unit, model::Window};

/// The probability that an outage falls between two probes: max(0, 1 − D/p).
///
/// For an outage at a random moment. 0 if it is as long as the interval, because a probe then certainly finds
/// it.
///
/// ```
/// use slo_core::{math::missed_outage, model::Window};
///
/// // A probe a minute misses every other outage of half a minute.
/// assert_eq!(missed_outage(Window::seconds(30), Window::minutes(1)), 0.5);
/// assert_eq!(missed_outage(Window::minutes(2), Window::minutes(1)), 0.0);
/// # Ok::<(), slo_core::Error>(())
/// ```
#[must_use]
pub fn missed_outage(outage: Window, interval: Window) -> f64 {
    (1.0 - outage.ratio_to(interval).to_f64()).max(0.0)
}

/// More than any real setup has.
const MOST_PROBES: usize = 1_000;

/// The probability of a false failure: `quorum` of `probes` fail by themselves.
///
/// A probe that fails by itself with probability q still fails after r retries with probability q^(r+1). At
/// least `quorum` of the independent probes must fail.
///
/// ```
/// use slo_core::math::false_failure;
///
/// // Two of three locations, no retries: 3q²(1−q) + q³.
/// assert!((false_failure(0.01, 0, 2, 3)? - 2.98e-4).abs() < 1e-12);
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// A probability outside 0 to 1, more than 1,000 probes, or a quorum of zero or of more than all probes.
pub fn false_failure(failure: f64, retries: u32, quorum: usize, probes: usize) -> Result<f64, Error> {
    unit("failure", failure)?;
    if quorum == 0 || quorum > probes || probes > MOST_PROBES {
        return Err(Error::new(format!("a quorum of {quorum} of {probes} probes is not possible"))
            .with_hint(format!("use 1 to {MOST_PROBES} probes, and a quorum of 1 up to that number")));
    }
    k_of_n(quorum, &vec![failure.powf(f64::from(retries) + 1.0); probes])
}
