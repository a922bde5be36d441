//! `slo.Samples`: counts of events over time.

mod columns;
mod counters;
mod findings;
mod merging;

use crate::{
    convert::{self, timedelta},
    error::{SloError, data_error, data_error_at, row_error, value_error, warn},
    table::{Columns, Table},
};
use columns::Counts;
pub(crate) use counters::{Counted, from_counters};
use findings::{Finding, Kind, doubtful_reset, findings, is_like_a_counter};
pub(crate) use merging::merge;
use numpy::{IntoPyArray, PyArray1};
use pyo3::{prelude::*, types::PyAny};
use slo_core::{
    math::Exclusions,
    model::Window,
    replay::{Growth, Rows, Series, Sums},
};
use std::{fmt::Write, ops::Range, time::Duration};

/// Counts of all and of bad events, in equal steps of time.
///
/// Parameters
/// ----------
/// data : mapping of names to arrays, or anything with an Arrow stream, optional
///     A polars or pyarrow table, a duckdb relation, a pandas frame (3 or newer), or a dict of arrays. Without it, ``time``,
///     ``total`` and ``bad`` are the arrays.
/// time : str or array, default ``"time"``
///     When each step ended (polars' ``group_by_dynamic`` and pandas' ``resample`` say when it began, unless told
///     ``label="right"``), strictly increasing: numpy or Arrow times (in UTC, where they do not say), datetimes that know
///     their zone, or numbers of seconds since the Unix epoch. Rounded to milliseconds.
/// total, bad : str or array, defaults ``"total"`` and ``"bad"``
///     Events and bad events: whole numbers that are not negative. Contiguous ``uint64`` is not copied: whoever changes the
///     array later makes the answers wrong.
/// kind : ``"increment"`` or ``"counter"``, default ``"increment"``
///     Whether each number counts the events of its step, or all since some beginning, as Prometheus' counters do. The first
///     row of counters is what the others are compared with. Where one of the two falls, the process was restarted, and both
///     count from zero: counters are of one process. Of several, make samples of each, and :func:`merge` them.
/// start : datetime, optional
///     When the first step began, in place of times.
/// step : str or timedelta, optional
///     The length of a step; found from the times where it is not given.
///
/// Raises
/// ------
/// DataError
///     Columns of different lengths or types, times that do not increase or are not on a grid, numbers that are no counts,
///     more bad events than events; ``position`` is the row of the first offender.
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
    sums: Sums,
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
                return Err(SloError::new_err(message));
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
        let rows = match (start, step, time) {
            (Some(_), _, Some(_)) => {
                return Err(SloError::new_err("'start' and 'time' say the same; give one of them"));
            }
            (Some(_), _, None) if source.has("time") => {
                return Err(SloError::new_err(
                    "the table has 'time', which 'start' would overrule; leave one of them out",
                ));
            }
            (Some(start), Some(step), None) => Rows::regular(convert::millis(start)?, step, rows),
            (Some(_), None, None) => return Err(SloError::new_err("'start' needs a 'step' beside it")),
            (None, step, time) => {
                let times = source.times(py, "time", time)?;
                if times.len() != rows {
                    let message = format!("'time' has {} rows, 'total' {rows}", times.len());
                    return Err(data_error_at(times.len().min(rows), &message));
                }
                py.detach(|| Rows::ending_at(&times, step)).map_err(|error| row_error(&error))?
            }
        };
        if is_counter {
            let (total, bad) = (total.borrow(py)?, bad.borrow(py)?);
            let (total, bad) = (total.as_slice()?, bad.as_slice()?);
            let Growth { start, total, bad, resets, gaps } =
                py.detach(|| rows.growth(total, bad)).map_err(|error| row_error(&error))?;
            if let Some(step) = doubtful_reset(&total, &resets) {
                let message = format!(
                    "the counter falls in step {step} and is still {} then, far more than it grows in a step: is it the sum of \
                     several processes? Of those, make Samples of each, and merge them",
                    total.get(step).copied().unwrap_or(0),
                );
                warn(py, &message)?;
            }
            let findings = findings(gaps, resets);
            return Self::of(py, start, rows.step(), Counts::Owned(total), Counts::Owned(bad), findings);
        }
        {
            let total = total.borrow(py)?;
            if is_like_a_counter(total.as_slice()?) {
                warn(py, "'total' only ever grows: if it is a counter, say kind=\"counter\"")?;
            }
        }
        let (total, bad) = if rows.is_whole() {
            (total, bad)
        } else {
            check_rows(py, &total, &bad)?;
            let place =
                |counts: &Counts| Ok::<_, PyErr>(Counts::Owned(rows.place(counts.borrow(py)?.as_slice()?)));
            (place(&total)?, place(&bad)?)
        };
        Self::of(py, rows.start(), rows.step(), total, bad, findings(rows.gaps(), vec![]))
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
    const fn total(&self) -> u64 {
        self.sums.total().total()
    }

    /// All bad events.
    #[getter]
    const fn bad(&self) -> u64 {
        self.sums.total().bad()
    }

    /// The steps.
    ///
    /// Returns
    /// -------
    /// Table
    ///     ``time`` (UTC, the end of the step), ``total``, ``bad``: what :class:`Samples` takes.
    fn to_table(&self, py: Python<'_>) -> PyResult<Table> {
        let times =
            self.series(py, |series| (0..series.len()).map(|index| series.end_of(index)).collect())?;
        Columns::default()
            .times("time", times)
            .counts("total", self.total.borrow(py)?.as_slice()?.to_vec())
            .counts("bad", self.bad.borrow(py)?.as_slice()?.to_vec())
            .table()
    }

    /// What is not as it should be: missing steps and resets of counters.
    ///
    /// Returns
    /// -------
    /// Table
    ///     ``kind`` (``gap``, ``reset`` or ``excluded``), ``start`` and ``end`` (UTC), ``steps``.
    fn check(&self, py: Python<'_>) -> PyResult<Table> {
        let findings = &self.findings;
        let edges = self.series(py, |series| {
            let at = |finding: &Finding| {
                (series.time_after(finding.steps.start), series.time_after(finding.steps.end))
            };
            findings.iter().map(at).unzip()
        })?;
        let (starts, ends): (Vec<i64>, Vec<i64>) = edges;
        Columns::default()
            .words("kind", findings.iter().map(|finding| finding.kind.name()))
            .times("start", starts)
            .times("end", ends)
            .counts("steps", findings.iter().map(|finding| finding.steps.len() as u64).collect())
            .table()
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, State<'py>)> {
        let (py, samples) = (slf.py(), slf.get());
        let column =
            |counts: &Counts| -> PyResult<_> { Ok(counts.borrow(py)?.as_slice()?.to_vec().into_pyarray(py)) };
        let findings = samples.findings.iter();
        let findings = findings.map(|one| (one.kind.name(), one.steps.start, one.steps.end)).collect();
        let again = py.import("slo._slo")?.getattr("_restored")?;
        let step = samples.step.as_millis();
        Ok((again, (samples.start, step, column(&samples.total)?, column(&samples.bad)?, findings)))
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        self.total.len(py)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let mut text = format!(
            "<Samples: {} steps of {} from {}, {} events, {} bad",
            self.total.len(py)?,
            self.step,
            convert::iso(py, self.start)?,
            self.total(),
            self.bad(),
        );
        for kind in Kind::ALL {
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
type State<'py> =
    (i64, u64, Bound<'py, PyArray1<u64>>, Bound<'py, PyArray1<u64>>, Vec<(&'static str, usize, usize)>);

/// The samples that were pickled.
#[pyfunction]
pub(crate) fn _restored(
    py: Python<'_>,
    start: i64,
    step: u64,
    total: Py<PyArray1<u64>>,
    bad: Py<PyArray1<u64>>,
    findings: Vec<(String, usize, usize)>,
) -> PyResult<Samples> {
    let finding = |(name, start, end): (String, usize, usize)| {
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name);
        let kind = kind.ok_or_else(|| SloError::new_err(format!("pickled by another version: {name}")))?;
        Ok::<_, PyErr>(Finding { kind, steps: start..end })
    };
    let step = Window::from_millis(step).map_err(|error| value_error(&error))?;
    let findings = findings.into_iter().map(finding).collect::<PyResult<_>>()?;
    Samples::of(py, start, step, Counts::Numpy(total), Counts::Numpy(bad), findings)
}

/// Refuses more bad events than events, by the row that says so.
fn check_rows(py: Python<'_>, total: &Counts, bad: &Counts) -> PyResult<()> {
    let (total, bad) = (total.borrow(py)?, bad.borrow(py)?);
    let (total, bad) = (total.as_slice()?, bad.as_slice()?);
    match total.iter().zip(bad).enumerate().find(|(_, (total, bad))| bad > total) {
        None => Ok(()),
        Some((row, (total, bad))) => {
            Err(data_error_at(row, &format!("row {row}: {bad} bad events of {total}")))
        }
    }
}

/// Stretches of time: pairs of datetimes, or a table with ``start`` and ``end``; in milliseconds since the Unix epoch.
pub(crate) fn spans<'py>(py: Python<'py>, data: &Bound<'py, PyAny>) -> PyResult<Vec<(i64, i64)>> {
    let is_table =
        data.hasattr("__arrow_c_stream__")? || data.hasattr("__arrow_c_array__")? || data.hasattr("keys")?;
    if !is_table && data.hasattr("__iter__")? {
        let pair = |(row, pair): (usize, PyResult<Bound<'py, PyAny>>)| {
            let (start, end): (Bound<'py, PyAny>, Bound<'py, PyAny>) = pair?.extract().map_err(|_| {
                data_error_at(
                    row,
                    &format!("row {row} is no pair of datetimes, when it started and when it ended"),
                )
            })?;
            let span = (convert::millis(&start)?, convert::millis(&end)?);
            if span.1 <= span.0 {
                let message = format!("row {row} does not end after it starts; when it started comes first");
                return Err(data_error_at(row, &message));
            }
            Ok(span)
        };
        return data.try_iter()?.enumerate().map(pair).collect();
    }
    let source = columns::Source::of(Some(data))?;
    let (starts, ends) = (source.times(py, "start", None)?, source.times(py, "end", None)?);
    if starts.len() != ends.len() {
        let message = format!("'start' has {} rows, 'end' {}", starts.len(), ends.len());
        return Err(data_error_at(starts.len().min(ends.len()), &message));
    }
    if let Some(row) = starts.iter().zip(&ends).position(|(start, end)| end <= start) {
        return Err(data_error_at(row, &format!("row {row} does not end after it starts")));
    }
    Ok(starts.into_iter().zip(ends).collect())
}

impl Samples {
    fn of(
        py: Python<'_>,
        start: i64,
        step: Window,
        total: Counts,
        bad: Counts,
        findings: Vec<Finding>,
    ) -> PyResult<Self> {
        let sums = {
            let (totals, bads) = (total.borrow(py)?, bad.borrow(py)?);
            let (totals, bads) = (totals.as_slice()?, bads.as_slice()?);
            // Threads cost more than they save where there is little to do.
            let threads =
                if totals.len() < convert::FEW_STEPS { 1 } else { convert::threads(None, usize::MAX)? };
            match py.detach(|| Sums::in_threads(totals, bads, threads)) {
                Ok(sums) => sums,
                Err(error) => {
                    check_rows(py, &total, &bad)?;
                    return Err(data_error(&error));
                }
            }
        };
        Ok(Self { start, step, total, bad, sums, findings })
    }

    pub(crate) const fn start_millis(&self) -> i64 {
        self.start
    }

    pub(crate) const fn step_window(&self) -> Window {
        self.step
    }

    /// The steps of which nothing is known, and those that do not count.
    pub(crate) fn unknown(&self) -> (Vec<Range<usize>>, Vec<Range<usize>>) {
        let of = |kind| self.findings.iter().filter(move |one| one.kind == kind).map(|one| one.steps.clone());
        (of(Kind::Gap).collect(), of(Kind::Excluded).collect())
    }

    /// The same without the events of excluded time.
    pub(crate) fn without(&self, py: Python<'_>, exclusions: &Exclusions) -> PyResult<Self> {
        let (total, bad, excluded) = self.series(py, |series| {
            let (total, bad) = series.without(exclusions);
            let mut excluded: Vec<Range<usize>> = Vec::new();
            for step in (0..series.len()).filter(|step| exclusions.contains(series.end_of(*step))) {
                match excluded.last_mut() {
                    Some(last) if last.end == step => last.end = step + 1,
                    _ => excluded.push(step..step + 1),
                }
            }
            (total, bad, excluded)
        })?;
        // What does not count is no gap.
        let counts = |one: &&Finding| {
            one.kind != Kind::Gap
                || !excluded.iter().any(|span| span.start <= one.steps.start && one.steps.end <= span.end)
        };
        let mut findings: Vec<Finding> = self.findings.iter().filter(counts).cloned().collect();
        findings.extend(excluded.into_iter().map(|steps| Finding { kind: Kind::Excluded, steps }));
        findings.sort_by_key(|finding| finding.steps.start);
        Self::of(py, self.start, self.step, Counts::Owned(total), Counts::Owned(bad), findings)
    }

    /// Works on the columns while Python goes on.
    pub(crate) fn series<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&Series<'_>) -> T + Send,
    ) -> PyResult<T> {
        let (total, bad) = (self.total.borrow(py)?, self.bad.borrow(py)?);
        let (total, bad) = (total.as_slice()?, bad.as_slice()?);
        let (start, step, sums) = (self.start, self.step, &self.sums);
        py.detach(|| Series::summed(start, step, total, bad, sums).map(|series| work(&series)))
            .map_err(|error| data_error(&error))
    }
}
