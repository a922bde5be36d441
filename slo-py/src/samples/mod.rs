//! `slo.Samples`: counts of events over time.

mod columns;
mod counters;
mod grid;

use crate::{
    convert::{self, timedelta},
    error::{data_error, data_error_at, value_error},
    table::{Columns, Table},
};
use columns::Counts;
pub(crate) use counters::{Counted, from_counters};
use grid::{Finding, Grid};
use numpy::{IntoPyArray, PyArray1};
use pyo3::{prelude::*, types::PyAny};
use slo_core::{math::Tally, model::Window, replay::Series};
use std::{fmt::Write, time::Duration};

/// Counts of all and of bad events, in equal steps of time.
///
/// Parameters
/// ----------
/// data : mapping of names to arrays, or anything with an Arrow stream, optional
///     A polars or pyarrow table, a duckdb relation, a pandas frame (3 or newer), or a dict of arrays. Without it, ``time``,
///     ``total`` and ``bad`` are the arrays.
/// time : str or array, default ``"time"``
///     When each step ended, strictly increasing: numpy or Arrow times (taken as UTC), or numbers of seconds since the Unix
///     epoch.
/// total, bad : str or array, defaults ``"total"`` and ``"bad"``
///     Events and bad events: whole numbers that are not negative. Contiguous ``uint64`` is not copied.
/// kind : ``"increment"`` or ``"counter"``, default ``"increment"``
///     Whether each number counts the events of its step, or all since some beginning, as Prometheus' counters do. A counter
///     that falls was reset, and counts from zero.
/// start : datetime, optional
///     When the first step began, where there are no times.
/// step : str or timedelta, optional
///     The length of a step; found from the times where it is not given.
///
/// Raises
/// ------
/// DataError
///     Columns of different lengths or types, times that do not increase or are not on a grid, numbers that are no counts,
///     more bad events than events; ``position`` is the first offender.
///
/// Notes
/// -----
/// Steps that are missing have no events; what a counter has grown by over them is in the step after. :meth:`check` lists
/// them.
///
/// Examples
/// --------
/// >>> import slo
/// >>> slo.Samples({"time": [60, 120, 240], "total": [100, 90, 80], "bad": [0, 3, 1]})
/// <Samples: 4 steps of 1m from 1970-01-01T00:00:00Z, 270 events, 4 bad, 1 gap>
#[pyclass(frozen, module = "slo")]
pub(crate) struct Samples {
    start: i64,
    step: Window,
    total: Counts,
    bad: Counts,
    findings: Vec<Finding>,
}

