//! `slo.Slo`

use crate::{
    backtest::{Backtest, Wishes},
    budget::ErrorBudget,
    budget_policy::ErrorBudgetPolicy,
    convert::timedelta,
    error::SloError,
    evaluation::Evaluation,
    objective::Objective,
    policy::{AlertPolicy, Tier, tiers_html},
    rules::Rules,
    samples::Samples,
};
use pyo3::{prelude::*, types::PyAny};
use slo_core::{
    model::{self, Service},
    spec,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

/// A service level objective; an item of a :class:`Spec`.
#[pyclass(frozen, eq, module = "slo")]
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Slo {
    pub(crate) service: Arc<Service>,
    pub(crate) slo: model::Slo,
}

impl Slo {
    pub(crate) fn sli(&self) -> &model::Sli {
        self.slo.sli()
    }

    pub(crate) fn target_labels(&self) -> &[model::LabelName] {
        self.service.target_labels()
    }

    pub(crate) fn counts_newborn(&self) -> bool {
        self.service.counts_newborn_series()
    }

    /// Refuses a history without a group if each group of the SLO has its own budget.
    fn check_group(&self, group: Option<BTreeMap<String, String>>) -> PyResult<()> {
        let by: BTreeSet<&str> = self.slo.by().iter().map(model::LabelName::as_str).collect();
        let group = group.unwrap_or_default();
        if by.iter().copied().eq(group.keys().map(String::as_str)) {
            return Ok(());
        }
        let message = if by.is_empty() {
            format!("{}: it has no groups; leave `group` out", self.key())
        } else {
            let example: Vec<String> = by.iter().map(|label| format!("{label:?}: \"…\"")).collect();
            format!(
                "{}: each group has a budget of its own; give the history of one, and group={{{}}}",
                self.key(),
                example.join(", ")
            )
        };
        Err(SloError::new_err(message))
    }

    pub(crate) fn error_budget(&self) -> ErrorBudget {
        ErrorBudget { objective: self.slo.objective(), period: self.slo.period().length() }
    }

    /// The part of a history that is judged: its time slices, without excluded times.
    pub(crate) fn counted(
        &self,
        py: Python<'_>,
        samples: Py<Samples>,
        group: Option<BTreeMap<String, String>>,
    ) -> PyResult<Py<Samples>> {
        self.check_group(group)?;
        if self.service.exclusions().is_empty() && self.slo.slices().is_none() {
            return Ok(samples);
        }
        Py::new(py, samples.get().judged(py, &self.service, &self.slo)?)
    }

    pub(crate) fn promise(&self) -> (model::Objective, model::Period) {
        (self.slo.objective(), self.slo.period().clone())
    }

    pub(crate) const fn inner(&self) -> &model::Slo {
        &self.slo
    }

    pub(crate) fn key(&self) -> String {
        format!("{}/{}", self.service.name(), self.slo.name())
    }
}

#[pymethods]
impl Slo {
    /// Its name within the service.
    #[getter]
    fn name(&self) -> &str {
        self.slo.name().as_str()
    }

    /// The error-budget policy of its service, or None.
    #[getter]
    fn error_budget_policy(&self) -> Option<ErrorBudgetPolicy> {
        self.service.error_budget_policy().cloned().map(ErrorBudgetPolicy)
    }

    /// The service.
    #[getter]
    fn service(&self) -> &str {
        self.service.name().as_str()
    }

    /// The description.
    #[getter]
    pub(crate) fn description(&self) -> &str {
        self.slo.description()
    }

    /// The objective.
    #[getter]
    const fn objective(&self) -> Objective {
        Objective(self.slo.objective())
    }

    /// The period, a `timedelta`.
    #[getter]
    const fn period(&self) -> Duration {
        timedelta(self.slo.period().length())
    }

    /// The error budget.
    #[getter]
    fn budget(&self) -> ErrorBudget {
        self.error_budget()
    }

    /// The alert policy.
    #[getter]
    fn policy(&self) -> AlertPolicy {
        AlertPolicy(self.slo.policy().clone())
    }

    /// The alert tiers, fastest first.
    #[getter]
    fn tiers(&self) -> Vec<Tier> {
        let objective = Some(self.slo.objective());
        self.slo.policy().tiers().iter().map(|&tier| Tier { tier, objective }).collect()
    }

    /// The rules of this SLO.
    ///
    /// Parameters
    /// ----------
    /// time_scale : int, default 1
    ///     Divide every window and interval by this, for demonstrations and tests.
    /// target : str, default "prometheus"
    ///     What evaluates the rules: ``"prometheus"``, ``"operator"``, ``"mimir"``, ``"thanos"`` or ``"victoriametrics"``.
    #[pyo3(signature = (*, time_scale = 1, target = "prometheus"))]
    fn rules(&self, time_scale: u32, target: &str) -> PyResult<Rules> {
        Rules::of([self.service.only(&self.slo)], time_scale, target)
    }

    /// The SLO as a spec of its own, in the native format.
    fn to_yaml(&self) -> String {
        spec::write(&self.service.only(&self.slo))
    }

    /// Evaluate this SLO over the period at the end of a history.
    ///
    /// For a calendar period, this is the one in which the history ends.
    ///
    /// Parameters
    /// ----------
    /// samples : Samples
    ///     Steps that end in a time excluded by the spec do not count. For an SLO with time slices, give its
    ///     events in steps that make whole slices.
    /// group : dict of str to str, optional
    ///     The group of the history, for an SLO with groups (``by``): each group has its own budget.
    #[pyo3(signature = (samples, *, group = None))]
    fn evaluate(
        &self,
        py: Python<'_>,
        samples: Py<Samples>,
        group: Option<BTreeMap<String, String>>,
    ) -> PyResult<Evaluation> {
        let samples = self.counted(py, samples, group)?;
        Evaluation::of(py, samples, self.slo.objective(), self.slo.period().clone())
    }

    /// Replay the alerts of this SLO over a history.
    ///
    /// Parameters
    /// ----------
    /// samples : Samples
    ///     As for :meth:`evaluate`.
    /// policy : AlertPolicy, optional
    ///     By default, the SLO's own policy, with its windows rounded to the steps of the history.
    /// every : str or timedelta, optional
    ///     How often alerts are evaluated; after every step by default.
    /// incidents : list of (datetime, datetime), or a table with ``start`` and ``end``, optional
    ///     The real incidents, to compare with the pages; by default, they are found in the history.
    /// significant : float, default 0.02
    ///     The share of the period's budget that makes an incident, if none are given.
    /// warm_up : bool, default True
    ///     Whether a tier waits until the history is as long as its long window. If not, windows are only as
    ///     long as the history so far, as in a new Prometheus, and the first failures open tickets.
    /// threads : int, default 1
    ///     The number of threads; more help only with histories that burn all the time.
    /// group : dict of str to str, optional
    ///     As for :meth:`evaluate`.
    #[pyo3(signature = (samples, policy = None, *, every = None, incidents = None, significant = 0.02, warm_up = true, threads = None, group = None))]
    #[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn backtest(
        &self,
        py: Python<'_>,
        samples: Py<Samples>,
        policy: Option<AlertPolicy>,
        every: Option<&Bound<'_, PyAny>>,
        incidents: Option<&Bound<'_, PyAny>>,
        significant: f64,
        warm_up: bool,
        threads: Option<usize>,
        group: Option<BTreeMap<String, String>>,
    ) -> PyResult<Backtest> {
        let samples = self.counted(py, samples, group)?;
        let wishes = Wishes { every, incidents, significant, warm_up };
        let replay = wishes.replay(py, self.slo.objective(), self.slo.period().length())?;
        let policy = match policy {
            Some(policy) => policy,
            None => self.policy().fitted_to(py, samples.get().step_window())?,
        };
        Backtest::of(py, samples, policy, replay, threads)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (String, String))> {
        let again = slf.py().import("slo._slo")?.getattr("_an_slo")?;
        // With its siblings: an SLO is one of a service.
        Ok((again, (spec::write(&slf.get().service), slf.get().key())))
    }

    fn _repr_html_(&self) -> String {
        let budget = self.error_budget();
        format!(
            "<p><b>{}</b> {}<br/>{} over {}: {}</p>{}",
            slo_core::page::escape(&self.key()),
            slo_core::page::escape(self.description()),
            budget.objective,
            self.slo.period(),
            budget.in_short(),
            tiers_html(self.slo.policy().tiers(), Some(budget.objective)),
        )
    }

    fn __repr__(&self) -> String {
        format!("<Slo {}: {} over {}>", self.key(), self.slo.objective(), self.slo.period())
    }
}
