//! `slo.gate`: may a change go out now?

use crate::{error::value_error, evaluation::Evaluation, html::escape};
use pyo3::{prelude::*, types::PyAny};
use slo_core::stats::{GateState, ReleaseGate};

/// Whether changes may go out, and why not; made by :func:`gate`. True where they may.
#[pyclass(frozen, module = "slo")]
pub(crate) struct Gate {
    reasons: Vec<String>,
}

/// Whether changes may go out now.
///
/// Parameters
/// ----------
/// evaluation : Evaluation
/// min_budget : float, default 0.0
///     The share of the whole period's budget above which the gate is open, if its traffic goes on like this: that of
///     :attr:`Evaluation.projected_budget_remaining`.
/// max_burn_rate : float, default 1.0
///     The burn rate that recent events must not exceed.
/// window : str or timedelta, default ``"1h"``
///     Which events are recent.
/// confidence : float, default 0.95
///     How sure it must be that they do: a failure among ten requests holds nobody back.
/// min_coverage : float, default 0.0
///     The share of the period that the history must cover.
///
/// Returns
/// -------
/// Gate
///
/// Examples
/// --------
/// >>> import slo
/// >>> month = slo.Samples({"time": [3600, 7200], "total": [50_000, 50_000], "bad": [10, 95]})
/// >>> slo.gate(slo.ErrorBudget("99.9%", "2h").evaluate(month))
/// <Gate closed: -5.0 % of the period's budget is left, if it goes on like this, of at least 0.0 %; the burn rate is above 1 with 100.0 % certainty>
#[pyfunction]
#[pyo3(
    signature = (evaluation, *, min_budget = 0.0, max_burn_rate = 1.0, window = None, confidence = 0.95, min_coverage = 0.0),
    text_signature = "(evaluation, *, min_budget=0.0, max_burn_rate=1.0, window='1h', confidence=0.95, min_coverage=0.0)"
)]
pub(crate) fn gate(
    py: Python<'_>,
    evaluation: &Evaluation,
    min_budget: f64,
    max_burn_rate: f64,
    window: Option<&Bound<'_, PyAny>>,
    confidence: f64,
    min_coverage: f64,
) -> PyResult<Gate> {
    let gate = ReleaseGate {
        least_remaining: min_budget,
        most_burn: max_burn_rate,
        confidence,
        least_coverage: min_coverage,
    };
    let judged = evaluation.judged();
    let objective = evaluation.error_objective();
    let ok = |error: slo_core::Error| value_error(&error);
    let state = GateState {
        remaining: judged.spent(judged.seen().bad(), objective).map_err(ok)?.map(|spent| 1.0 - spent),
        recent: evaluation.recent(py, window)?,
        coverage: judged.coverage(),
    };
    let holds = gate.holds(objective, state).map_err(ok)?;
    Ok(Gate { reasons: holds.iter().map(ToString::to_string).collect() })
}

#[pymethods]
impl Gate {
    /// Whether changes may go out.
    #[getter]
    const fn is_open(&self) -> bool {
        self.reasons.is_empty()
    }

    /// Why not; empty where they may.
    #[getter]
    fn reasons(&self) -> Vec<String> {
        self.reasons.clone()
    }

    const fn __bool__(&self) -> bool {
        self.is_open()
    }

    fn __repr__(&self) -> String {
        match self.reasons.as_slice() {
            [] => "<Gate open>".to_owned(),
            reasons => format!("<Gate closed: {}>", reasons.join("; ")),
        }
    }

    fn _repr_html_(&self) -> String {
        match self.reasons.as_slice() {
            [] => "<p><b>Changes may go out.</b></p>".to_owned(),
            reasons => format!("<p><b>No changes:</b> {}</p>", escape(&reasons.join("; "))),
        }
    }
}
