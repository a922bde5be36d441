//! `slo.stats`: tests whose result may be read after every event.

use super::convert::{ends, level, ok, tally};
use pyo3::prelude::*;
use slo_core::stats::{self, Decision};

/// Wald's sequential test of the error ratio `p0` against the higher `p1`.
///
/// Examples
/// --------
/// >>> from slo import stats
/// >>> stats.Sprt(0.001, 0.0144, alpha=0.01, beta=0.1).decide(total=2, bad=2)
/// 'worse'
#[pyclass(frozen, module = "slo")]
pub(crate) struct Sprt(stats::Sprt);

#[pymethods]
impl Sprt {
    #[new]
    #[pyo3(signature = (p0, p1, *, alpha, beta))]
    fn new(p0: f64, p1: f64, alpha: f64, beta: f64) -> PyResult<Self> {
        ok(stats::Sprt::new(p0, p1, alpha, beta)).map(Self)
    }

    /// The evidence at or above which `p1` is accepted.
    #[getter]
    fn upper(&self) -> f64 {
        self.0.upper()
    }

    /// The evidence at or below which `p0` is accepted.
    #[getter]
    fn lower(&self) -> f64 {
        self.0.lower()
    }

    /// The log likelihood ratio of the events so far.
    #[pyo3(signature = (*, total, bad))]
    fn evidence(&self, total: u64, bad: u64) -> PyResult<f64> {
        Ok(self.0.evidence(tally(total, bad)?))
    }

    /// "worse", "not worse" or "continue".
    #[pyo3(signature = (*, total, bad))]
    fn decide(&self, total: u64, bad: u64) -> PyResult<&'static str> {
        Ok(match self.0.decide(tally(total, bad)?) {
            Decision::Worse => "worse",
            Decision::NotWorse => "not worse",
            Decision::Continue => "continue",
        })
    }

    /// The mean number of events to a decision: if `p1` is true, and if `p0` is true.
    #[getter]
    fn average_events(&self) -> (f64, f64) {
        self.0.average_events()
    }

    /// The number of bad events in a row that accepts `p1`.
    #[getter]
    fn bad_in_a_row(&self) -> u64 {
        self.0.bad_in_a_row()
    }

    /// The number of good events in a row that accepts `p0`.
    #[getter]
    fn good_in_a_row(&self) -> u64 {
        self.0.good_in_a_row()
    }
}

/// ln of the evidence against an error ratio, valid at every look: reject at ln(1/α).
///
/// Parameters
/// ----------
/// total, bad : int
///     Events, and the bad ones among them.
/// p0 : float
///     The error ratio, a share of one.
/// one_sided : bool, default True
///     Whether only a higher error ratio counts as evidence.
#[pyfunction]
#[pyo3(signature = (*, total, bad, p0, one_sided = true))]
pub(crate) fn mixture_evidence(total: u64, bad: u64, p0: f64, one_sided: bool) -> PyResult<f64> {
    let test =
        if one_sided { stats::MixtureTest::worse_than(p0) } else { stats::MixtureTest::differs_from(p0) };
    Ok(ok(test)?.evidence(tally(total, bad)?))
}

/// ln of the evidence against a rate, valid at every look: reject at ln(1/α).
///
/// Parameters
/// ----------
/// count : int
/// exposure : float
///     The length of the count.
/// rate : float
///     The rate per unit of the exposure.
#[pyfunction]
#[pyo3(signature = (count, *, exposure, rate))]
pub(crate) fn rate_evidence(count: u64, exposure: f64, rate: f64) -> PyResult<f64> {
    ok(stats::rate_evidence(count, exposure, rate))
}

/// An interval for an error ratio that is valid at every look.
///
/// It holds the error ratios that no look so far has refuted.
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
pub(crate) fn confidence_sequence(total: u64, bad: u64, confidence: f64) -> PyResult<Option<(f64, f64)>> {
    Ok(stats::confidence_sequence(tally(total, bad)?, level(confidence)?).map(ends))
}
