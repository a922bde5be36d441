//! `slo.experiments`: experiments that inject faults, what they cost, and when they must stop.

use crate::{
    convert::{fraction, moment, now, tally, window},
    error::{SloError, spec_error, value_error},
    objective::objective as objective_of,
};
use pyo3::{prelude::*, types::PyDict};
use slo_core::{
    math::{PeriodBudget, Tally},
    model::Window,
};
use slo_ops::experiment::{self, Before, Experiment, Plan, Ruling, Verdict, read};
use std::{collections::BTreeMap, time::Duration};

/// An experiment that injects a fault, from its file.
///
/// Parameters
/// ----------
/// text : str
///     YAML with ``version: slo-experiment/v1``.
///
/// Raises
/// ------
/// SpecError
///     A text with faults; ``faults`` holds all of them.
///
/// Examples
/// --------
/// >>> from slo import experiments
/// >>> experiment = experiments.FaultExperiment('''
/// ... version: slo-experiment/v1
/// ... name: kill-a-replica
/// ... hypothesis: [{slo: checkout/availability, tolerated_burn_rate: 10}]
/// ... fault: {kill: {pid_file: run/checkout.pid}}
/// ... limits: {spend: 1%, duration: 5m}
/// ... ''')
/// >>> experiment.hypotheses
/// {'checkout/availability': Fraction(10, 1)}
#[pyclass(frozen, module = "slo.experiments")]
pub(crate) struct FaultExperiment {
    experiment: Experiment,
}

#[pymethods]
impl FaultExperiment {
    #[new]
    #[pyo3(signature = (text, /))]
    fn new(py: Python<'_>, text: &str) -> PyResult<Self> {
        let experiment = read(text).map_err(|faults| spec_error(py, None, &faults))?;
        Ok(Self { experiment })
    }

    /// The name of the experiment.
    #[getter]
    fn name(&self) -> &str {
        &self.experiment.name
    }

    /// What it is to find out.
    #[getter]
    fn description(&self) -> &str {
        &self.experiment.description
    }

    /// The kind of its fault: ``kill``, ``stop``, ``pressure``, ``proxy``, ``service`` or ``node``.
    #[getter]
    const fn fault(&self) -> &'static str {
        self.experiment.fault.kind()
    }

    /// The tolerated burn rate of each SLO, by ``service/slo``.
    #[getter]
    fn hypotheses<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let all = PyDict::new(py);
        for hypothesis in &self.experiment.hypotheses {
            all.set_item(&hypothesis.slo, fraction(py, hypothesis.tolerated)?)?;
        }
        Ok(all)
    }

    /// Plan the experiment: its cost, and whether it can teach anything.
    ///
    /// Parameters
    /// ----------
    /// usual : dict of str to (int, int)
    ///     For each SLO, all events and bad events in a time without a fault.
    /// seconds : float
    ///     The length of that time.
    /// objective : str, Objective or dict of str to these
    ///     The objective, or one for each SLO.
    /// expected : int or dict of str to int
    ///     The events that the SLO period is expected to have, or one number for each SLO.
    /// left : float or dict of str to float, optional
    ///     The share of the budget that is left.
    ///
    /// Returns
    /// -------
    /// dict
    ///     ``slos`` (a list with a dict for each SLO), ``obstacles`` and ``warnings`` (lists of str). The experiment may
    ///     begin if there are no obstacles.
    #[pyo3(signature = (usual, *, seconds, objective, expected, left = None))]
    fn plan<'py>(
        &self,
        py: Python<'py>,
        usual: BTreeMap<String, (u64, u64)>,
        seconds: f64,
        objective: &Bound<'py, PyAny>,
        expected: &Bound<'py, PyAny>,
        left: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if !(seconds.is_finite() && seconds > 0.0) {
            return Err(SloError::new_err(format!(
                "{seconds} seconds are no length of time; give more than 0"
            )));
        }
        let slos = self.experiment.hypotheses.iter().map(|hypothesis| hypothesis.slo.as_str());
        let before = slos.map(|slo| {
            let (total, bad) = usual.get(slo).copied().ok_or_else(|| missing("usual", slo))?;
            let left: Option<f64> = match left {
                Some(left) => Some(of(left, slo, "left")?.extract()?),
                None => None,
            };
            Ok(Before {
                budget: budget(slo, objective, expected)?,
                left,
                usual: tally(total, bad)?,
                seconds,
                alerts: 0,
            })
        });
        let before: Vec<Before> = before.collect::<PyResult<_>>()?;
        let plan = Plan::of(&self.experiment, &before).map_err(|error| value_error(&error))?;
        let text = serde_json::to_string(&plan).map_err(|error| SloError::new_err(error.to_string()))?;
        py.import("json")?.call_method1("loads", (text,))
    }

    /// A guard for the experiment, whose fault is injected at ``start``.
    ///
    /// Parameters
    /// ----------
    /// objective, expected
    ///     As in `plan`.
    /// start : datetime, optional
    ///     When the fault is injected; now by default.
    /// events_per_second : float or dict of str to float, optional
    ///     The usual traffic. If given, the guard also stops if the traffic ends.
    /// lag : str or timedelta, optional
    ///     How late the counts may be, such as the scrape interval of Prometheus; they are not late by default.
    ///
    /// Returns
    /// -------
    /// Guard
    #[pyo3(signature = (*, objective, expected, start = None, events_per_second = None, lag = None))]
    fn guard(
        &self,
        py: Python<'_>,
        objective: &Bound<'_, PyAny>,
        expected: &Bound<'_, PyAny>,
        start: Option<&Bound<'_, PyAny>>,
        events_per_second: Option<&Bound<'_, PyAny>>,
        lag: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Guard> {
        let slos: Vec<String> =
            self.experiment.hypotheses.iter().map(|hypothesis| hypothesis.slo.clone()).collect();
        let budgets =
            slos.iter().map(|slo| budget(slo, objective, expected)).collect::<PyResult<Vec<_>>>()?;
        let start = start.map_or_else(|| now(py), moment)?;
        let usual = events_per_second.map(|usual| {
            slos.iter()
                .map(|slo| of(usual, slo, "events_per_second")?.extract())
                .collect::<PyResult<Vec<f64>>>()
        });
        let lag = lag.map(window).transpose()?.map_or(Duration::ZERO, Window::as_duration);
        let guard =
            experiment::Guard::new(&self.experiment, &budgets, start).map_err(|error| value_error(&error))?;
        Ok(Guard { guard: guard.expecting(&usual.transpose()?.unwrap_or_default(), lag), slos })
    }

    fn __repr__(&self) -> String {
        format!("<FaultExperiment {}: {}>", self.experiment.name, self.experiment.fault.kind())
    }
}