#[pymethods]
impl Samples {
    #[new]
    #[pyo3(
        signature = (data = None, /, *, time = None, total = None, bad = None, kind = "increment", start = None, step = None),
        text_signature = "(data=None, /, *, time='time', total='total', bad='bad', kind='increment', start=None, step=None)"
    )]
    #[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn new(
        py: Python<'_>,
        data: Option<&Bound<'_, PyAny>>,
        time: Option<&Bound<'_, PyAny>>,
        total: Option<&Bound<'_, PyAny>>,
        bad: Option<&Bound<'_, PyAny>>,
        kind: &str,
        start: Option<&Bound<'_, PyAny>>,
        step: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let step = step.map(convert::window).transpose()?;
        let is_counter = match kind {
            "increment" => false,
            "counter" => true,
            other => {
                let message = format!("kind '{other}' is neither 'increment' nor 'counter'");
                return Err(crate::error::SloError::new_err(message));
            }
        };
        let source = columns::Source::of(data)?;
        let total = source.counts(py, "total", total)?;
        let bad = source.counts(py, "bad", bad)?;
        let (rows, of_bad) = (total.len(py)?, bad.len(py)?);
        if rows != of_bad {
            let message = format!("'total' has {rows} rows, 'bad' {of_bad}");
            return Err(data_error_at(rows.min(of_bad), &message));
        }
        let grid = match (start, step) {
            (Some(start), Some(step)) => Grid::regular(convert::millis(start)?, step, rows),
            (Some(_), None) => {
                return Err(crate::error::SloError::new_err("'start' needs a 'step' beside it"));
            }
            (None, step) => {
                let times = source.times(py, time)?;
                if times.len() != rows {
                    let message = format!("'time' has {} rows, 'total' {rows}", times.len());
                    return Err(data_error_at(times.len().min(rows), &message));
                }
                Grid::of(&times, step)?
            }
        };
        let samples =
            if is_counter { grid.increments(py, &total, &bad)? } else { grid.place(py, total, bad)? };
        // Columns that contradict each other are refused here.
        samples.seen(py)?;
        Ok(samples)
    }

    /// When the first step began, a ``datetime`` in UTC.
    #[getter]
    fn start<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        convert::datetime(py, self.start)
    }

    /// The length of a step, a ``timedelta``.
    #[getter]
    const fn step(&self) -> Duration {
        timedelta(self.step)
    }

    /// All events.
    #[getter]
    fn total(&self, py: Python<'_>) -> PyResult<u64> {
        Ok(self.seen(py)?.1.total())
    }

    /// All bad events.
    #[getter]
    fn bad(&self, py: Python<'_>) -> PyResult<u64> {
        Ok(self.seen(py)?.1.bad())
    }

    /// What is not as it should be: missing steps and resets of counters.
    ///
    /// Returns
    /// -------
    /// Table
    ///     ``kind`` (``gap`` or ``reset``), ``column``, ``start`` and ``end`` (UTC), ``steps``.
    fn check(&self) -> PyResult<Table> {
        let at = |steps: usize| {
            let steps = i64::try_from(steps).unwrap_or(i64::MAX);
            let step = i64::try_from(self.step.as_millis()).unwrap_or(i64::MAX);
            self.start.saturating_add(steps.saturating_mul(step))
        };
        Columns::default()
            .words("kind", self.findings.iter().map(|finding| finding.kind.name()))
            .words("column", self.findings.iter().map(|finding| finding.column))
            .times("start", self.findings.iter().map(|finding| at(finding.start)).collect())
            .times("end", self.findings.iter().map(|finding| at(finding.end)).collect())
            .counts(
                "steps",
                self.findings.iter().map(|finding| (finding.end - finding.start) as u64).collect(),
            )
            .table()
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, State<'py>)> {
        let (py, samples) = (slf.py(), slf.get());
        let column =
            |counts: &Counts| -> PyResult<_> { Ok(counts.borrow(py)?.as_slice()?.to_vec().into_pyarray(py)) };
        let findings = samples.findings.iter();
        let findings = findings.map(|one| (one.kind.name(), one.column, one.start, one.end)).collect();
        let again = py.import("slo._slo")?.getattr("_restored")?;
        let step = samples.step.as_millis();
        Ok((again, (samples.start, step, column(&samples.total)?, column(&samples.bad)?, findings)))
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        self.total.len(py)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let (steps, total) = self.seen(py)?;
        let mut text = format!(
            "<Samples: {} steps of {} from {}, {} events, {} bad",
            steps,
            self.step,
            convert::iso(py, self.start)?,
            total.total(),
            total.bad(),
        );
        for kind in [grid::Kind::Gap, grid::Kind::Reset] {
            let count = self.findings.iter().filter(|finding| finding.kind == kind).count();
            if count > 0 {
                let plural = if count == 1 { "" } else { "s" };
                let _ = write!(text, ", {count} {}{plural}", kind.name()); // writing to a String cannot fail
            }
        }
        Ok(text + ">")
    }
}

/// What makes samples again.
type State<'py> = (
    i64,
    u64,
    Bound<'py, PyArray1<u64>>,
    Bound<'py, PyArray1<u64>>,
    Vec<(&'static str, &'static str, usize, usize)>,
);

/// The samples that were pickled.
#[pyfunction]
pub(crate) fn _restored(
    start: i64,
    step: u64,
    total: Py<PyArray1<u64>>,
    bad: Py<PyArray1<u64>>,
    findings: Vec<(String, String, usize, usize)>,
) -> PyResult<Samples> {
    let finding = |(kind, column, start, end): (String, String, usize, usize)| {
        let column = ["time", "total", "bad"].into_iter().find(|known| *known == column)?;
        Some(Finding { kind: grid::Kind::of(&kind)?, column, start, end })
    };
    let step = Window::from_millis(step).map_err(|error| value_error(&error))?;
    let findings = findings.into_iter().filter_map(finding).collect();
    Ok(Samples { start, step, total: Counts::Numpy(total), bad: Counts::Numpy(bad), findings })
}

impl Samples {
    pub(crate) const fn start_millis(&self) -> i64 {
        self.start
    }

    pub(crate) const fn step_window(&self) -> Window {
        self.step
    }

    /// The number of steps, and all events.
    fn seen(&self, py: Python<'_>) -> PyResult<(usize, Tally)> {
        self.series(py, |series| (series.len(), series.total()))
    }

    /// Works on the columns while Python goes on.
    pub(crate) fn series<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&Series<'_>) -> T + Send,
    ) -> PyResult<T> {
        let (total, bad) = (self.total.borrow(py)?, self.bad.borrow(py)?);
        let (total, bad) = (total.as_slice()?, bad.as_slice()?);
        let (start, step) = (self.start, self.step);
        py.detach(|| match Series::new(start, step, total, bad) {
            Ok(series) => Ok(work(&series)),
            Err(error) => {
                let position = total.iter().zip(bad).position(|(total, bad)| bad > total);
                Err((position, error))
            }
        })
        .map_err(|(position, error)| match position {
            Some(position) => data_error_at(position, &error.to_string()),
            None => data_error(&error),
        })
    }
}
