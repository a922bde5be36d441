//! `slo.Backtest`: what alerts would have done.

use crate::{
    convert::{datetime, in_threads, share, threads, window},
    error::{SloError, value_error, warn},
    html::{self, many, percent},
    objective,
    policy::AlertPolicy,
    samples::{Samples, spans},
    table::{Columns, Table},
};
use pyo3::{
    prelude::*,
    types::{PyAny, PyDict},
};
use slo_core::{
    model::{Objective, Tier, Timestamp, Window},
    replay::{self, Episode, FittedTiers, Replay, Score, WarmUp, beaten_by},
};
use std::sync::OnceLock;

/// The alerts of a policy, replayed over a history.
///
/// Made by :meth:`Slo.backtest` and :meth:`ErrorBudget.backtest`. The incidents are those that are given, or
/// the stretches of the history that spent more than their even share of the budget. Finding them needs no
/// window.
#[pyclass(frozen, module = "slo")]
pub(crate) struct Backtest {
    samples: Py<Samples>,
    policy: AlertPolicy,
    replay: Replay,
    steps: usize,
    done: replay::Backtest,
    // Found when it is asked for.
    score: OnceLock<Score>,
}

/// The options of a backtest.
pub(crate) struct Wishes<'a, 'py> {
    pub(crate) every: Option<&'a Bound<'py, PyAny>>,
    pub(crate) incidents: Option<&'a Bound<'py, PyAny>>,
    pub(crate) significant: f64,
    pub(crate) warm_up: bool,
}

impl Wishes<'_, '_> {
    /// How a policy is replayed for an objective.
    pub(crate) fn replay(&self, py: Python<'_>, objective: Objective, period: Window) -> PyResult<Replay> {
        let every = self.every.map(window).transpose()?;
        let incidents = self.incidents.map(|incidents| spans(py, incidents)).transpose()?;
        if !(0.0..=1.0).contains(&self.significant) {
            let message = format!("significant is {}; write a share of one, such as 0.02", self.significant);
            return Err(SloError::new_err(message));
        }
        let warm_up = if self.warm_up { WarmUp::Suppress } else { WarmUp::UseAvailable };
        Ok(Replay {
            every,
            incidents,
            significant: self.significant,
            warm_up,
            ..Replay::new(objective, period)
        })
    }
}

/// Warns of incidents outside of the history.
pub(crate) fn warn_outside(py: Python<'_>, outside: usize) -> PyResult<()> {
    if outside == 0 {
        return Ok(());
    }
    warn(py, &format!("{outside} of the incidents given lie outside of the history and are left out"))
}

/// Warns of tiers that a history is too short for.
fn warn_of_warm_up(py: Python<'_>, blind: &[Tier]) -> PyResult<()> {
    if blind.is_empty() {
        return Ok(());
    }
    let blind: Vec<String> = blind.iter().map(|tier| format!("{} ({})", tier.burn(), tier.long())).collect();
    let message = format!(
        "the history is shorter than the long windows of these tiers, so they cannot fire: {}; \
         give a longer history, or warm_up=False to use windows as long as the history",
        blind.join(", ")
    );
    warn(py, &message)
}

impl Backtest {
    pub(crate) fn of(
        py: Python<'_>,
        samples: Py<Samples>,
        policy: AlertPolicy,
        replay: Replay,
        threads: Option<usize>,
    ) -> PyResult<Self> {
        if let Some(tier) = policy.0.tiers().iter().find(|tier| tier.period() != replay.period) {
            let message = format!(
                "the policy is for a period of {}, but the budget has {}: \
                 the burn rates stay, but stand for other shares of the budget",
                tier.period(),
                replay.period
            );
            warn(py, &message)?;
        }
        let tiers = policy.reachable(py, replay.objective)?;
        let (step, steps) = (samples.get().step_window(), samples.get().steps(py)?);
        policy.check_fits(step)?;
        if replay.warm_up == WarmUp::Suppress {
            let fitted = FittedTiers::of(&policy.0, replay.objective, step, steps);
            warn_of_warm_up(py, &fitted.map_err(|error| value_error(&error))?.blind)?;
        }
        // Most histories take longer to hand over than to replay.
        let threads = self::threads(threads.or(Some(1)), tiers.len())?;
        let done = samples.get().series(py, |series| {
            let episodes = in_threads(threads, &tiers, |tier| replay.episodes(series, tier));
            Ok(replay::Backtest::of_episodes(&tiers, episodes.into_iter().collect::<Result<_, _>>()?))
        })?;
        let done = done.map_err(|error: slo_core::Error| value_error(&error))?;
        Ok(Self { samples, policy, replay, steps, done, score: OnceLock::new() })
    }

