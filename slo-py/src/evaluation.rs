//! `slo.Evaluation`: what a history says of an objective.

use crate::{
    convert::{timedelta, window},
    error::value_error,
    picture,
    samples::Samples,
    table::{Columns, Table},
};
use pyo3::{prelude::*, types::PyAny};
use slo_core::{
    math::{self, BurnRate, Tally, incident_spend, time_to_exhaustion},
    model::{Objective, Ratio, Window},
    replay::{BurnRates, Series},
};
use std::{thread, time::Duration};

/// What a history says of an objective, over the period at its end.
///
/// Made by :meth:`Slo.evaluate` and :meth:`ErrorBudget.evaluate`. Series are computed when they are asked for.
#[pyclass(frozen, module = "slo")]
pub(crate) struct Evaluation {
    samples: Py<Samples>,
    objective: Objective,
    period: Window,
    seen: Tally,
    // The events of a whole period, if it goes on like this.
    expected: u64,
    covered: f64,
}

impl Evaluation {
    pub(crate) fn of(
        py: Python<'_>,
        samples: Py<Samples>,
        objective: Objective,
        period: Window,
    ) -> PyResult<Self> {
        let (seen, expected, steps, all) = samples
            .get()
            .series(py, |series| {
                let steps = series.steps_in(period)?;
                let expected = series.expected_in(period)?;
                Ok((series.window(series.len(), steps), expected, steps, series.len()))
            })?
            .map_err(|error: slo_core::Error| value_error(&error))?;
        let covered = all.min(steps) as f64 / steps as f64;
        Ok(Self { samples, objective, period, seen, expected, covered })
    }

    fn read<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&Series<'_>) -> Result<T, slo_core::Error> + Send,
    ) -> PyResult<T> {
        self.samples.get().series(py, work)?.map_err(|error| value_error(&error))
    }

    /// The events that the period's budget is of; 0 where there were none.
    const fn expected_events(&self) -> u64 {
        if self.seen.total() == 0 { 0 } else { self.expected }
    }

    /// The ends of all steps, in milliseconds.
    fn times(series: &Series<'_>) -> Vec<i64> {
        (0..series.len()).map(|index| series.end_of(index)).collect()
    }
}

#[pymethods]
impl Evaluation {
    /// Events in the period.
    #[getter]
    const fn total(&self) -> u64 {
        self.seen.total()
    }

    /// Bad events in the period.
    #[getter]
    const fn bad(&self) -> u64 {
        self.seen.bad()
    }

    /// The share of good events in the period, or None without events.
    #[getter]
    fn sli(&self) -> Option<f64> {
        self.seen.sli()
    }

    /// Whether the objective is met, or None without events. Exact.
    #[getter]
    fn met(&self) -> Option<bool> {
        let budget = math::ErrorBudget::observed(self.objective, self.seen);
        budget.remaining().map(|remaining| remaining >= 0.0)
    }

    /// The share of the budget that is left, of the events seen; negative when overspent.
    #[getter]
    fn budget_remaining(&self) -> Option<f64> {
        math::ErrorBudget::observed(self.objective, self.seen).remaining()
    }

    /// The share of the whole period's budget that is left, if its traffic goes on like this; None without events.
    #[getter]
    fn projected_budget_remaining(&self) -> PyResult<Option<f64>> {
        if self.seen.total() == 0 {
            return Ok(None);
        }
        let budget = math::ErrorBudget::projected(self.objective, self.seen, self.expected);
        budget.map(|budget| budget.remaining()).map_err(|error| value_error(&error))
    }

    /// The period, a ``timedelta``.
    #[getter]
    const fn period(&self) -> Duration {
        timedelta(self.period)
    }

    /// The share of the period that the history covers.
    #[getter]
    const fn coverage(&self) -> f64 {
        self.covered
    }

    /// Seconds until the budget is gone at the burn rate over ``window``; None if it never will be, or without events.
    #[pyo3(signature = (window = None), text_signature = "($self, window='1h')")]
    fn time_to_exhaustion(&self, py: Python<'_>, window: Option<&Bound<'_, PyAny>>) -> PyResult<Option<f64>> {
        let window = window.map_or(Ok(Window::hours(1)), self::window)?;
        let recent = self.read(py, |series| Ok(series.window(series.len(), series.steps_in(window)?)))?;
        match (self.projected_budget_remaining()?, BurnRate::of(recent, self.objective)) {
            (Some(left), Some(burn)) => {
                time_to_exhaustion(left, burn, self.period).map_err(|error| value_error(&error))
            }
            _ => Ok(None),
        }
    }

    /// The burn rate over windows, after every step.
    ///
    /// Parameters
    /// ----------
    /// windows : str or timedelta, or a list of them
    ///     Whole numbers of steps. At the beginning, windows are as long as the history.
    ///
    /// Returns
    /// -------
    /// Table
    ///     ``time`` (UTC, the end of the step) and a column for each window, by its name: null where there were no events.
    fn burn_rate(&self, py: Python<'_>, windows: &Bound<'_, PyAny>) -> PyResult<Table> {
        let windows = match window(windows) {
            Ok(window) => vec![window],
            Err(single) => {
                let many = windows.try_iter().map_err(|_| single)?;
                many.map(|one| window(&one?)).collect::<PyResult<Vec<_>>>()?
            }
        };
        let objective = self.objective;
        let (times, rates) = self.read(py, |series| {
            let steps = windows.iter().map(|window| series.steps_in(*window));
            let steps = steps.collect::<Result<Vec<_>, slo_core::Error>>()?;
            // A window a thread: they read the same columns, which stay in the cache.
            let rates = thread::scope(|scope| {
                let rest =
                    steps.iter().skip(1).map(|steps| scope.spawn(|| series.burn_rates(*steps, objective)));
                let rest: Vec<_> = rest.collect();
                let first = steps.first().map(|steps| series.burn_rates(*steps, objective));
                let rest = rest.into_iter().filter_map(|thread| thread.join().ok());
                first.into_iter().chain(rest).collect::<Vec<_>>()
            });
            Ok((Self::times(series), rates))
        })?;
        let columns = Columns::default().times("time", times);
        let named = windows.iter().zip(rates);
        let add = |columns: Columns, (window, rates): (&Window, BurnRates)| {
            columns.numbers_but(&window.to_string(), rates.values, &rates.without_events)
        };
        named.fold(columns, add).table()
    }

