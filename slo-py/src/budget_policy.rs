//! `slo.policy`: what an error-budget policy says.

use crate::{
    convert::{datetime, fraction, ratio, tally},
    error::{SloError, value_error},
    samples::Source,
    table::{Columns, Table},
};
use pyo3::{prelude::*, types::PyAny};
use slo_core::{
    model::{self, Name, Ratio, Timestamp},
    replay::{self, Priced},
};

/// What the remaining error budget allows: `policy` in a spec.
///
/// Parameters
/// ----------
/// freeze : str, int, Fraction or Decimal, default 0
///     The remaining share of the budget at which releases stop.
/// exceptions : list of str, default []
///     The kinds of change that a freeze lets through.
/// caution : str, Fraction or Decimal, optional
///     The remaining share at which caution begins; above `freeze`.
/// hysteresis : str, int, Fraction or Decimal, default 0
///     How far the remaining share must be above a bound to end its stage.
/// postmortem : str, Fraction or Decimal, optional
///     The share of a period's budget above which an incident needs a postmortem.
///
/// Raises
/// ------
/// SloError
///     Bounds that do not fit together.
///
/// Examples
/// --------
/// >>> from datetime import datetime, timezone
/// >>> from slo.policy import ErrorBudgetPolicy
/// >>> policy = ErrorBudgetPolicy(exceptions=["security"], caution="0.25", hysteresis="0.05")
/// >>> hours = [datetime(2026, 12, 1, hour, tzinfo=timezone.utc) for hour in range(3)]
/// >>> standing = policy.standing({"time": hours, "remaining": [0.4, -0.1, 0.04]})
/// >>> standing.stage, standing.decision(), standing.decision("security")
/// ('freeze', 'stop', 'go')
#[pyclass(frozen, eq, from_py_object, module = "slo.policy")]
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ErrorBudgetPolicy(pub(crate) model::ErrorBudgetPolicy);

#[pymethods]
impl ErrorBudgetPolicy {
    #[new]
    #[pyo3(signature = (*, freeze = None, exceptions = vec![], caution = None, hysteresis = None, postmortem = None))]
    #[pyo3(text_signature = "(*, freeze=0, exceptions=[], caution=None, hysteresis=0, postmortem=None)")]
    fn new(
        freeze: Option<&Bound<'_, PyAny>>,
        exceptions: Vec<String>,
        caution: Option<&Bound<'_, PyAny>>,
        hysteresis: Option<&Bound<'_, PyAny>>,
        postmortem: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let made = |made: Result<model::ErrorBudgetPolicy, slo_core::Error>| {
            made.map_err(|error| value_error(&error))
        };
        let kinds: Result<Vec<Name>, slo_core::Error> = exceptions.iter().map(|kind| kind.parse()).collect();
        let kinds = kinds.map_err(|error| value_error(&error))?;
        let freeze = freeze.map_or(Ok(Ratio::ZERO), ratio)?;
        let mut policy = made(model::ErrorBudgetPolicy::new(freeze))?.with_exceptions(kinds);
        if let Some(share) = hysteresis {
            policy = made(policy.with_hysteresis(ratio(share)?))?;
        }
        if let Some(share) = caution {
            policy = made(policy.with_caution(ratio(share)?))?;
        }
        if let Some(share) = postmortem {
            policy = made(policy.with_postmortem(ratio(share)?))?;
        }
        Ok(Self(policy))
    }

    /// The remaining share at which releases stop, as a `Fraction`.
    #[getter]
    fn freeze<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        fraction(py, self.0.freeze())
    }

    /// The kinds of change that a freeze lets through.
    #[getter]
    fn exceptions(&self) -> Vec<&str> {
        self.0.exceptions().iter().map(Name::as_str).collect()
    }

    /// The remaining share at which caution begins, as a `Fraction`, or None.
    #[getter]
    fn caution<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.0.caution().map(|share| fraction(py, share)).transpose()
    }

    /// How far the remaining share must be above a bound to end its stage, as a `Fraction`.
    #[getter]
    fn hysteresis<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        fraction(py, self.0.hysteresis())
    }

    /// The share of a period's budget above which an incident needs a postmortem, as a `Fraction`, or None.
    #[getter]
    fn postmortem<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.0.postmortem().map(|share| fraction(py, share)).transpose()
    }

    /// What the policy says after a history of the remaining budget.
    ///
    /// Parameters
    /// ----------
    /// budget : table
    ///     `time` (rising) and `remaining`: the share of the period's budget that was left; null where it is not known, which
    ///     changes no stage.
    /// incidents : table, optional
    ///     `began`, `ended` (times), `total`, `bad`, and `spent`: the share of a period's budget that an incident has spent.
    ///
    /// Returns
    /// -------
    /// PolicyStanding
    ///
    /// Raises
    /// ------
    /// SloError
    ///     Columns that are missing or differ in length, or times that do not rise.
    #[pyo3(signature = (budget, /, *, incidents = None))]
    fn standing(
        &self,
        py: Python<'_>,
        budget: &Bound<'_, PyAny>,
        incidents: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<PolicyStanding> {
        let source = Source::of(Some(budget))?;
        let times = source.times(py, "time", None)?.in_zone(None)?;
        let left = source.numbers("remaining")?;
        if times.len() != left.len() {
            return Err(SloError::new_err("the columns differ in length"));
        }
        let priced = incidents.map(|table| priced(py, table)).transpose()?.unwrap_or_default();
        let points = times.into_iter().map(Timestamp::from_millis).zip(left);
        let standing =
            replay::PolicyStanding::of(&self.0, points, &priced).map_err(|error| value_error(&error))?;
        Ok(PolicyStanding(standing))
    }

    fn __repr__(&self) -> String {
        format!("<ErrorBudgetPolicy: freeze at {} %>", self.0.freeze().to_percent())
    }
}