    /// The pages against the incidents of the history.
    fn score(&self, py: Python<'_>) -> PyResult<&Score> {
        if let Some(score) = self.score.get() {
            return Ok(score);
        }
        let found = self.samples.get().series(py, |series| self.done.score(series, &self.replay))?;
        let (score, outside) = found.map_err(|error: slo_core::Error| value_error(&error))?;
        warn_outside(py, outside)?;
        Ok(self.score.get_or_init(|| score))
    }

    /// The end of the step before position `end`: where the history begins, at 0.
    fn time(&self, end: usize) -> Timestamp {
        self.samples.get().after(end)
    }

    /// An alert fires from the end of the step after which it was first evaluated so; one that still fires has no end.
    fn end_of(&self, episode: Episode) -> Option<Timestamp> {
        (episode.end < self.steps).then(|| self.time(episode.end + 1))
    }
}

#[pymethods]
impl Backtest {
    /// When each tier fired.
    ///
    /// Returns
    /// -------
    /// Table
    ///     ``burn_tier``, ``severity``, ``start`` and ``end`` (UTC, of the evaluations that began and
    ///     ended it). The end is null while the alert still fires.
    #[getter]
    fn alerts(&self) -> PyResult<Table> {
        let fired = self.done.fired();
        Columns::default()
            .words("burn_tier", fired.iter().map(|fired| fired.tier.burn().as_str()))
            .words("severity", fired.iter().map(|fired| fired.tier.severity().as_str()))
            .times("start", fired.iter().map(|fired| self.time(fired.episode.start + 1)))
            .times_if_any("end", fired.iter().map(|fired| self.end_of(fired.episode)))
            .table()
    }

    /// The incidents of the history, and when pages detected them.
    ///
    /// Returns
    /// -------
    /// Table
    ///     ``start`` and ``end`` (UTC), ``total``, ``bad``, ``excess`` (share of the budget above its even share),
    ///     ``detected_after`` (seconds, null if never), ``spent`` (share of the budget spent by then).
    #[getter]
    fn incidents(&self, py: Python<'_>) -> PyResult<Table> {
        let found = &self.score(py)?.incidents;
        Columns::default()
            .times("start", found.iter().map(|one| self.time(one.incident.start)))
            .times("end", found.iter().map(|one| self.time(one.incident.end)))
            .counts("total", found.iter().map(|one| one.incident.tally.total()).collect())
            .counts("bad", found.iter().map(|one| one.incident.tally.bad()).collect())
            .numbers("excess", found.iter().map(|one| Some(one.incident.excess)))
            .numbers("detected_after", found.iter().map(|one| one.seconds))
            .numbers("spent", found.iter().map(|one| Some(one.spent)))
            .table()
    }

    /// The policy.
    #[getter]
    fn policy(&self) -> AlertPolicy {
        self.policy.clone()
    }

