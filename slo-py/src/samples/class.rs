//! The class `Samples`.

use super::{
    columns::{self, Counts},
    findings::{Finding, Kind, findings},
    table::{Gaps, begins, check_rows, one_of, two_of_three},
};
use crate::{
    convert::{self, timedelta},
    error::{SloError, data_error, data_error_at, row_error, row_error_with, value_error, warn},
    table::{Columns, Table},
};
use numpy::{IntoPyArray, PyArray1};
use pyo3::{
    prelude::*,
    types::{PyAny, PyCapsule, PySlice},
};
use slo_core::{
    model::{Service, Slo, Timestamp, Window},
    replay::{Growth, History, Rows, Series, Sums, is_like_a_counter},
};
use std::{fmt::Write, ops::Range, time::Duration};

/// Counts of events and bad events, in equal steps of time.
///
/// Parameters
/// ----------
/// data : mapping of names to arrays, or anything with an Arrow stream, optional
///     A polars or pyarrow table, a duckdb relation, a pandas frame (3 or newer), or a dict of arrays. Without it, ``time``,
///     ``total`` and ``bad`` are the arrays.
/// time : str or array, default ``"time"``
///     The time of each step, strictly increasing: numpy or Arrow times (UTC by default), datetimes with a
///     time zone, or seconds since the Unix epoch. Times are rounded to milliseconds.
/// total, bad, good : str or array, defaults ``"total"`` and ``"bad"``
///     Two of the three: events, bad events and good events, as whole numbers of 0 or more. Contiguous
///     ``uint64`` of a megabyte or more is not copied, and its numpy array becomes read-only.
/// kind : ``"increment"`` or ``"counter"``, default ``"increment"``
///     With ``"increment"``, each number counts the events of its step. With ``"counter"``, each number
///     counts all events since some beginning, as Prometheus' counters do, and the first row is only the
///     baseline. If one of the two counters falls, the process was restarted, and both count from zero again.
///     So the counters must come from one process: for several, make samples of each and :func:`merge` them.
/// label : ``"start"`` or ``"end"``, default ``"start"`` for increments and ``"end"`` for counters
///     Whether times say when steps began, as in pandas' ``resample``, polars' ``group_by_dynamic`` and most
///     exports, or when they ended, as in scrapes.
/// gaps : ``"unknown"``, ``"zero"`` or ``"refuse"``, default ``"unknown"``
///     How to treat steps without a row. ``"unknown"``: they were not seen, which lowers the coverage and
///     never earns budget. ``"zero"``: they had no events, as when hourly counts have no rows for the night.
///     ``"refuse"``: they are an error.
/// tz : str, optional
///     The zone of times without one, such as ``"Europe/Berlin"``.
/// sort : bool, default False
///     Whether rows may come in any order.
/// start : datetime, optional
///     When the first step began, in place of ``time``.
/// step : str or timedelta, optional
///     The length of a step; by default, the usual time between two rows.
///
/// Raises
/// ------
/// DataError
///     Columns of different lengths or types, times that do not increase or are not on a grid, numbers that
///     are not counts, more bad events than events; ``position`` is the first such row.
///
/// Notes
/// -----
/// The growth of a counter over missing steps counts in the step after them. :meth:`check` lists missing
/// steps.
///
/// Examples
/// --------
/// >>> import slo
/// >>> slo.Samples({"time": [0, 60, 180], "total": [100, 90, 80], "bad": [0, 3, 1]})
/// <Samples: 4 steps of 1m from 1970-01-01T00:00:00Z, 270 events, 4 bad, 1 gap>
#[pyclass(frozen, module = "slo")]
pub(crate) struct Samples {
    pub(super) start: Timestamp,
    pub(super) step: Window,
    pub(super) total: Counts,
    pub(super) bad: Counts,
    pub(super) sums: Sums,
    pub(super) findings: Vec<Finding>,
}

