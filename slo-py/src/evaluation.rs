//! `slo.Evaluation`: an objective evaluated over a history.

use crate::{
    change::Change,
    convert::{self, block, datetime, threads, timedelta, window},
    error::{SloError, value_error},
    forecast::Forecast,
    html::percent,
    objective,
    period::{Stretches, judged, period_of, period_state},
    samples::Samples,
    table::{Columns, Table},
};
use pyo3::{
    prelude::*,
    types::{PyAny, PyDelta, PyString},
};
use slo_core::{
    artifact::burn_down_picture,
    math::{BurnRate, Tally, time_to_exhaustion},
    model::{Objective, Period, Window},
    replay::{self, BurnRates, Judged, Series},
    stats::{Confidence, burn_above},
};
use std::time::Duration;

/// An objective evaluated over the period at the end of a history.
///
/// Made by :meth:`Slo.evaluate` and :meth:`ErrorBudget.evaluate`. Series are computed on demand.
#[pyclass(frozen, module = "slo")]
pub(crate) struct Evaluation {
    samples: Py<Samples>,
    objective: Objective,
    period: Period,
    judged: Judged,
}

impl Evaluation {
    pub(crate) fn of(
        py: Python<'_>,
        samples: Py<Samples>,
        objective: Objective,
        period: Period,
    ) -> PyResult<Self> {
        let (gaps, excluded) = samples.get().unknown();
        let judged = samples
            .get()
            .series(py, |series| Ok(judged(series, &period)?.knowing(series, &gaps, &excluded)))?;
        let judged = judged.map_err(|error: slo_core::Error| value_error(&error))?;
        Ok(Self { samples, objective, period, judged })
    }

    fn read<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&Series<'_>) -> Result<T, slo_core::Error> + Send,
    ) -> PyResult<T> {
        self.samples.get().series(py, work)?.map_err(|error| value_error(&error))
    }

    /// The events of the last `window`, by default an hour.
    pub(crate) fn recent(&self, py: Python<'_>, window: Option<&Bound<'_, PyAny>>) -> PyResult<Tally> {
        let window = convert::recent(window, self.samples.get().step_window())?;
        self.read(py, |series| Ok(series.window(series.len(), series.steps_in(window)?)))
    }

    pub(crate) const fn error_objective(&self) -> Objective {
        self.objective
    }

    pub(crate) const fn judged(&self) -> &Judged {
        &self.judged
    }
}

/// Windows with the names of their columns: as they were written.
fn named(windows: &Bound<'_, PyAny>) -> PyResult<Vec<(String, Window)>> {
    let one = |value: &Bound<'_, PyAny>| -> PyResult<(String, Window)> {
        let window = window(value)?;
        let name = match value.cast::<PyString>() {
            Ok(text) => text.to_string(),
            Err(_) => window.to_string(),
        };
        Ok((name, window))
    };
    if windows.is_instance_of::<PyString>() || windows.is_instance_of::<PyDelta>() {
        return Ok(vec![one(windows)?]);
    }
    let mut all: Vec<(String, Window)> = Vec::new();
    for value in windows.try_iter()? {
        let new = one(&value?)?;
        if all.iter().any(|(name, _)| *name == new.0) {
            return Err(SloError::new_err(format!("the window {} is given twice", new.0)));
        }
        all.push(new);
    }
    if all.is_empty() {
        return Err(SloError::new_err("no windows; give one or more, such as \"1h\""));
    }
    Ok(all)
}

#[pymethods]
impl Evaluation {
    /// Events in the period.
    #[getter]
    const fn total(&self) -> u64 {
        self.judged.seen().total()
    }

    /// Bad events in the period.
    #[getter]
    const fn bad(&self) -> u64 {
        self.judged.seen().bad()
    }

    /// The objective.
    #[getter]
    const fn objective(&self) -> objective::Objective {
        objective::Objective(self.objective)
    }

    /// The share of good events in the period, or None without events.
    #[getter]
    fn sli(&self) -> Option<f64> {
        self.judged.seen().sli()
    }

    /// Whether the objective is met, or None without events. Exact.
    #[getter]
    fn met(&self) -> Option<bool> {
        let seen = self.judged.seen();
        (seen.total() > 0).then(|| !seen.exceeds(self.objective.budget()))
    }