    /// When the history begins, a ``datetime`` in UTC.
    #[getter]
    fn start<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        datetime(py, self.time(0))
    }

    /// When the history ends, a ``datetime`` in UTC.
    #[getter]
    fn end<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        datetime(py, self.time(self.steps))
    }

    /// The number of pages; tiers that fire at the same time are one page.
    #[getter]
    fn pages(&self) -> usize {
        self.done.pages().len()
    }

    /// The number of tickets; tiers that fire at the same time are one ticket.
    #[getter]
    fn tickets(&self) -> usize {
        self.done.tickets().len()
    }

    /// The number of pages that belong to no incident.
    #[getter]
    fn false_pages(&self, py: Python<'_>) -> PyResult<usize> {
        let score = self.score(py)?;
        Ok(score.alerts - score.true_alerts)
    }

    /// The share of pages that belong to an incident, or None without pages.
    #[getter]
    fn precision(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        Ok(self.score(py)?.precision())
    }

    /// The share of incidents that were paged, or None without incidents.
    #[getter]
    fn recall(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        Ok(self.score(py)?.recall())
    }

    /// The largest share of the period's budget that an incident spent before its page.
    #[getter]
    fn most_spent(&self, py: Python<'_>) -> PyResult<f64> {
        Ok(self.score(py)?.most_spent())
    }

    /// The quantile ``p`` of the time from the beginning of an incident to its page, in seconds.
    ///
    /// Only detected incidents count. It is interpolated between them, as numpy's ``quantile`` does.
    #[pyo3(signature = (p = 0.5))]
    fn detection_seconds(&self, py: Python<'_>, p: f64) -> PyResult<Option<f64>> {
        share("p", p)?;
        Ok(self.score(py)?.detection_seconds(p))
    }

    /// Plots: ``alerts()``, with matplotlib, plotly or altair.
    #[getter]
    fn plot<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("slo.plot")?.getattr("BacktestPlot")?.call1((slf,))
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, State)> {
        let (py, this) = (slf.py(), slf.get());
        let again = py.import("slo._slo")?.getattr("_backtest")?;
        let Replay { objective, period, every, significant, incidents, warm_up } = this.replay.clone();
        let every = every.map(|every| every.to_string());
        let waits = warm_up == WarmUp::Suppress;
        let incidents = incidents.map(|spans| {
            spans.into_iter().map(|(start, end)| (start.as_millis(), end.as_millis())).collect()
        });
        let replay = (objective.to_string(), period.to_string(), every, significant, incidents, waits);
        Ok((again, (this.samples.clone_ref(py), this.policy.clone(), replay)))
    }

    fn _repr_html_(&self, py: Python<'_>) -> PyResult<String> {
        let found = &self.score(py)?.incidents;
        let minutes = |seconds: Option<f64>| {
            seconds.map_or_else(|| "never".to_owned(), |seconds| format!("{:.1} min", seconds / 60.0))
        };
        let rows = found.iter().map(|one| {
            Ok(vec![
                crate::convert::iso(py, self.time(one.incident.start))?,
                crate::convert::iso(py, self.time(one.incident.end))?,
                one.incident.tally.bad().to_string(),
                percent(Some(one.incident.excess), 1),
                minutes(one.seconds),
                percent(Some(one.spent), 1),
            ])
        });
        let rows = rows.collect::<PyResult<Vec<_>>>()?;
        let heads =
            ["from", "to", "bad events", "excess budget spent", "paged after", "budget spent by then"];
        Ok(format!(
            "<p><b>{}</b>, {} false; {}; {}, <b>{} of them paged</b></p>{}",
            many(self.pages(), "page"),
            self.false_pages(py)?,
            many(self.tickets(), "ticket"),
            many(found.len(), "incident"),
            percent(self.recall(py)?, 0),
            html::table(&heads, rows),
        ))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let part = |part: Option<f64>| part.map_or_else(|| "none".to_owned(), |part| format!("{part:.2}"));
        let score = self.score(py)?;
        Ok(format!(
            "<Backtest: {}, {}, {}, precision {}, recall {}>",
            many(self.pages(), "page"),
            many(self.done.fired().len(), "alert"),
            many(score.incidents.len(), "incident"),
            part(score.precision()),
            part(score.recall()),
        ))
    }
}

type ReplayState = (String, String, Option<String>, f64, Option<Vec<(i64, i64)>>, bool);
type State = (Py<Samples>, AlertPolicy, ReplayState);

/// The backtest that was pickled.
#[pyfunction]
pub(crate) fn _backtest(
    py: Python<'_>,
    samples: Py<Samples>,
    policy: AlertPolicy,
    replay: ReplayState,
) -> PyResult<Backtest> {
    let (objective, period, every, significant, incidents, warm_up) = replay;
    let ok = |error: slo_core::Error| value_error(&error);
    let every = every.map(|every| every.parse()).transpose().map_err(ok)?;
    let replay = Replay {
        every,
        significant,
        incidents: incidents.map(|spans| {
            let moment = Timestamp::from_millis;
            spans.into_iter().map(|(start, end)| (moment(start), moment(end))).collect()
        }),
        warm_up: if warm_up { WarmUp::Suppress } else { WarmUp::UseAvailable },
        ..Replay::new(objective.parse().map_err(ok)?, period.parse().map_err(ok)?)
    };
    Backtest::of(py, samples, policy, replay, None)
}

