//! `slo.stats`: what an alert means when there are few events.

use super::convert::{level, ok, tally};
use crate::convert::{ratio, window};
use pyo3::{prelude::*, types::PyAny};
use slo_core::stats::{self, ErlangDetection, FalseAlarms};

/// The probability that the true burn rate is above a given one (Jeffreys' prior).
///
/// Parameters
/// ----------
/// total, bad : int
///     Events, and the bad ones among them.
/// objective : str, Decimal, float or Objective
/// burn : float, default 1.0
#[pyfunction]
#[pyo3(signature = (*, total, bad, objective, burn = 1.0))]
pub(crate) fn burn_above(total: u64, bad: u64, objective: &Bound<'_, PyAny>, burn: f64) -> PyResult<f64> {
    ok(stats::burn_above(tally(total, bad)?, crate::objective::objective(objective)?, burn))
}

/// The fewest bad events that are significant for an alert at burn rate `factor`.
///
/// None for factors up to 1.
///
/// Examples
/// --------
/// >>> from slo import stats
/// >>> stats.fewest_bad_events("14.4", alpha=0.001)
/// 4
#[pyfunction]
#[pyo3(signature = (factor, *, alpha = 0.001))]
pub(crate) fn fewest_bad_events(factor: &Bound<'_, PyAny>, alpha: f64) -> PyResult<Option<u64>> {
    ok(stats::fewest_bad_events(ratio(factor)?, alpha))
}

/// The fewest events with which `bad` bad ones do not exceed a threshold.
///
/// Parameters
/// ----------
/// threshold : str, Fraction, Decimal or float
///     The error ratio above which an alert fires: its factor times the error budget.
/// bad : int, default 1
#[pyfunction]
#[pyo3(signature = (threshold, *, bad = 1))]
pub(crate) fn events_to_stay_silent(threshold: &Bound<'_, PyAny>, bad: u64) -> PyResult<u64> {
    ok(stats::events_to_stay_silent(ratio(threshold)?, bad))
}

/// The number of events without a failure that shows that an objective is met.
///
/// Parameters
/// ----------
/// objective : str, Decimal, float or Objective
/// confidence : float, default 0.95
///     The confidence level, between 0 and 1.
#[pyfunction]
#[pyo3(signature = (objective, *, confidence = 0.95))]
pub(crate) fn events_to_demonstrate(objective: &Bound<'_, PyAny>, confidence: f64) -> PyResult<u64> {
    Ok(stats::events_to_demonstrate(crate::objective::objective(objective)?, level(confidence)?))
}

/// The probability that the error ratio of a window exceeds a threshold.
///
/// Parameters
/// ----------
/// threshold : str, Fraction, Decimal or float
///     The error ratio above which an alert fires.
/// events : int
///     Events in the window.
/// error_ratio : float
///     The true share of bad events.
#[pyfunction]
#[pyo3(signature = (threshold, *, events, error_ratio))]
pub(crate) fn firing_probability(
    threshold: &Bound<'_, PyAny>,
    events: u64,
    error_ratio: f64,
) -> PyResult<f64> {
    ok(stats::firing_probability(ratio(threshold)?, events, error_ratio))
}

/// How often a two-window alert starts to fire on errors that come at random, per second.
///
/// Parameters
/// ----------
/// bad_rate : float
///     Bad events per second.
/// long, short : str or timedelta
///     The windows.
/// long_needs, short_needs : int
///     Bad events that each window needs: ⌊threshold × events in the window⌋ + 1.
#[pyfunction]
#[pyo3(signature = (*, bad_rate, long, short, long_needs, short_needs))]
pub(crate) fn false_starts_per_second(
    bad_rate: f64,
    long: &Bound<'_, PyAny>,
    short: &Bound<'_, PyAny>,
    long_needs: u64,
    short_needs: u64,
) -> PyResult<f64> {
    let alarms = ok(FalseAlarms::with_counts(window(long)?, window(short)?, long_needs, short_needs))?;
    ok(alarms.starts_per_second(bad_rate))
}

/// How long a window takes to notice errors that come at random.
///
/// Parameters
/// ----------
/// long : str or timedelta
///     The long window of the alert.
/// threshold : str, Fraction, Decimal or float
///     The error ratio above which it fires.
/// traffic : str, Fraction, Decimal or float
///     Events per second, such as "50/3600".
/// error_ratio : float
///     The share of bad events during the outage.
/// quantile : float, default 0.95
///
/// Returns
/// -------
/// (int, float, float)
///     The number of bad events needed, and the seconds until then: the mean and the quantile.
#[pyfunction]
#[pyo3(signature = (*, long, threshold, traffic, error_ratio, quantile = 0.95))]
pub(crate) fn erlang_detection(
    long: &Bound<'_, PyAny>,
    threshold: &Bound<'_, PyAny>,
    traffic: &Bound<'_, PyAny>,
    error_ratio: f64,
    quantile: f64,
) -> PyResult<(u64, f64, f64)> {
    let wait = ok(ErlangDetection::new(window(long)?, ratio(threshold)?, ratio(traffic)?, error_ratio))?;
    Ok((wait.bad_events(), wait.mean(), ok(wait.quantile(quantile))?))
}

/// How much more bad events vary between blocks than independent ones would.
///
/// Parameters
/// ----------
/// blocks : list of (int, int)
///     Events and bad events of each.
///
/// Returns
/// -------
/// float or None
///     1 for independent errors; None if it is undefined.
#[pyfunction]
#[pyo3(signature = (blocks))]
pub(crate) fn design_effect(blocks: Vec<(u64, u64)>) -> PyResult<Option<f64>> {
    let blocks = blocks.into_iter().map(|(total, bad)| tally(total, bad)).collect::<PyResult<Vec<_>>>()?;
    ok(stats::design_effect(&blocks))
}
