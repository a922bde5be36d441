//! `slo.stats`: failure and repair.

use super::convert::{ends, level, ok};
use pyo3::prelude::*;
use slo_core::stats;

/// The share of time up.
///
/// Parameters
/// ----------
/// time_up, time_to_repair : float
///     The mean times, in the same unit.
#[pyfunction]
#[pyo3(signature = (*, time_up, time_to_repair))]
pub(crate) fn availability(time_up: f64, time_to_repair: f64) -> PyResult<f64> {
    ok(stats::availability(time_up, time_to_repair))
}

/// How times to restore have changed: the ratio of geometric means, after to before.
///
/// Parameters
/// ----------
/// before, after : list of float
///     At least five times each, in the same unit.
/// confidence : float, default 0.95
///     The confidence level, between 0 and 1.
///
/// Returns
/// -------
/// (float, (float, float))
///     The ratio and its interval; an interval that contains 1 is no evidence of a change.
#[pyfunction]
#[pyo3(signature = (before, after, *, confidence = 0.95))]
pub(crate) fn compare_restore_times(
    before: Vec<f64>,
    after: Vec<f64>,
    confidence: f64,
) -> PyResult<(f64, (f64, f64))> {
    let change = ok(stats::compare_restore_times(&before, &after, level(confidence)?))?;
    Ok((change.ratio, ends(change.interval)))
}

/// The share of time spent on toil, from a survey.
///
/// Parameters
/// ----------
/// answers : list of (float, float)
///     Hours of toil, and all hours worked.
/// confidence : float, default 0.95
///     The confidence level, between 0 and 1.
/// seed : int, default 0
///     The seed of the resampling for the interval.
///
/// Returns
/// -------
/// (float, (float, float))
///     The share and its interval.
#[pyfunction]
#[pyo3(signature = (answers, *, confidence = 0.95, seed = 0))]
pub(crate) fn toil(answers: Vec<(f64, f64)>, confidence: f64, seed: u64) -> PyResult<(f64, (f64, f64))> {
    let found = ok(stats::toil(&answers, level(confidence)?, seed))?;
    Ok((found.share, ends(found.interval)))
}
