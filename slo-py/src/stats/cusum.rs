//! `slo.stats`: CUSUM, which watches every window at once.

use super::convert::ok;
use crate::convert::ratio;
use pyo3::{prelude::*, types::PyAny};
use slo_core::stats;

/// The share of bad events to allow in a CUSUM that distinguishes two error ratios soonest.
///
/// Parameters
/// ----------
/// p0, p1 : float
///     The usual and the worse error ratio; positive.
#[pyfunction]
#[pyo3(signature = (p0, p1))]
pub(crate) fn best_allowance(p0: f64, p1: f64) -> PyResult<f64> {
    ok(stats::best_allowance(p0, p1))
}

/// Batches until a CUSUM alarms, on average.
///
/// Parameters
/// ----------
/// events : int
///     Events per batch.
/// error_ratio : float
///     The true share of bad events.
/// allowed : str, Fraction, Decimal or float
///     Bad events allowed per batch.
/// threshold : str, Fraction, Decimal or float
///     The excess above which it alarms.
#[pyfunction]
#[pyo3(signature = (*, events, error_ratio, allowed, threshold))]
pub(crate) fn average_run_length(
    events: u64,
    error_ratio: f64,
    allowed: &Bound<'_, PyAny>,
    threshold: &Bound<'_, PyAny>,
) -> PyResult<f64> {
    ok(stats::average_run_length(events, error_ratio, ratio(allowed)?, ratio(threshold)?))
}
