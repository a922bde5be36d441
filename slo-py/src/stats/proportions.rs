//! `slo.stats`: intervals for an error ratio.

use super::convert::{ends, level, tally};
use pyo3::prelude::*;
use slo_core::stats;

/// Wilson's score interval for an error ratio.
///
/// Parameters
/// ----------
/// total, bad : int
/// confidence : float, default 0.95
///
/// Returns
/// -------
/// (float, float) or None
///     None without events.
///
/// Examples
/// --------
/// >>> from slo import stats
/// >>> low, high = stats.wilson(total=10, bad=1)
/// >>> print(f"{low:.6f} {high:.6f}")
/// 0.017876 0.404150
#[pyfunction]
#[pyo3(signature = (*, total, bad, confidence = 0.95))]
pub(crate) fn wilson(total: u64, bad: u64, confidence: f64) -> PyResult<Option<(f64, f64)>> {
    Ok(stats::wilson(tally(total, bad)?, level(confidence)?).map(ends))
}

/// The Clopper–Pearson interval for an error ratio: its coverage is at least the confidence level.
///
/// Parameters
/// ----------
/// total, bad : int
///     Events, and the bad ones among them.
/// confidence : float, default 0.95
///     The confidence level, between 0 and 1.
///
/// Returns
/// -------
/// (float, float) or None
///     None without events.
#[pyfunction]
#[pyo3(signature = (*, total, bad, confidence = 0.95))]
pub(crate) fn clopper_pearson(total: u64, bad: u64, confidence: f64) -> PyResult<Option<(f64, f64)>> {
    Ok(stats::clopper_pearson(tally(total, bad)?, level(confidence)?).map(ends))
}

/// Jeffreys' interval for an error ratio: its coverage is the confidence level on average.
///
/// Parameters
/// ----------
/// total, bad : int
///     Events, and the bad ones among them.
/// confidence : float, default 0.95
///     The confidence level, between 0 and 1.
///
/// Returns
/// -------
/// (float, float) or None
///     None without events.
#[pyfunction]
#[pyo3(signature = (*, total, bad, confidence = 0.95))]
pub(crate) fn jeffreys(total: u64, bad: u64, confidence: f64) -> PyResult<Option<(f64, f64)>> {
    Ok(stats::jeffreys(tally(total, bad)?, level(confidence)?).map(ends))
}