#[pymethods]
impl Samples {
    #[new]
    #[pyo3(
        signature = (
            data = None, /, *, time = None, total = None, bad = None, good = None, kind = "increment", label = None,
            gaps = "unknown", tz = None, sort = false, start = None, step = None
        ),
        text_signature = "(data=None, /, *, time='time', total='total', bad='bad', good=None, kind='increment', label=None, gaps='unknown', tz=None, sort=False, start=None, step=None)"
    )]
    #[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn new(
        py: Python<'_>,
        data: Option<&Bound<'_, PyAny>>,
        time: Option<&Bound<'_, PyAny>>,
        total: Option<&Bound<'_, PyAny>>,
        bad: Option<&Bound<'_, PyAny>>,
        good: Option<&Bound<'_, PyAny>>,
        kind: &str,
        label: Option<&str>,
        gaps: &str,
        tz: Option<&str>,
        sort: bool,
        start: Option<&Bound<'_, PyAny>>,
        step: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let step = step.map(convert::window).transpose()?;
        let is_counter = one_of("kind", kind, ["increment", "counter"])? == 1;
        let is_begin = match label {
            Some(label) => begins(label)?,
            None => !is_counter,
        };
        let gaps = Gaps::parse(gaps)?;
        let source = columns::Source::of(data)?;
        let (mut total, mut bad) = two_of_three(py, &source, total, bad, good)?;
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
            (Some(start), Some(step), None) => Rows::regular(convert::moment(start)?, step, rows),
            (Some(_), None, None) => return Err(SloError::new_err("'start' needs a 'step'; give both")),
            (None, step, time) => {
                let mut times = source.times(py, "time", time)?;
                if times.millis.len() != rows {
                    let message = format!("'time' has {} rows, 'total' {rows}", times.millis.len());
                    return Err(data_error_at(times.millis.len().min(rows), &message));
                }
                if sort && !times.millis.is_sorted() {
                    let mut order: Vec<usize> = (0..rows).collect();
                    order.sort_by_key(|row| times.millis.get(*row).copied());
                    let sorted = |counts: &Counts| -> PyResult<Counts> {
                        let counts = counts.borrow(py)?;
                        let counts = counts.as_slice()?;
                        Ok(Counts::Owned(order.iter().filter_map(|row| counts.get(*row).copied()).collect()))
                    };
                    (total, bad) = (sorted(&total)?, sorted(&bad)?);
                    times.millis.sort_unstable();
                }
                let times = times.in_zone(tz)?;
                let of_times = if is_begin { Rows::beginning_at } else { Rows::ending_at };
                py.detach(|| of_times(&times, step)).map_err(|error| {
                    let more = if sort || times.is_sorted() {
                        ""
                    } else {
                        "; for rows in any order, pass sort=True"
                    };
                    row_error_with(&error, more)
                })?
            }
        };
        if gaps == Gaps::Refused
            && let Some(gap) = rows.gaps().first()
        {
            let row = rows.row_of(gap.start.saturating_sub(1)).map_or(0, |row| row + 1);
            let message = format!(
                "before row {row}, {} steps of {} have no row; give gaps=\"zero\" if nothing happened in them",
                gap.len(),
                rows.step()
            );
            return Err(data_error_at(row, &message));
        }
        let zero_gaps = gaps == Gaps::Zero;
        if is_counter {
            let (total, bad) = (total.borrow(py)?, bad.borrow(py)?);
            let (total, bad) = (total.as_slice()?, bad.as_slice()?);
            let grown = py.detach(|| rows.growth(total, bad)).map_err(|error| row_error(&error))?;
            if let Some(step) = grown.doubtful_reset() {
                let message = format!(
                    "the counter falls in step {step}, but only to {}, which is far more than it grows in a step; \
                     if it is the sum of several processes, make Samples of each and merge them",
                    grown.total.get(step).copied().unwrap_or(0),
                );
                warn(py, &message)?;
            }
            let gaps = if zero_gaps { vec![] } else { grown.gaps };
            return Self::of_growth(py, rows.step(), Growth { gaps, ..grown });
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
        let gaps = if zero_gaps { vec![] } else { rows.gaps() };
        Self::of(py, rows.start(), rows.step(), total, bad, findings(gaps, vec![]))
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
    ///     ``time`` (UTC, when the step began), ``total``, ``bad``: what :class:`Samples` takes.
    fn to_table(&self, py: Python<'_>) -> PyResult<Table> {
        let times: Vec<_> = (0..self.steps(py)?).map(|step| self.after(step)).collect();
        Columns::default()
            .times("time", times)
            .counts("total", self.total.borrow(py)?.as_slice()?.to_vec())
            .counts("bad", self.bad.borrow(py)?.as_slice()?.to_vec())
            .table()
    }

    /// The missing steps, counter resets and excluded steps of the history.
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
        let (starts, ends): (Vec<Timestamp>, Vec<Timestamp>) = edges;
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
        Ok((
            again,
            (samples.start.as_millis(), step, column(&samples.total)?, column(&samples.bad)?, findings),
        ))
    }

    /// When the last step ended, a ``datetime`` in UTC.
    #[getter]
    fn end<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        convert::datetime(py, self.after(self.steps(py)?))
    }

    /// The steps as a ``pandas.DataFrame``; as :meth:`to_table`.
    fn to_pandas<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.to_table(py)?.to_pandas(py)
    }

    /// The Arrow stream of the steps, as the PyCapsule interface has it; as :meth:`to_table`.
    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        self.to_table(py)?.__arrow_c_stream__(py, requested_schema)
    }

    /// A part of the history, ``samples[a:b]``, with datetimes or numbers of steps.
    ///
    /// It holds the steps that begin at or after ``a`` and before ``b``.
    fn __getitem__(&self, py: Python<'_>, part: &Bound<'_, PySlice>) -> PyResult<Self> {
        let [from, to, by] = ["start", "stop", "step"].map(|name| part.getattr(name));
        if !by?.is_none() {
            return Err(SloError::new_err("a slice cannot leave out steps; give samples[a:b]"));
        }
        let first = self.place(py, &from?, 0)?;
        let last = self.place(py, &to?, self.steps(py)?)?.max(first);
        let cut = |counts: &Counts| -> PyResult<Counts> {
            Ok(Counts::Owned(counts.borrow(py)?.as_slice()?.get(first..last).unwrap_or_default().to_vec()))
        };
        let findings = self.findings.iter().filter_map(|finding| {
            let (start, end) = (finding.steps.start.max(first), finding.steps.end.min(last));
            (start < end).then(|| Finding { kind: finding.kind, steps: start - first..end - first })
        });
        let findings = findings.collect();
        Self::of(py, self.after(first), self.step, cut(&self.total)?, cut(&self.bad)?, findings)
    }

    fn __eq__(&self, py: Python<'_>, other: &Bound<'_, PyAny>) -> PyResult<bool> {
        let Ok(other) = other.cast::<Self>() else { return Ok(false) };
        let other = other.get();
        let same = |one: &Counts, other: &Counts| -> PyResult<bool> {
            Ok(one.borrow(py)?.as_slice()? == other.borrow(py)?.as_slice()?)
        };
        let findings = |samples: &Self| -> Vec<(&'static str, Range<usize>)> {
            samples.findings.iter().map(|one| (one.kind.name(), one.steps.clone())).collect()
        };
        Ok((self.start, self.step) == (other.start, other.step)
            && same(&self.total, &other.total)?
            && same(&self.bad, &other.bad)?
            && findings(self) == findings(other))
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        self.steps(py)
    }

    fn _repr_html_(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("<p>{}</p>{}", slo_core::page::escape(&self.__repr__(py)?), self.to_table(py)?.html()))
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

