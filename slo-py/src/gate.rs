//! `slo.gate`: may a change go out now?

use crate::{error::value_error, evaluation::Evaluation};
use pyo3::{prelude::*, types::PyAny};
use slo_core::page::escape;
use slo_core::stats::{GateState, ReleaseGate};

/// The decision whether changes may go out; made by :func:`gate`.
///
/// It is true unless there is a reason against changes.
#[pyclass(frozen, eq, module = "slo")]
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Gate {
    verdict: String,
    reasons: Vec<String>,
    doubts: Vec<String>,
}

/// Whether changes may go out now.
///
/// Parameters
/// ----------
/// evaluation : Evaluation
/// min_budget : float, default 0.0
///     The gate is open only above this share of the whole period's budget, as in
///     :attr:`Evaluation.projected_budget_remaining`.
/// max_burn_rate : float, default 1.0
///     The burn rate that recent events must not exceed.
/// window : str or timedelta, default ``"1h"``
///     The window of recent events.
/// confidence : float, default 0.95
///     How sure it must be that they exceed it. One failure among ten requests does not close the gate:
///     it is then *inconclusive*, and true.
/// min_coverage : float, default 0.9
///     The share of the period up to the end of the history that must have been seen. If rows are missing
///     because nothing happened, pass ``gaps="zero"`` to :class:`Samples`.
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
/// <Gate closed: -5.0 % of the period's budget is left (projected), and more than 0.0 % is required; the burn rate is above 1 with 100.0 % certainty>
#[pyfunction]
#[pyo3(
    signature = (evaluation, *, min_budget = 0.0, max_burn_rate = 1.0, window = None, confidence = 0.95, min_coverage = 0.9),
    text_signature = "(evaluation, *, min_budget=0.0, max_burn_rate=1.0, window='1h', confidence=0.95, min_coverage=0.9)"
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
    let gate = ReleaseGate { min_budget, max_burn_rate, confidence, min_coverage };
    let judged = evaluation.judged();
    let objective = evaluation.error_objective();
    let ok = |error: slo_core::Error| value_error(&error);
    let state = GateState {
        remaining: judged.spent(judged.seen().bad(), objective).map_err(ok)?.map(|spent| 1.0 - spent),
        recent: evaluation.recent(py, window)?,
        coverage: judged.coverage_so_far(),
    };
    let judged = gate.judge(objective, state).map_err(ok)?;
    Ok(Gate {
        verdict: judged.verdict().as_str().to_owned(),
        reasons: judged.holds.iter().map(ToString::to_string).collect(),
        doubts: judged.doubts.iter().map(ToString::to_string).collect(),
    })
}

#[pymethods]
impl Gate {
    #[new]
    const fn new(verdict: String, reasons: Vec<String>, doubts: Vec<String>) -> Self {
        Self { verdict, reasons, doubts }
    }

    /// ``"open"``, ``"closed"``, or ``"inconclusive"`` if there are too few events to tell.
    #[getter]
    fn verdict(&self) -> &str {
        &self.verdict
    }

    /// Whether changes may go out.
    #[getter]
    const fn is_open(&self) -> bool {
        self.reasons.is_empty()
    }

    /// The reasons against changes; empty if they may go out.
    #[getter]
    fn reasons(&self) -> Vec<String> {
        self.reasons.clone()
    }

    /// Open questions, such as too few recent events; they do not close the gate.
    #[getter]
    fn doubts(&self) -> Vec<String> {
        self.doubts.clone()
    }

    const fn __bool__(&self) -> bool {
        self.is_open()
    }

    fn __getnewargs__(&self) -> (&str, Vec<String>, Vec<String>) {
        (&self.verdict, self.reasons(), self.doubts())
    }

    fn __repr__(&self) -> String {
        let all: Vec<&str> = self.reasons.iter().chain(&self.doubts).map(String::as_str).collect();
        match all.as_slice() {
            [] => format!("<Gate {}>", self.verdict),
            all => format!("<Gate {}: {}>", self.verdict, all.join("; ")),
        }
    }

    fn _repr_html_(&self) -> String {
        let doubts = match self.doubts.as_slice() {
            [] => String::new(),
            doubts => format!(" Not known: {}.", escape(&doubts.join("; "))),
        };
        match self.reasons.as_slice() {
            [] => format!("<p><b>Changes may go out.</b>{doubts}</p>"),
            reasons => format!("<p><b>No changes:</b> {}.{doubts}</p>", escape(&reasons.join("; "))),
        }
    }
}