    /// The budget as it was spent, after every step: of the events that the whole period has.
    ///
    /// Returns
    /// -------
    /// Table
    ///     ``time`` (UTC), ``remaining`` (a share; negative when overspent), ``ideal`` (spent evenly).
    fn burndown(&self, py: Python<'_>) -> PyResult<Table> {
        let (objective, expected) = (self.objective, self.expected_events());
        let (times, left, ideal) = self.read(py, |series| {
            let steps = series.steps_in(self.period)?;
            let first = series.len().saturating_sub(steps);
            let mut bad = 0_u64;
            let (mut times, mut left, mut ideal) = (Vec::new(), Vec::new(), Vec::new());
            for index in first..series.len() {
                bad = bad.saturating_add(series.at(index).bad());
                times.push(series.end_of(index));
                let spent = match expected {
                    0 => None,
                    expected => {
                        Some(incident_spend(Tally::new(bad, bad)?, Ratio::ZERO, objective, expected)?)
                    }
                };
                left.push(spent.map(|spent| 1.0 - spent));
                ideal.push(Some(1.0 - (index - first + 1) as f64 / steps as f64));
            }
            Ok((times, left, ideal))
        })?;
        Columns::default().times("time", times).numbers("remaining", left).numbers("ideal", ideal).table()
    }

    /// The history in equal stretches, such as days.
    ///
    /// Parameters
    /// ----------
    /// length : str or timedelta
    ///     A whole number of steps. Stretches begin where the history does; the last may be shorter.
    ///
    /// Returns
    /// -------
    /// Table
    ///     ``start`` (UTC), ``total``, ``bad``, ``sli``, ``burn_rate``, ``spent`` (a share of the period's budget).
    fn by(&self, py: Python<'_>, length: &Bound<'_, PyAny>) -> PyResult<Table> {
        let (length, objective, expected) = (window(length)?, self.objective, self.expected_events());
        let rows = self.read(py, |series| {
            let steps = series.steps_in(length)?;
            let stretches = (0..series.len()).step_by(steps);
            let row = |first: usize| {
                let end = first.saturating_add(steps).min(series.len());
                let tally = series.window(end, end - first);
                let spent = match expected {
                    0 => None,
                    expected => {
                        let bad = Tally::new(tally.bad(), tally.bad())?;
                        Some(incident_spend(bad, Ratio::ZERO, objective, expected)?)
                    }
                };
                Ok((series.time_after(first), tally, spent))
            };
            stretches.map(row).collect::<Result<Vec<_>, slo_core::Error>>()
        })?;
        let burn = |tally: Tally| BurnRate::of(tally, objective).map(BurnRate::value);
        Columns::default()
            .times("start", rows.iter().map(|(start, ..)| *start).collect())
            .counts("total", rows.iter().map(|(_, tally, _)| tally.total()).collect())
            .counts("bad", rows.iter().map(|(_, tally, _)| tally.bad()).collect())
            .numbers("sli", rows.iter().map(|(_, tally, _)| tally.sli()))
            .numbers("burn_rate", rows.iter().map(|(_, tally, _)| burn(*tally)))
            .numbers("spent", rows.iter().map(|(.., spent)| *spent))
            .table()
    }

    /// Pictures with matplotlib: ``burndown()``, ``burn_rate(windows)``, ``calendar()``.
    #[getter]
    fn plot<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("slo.plot")?.getattr("EvaluationPlot")?.call1((slf,))
    }

    fn _repr_html_(&self, py: Python<'_>) -> PyResult<String> {
        let left = self.read(py, |series| {
            let steps = series.steps_in(self.period)?;
            let first = series.len().saturating_sub(steps);
            let allowed = self.objective.budget().to_f64() * self.expected_events() as f64;
            let mut bad = 0_u64;
            Ok((first..series.len())
                .map(|index| {
                    bad = bad.saturating_add(series.at(index).bad());
                    if allowed > 0.0 { 1.0 - bad as f64 / allowed } else { f64::NAN }
                })
                .collect::<Vec<_>>())
        })?;
        let share = |share: Option<f64>, decimals: usize| {
            share.map_or_else(|| "–".to_owned(), |share| format!("{:.decimals$} %", share * 100.0))
        };
        Ok(format!(
            "<p><b>SLI {}</b> of {}, <b>{} of the budget left</b>; {} events, {} bad; {} of {} seen</p>{}",
            share(self.sli(), 4),
            self.objective,
            share(self.budget_remaining(), 1),
            self.seen.total(),
            self.seen.bad(),
            share(Some(self.covered), 1),
            self.period,
            picture::burndown(&left, 1.0 - self.covered),
        ))
    }

    fn __repr__(&self) -> String {
        let share = |share: Option<f64>| {
            share.map_or_else(|| "none".to_owned(), |share| format!("{:.4} %", share * 100.0))
        };
        format!(
            "<Evaluation: SLI {} of {}, {} of the budget left, {:.1} % of {} seen>",
            share(self.sli()),
            self.objective,
            share(self.budget_remaining()),
            self.covered * 100.0,
            self.period
        )
    }
}
