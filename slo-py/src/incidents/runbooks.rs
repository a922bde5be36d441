//! `slo.incidents`: runbooks, and what they would do next.

use super::Incident;
use crate::{
    convert::{datetime, moment, now},
    error::{SloError, spec_error},
};
use pyo3::{prelude::*, types::PyDict};
use slo_core::document::{Faults, documents};
use slo_ops::{
    incident::Target,
    runbook::{self, Action, PastStart, Situation, next, read},
};
use std::collections::{BTreeMap, BTreeSet};

/// The runbooks of a configuration.
///
/// They are the part under ``runbooks:`` in the file of `slo serve`.
///
/// Parameters
/// ----------
/// text : str
///     YAML: a mapping of runbooks by name.
///
/// Raises
/// ------
/// SpecError
///     A text with faults; ``faults`` holds all of them.
///
/// Examples
/// --------
/// >>> from slo import incidents
/// >>> incidents.Runbooks("checkout-down: {steps: [{diagnose: host}, {diagnose: prometheus}]}").names
/// ['checkout-down']
#[pyclass(frozen, module = "slo.incidents")]
pub(crate) struct Runbooks {
    runbooks: runbook::Runbooks,
}

/// The actions, and when to ask again.
type Next<'py> = (Vec<Bound<'py, PyDict>>, Option<Bound<'py, PyAny>>);

#[pymethods]
impl Runbooks {
    #[new]
    #[pyo3(signature = (text, /))]
    fn new(py: Python<'_>, text: &str) -> PyResult<Self> {
        let mut faults = Faults::default();
        let runbooks = match documents(text) {
            Ok(documents) => match documents.as_slice() {
                [one] => Some(read(one, "runbooks", &mut faults)),
                _ => return Err(SloError::new_err("the text is not one YAML document")),
            },
            Err(fault) => {
                faults.push(fault);
                None
            }
        };
        let runbooks = faults.into_result(runbooks).map_err(|faults| spec_error(py, None, &faults))?;
        Ok(Self { runbooks })
    }

    /// The names of the runbooks.
    #[getter]
    fn names(&self) -> Vec<String> {
        self.runbooks.keys().cloned().collect()
    }

    /// The next actions for an incident.
    ///
    /// They follow from its record, the runbooks and the time alone.
    ///
    /// Parameters
    /// ----------
    /// incident : Incident
    /// at : datetime, default now
    /// starts : dict of (str, str) to list of datetime, or of (datetime, bool or None), default {}
    ///     When steps were started in all incidents, oldest first, by the names of runbook and step; and whether they helped.
    ///     Cooldowns and limits of starts depend on it, and whether a remediation may run without approval.
    /// targets : list of str, default ["pagerduty", "slack"]
    ///     The channels that get notifications.
    /// counted : list of str, default []
    ///     SLOs whose counts can be queried, as ``service/slo``.
    ///
    /// Returns
    /// -------
    /// (list of dict, datetime or None)
    ///     The actions, each with ``action``: ``record``, ``run``, ``look``, ``account`` or ``send``; and when to ask again.
    #[pyo3(signature = (incident, *, at = None, starts = BTreeMap::new(), targets = None, counted = BTreeSet::new()))]
    fn next<'py>(
        &self,
        py: Python<'py>,
        incident: &Incident,
        at: Option<&Bound<'py, PyAny>>,
        starts: BTreeMap<(String, String), Vec<Bound<'py, PyAny>>>,
        targets: Option<Vec<String>>,
        counted: BTreeSet<String>,
    ) -> PyResult<Next<'py>> {
        let target = |name: String| match name.as_str() {
            "pagerduty" => Ok(Target::PagerDuty),
            "slack" => Ok(Target::Slack),
            _ => {
                Err(SloError::new_err(format!("`{name}` is not a target; write \"pagerduty\" or \"slack\"")))
            }
        };
        let targets = targets.unwrap_or_else(|| vec!["pagerduty".to_owned(), "slack".to_owned()]);
        let targets: Vec<Target> = targets.into_iter().map(target).collect::<PyResult<_>>()?;
        let starts = starts
            .into_iter()
            .map(|(names, times)| Ok((names, times.iter().map(past_start).collect::<PyResult<Vec<_>>>()?)));
        let starts: BTreeMap<_, _> = starts.collect::<PyResult<_>>()?;
        let situation = Situation {
            now: at.map_or_else(|| now(py), moment)?,
            running: &BTreeSet::new(),
            starts: &starts,
            targets: &targets,
            runbooks: &self.runbooks,
            counted: &counted,
            summarizes: false,
        };
        let next = next(&incident.incident, &situation);
        let actions = next.actions.iter().map(|action| dict(py, action)).collect::<PyResult<_>>()?;
        let again = next.at.map(|time| datetime(py, time)).transpose()?;
        Ok((actions, again))
    }

    fn __repr__(&self) -> String {
        format!("<Runbooks: {}>", self.names().join(", "))
    }
}

fn past_start(value: &Bound<'_, PyAny>) -> PyResult<PastStart> {
    match value.extract::<(Bound<'_, PyAny>, Option<bool>)>() {
        Ok((at, helped)) => Ok(PastStart { at: moment(&at)?, helped }),
        Err(_) => Ok(PastStart { at: moment(value)?, helped: None }),
    }
}

fn dict<'py>(py: Python<'py>, action: &Action) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    match action {
        Action::Record(entry) => {
            dict.set_item("action", "record")?;
            dict.set_item("text", entry.event.to_string())?;
        }
        Action::Run { step, attempt, .. } => {
            dict.set_item("action", "run")?;
            dict.set_item("step", step)?;
            dict.set_item("attempt", attempt)?;
        }
        Action::Look { step, since, .. } => {
            dict.set_item("action", "look")?;
            dict.set_item("step", step)?;
            dict.set_item("since", since.map(|since| datetime(py, since)).transpose()?)?;
        }
        Action::Account { .. } => dict.set_item("action", "account")?,
        Action::Summarize { .. } => dict.set_item("action", "summarize")?,
        Action::Send { target, message, attempt, may_repeat, .. } => {
            dict.set_item("action", "send")?;
            dict.set_item("target", target.to_string().to_lowercase())?;
            dict.set_item("message", message.to_string())?;
            dict.set_item("attempt", attempt)?;
            dict.set_item("may_repeat", may_repeat)?;
        }
        _ => {
            let told = "this version of the package does not know the action; update it";
            return Err(SloError::new_err(told));
        }
    }
    Ok(dict)
}
