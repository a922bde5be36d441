//! `slo.stats`: comparisons of two error ratios.

use super::convert::{ends, level, ok, tally};
use pyo3::prelude::*;
use slo_core::stats::{self, Comparison};

/// Newcombe's interval for the difference of error ratios, second − first.
///
/// Parameters
/// ----------
/// first, second : (int, int)
///     Events and bad events of each.
/// confidence : float, default 0.95
///     The confidence level, between 0 and 1.
///
/// Returns
/// -------
/// (float, float) or None
///     None where one of them has no events.
#[pyfunction]
#[pyo3(signature = (first, second, *, confidence = 0.95))]
pub(crate) fn newcombe(
    first: (u64, u64),
    second: (u64, u64),
    confidence: f64,
) -> PyResult<Option<(f64, f64)>> {
    let (first, second) = (tally(first.0, first.1)?, tally(second.0, second.1)?);
    Ok(stats::newcombe(first, second, level(confidence)?).map(ends))
}

/// The statistic of the pooled two-proportion z test, second − first.
///
/// For small counts, use `fisher_p_value`.
///
/// Parameters
/// ----------
/// first, second : (int, int)
///     Events and bad events of each.
///
/// Returns
/// -------
/// float or None
///     None without events, or where no event or every event is bad.
#[pyfunction]
#[pyo3(signature = (first, second))]
pub(crate) fn two_proportion_z(first: (u64, u64), second: (u64, u64)) -> PyResult<Option<f64>> {
    Ok(stats::two_proportion_z(tally(first.0, first.1)?, tally(second.0, second.1)?))
}

/// Fisher's exact test: the probability that chance puts so many bad events into the second.
///
/// Parameters
/// ----------
/// first, second : (int, int)
///     Events and bad events of each.
#[pyfunction]
#[pyo3(signature = (first, second))]
pub(crate) fn fisher_p_value(first: (u64, u64), second: (u64, u64)) -> PyResult<f64> {
    ok(stats::fisher_p_value(tally(first.0, first.1)?, tally(second.0, second.1)?))
}

/// Whether the second is worse than the first by more than a margin.
///
/// Parameters
/// ----------
/// first, second : (int, int)
///     Events and bad events of each.
/// margin : float, default 0.0
///     By how much the second error ratio may exceed the first one, a share of one.
/// confidence : float, default 0.95
///     The confidence level, between 0 and 1.
///
/// Returns
/// -------
/// ("degraded" | "not degraded" | "inconclusive", int or None) or None
///     The verdict, with the number of further events of the larger one that would decide if error ratios
///     stay as they are. None if one of them has no events.
///
/// Examples
/// --------
/// >>> from slo import stats
/// >>> stats.compare((50_000, 50), (50_000, 55), margin=0.001)
/// ('not degraded', None)
#[pyfunction]
#[pyo3(signature = (first, second, *, margin = 0.0, confidence = 0.95))]
pub(crate) fn compare(
    first: (u64, u64),
    second: (u64, u64),
    margin: f64,
    confidence: f64,
) -> PyResult<Option<(&'static str, Option<u64>)>> {
    let (first, second) = (tally(first.0, first.1)?, tally(second.0, second.1)?);
    let found = ok(stats::compare(first, second, margin, level(confidence)?))?;
    Ok(found.map(|comparison| match comparison {
        Comparison::Degraded => ("degraded", None),
        Comparison::NotDegraded => ("not degraded", None),
        Comparison::Inconclusive { events_needed } => ("inconclusive", events_needed),
    }))
}

/// The probability that the second error ratio is above the first one plus a margin.
///
/// Parameters
/// ----------
/// first, second : (int, int)
///     Events and bad events of each.
/// margin : float, default 0.0
///     A difference of error ratios, a share of one.
#[pyfunction]
#[pyo3(signature = (first, second, *, margin = 0.0))]
pub(crate) fn probability_worse(first: (u64, u64), second: (u64, u64), margin: f64) -> PyResult<f64> {
    ok(stats::probability_worse(tally(first.0, first.1)?, tally(second.0, second.1)?, margin))
}

/// The events that each arm of an experiment needs to distinguish two error ratios.
///
/// Parameters
/// ----------
/// p0, p1 : float
///     The error ratios, shares of one.
/// alpha : float, default 0.05
///     The probability of seeing a difference where there is none, one-sided.
/// power : float, default 0.8
///     The probability of seeing a difference where there is one.
#[pyfunction]
#[pyo3(signature = (p0, p1, *, alpha = 0.05, power = 0.8))]
pub(crate) fn events_per_arm(p0: f64, p1: f64, alpha: f64, power: f64) -> PyResult<u64> {
    ok(stats::events_per_arm(p0, p1, alpha, power))
}