fn priced(py: Python<'_>, table: &Bound<'_, PyAny>) -> PyResult<Vec<Priced>> {
    let source = Source::of(Some(table))?;
    let times = |name: &str| -> PyResult<Vec<i64>> { source.times(py, name, None)?.in_zone(None) };
    let (began, ended) = (times("began")?, times("ended")?);
    let counts = |name: &str| -> PyResult<Vec<u64>> {
        let counts = source.counts(py, name, None)?;
        let counts = counts.borrow(py)?;
        Ok(counts.as_slice()?.to_vec())
    };
    let (total, bad, spent) = (counts("total")?, counts("bad")?, source.numbers("spent")?);
    if [ended.len(), total.len(), bad.len(), spent.len()].iter().any(|length| *length != began.len()) {
        return Err(SloError::new_err("the columns of `incidents` differ in length"));
    }
    let rows = began.into_iter().zip(ended).zip(total.into_iter().zip(bad)).zip(spent);
    rows.map(|(((began, ended), (total, bad)), spent)| {
        let price = spent.ok_or_else(|| SloError::new_err("`spent` of `incidents` has a null"))?;
        Ok(Priced::new(
            Timestamp::from_millis(began),
            Timestamp::from_millis(ended),
            tally(total, bad)?,
            price,
        ))
    })
    .collect()
}

/// What an error-budget policy says about an SLO, and why.
#[pyclass(frozen, module = "slo.policy")]
pub(crate) struct PolicyStanding(replay::PolicyStanding);

#[pymethods]
impl PolicyStanding {
    /// Its stage: "open", "caution" or "freeze"; None if no value is known.
    #[getter]
    fn stage(&self) -> Option<&'static str> {
        self.0.known_stage().map(replay::PolicyStage::as_str)
    }

    /// When the stage began, as a datetime in UTC; None if it did not begin in this history.
    #[getter]
    fn since<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.0.since.map(|since| datetime(py, since)).transpose()
    }

    /// The share of the budget that is left at the end; None if it is not known.
    #[getter]
    const fn remaining(&self) -> Option<f64> {
        self.0.remaining
    }

    /// The remaining share above which the stage ends, as a `Fraction`; None if releases go on.
    #[getter]
    fn ends_above<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.0.ends_above().map(|share| fraction(py, share)).transpose()
    }

    /// Whether a change may go live: "go", "stop" or "unknown".
    ///
    /// Parameters
    /// ----------
    /// change : str, optional
    ///     The kind of change; a freeze lets the exceptions of the policy through.
    #[pyo3(signature = (change = None, /))]
    fn decision(&self, change: Option<&str>) -> &'static str {
        self.0.decision(change).as_str()
    }

    /// Each change of the stage, oldest first.
    ///
    /// Returns
    /// -------
    /// Table
    ///     `time`, `stage`.
    #[getter]
    fn changes(&self) -> PyResult<Table> {
        let changes = &self.0.changes;
        Columns::default()
            .times("time", changes.iter().map(|(at, _)| *at))
            .words("stage", changes.iter().map(|(_, stage)| stage.as_str()))
            .table()
    }

    /// The incidents that need a postmortem.
    ///
    /// Returns
    /// -------
    /// Table
    ///     `began`, `ended`, `total`, `bad`, `spent`.
    #[getter]
    fn postmortems(&self) -> PyResult<Table> {
        let all = &self.0.postmortems;
        Columns::default()
            .times("began", all.iter().map(|one| one.start))
            .times("ended", all.iter().map(|one| one.end))
            .counts("total", all.iter().map(|one| one.tally.total()).collect())
            .counts("bad", all.iter().map(|one| one.tally.bad()).collect())
            .numbers("spent", all.iter().map(|one| Some(one.price)))
            .table()
    }

    fn __str__(&self) -> String {
        self.0.sentences("UTC")
    }

    fn __repr__(&self) -> String {
        format!("<PolicyStanding: {}>", self.stage().unwrap_or("unknown"))
    }
}