/// Replay every policy for every objective on one history.
///
/// Parameters
/// ----------
/// samples : Samples
/// objectives : list of str, Decimal, float or Objective
/// policies : dict of str to AlertPolicy
///     By name; the result has these names.
/// period : str or timedelta, default ``"30d"``
/// every : str or timedelta, optional
///     How often alerts are evaluated; after every step by default.
/// incidents : optional
///     As for :meth:`Slo.backtest`.
/// significant : float, default 0.02
///     The share of the period's budget that makes an incident, if none are given.
/// warm_up : bool, default True
///     As for :meth:`Slo.backtest`.
/// threads : int, optional
///
/// Returns
/// -------
/// Table
///     A row for each pair: ``objective``, ``policy``, ``pages``, ``false_pages``, ``tickets``, ``incidents``, ``precision``,
///     ``recall``, ``detected_p50`` and ``detected_p90`` (seconds), ``spent`` (budgets of a period spent by all incidents
///     before their pages), and ``beaten_by``: how many policies with the same objective are no worse
///     in pages and spend, and better in one of them. With 0, no other policy is better.
///
/// Examples
/// --------
/// >>> import slo
/// >>> minutes = range(60, 60 * 5001, 60)
/// >>> bad = [100 if 1000 <= minute < 1010 else 0 for minute in range(5000)]
/// >>> history = slo.Samples({"time": minutes, "total": [100] * 5000, "bad": bad})
/// >>> policies = {"usual": slo.AlertPolicy.workbook()}
/// >>> slo.sweep(history, objectives=["99.9%"], policies=policies).to_numpy()["pages"].tolist()
/// [1]
#[pyfunction]
#[pyo3(
    signature = (samples, *, objectives, policies, period = None, every = None, incidents = None, significant = 0.02, warm_up = true, threads = None),
    text_signature = "(samples, *, objectives, policies, period='30d', every=None, incidents=None, significant=0.02, warm_up=True, threads=None)"
)]
#[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
pub(crate) fn sweep(
    py: Python<'_>,
    samples: &Samples,
    objectives: Vec<Bound<'_, PyAny>>,
    policies: &Bound<'_, PyDict>,
    period: Option<&Bound<'_, PyAny>>,
    every: Option<&Bound<'_, PyAny>>,
    incidents: Option<&Bound<'_, PyAny>>,
    significant: f64,
    warm_up: bool,
    threads: Option<usize>,
) -> PyResult<Table> {
    let period = period.map_or(Ok(Window::days(30)), window)?;
    let wishes = Wishes { every, incidents, significant, warm_up };
    let policies = policies.iter().map(|(name, policy)| Ok((name.extract()?, policy.extract()?)));
    let policies = policies.collect::<PyResult<Vec<(String, AlertPolicy)>>>()?;
    let mut replays = Vec::new();
    let Some(first) = objectives.first() else {
        return Err(SloError::new_err("no objectives; give a list of one or more"));
    };
    // A stream of incidents can be read once.
    let replay = wishes.replay(py, objective::objective(first)?, period)?;
    for objective in &objectives {
        let objective = objective::objective(objective)?;
        for (name, policy) in &policies {
            let tiers = policy.reachable(py, objective)?;
            replays.push((name, tiers, Replay { objective, ..replay.clone() }));
        }
    }
    let threads = self::threads(threads, replays.len())?;
    let outcomes = samples.series(py, |series| {
        let run = |(_, tiers, replay): &(&String, Vec<Tier>, Replay)| {
            let done = replay::Backtest::of(series, tiers, replay)?;
            let (score, outside) = done.score(series, replay)?;
            Ok((score, done.tickets().len(), outside))
        };
        in_threads(threads, &replays, run).into_iter().collect::<Result<Vec<_>, slo_core::Error>>()
    })?;
    let outcomes = outcomes.map_err(|error| value_error(&error))?;
    let scores: Vec<&Score> = outcomes.iter().map(|(score, ..)| score).collect();
    let spent = |score: &Score| score.incidents.iter().map(|one| one.spent).fold(0.0, |sum, one| sum + one);
    // Policies of one objective are held against each other.
    let costs: Vec<(usize, f64)> = scores.iter().map(|score| (score.alerts, spent(score))).collect();
    let beaten = costs.chunks(policies.len().max(1)).flat_map(beaten_by).map(|others| others as u64);
    let count = |pick: fn(&Score) -> usize| scores.iter().map(|score| pick(score) as u64).collect();
    let names: Vec<String> = replays.iter().map(|(.., replay)| replay.objective.to_string()).collect();
    warn_outside(py, outcomes.first().map_or(0, |(.., outside)| *outside))?;
    Columns::default()
        .words("objective", names.iter().map(String::as_str))
        .words("policy", replays.iter().map(|(name, ..)| name.as_str()))
        .counts("pages", count(|score| score.alerts))
        .counts("false_pages", count(|score| score.alerts - score.true_alerts))
        .counts("tickets", outcomes.iter().map(|(_, tickets, _)| *tickets as u64).collect())
        .counts("incidents", count(|score| score.incidents.len()))
        .numbers("precision", scores.iter().map(|score| score.precision()))
        .numbers("recall", scores.iter().map(|score| score.recall()))
        .numbers("detected_p50", scores.iter().map(|score| score.detection_seconds(0.5)))
        .numbers("detected_p90", scores.iter().map(|score| score.detection_seconds(0.9)))
        .numbers("spent", scores.iter().map(|score| Some(spent(score))))
        .counts("beaten_by", beaten.collect())
        .table()
}