/// The state from which samples are restored.
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
    Samples::of(py, Timestamp::from_millis(start), step, Counts::Numpy(total), Counts::Numpy(bad), findings)
}

impl Samples {
    /// What counters have grown by.
    pub(crate) fn of_growth(py: Python<'_>, step: Window, grown: Growth) -> PyResult<Self> {
        let Growth { start, total, bad, resets, gaps } = grown;
        Self::of(py, start, step, Counts::Owned(total), Counts::Owned(bad), findings(gaps, resets))
    }

    pub(super) fn of(
        py: Python<'_>,
        start: Timestamp,
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

    /// How many steps there are.
    pub(crate) fn steps(&self, py: Python<'_>) -> PyResult<usize> {
        self.total.len(py)
    }

    /// The time after so many steps.
    pub(crate) fn after(&self, steps: usize) -> Timestamp {
        self.start.after_steps(self.step, steps)
    }

    /// The step at an end of a slice: a number of steps, or a time.
    fn place(&self, py: Python<'_>, end: &Bound<'_, PyAny>, otherwise: usize) -> PyResult<usize> {
        let steps = self.steps(py)?;
        if end.is_none() {
            return Ok(otherwise);
        }
        if let Ok(index) = end.extract::<isize>() {
            let from_end = steps.saturating_sub(index.unsigned_abs());
            return Ok(if index < 0 { from_end } else { index.unsigned_abs().min(steps) });
        }
        let since = convert::moment(end)?.millis_since(self.start);
        Ok(usize::try_from(since.div_ceil(self.step.as_millis())).unwrap_or(usize::MAX).min(steps))
    }

    pub(crate) const fn begins(&self) -> Timestamp {
        self.start
    }

    pub(crate) const fn step_window(&self) -> Window {
        self.step
    }

    /// The steps that were not seen, and those that are excluded.
    pub(crate) fn unknown(&self) -> (Vec<Range<usize>>, Vec<Range<usize>>) {
        let of = |kind| self.findings.iter().filter(move |one| one.kind == kind).map(|one| one.steps.clone());
        (of(Kind::Gap).collect(), of(Kind::Excluded).collect())
    }

    /// The samples that an SLO judges: its time slices, without excluded times.
    pub(crate) fn judged(&self, py: Python<'_>, service: &Service, slo: &Slo) -> PyResult<Self> {
        let owned = |counts: &Counts| Ok::<_, PyErr>(counts.borrow(py)?.as_slice()?.to_vec());
        let gaps = self.unknown().0;
        let history = History {
            start: self.start,
            step: self.step,
            total: owned(&self.total)?,
            bad: owned(&self.bad)?,
            gaps,
        };
        let judged = py.detach(|| history.judged(service, slo));
        let (History { start, step, total, bad, gaps }, excluded) =
            judged.map_err(|error| value_error(&error))?;
        let of = |kind: Kind| move |steps: Range<usize>| Finding { kind, steps };
        // The steps of time slices differ from the steps of these samples.
        let resets = self.findings.iter().filter(|one| one.kind == Kind::Reset && step == self.step).cloned();
        let gaps = gaps.into_iter().map(of(Kind::Gap));
        let mut findings: Vec<Finding> =
            gaps.chain(resets).chain(excluded.into_iter().map(of(Kind::Excluded))).collect();
        findings.sort_by_key(|finding| finding.steps.start);
        Self::of(py, start, step, Counts::Owned(total), Counts::Owned(bad), findings)
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