    /// The share of the budget left for the events seen; negative when overspent.
    #[getter]
    fn budget_remaining(&self) -> Option<f64> {
        self.judged.budget(self.objective).remaining()
    }

    /// The share of the whole period's budget that is left, or None without events.
    ///
    /// It assumes that the traffic stays the same and that no more bad events come.
    #[getter]
    fn projected_budget_remaining(&self) -> PyResult<Option<f64>> {
        let spent = self.judged.spent(self.bad(), self.objective).map_err(|error| value_error(&error))?;
        Ok(spent.map(|spent| 1.0 - spent))
    }

    /// The period, a ``timedelta``; for a calendar period, the one in which the history ends.
    #[getter]
    const fn period(&self) -> Duration {
        timedelta(self.judged.period())
    }

    /// When the judged part of the history begins, a ``datetime`` in UTC.
    #[getter]
    fn start<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let start = self.read(py, |series| Ok(series.time_after(self.judged.steps().start)))?;
        datetime(py, start)
    }

    /// When the judged part of the history ends, a ``datetime`` in UTC.
    #[getter]
    fn end<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let end = self.read(py, |series| Ok(series.time_after(self.judged.steps().end)))?;
        datetime(py, end)
    }

    /// The share of the period that the history covers, without its gaps.
    #[getter]
    fn coverage(&self) -> f64 {
        self.judged.coverage()
    }

    /// Seconds until the budget is gone at the burn rate over ``window``; None if it never will be.
    #[pyo3(signature = (window = None), text_signature = "($self, window='1h')")]
    fn time_to_exhaustion(&self, py: Python<'_>, window: Option<&Bound<'_, PyAny>>) -> PyResult<Option<f64>> {
        let recent = self.recent(py, window)?;
        let Some(left) = self.projected_budget_remaining()? else { return Ok(None) };
        let burn = BurnRate::of(recent, self.objective);
        time_to_exhaustion(left, burn, self.judged.period()).map_err(|error| value_error(&error))
    }

    /// The burn rate over windows, after every step.
    ///
    /// Parameters
    /// ----------
    /// windows : str or timedelta, or a list of them
    ///     Whole numbers of steps. At the beginning, windows are only as long as the history so far.
    /// threads : int, optional
    ///     The number of threads, by default 1: most histories take longer to hand over to threads than to
    ///     read.
    ///
    /// Returns
    /// -------
    /// Table
    ///     ``time`` (UTC, the end of the step) and a column for each window, named as it was written: null where there
    ///     were no events.
    #[pyo3(signature = (windows, *, threads = None))]
    fn burn_rate(
        &self,
        py: Python<'_>,
        windows: &Bound<'_, PyAny>,
        threads: Option<usize>,
    ) -> PyResult<Table> {
        let (windows, objective) = (named(windows)?, self.objective);
        let threads = self::threads(threads.or(Some(1)), windows.len())?;
        let (times, rates) = self.read(py, |series| {
            let steps = windows.iter().map(|(_, window)| series.steps_in(*window));
            let steps = steps.collect::<Result<Vec<_>, slo_core::Error>>()?;
            let rates = convert::in_threads(threads, &steps, |steps| series.burn_rates(*steps, objective));
            Ok(((0..series.len()).map(|index| series.end_of(index)).collect::<Vec<_>>(), rates))
        })?;
        let columns = Columns::default().times("time", times);
        let named = windows.iter().zip(rates);
        let add = |columns: Columns, ((name, _), rates): (&(String, Window), BurnRates)| {
            columns.numbers_but(name, rates.values, &rates.without_events)
        };
        named.fold(columns, add).table()
    }

    /// The probability that the true burn rate over ``window`` is above ``burn_rate``.
    ///
    /// It shows, for example, that one failure among ten requests proves little. See
    /// :func:`slo.stats.burn_above`.
    #[pyo3(signature = (burn_rate, window = None), text_signature = "($self, burn_rate, window='1h')")]
    fn probability_above(
        &self,
        py: Python<'_>,
        burn_rate: f64,
        window: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<f64> {
        let recent = self.recent(py, window)?;
        burn_above(recent, self.objective, burn_rate).map_err(|error| value_error(&error))
    }

    /// The share of the whole period's budget that is left after every step.
    ///
    /// Returns
    /// -------
    /// Table
    ///     ``time`` (UTC), ``remaining`` (a share; negative when overspent), ``ideal`` (spent evenly).
    fn burndown(&self, py: Python<'_>) -> PyResult<Table> {
        let (times, left) = self.read(py, |series| {
            let times: Vec<_> = self.judged.steps().clone().map(|index| series.end_of(index)).collect();
            Ok((times, self.judged.burndown(series, self.objective)?))
        })?;
        Columns::default()
            .times("time", times)
            .numbers("remaining", left)
            .numbers("ideal", self.judged.ideal().map(Some))
            .table()
    }

    /// The history by day, week, or another length of time.
    ///
    /// Parameters
    /// ----------
    /// length : str or timedelta
    ///     ``"day"``, ``"week"``, ``"month"``, ``"quarter"`` or ``"year"`` of the calendar, or a whole number of steps, counted
    ///     from the Unix epoch (those of seven days from a Monday). The first and the last stretch may be shorter.
    /// tz : str, optional
    ///     The zone of the calendar, such as ``"Europe/Berlin"``; UTC by default.
    ///
    /// Returns
    /// -------
    /// Table
    ///     ``start`` and ``end`` (UTC), ``total``, ``bad``, ``sli``, ``burn_rate``, ``spent`` (a share of the period's budget).
    #[pyo3(signature = (length, *, tz = None))]
    fn by(&self, py: Python<'_>, length: &Bound<'_, PyAny>, tz: Option<&str>) -> PyResult<Table> {
        let (stretches, objective) = (Stretches::of(length, tz)?, self.objective);
        let rows = self.read(py, |series| {
            let row = |steps: std::ops::Range<usize>| {
                let tally = series.window(steps.end, steps.len());
                let spent = self.judged.spent(tally.bad(), objective)?;
                Ok((series.time_after(steps.start), series.time_after(steps.end), tally, spent))
            };
            stretches.cut(series)?.into_iter().map(row).collect::<Result<Vec<_>, slo_core::Error>>()
        })?;
        let burn = |tally: Tally| BurnRate::of(tally, objective).map(BurnRate::value);
        Columns::default()
            .times("start", rows.iter().map(|(start, ..)| *start))
            .times("end", rows.iter().map(|(_, end, ..)| *end))
            .counts("total", rows.iter().map(|(.., tally, _)| tally.total()).collect())
            .counts("bad", rows.iter().map(|(.., tally, _)| tally.bad()).collect())
            .numbers("sli", rows.iter().map(|(.., tally, _)| tally.sli()))
            .numbers("burn_rate", rows.iter().map(|(.., tally, _)| burn(*tally)))
            .numbers("spent", rows.iter().map(|(.., spent)| *spent))
            .table()
    }

    /// Compare the error ratios of two histories, with a confidence interval.
    ///
    /// Failures come in incidents, so blocks of time are independent of each other, but events are not.
    /// Intervals for independent events, such as :func:`slo.stats.newcombe`'s, are far too narrow for months.
    /// With few incidents, the interval is wide.
    ///
    /// Parameters
    /// ----------
    /// before : Evaluation
    ///     The earlier evaluation, for example of the month before. Both histories count as a whole.
    /// confidence : float, default 0.95
    /// block : str or timedelta, default about ``"6h"``
    ///     The mean length of a block: as long as an incident may last. For a short history, the default is a
    ///     twentieth of it.
    ///
    /// Returns
    /// -------
    /// Change or None
    ///     None if one of them has no events.
    #[pyo3(
        signature = (before, *, confidence = 0.95, block = None),
        text_signature = "($self, before, *, confidence=0.95, block='6h')"
    )]
    fn compare(
        &self,
        py: Python<'_>,
        before: &Self,
        confidence: f64,
        block: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Option<Change>> {
        if before.objective != self.objective {
            let message =
                format!("the objectives differ: {} before, {} after", before.objective, self.objective);
            return Err(SloError::new_err(message));
        }
        let confidence = Confidence::new(confidence).map_err(|error| value_error(&error))?;
        let (step, other) = (self.samples.get().step_window(), before.samples.get().step_window());
        if step != other {
            let message =
                format!("the steps differ: {other} before, {step} after; make them of the same step first");
            return Err(SloError::new_err(message));
        }
        let block = self::block(block, step, 1)?.mean_block;
        // Two loans at once, so that both are read while Python goes on.
        let found = before.samples.get().series(py, |one| {
            Python::attach(|py| {
                self.samples.get().series(py, |two| replay::Change::between(one, two, confidence, block))
            })
        })??;
        let found = found.map_err(|error| value_error(&error))?;
        Ok(found.map(|change| Change { change, objective: self.objective }))
    }

    /// Forecast when the budget of the rolling period will be spent.
    ///
    /// It continues the history with blocks of the history from the same time of the week, or of the day if
    /// the history is short. So an outage on a Friday morning comes again only on a Friday morning.
    ///
    /// Parameters
    /// ----------
    /// horizon : str or timedelta, optional
    ///     How far to look ahead; one period by default.
    /// block : str or timedelta, default about ``"6h"``
    ///     The mean length of a block: as long as an incident may last.
    /// seed : int, default 1
    ///
    /// Returns
    /// -------
    /// Forecast
    ///
    /// Raises
    /// ------
    /// SloError
    ///     A history shorter than the period, or a calendar period.
    #[pyo3(
        signature = (*, horizon = None, block = None, seed = 1),
        text_signature = "($self, *, horizon=None, block='6h', seed=1)"
    )]
    fn forecast(
        &self,
        py: Python<'_>,
        horizon: Option<&Bound<'_, PyAny>>,
        block: Option<&Bound<'_, PyAny>>,
        seed: u64,
    ) -> PyResult<Forecast> {
        let Period::Rolling(period) = self.period else {
            let message =
                "the budget of a calendar period starts anew; use slo.forecast.exhaustion_probability";
            return Err(SloError::new_err(message));
        };
        let horizon = horizon.map_or(Ok(period), window)?;
        let bootstrap = self::block(block, self.samples.get().step_window(), seed)?;
        let times = self.read(py, |series| {
            let expected = slo_core::forecast::expected_events(series, horizon)?;
            let times =
                slo_core::forecast::exhaustion_times(series, self.objective, period, horizon, bootstrap)?;
            Ok((times, expected))
        })?;
        Ok(Forecast { times: times.0, expected: times.1, horizon })
    }

    /// Plots: ``burndown()``, ``burn_rate(windows)``, ``calendar()``, with matplotlib, plotly or altair.
    #[getter]
    fn plot<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("slo.plot")?.getattr("EvaluationPlot")?.call1((slf,))
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, State)> {
        let (py, this) = (slf.py(), slf.get());
        let again = py.import("slo._slo")?.getattr("_evaluation")?;
        let state = (this.samples.clone_ref(py), this.objective.to_string(), period_state(&this.period)?);
        Ok((again, state))
    }

    fn _repr_html_(&self, py: Python<'_>) -> PyResult<String> {
        let left = self.read(py, |series| self.judged.burndown(series, self.objective))?;
        let left: Vec<f64> = left.into_iter().map(|left| left.unwrap_or(f64::NAN)).collect();
        Ok(format!(
            "<p><b>SLI {}</b> of {}, <b>{} of the budget left</b> for the events seen; {} events, {} bad; {} of {} seen</p>{}",
            percent(self.sli(), 4),
            self.objective,
            percent(self.budget_remaining(), 1),
            self.total(),
            self.bad(),
            percent(Some(self.coverage()), 1),
            self.period,
            burn_down_picture(&left, self.judged.ideal().last().unwrap_or(1.0), None),
        ))
    }

    fn __repr__(&self) -> String {
        format!(
            "<Evaluation: SLI {} of {}, {} of the budget left for the events seen, {} of {} seen>",
            percent(self.sli(), 4),
            self.objective,
            percent(self.budget_remaining(), 4),
            percent(Some(self.coverage()), 1),
            self.period
        )
    }
}

type State = (Py<Samples>, String, Vec<String>);

/// The evaluation that was pickled.
#[pyfunction]
pub(crate) fn _evaluation(
    py: Python<'_>,
    samples: Py<Samples>,
    objective: &str,
    period: Vec<String>,
) -> PyResult<Evaluation> {
    let objective: Objective = objective.parse().map_err(|error| value_error(&error))?;
    Evaluation::of(py, samples, objective, period_of(&period)?)
}
