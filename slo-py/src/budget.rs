//! `slo.ErrorBudget`

use crate::{
    backtest::{Backtest, Wishes},
    convert::{fraction, ratio, tally, timedelta, window},
    error::data_error,
    evaluation::Evaluation,
    experiment::{Experiment, Tolerance},
    html,
    objective::{Objective, objective},
    policy::{AlertPolicy, or_workbook},
    samples::Samples,
    search::{Candidate, Wish},
};
use pyo3::{prelude::*, types::PyAny};
use slo_core::{
    math::{self, BurnRate, Tally, allowed_downtime, time_to_exhaustion},
    model::{self, Window},
};
use std::time::Duration;

/// The error budget of an objective over a period.
///
/// Parameters
/// ----------
/// objective : str, Decimal, float or Objective
/// period : str or timedelta, default ``"30d"``
///
/// Examples
/// --------
/// >>> import slo
/// >>> slo.ErrorBudget("99.9%", "30d")
/// ErrorBudget(0.1% = 43m12s per 30d)
/// >>> slo.ErrorBudget("99.9%").remaining(total=100_000, bad=25)
/// 0.75
#[pyclass(frozen, eq, hash, module = "slo")]
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct ErrorBudget {
    pub(crate) objective: model::Objective,
    pub(crate) period: Window,
}

#[pymethods]
impl ErrorBudget {
    #[new]
    #[pyo3(signature = (objective, period = None), text_signature = "(objective, period='30d')")]
    fn new(objective: &Bound<'_, PyAny>, period: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let period = period.map_or(Ok(Window::days(30)), window)?;
        Ok(Self { objective: self::objective(objective)?, period })
    }

    /// The objective.
    #[getter]
    const fn objective(&self) -> Objective {
        Objective(self.objective)
    }

    /// The period, a `timedelta`.
    #[getter]
    const fn period(&self) -> Duration {
        timedelta(self.period)
    }

