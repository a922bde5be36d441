//! `slo.Backtest`: what alerts would have done.

use crate::{
    convert::{datetime, window},
    error::value_error,
    samples::Samples,
    table::{Columns, Table},
};
use pyo3::{exceptions::PyUserWarning, prelude::*, types::PyAny};
use slo_core::{
    model::{AlertPolicy, Objective, Ratio, Severity, Tier, Window},
    replay::{self, AlertRule, Episode, Score, any_of},
};
use std::sync::OnceLock;

/// What the alerts of an SLO would have done on a history.
///
/// Made by :meth:`Slo.backtest` and :meth:`ErrorBudget.backtest`. Incidents are the stretches that spent more than their
/// due: no window has to be chosen for them.
#[pyclass(frozen, module = "slo")]
pub(crate) struct Backtest {
    samples: Py<Samples>,
    objective: Objective,
    period: Window,
    significant: f64,
    // An alert this long after an incident still is about it.
    grace: Window,
    steps: usize,
    fired: Vec<Fired>,
    pages: Vec<Episode>,
    // Found when it is asked for.
    score: OnceLock<Score>,
}

/// An alert of a tier.
struct Fired {
    burn_tier: &'static str,
    severity: &'static str,
    episode: Episode,
}

/// How a policy is replayed.
pub(crate) struct Replay<'a> {
    pub(crate) objective: Objective,
    pub(crate) period: Window,
    pub(crate) policy: &'a AlertPolicy,
}

impl Backtest {
    pub(crate) fn of(
        py: Python<'_>,
        samples: Py<Samples>,
        replay: &Replay<'_>,
        every: Option<&Bound<'_, PyAny>>,
        significant: f64,
    ) -> PyResult<Self> {
        let every = every.map(window).transpose()?;
        let Replay { objective, period, policy } = *replay;
        let grace = every.unwrap_or(samples.get().step_window()).max(samples.get().step_window());
        let tiers = reachable(py, policy, objective)?;
        let done = samples.get().series(py, |series| {
            let every = every.map_or(Ok(1), |every| series.steps_in(every))?;
            let (mut fired, mut pages) = (Vec::new(), Vec::new());
            for tier in &tiers {
                let episodes = replay::alerts(series, &AlertRule::of_tier(tier, objective)?, every)?;
                let (burn_tier, severity) = (tier.burn().as_str(), tier.severity().as_str());
                fired.extend(episodes.iter().map(|episode| Fired { burn_tier, severity, episode: *episode }));
                if tier.severity() == Severity::Page {
                    pages.push(episodes);
                }
            }
            fired.sort_by_key(|fired| fired.episode.start);
            Ok((fired, any_of(&pages), series.len()))
        })?;
        let (fired, pages, steps) = done.map_err(|error: slo_core::Error| value_error(&error))?;
        Ok(Self {
            samples,
            objective,
            period,
            significant,
            grace,
            steps,
            fired,
            pages,
            score: OnceLock::new(),
        })
    }

    /// The pages against the incidents of the history.
    fn score(&self, py: Python<'_>) -> PyResult<&Score> {
        if let Some(score) = self.score.get() {
            return Ok(score);
        }
        let found = self.samples.get().series(py, |series| {
            let expected = series.expected_in(self.period)?;
            let found = replay::incidents(series, self.objective, Ratio::ONE, expected, self.significant)?;
            replay::score(series, &self.pages, &found, self.objective, expected, self.grace)
        })?;
        let score = found.map_err(|error: slo_core::Error| value_error(&error))?;
        Ok(self.score.get_or_init(|| score))
    }

    /// The end of the step before position `end`: where the history begins, at 0.
    fn time(&self, end: usize) -> i64 {
        let samples = self.samples.get();
        let steps = i64::try_from(end).unwrap_or(i64::MAX);
        let step = i64::try_from(samples.step_window().as_millis()).unwrap_or(i64::MAX);
        samples.start_millis().saturating_add(steps.saturating_mul(step))
    }
}