/// Watches an experiment, and says when it must stop.
///
/// It stops a healthy experiment with a probability of at most 1 − confidence, however often it looks.
///
/// Examples
/// --------
/// >>> from slo import experiments
/// >>> experiment = experiments.FaultExperiment('''
/// ... version: slo-experiment/v1
/// ... name: kill-a-replica
/// ... hypothesis: [{slo: checkout/availability, tolerated_burn_rate: 10}]
/// ... fault: {kill: {pid_file: run/checkout.pid}}
/// ... limits: {spend: 1%, duration: 5m}
/// ... ''')
/// >>> guard = experiment.guard(objective="99.9%", expected=10_000_000)
/// >>> guard.look({"checkout/availability": (1_000, 5)})
/// >>> guard.look({"checkout/availability": (1_100, 60)})
/// 'checkout/availability burned its budget faster than tolerated'
/// >>> guard.verdicts
/// {'checkout/availability': 'broken'}
#[pyclass(module = "slo.experiments")]
pub(crate) struct Guard {
    guard: experiment::Guard,
    slos: Vec<String>,
}

#[pymethods]
impl Guard {
    /// Look at the events since the fault was injected.
    ///
    /// Parameters
    /// ----------
    /// counts : dict of str to (int, int) or None
    ///     For each SLO, all events and bad events since then; None, or no entry, without data.
    /// at : datetime, optional
    ///     The time of the look; now by default.
    ///
    /// Returns
    /// -------
    /// str or None
    ///     The reason to stop now, or None to go on.
    #[pyo3(signature = (counts, *, at = None))]
    fn look(
        &mut self,
        py: Python<'_>,
        counts: BTreeMap<String, Option<(u64, u64)>>,
        at: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Option<String>> {
        if let Some(unknown) = counts.keys().find(|slo| !self.slos.contains(slo)) {
            let message = format!(
                "the experiment has no hypothesis about `{unknown}`; it has {}",
                self.slos.join(", ")
            );
            return Err(SloError::new_err(message));
        }
        let at = at.map_or_else(|| now(py), moment)?;
        let tallies = self.slos.iter().map(|slo| match counts.get(slo).copied().flatten() {
            Some((total, bad)) => tally(total, bad).map(Some),
            None => Ok(None),
        });
        let tallies: Vec<Option<Tally>> = tallies.collect::<PyResult<_>>()?;
        Ok(match self.guard.look(at, &tallies) {
            Ruling::GoOn => None,
            Ruling::Stop(stop) => Some(stop.to_string()),
        })
    }

    /// What the events so far say about each SLO: ``held``, ``broken`` or ``inconclusive``.
    #[getter]
    fn verdicts(&self) -> BTreeMap<&str, &'static str> {
        let verdicts = self.guard.verdicts().into_iter().map(Verdict::as_str);
        self.slos.iter().map(String::as_str).zip(verdicts).collect()
    }

    /// How many more events each inconclusive SLO needs, if its error ratio stays as it is; None if it would never be decided.
    #[getter]
    fn events_needed(&self) -> BTreeMap<&str, Option<u64>> {
        let slos = self.slos.iter().map(String::as_str).zip(self.guard.verdicts());
        slos.filter_map(|(slo, verdict)| match verdict {
            Verdict::Inconclusive { events_needed } => Some((slo, events_needed)),
            _ => None,
        })
        .collect()
    }

    fn __repr__(&self) -> String {
        let verdicts = self.verdicts().into_iter().map(|(slo, verdict)| format!("{slo} {verdict}"));
        format!("<Guard: {}>", verdicts.collect::<Vec<_>>().join(", "))
    }
}

/// The budget of an SLO's period.
fn budget(slo: &str, objective: &Bound<'_, PyAny>, expected: &Bound<'_, PyAny>) -> PyResult<PeriodBudget> {
    let objective = of(objective, slo, "objective")?;
    let expected: u64 = of(expected, slo, "expected")?.extract()?;
    PeriodBudget::new(objective_of(&objective)?, expected).map_err(|error| value_error(&error))
}

/// The value of an SLO: that of a dict, or the same for all.
fn of<'py>(value: &Bound<'py, PyAny>, slo: &str, name: &str) -> PyResult<Bound<'py, PyAny>> {
    match value.cast::<PyDict>() {
        Ok(dict) => dict.get_item(slo)?.ok_or_else(|| missing(name, slo)),
        Err(_) => Ok(value.clone()),
    }
}

fn missing(name: &str, slo: &str) -> PyErr {
    SloError::new_err(format!("`{name}` has nothing for {slo}, which the experiment has a hypothesis about"))
}
