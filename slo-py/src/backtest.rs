//! `slo.Backtest`: what alerts would have done.

use crate::{
    convert::window,
    error::value_error,
    samples::Samples,
    table::{Columns, Table},
};
use pyo3::{prelude::*, types::PyAny};
use slo_core::{
    model::{AlertPolicy, Objective, Ratio, Severity, Window},
    replay::{self, AlertRule, Episode, Score, any_of},
};

/// What the alerts of an SLO would have done on a history.
///
/// Made by :meth:`Slo.backtest` and :meth:`ErrorBudget.backtest`. Incidents are the stretches that spent more than their
/// due: no window has to be chosen for them.
#[pyclass(frozen, module = "slo")]
pub(crate) struct Backtest {
    start: i64,
    step: Window,
    fired: Vec<(&'static str, &'static str, Episode)>,
    score: Score,
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
        samples: &Samples,
        replay: &Replay<'_>,
        every: Option<&Bound<'_, PyAny>>,
        significant: f64,
    ) -> PyResult<Self> {
        let every = every.map(window).transpose()?;
        let Replay { objective, period, policy } = *replay;
        let done = samples.series(py, |series| {
            let every = every.map_or(Ok(1), |every| series.steps_in(every))?;
            let mut fired = Vec::new();
            let mut pages = Vec::new();
            for tier in policy.tiers() {
                let episodes = replay::alerts(series, &AlertRule::of_tier(tier, objective)?, every)?;
                let names = (tier.burn().as_str(), tier.severity().as_str());
                fired.extend(episodes.iter().map(|episode| (names.0, names.1, *episode)));
                if tier.severity() == Severity::Page {
                    pages.push(episodes);
                }
            }
            fired.sort_by_key(|(.., episode)| episode.start);
            let covered = series.len().min(series.steps_in(period)?);
            let seen = series.window(series.len(), covered).total();
            // What a whole period has, if it goes on like this.
            let whole = series.steps_in(period)? as f64 / covered.max(1) as f64;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of events")]
            let expected = ((seen as f64 * whole).round() as u64).max(1);
            let found = replay::incidents(series, objective, Ratio::ONE, expected, significant)?;
            let grace = series.step();
            let score = replay::score(series, &any_of(&pages), &found, objective, expected, grace)?;
            Ok((fired, score))
        })?;
        let (fired, score) = done.map_err(|error: slo_core::Error| value_error(&error))?;
        Ok(Self { start: samples.start_millis(), step: samples.step_window(), fired, score })
    }

    /// The end of the step `index`.
    fn end_of(&self, index: usize) -> i64 {
        let steps = i64::try_from(index).unwrap_or(i64::MAX).saturating_add(1);
        let step = i64::try_from(self.step.as_millis()).unwrap_or(i64::MAX);
        self.start.saturating_add(steps.saturating_mul(step))
    }
}

#[pymethods]
impl Backtest {
    /// When each tier fired.
    ///
    /// Returns
    /// -------
    /// Table
    ///     ``burn_tier``, ``severity``, ``start`` and ``end`` (UTC; the evaluations that began and ended it).
    #[getter]
    fn alerts(&self) -> PyResult<Table> {
        Columns::default()
            .words("burn_tier", self.fired.iter().map(|(tier, ..)| *tier))
            .words("severity", self.fired.iter().map(|(_, severity, _)| *severity))
            .times("start", self.fired.iter().map(|(.., episode)| Some(self.end_of(episode.start))))
            .times("end", self.fired.iter().map(|(.., episode)| Some(self.end_of(episode.end))))
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
    fn incidents(&self) -> PyResult<Table> {
        let found = &self.score.incidents;
        Columns::default()
            .times(
                "start",
                found.iter().map(|one| {
                    one.incident
                        .start
                        .checked_sub(1)
                        .map_or(Some(self.start), |before| Some(self.end_of(before)))
                }),
            )
            .times(
                "end",
                found.iter().map(|one| one.incident.end.checked_sub(1).map(|last| self.end_of(last))),
            )
            .counts("total", found.iter().map(|one| one.incident.tally.total()).collect())
            .counts("bad", found.iter().map(|one| one.incident.tally.bad()).collect())
            .numbers("excess", found.iter().map(|one| Some(one.incident.excess)))
            .numbers("detected_after", found.iter().map(|one| one.seconds))
            .numbers("spent", found.iter().map(|one| Some(one.spent)))
            .table()
    }

    /// How many times somebody would have been paged; tiers that fire at once are one page.
    #[getter]
    const fn pages(&self) -> usize {
        self.score.alerts
    }

    /// The share of pages that were about an incident, or None without pages.
    #[getter]
    fn precision(&self) -> Option<f64> {
        self.score.precision()
    }

    /// The share of incidents that paged, or None without incidents.
    #[getter]
    fn recall(&self) -> Option<f64> {
        self.score.recall()
    }

    /// The time from an incident's beginning to its page that the share ``p`` of the detected ones kept, in seconds.
    #[pyo3(signature = (p = 0.5))]
    fn detection_seconds(&self, p: f64) -> Option<f64> {
        self.score.detection_seconds(p)
    }

    fn __repr__(&self) -> String {
        let share =
            |share: Option<f64>| share.map_or_else(|| "none".to_owned(), |share| format!("{share:.2}"));
        format!(
            "<Backtest: {} pages, {} alerts, {} incidents, precision {}, recall {}>",
            self.score.alerts,
            self.fired.len(),
            self.score.incidents.len(),
            share(self.precision()),
            share(self.recall()),
        )
    }
}
