//! `slo.suggest_objective`

use crate::{
    convert::{block, window},
    error::value_error,
    objective::Objective,
    samples::Samples,
    table::{Columns, Table},
};
use pyo3::{prelude::*, types::PyAny};
use slo_core::{
    model::Window,
    replay::{self, propose, usual_objectives},
    stats::Confidence,
};

/// The objective that a history supports; made by :func:`suggest_objective`.
#[pyclass(frozen, module = "slo")]
pub(crate) struct Proposal(replay::Proposal);

#[pymethods]
impl Proposal {
    /// The highest usual objective that is met with the given confidence.
    ///
    /// None if even the lowest one is not met, or if the history holds too few periods to tell.
    #[getter]
    fn objective(&self) -> Option<Objective> {
        self.0.objective.map(Objective)
    }

    /// The number of independent periods in the history, on which all other numbers rest.
    #[getter]
    const fn independent_periods(&self) -> f64 {
        self.0.independent_periods
    }

    /// The number of independent periods that a claim at this confidence needs.
    #[getter]
    const fn periods_needed(&self) -> f64 {
        self.0.periods_needed
    }

    /// The interval of the share of good events in a period, by resampling the history.
    #[getter]
    fn attainment(&self) -> (f64, f64) {
        (self.0.attainment.low(), self.0.attainment.high())
    }

    /// For each usual objective, how often a resampled period met it.
    ///
    /// Returns
    /// -------
    /// Table
    ///     ``objective`` (such as ``99.9%``), ``met`` (a share).
    #[getter]
    fn met(&self) -> PyResult<Table> {
        let names: Vec<String> = self.0.met.iter().map(|(objective, _)| objective.to_string()).collect();
        Columns::default()
            .words("objective", names.iter().map(String::as_str))
            .numbers("met", self.0.met.iter().map(|(_, met)| Some(*met)))
            .table()
    }

    fn __repr__(&self) -> String {
        let objective = self.0.objective.map_or_else(|| "none".to_owned(), |objective| objective.to_string());
        format!("<Proposal: {objective} on {:.1} independent periods>", self.0.independent_periods)
    }
}

/// Propose an objective from a history.
///
/// The attainment of a period is resampled in blocks; the proposal is the highest usual objective that is met with the
/// given confidence. Ninety days hold three independent periods of thirty: they do not support a claim at 95 %.
///
/// Parameters
/// ----------
/// samples : Samples
/// period : str or timedelta, default ``"30d"``
/// confidence : float, default 0.95
/// block : str or timedelta, default about ``"6h"``
///     The mean length of a block: as long as an incident may last.
/// seed : int, default 1
///
/// Returns
/// -------
/// Proposal
#[pyfunction]
#[pyo3(
    signature = (samples, *, period = None, confidence = 0.95, block = None, seed = 1),
    text_signature = "(samples, *, period='30d', confidence=0.95, block='6h', seed=1)"
)]
pub(crate) fn suggest_objective(
    py: Python<'_>,
    samples: &Samples,
    period: Option<&Bound<'_, PyAny>>,
    confidence: f64,
    block: Option<&Bound<'_, PyAny>>,
    seed: u64,
) -> PyResult<Proposal> {
    let period = period.map_or(Ok(Window::days(30)), window)?;
    let bootstrap = self::block(block, samples.step_window(), seed)?;
    let confidence = Confidence::new(confidence).map_err(|error| value_error(&error))?;
    let proposed =
        samples.series(py, |series| propose(series, period, &usual_objectives(), confidence, bootstrap))?;
    proposed.map(Proposal).map_err(|error| value_error(&error))
}