/// The tiers that can fire; of the others, Python is warned.
fn reachable(py: Python<'_>, policy: &AlertPolicy, objective: Objective) -> PyResult<Vec<Tier>> {
    let mut tiers = Vec::new();
    for tier in policy.tiers() {
        let threshold = tier.threshold(objective).map_err(|error| value_error(&error))?;
        if threshold < Ratio::ONE {
            tiers.push(*tier);
            continue;
        }
        let message = format!(
            "the {} tier is left out: it would fire above an error ratio of {threshold}, at {objective}",
            tier.burn()
        );
        let message = std::ffi::CString::new(message)?;
        PyErr::warn(py, &py.get_type::<PyUserWarning>(), &message, 1)?;
    }
    Ok(tiers)
}

#[pymethods]
impl Backtest {
    /// When each tier fired.
    ///
    /// Returns
    /// -------
    /// Table
    ///     ``burn_tier``, ``severity``, ``start`` and ``end`` (UTC; the evaluations that began and ended it). The end of one
    ///     that still fires is null.
    #[getter]
    fn alerts(&self) -> PyResult<Table> {
        // An alert fires from the end of the step after which it was first evaluated so.
        let end = |episode: Episode| (episode.end < self.steps).then(|| self.time(episode.end + 1));
        Columns::default()
            .words("burn_tier", self.fired.iter().map(|fired| fired.burn_tier))
            .words("severity", self.fired.iter().map(|fired| fired.severity))
            .times("start", self.fired.iter().map(|fired| self.time(fired.episode.start + 1)).collect())
            .times_if_any("end", self.fired.iter().map(|fired| end(fired.episode)))
            .table()
    }

    /// The incidents of the history, and what the pages made of them.
    ///
    /// Returns
    /// -------
    /// Table
    ///     ``start`` and ``end`` (UTC), ``total``, ``bad``, ``excess`` (share of the budget above its due),
    ///     ``detected_after`` (seconds, null if never), ``spent`` (share of the budget by then).
    #[getter]
    fn incidents(&self, py: Python<'_>) -> PyResult<Table> {
        let found = &self.score(py)?.incidents;
        Columns::default()
            .times("start", found.iter().map(|one| self.time(one.incident.start)).collect())
            .times("end", found.iter().map(|one| self.time(one.incident.end)).collect())
            .counts("total", found.iter().map(|one| one.incident.tally.total()).collect())
            .counts("bad", found.iter().map(|one| one.incident.tally.bad()).collect())
            .numbers("excess", found.iter().map(|one| Some(one.incident.excess)))
            .numbers("detected_after", found.iter().map(|one| one.seconds))
            .numbers("spent", found.iter().map(|one| Some(one.spent)))
            .table()
    }

    /// When the history ends, a ``datetime`` in UTC.
    #[getter]
    fn end<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        datetime(py, self.time(self.steps))
    }

    /// How many times somebody would have been paged; tiers that fire at once are one page.
    #[getter]
    const fn pages(&self) -> usize {
        self.pages.len()
    }

    /// The share of pages that were about an incident, or None without pages.
    #[getter]
    fn precision(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        Ok(self.score(py)?.precision())
    }

    /// The share of incidents that paged, or None without incidents.
    #[getter]
    fn recall(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        Ok(self.score(py)?.recall())
    }

    /// The time from an incident's beginning to its page that the share ``p`` of the detected ones kept, in seconds.
    #[pyo3(signature = (p = 0.5))]
    fn detection_seconds(&self, py: Python<'_>, p: f64) -> PyResult<Option<f64>> {
        Ok(self.score(py)?.detection_seconds(p))
    }

    /// Pictures with matplotlib: ``alerts()``.
    #[getter]
    fn plot<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("slo.plot")?.getattr("BacktestPlot")?.call1((slf,))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let share =
            |share: Option<f64>| share.map_or_else(|| "none".to_owned(), |share| format!("{share:.2}"));
        let score = self.score(py)?;
        Ok(format!(
            "<Backtest: {} pages, {} alerts, {} incidents, precision {}, recall {}>",
            self.pages.len(),
            self.fired.len(),
            score.incidents.len(),
            share(score.precision()),
            share(score.recall()),
        ))
    }
}