    /// The share of events that may be bad, a `Fraction`.
    #[getter]
    fn ratio<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        fraction(py, self.objective.budget())
    }

    /// The seconds of full downtime that the budget allows, a `Fraction`.
    #[getter]
    fn downtime_seconds<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        fraction(py, allowed_downtime(self.objective, self.period))
    }

    /// The number of bad events allowed among `total` events, a `Fraction`.
    fn allowed<'py>(&self, py: Python<'py>, total: u64) -> PyResult<Bound<'py, PyAny>> {
        let tally = tally(total, 0)?;
        fraction(py, math::ErrorBudget::observed(self.objective, tally).allowed())
    }

    /// Evaluate this budget over a history.
    ///
    /// Parameters
    /// ----------
    /// samples : Samples
    ///
    /// Examples
    /// --------
    /// >>> import slo
    /// >>> month = slo.Samples({"time": [3600, 7200], "total": [50_000, 50_000], "bad": [10, 15]})
    /// >>> slo.ErrorBudget("99.9%").evaluate(month).budget_remaining
    /// 0.75
    fn evaluate(&self, py: Python<'_>, samples: Py<Samples>) -> PyResult<Evaluation> {
        Evaluation::of(py, samples, self.objective, model::Period::Rolling(self.period))
    }

    /// Replay alerts for this budget over a history.
    ///
    /// The parameters are those of :meth:`Slo.backtest`; the default policy is the Workbook's.
    #[pyo3(signature = (samples, policy = None, *, every = None, incidents = None, significant = 0.02, warm_up = true, threads = None))]
    #[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn backtest(
        &self,
        py: Python<'_>,
        samples: Py<Samples>,
        policy: Option<PyRef<'_, AlertPolicy>>,
        every: Option<&Bound<'_, PyAny>>,
        incidents: Option<&Bound<'_, PyAny>>,
        significant: f64,
        warm_up: bool,
        threads: Option<usize>,
    ) -> PyResult<Backtest> {
        let policy = match policy {
            Some(policy) => policy.clone(),
            None => or_workbook(None, self.period)?.fitted_to(py, samples.get().step_window())?,
        };
        let wishes = Wishes { every, incidents, significant, warm_up };
        let replay = wishes.replay(py, self.objective, self.period)?;
        Backtest::of(py, samples, policy, replay, threads)
    }

    /// Compare the two arms of an experiment after every step.
    ///
    /// The intervals hold for all looks together, so you may stop at the first decision.
    ///
    /// Parameters
    /// ----------
    /// control, treatment : Samples
    ///     With the same start and step.
    /// tolerated_burn_rate : str, int, Fraction or Decimal, default 2
    ///     The burn rate that the treatment may have while that of the control is 1: its error ratio may be
    ///     (k − 1)·β higher.
    /// confidence : float, default 0.95
    ///
    /// Returns
    /// -------
    /// Experiment
    ///
    /// Examples
    /// --------
    /// >>> import slo
    /// >>> minutes = [60 * (minute + 1) for minute in range(30)]
    /// >>> stable = slo.Samples({"time": minutes, "total": [9_000] * 30, "bad": [9] * 30})
    /// >>> canary = slo.Samples({"time": minutes, "total": [1_000] * 30, "bad": [11] * 30})
    /// >>> slo.ErrorBudget("99.9%").experiment(stable, canary).verdict
    /// 'degraded'
    #[pyo3(
        signature = (control, treatment, *, tolerated_burn_rate = None, confidence = 0.95),
        text_signature = "($self, control, treatment, *, tolerated_burn_rate=2, confidence=0.95)"
    )]
    fn experiment(
        &self,
        py: Python<'_>,
        control: &Samples,
        treatment: &Samples,
        tolerated_burn_rate: Option<&Bound<'_, PyAny>>,
        confidence: f64,
    ) -> PyResult<Experiment> {
        let burn_rate = tolerated_burn_rate.map_or(Ok(model::Ratio::whole(2)), ratio)?;
        let tolerance = Tolerance { objective: self.objective, burn_rate, confidence };
        Experiment::of(py, control, treatment, &tolerance)
    }

    /// The alert policies that fit a history best.
    ///
    /// No other policy beats one of them in both needless alerts and budget spent before detection. A
    /// needless alert is false, or repeats an earlier alert for the same incident.
    ///
    /// Parameters
    /// ----------
    /// samples : Samples
    /// most_rules : int, default 2
    /// least_recall : float, default 0
    ///     The share of incidents that must be detected.
    /// every, incidents, significant, warm_up
    ///     As for :meth:`Slo.backtest`.
    ///
    /// Returns
    /// -------
    /// list of Candidate
    ///     Fewest needless alerts first; empty if no policy detects enough incidents. A policy always looks
    ///     good on the history that it was chosen by: judge it on another one.
    #[pyo3(signature = (samples, *, most_rules = 2, least_recall = 0.0, every = None, incidents = None, significant = 0.02, warm_up = true))]
    #[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn search(
        &self,
        py: Python<'_>,
        samples: &Samples,
        most_rules: usize,
        least_recall: f64,
        every: Option<&Bound<'_, PyAny>>,
        incidents: Option<&Bound<'_, PyAny>>,
        significant: f64,
        warm_up: bool,
    ) -> PyResult<Vec<Candidate>> {
        const MOST: usize = 4;
        if most_rules > MOST {
            let message = format!("most_rules is {most_rules}; a spec has {MOST} tiers at most");
            return Err(crate::error::SloError::new_err(message));
        }
        let wishes = Wishes { every, incidents, significant, warm_up };
        let replay = wishes.replay(py, self.objective, self.period)?;
        Wish { replay, most_rules, least_recall }.search(py, samples)
    }

    /// How many times as fast as allowed the budget is spent, or None without events.
    ///
    /// Raises
    /// ------
    /// DataError
    ///     More bad events than events.
    #[pyo3(signature = (*, total, bad))]
    fn burn_rate(&self, total: u64, bad: u64) -> PyResult<Option<f64>> {
        Ok(BurnRate::of(tally(total, bad)?, self.objective).map(BurnRate::value))
    }

    /// The share of the budget that is spent: above 1 when overspent, None without events.
    ///
    /// Raises
    /// ------
    /// DataError
    ///     More bad events than events.
    #[pyo3(signature = (*, total, bad))]
    fn consumed(&self, total: u64, bad: u64) -> PyResult<Option<f64>> {
        Ok(math::ErrorBudget::observed(self.objective, tally(total, bad)?).consumed())
    }

    /// The share of the budget that is left: negative when overspent, None without events.
    ///
    /// Raises
    /// ------
    /// DataError
    ///     More bad events than events.
    #[pyo3(signature = (*, total, bad))]
    fn remaining(&self, total: u64, bad: u64) -> PyResult<Option<f64>> {
        Ok(math::ErrorBudget::observed(self.objective, tally(total, bad)?).remaining())
    }

    /// Seconds until the share `remaining` of the budget is gone at the burn rate `burn_rate`.
    ///
    /// Returns
    /// -------
    /// float or None
    ///     0 when nothing remains, None when nothing is being spent.
    #[pyo3(signature = (*, remaining, burn_rate))]
    fn time_to_exhaustion(&self, remaining: f64, burn_rate: f64) -> PyResult<Option<f64>> {
        let burn = BurnRate::new(burn_rate).map_err(|error| data_error(&error))?;
        time_to_exhaustion(remaining, burn, self.period).map_err(|error| data_error(&error))
    }

    fn _repr_html_(&self) -> String {
        let times = [1_000_u64, 100_000, 10_000_000].map(|total| {
            let allowed = Tally::new(total, 0)
                .map(|tally| math::ErrorBudget::observed(self.objective, tally).allowed());
            vec![
                total.to_string(),
                allowed.map_or_else(|_| "–".to_owned(), |allowed| allowed.floor().to_string()),
            ]
        });
        let table = html::table(&["events", "may be bad"], times);
        format!("<p><b>{}</b> at {}</p>{table}", self.in_short(), self.objective)
    }

    fn __repr__(&self) -> String {
        format!("ErrorBudget({})", self.in_short())
    }

    fn __getnewargs__(&self) -> (String, String) {
        (self.objective.to_string(), self.period.to_string())
    }
}

impl ErrorBudget {
    /// A short description of the budget.
    pub(crate) fn in_short(&self) -> String {
        let percent =
            self.objective.budget().checked_mul(model::Ratio::whole(100)).unwrap_or(model::Ratio::ZERO);
        let seconds = allowed_downtime(self.objective, self.period);
        let millis = seconds.checked_mul(model::Ratio::whole(1_000)).map_or(0, model::Ratio::floor);
        let downtime = u64::try_from(millis)
            .ok()
            .and_then(|millis| Window::from_millis(millis).ok())
            .map_or_else(|| format!("{seconds}s"), |window| window.to_string());
        format!("{percent}% = {downtime} per {}", self.period)
    }
}
