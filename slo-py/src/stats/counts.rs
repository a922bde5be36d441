//! `slo.stats`: rates of rare events.

use super::convert::{ends, level, ok};
use pyo3::prelude::*;
use slo_core::stats;

/// Garwood's interval for the rate of counted things, such as incidents.
///
/// Parameters
/// ----------
/// count : int
/// exposure : float, default 1.0
///     The length of the count; rates are per unit of it.
/// confidence : float, default 0.95
///     The confidence level, between 0 and 1.
///
/// Returns
/// -------
/// (float, float)
#[pyfunction]
#[pyo3(signature = (count, *, exposure = 1.0, confidence = 0.95))]
pub(crate) fn garwood(count: u64, exposure: f64, confidence: f64) -> PyResult<(f64, f64)> {
    ok(stats::garwood(count, exposure, level(confidence)?)).map(ends)
}

/// An upper confidence bound for a rate, from a count.
///
/// Parameters
/// ----------
/// count : int
/// exposure : float, default 1.0
///     The length of the count; the rate is per unit of it.
/// confidence : float, default 0.95
///     The confidence level, between 0 and 1.
#[pyfunction]
#[pyo3(signature = (count, *, exposure = 1.0, confidence = 0.95))]
pub(crate) fn rate_at_most(count: u64, exposure: f64, confidence: f64) -> PyResult<f64> {
    ok(stats::rate_at_most(count, exposure, level(confidence)?))
}

/// The probability of a first count at least this high if both rates are the same.
///
/// Parameters
/// ----------
/// first, second : (int, float)
///     A count, and the length of the count in any unit.
///
/// Examples
/// --------
/// >>> from slo import stats
/// >>> round(stats.rate_increase_p_value((12, 90.0), (5, 90.0)), 4)  # fewer incidents: chance?
/// 0.0717
#[pyfunction]
#[pyo3(signature = (first, second))]
pub(crate) fn rate_increase_p_value(first: (u64, f64), second: (u64, f64)) -> PyResult<f64> {
    ok(stats::rate_increase_p_value(first, second))
}
