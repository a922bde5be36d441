//! `slo.stats`: tail probabilities.

use super::convert::ok;
use pyo3::prelude::*;
use slo_core::stats;

/// P(X ≥ m) for a binomial X.
///
/// Parameters
/// ----------
/// m, trials : int
/// p : float
///     The probability of each trial.
#[pyfunction]
#[pyo3(signature = (m, *, trials, p))]
pub(crate) fn binomial_at_least(m: u64, trials: u64, p: f64) -> PyResult<f64> {
    ok(stats::binomial_at_least(m, trials, p))
}

/// P(X ≥ m) for a Poisson X.
///
/// Parameters
/// ----------
/// m : int
/// mean : float
#[pyfunction]
#[pyo3(signature = (m, *, mean))]
pub(crate) fn poisson_at_least(m: u64, mean: f64) -> PyResult<f64> {
    ok(stats::poisson_at_least(m, mean))
}

/// P(X > x) for X ~ Beta(a, b).
///
/// Parameters
/// ----------
/// x : float
///     From 0 to 1.
/// a, b : float
///     Positive.
#[pyfunction]
#[pyo3(signature = (x, *, a, b))]
pub(crate) fn beta_above(x: f64, a: f64, b: f64) -> PyResult<f64> {
    ok(stats::beta_above(x, a, b))
}

/// P(X ≥ m) for a beta-binomial X: trials whose probability is Beta(a, b).
///
/// Parameters
/// ----------
/// m, trials : int
/// a, b : float
///     Positive.
#[pyfunction]
#[pyo3(signature = (m, *, trials, a, b))]
pub(crate) fn beta_binomial_at_least(m: u64, trials: u64, a: f64, b: f64) -> PyResult<f64> {
    ok(stats::beta_binomial_at_least(m, trials, a, b))
}

/// P(X ≥ m) for a hypergeometric X: the bad ones among events that were drawn.
///
/// Parameters
/// ----------
/// m : int
/// all : int
///     All events.
/// marked : int
///     The bad ones among them.
/// drawn : int
///     The number of events drawn.
#[pyfunction]
#[pyo3(signature = (m, *, all, marked, drawn))]
pub(crate) fn hypergeometric_at_least(m: u64, all: u64, marked: u64, drawn: u64) -> PyResult<f64> {
    ok(stats::hypergeometric_at_least(m, all, marked, drawn))
}
