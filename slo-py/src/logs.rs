//! `slo.logs`: templates of log lines, and what is unusual about a window.

use crate::{
    convert,
    error::SloError,
    samples::Source,
    table::{Columns, Table},
};
use numpy::{IntoPyArray, PyArray1};
use pyo3::{
    prelude::*,
    types::{PyBytes, PyDict},
};
use slo_core::model::Timestamp;
use slo_ops::logs::{self, Comparison, Level, Limits, LogFormat, LogOptions, Reader, Record};

/// How gzip begins.
const GZIP: &[u8] = &[0x1f, 0x8b];

fn refused(error: slo_core::Error) -> PyErr {
    crate::error::value_error(&error)
}

/// The templates of logs, and the number of lines of each in each bin of time.
///
/// Parameters
/// ----------
/// bin : str or timedelta, default "1m"
///     The width of a bin of time.
/// origin : datetime, optional
///     A time at which a bin begins, such as that of an incident.
/// masks : bool, default True
///     Whether numbers, addresses, ids, paths and times are replaced by words first.
/// depth, similarity, branches : int, float, int
///     The parameters of Drain: 4, 0.4 and 100.
/// most_templates : int, default 10_000
///     The one that was used least recently makes room for another.
///
/// Examples
/// --------
/// >>> from slo.logs import Logs
/// >>> logs = Logs()
/// >>> logs.add(message=["user 17 logged in", "disk full", "user 18 logged in"])
/// array([1, 2, 1], dtype=uint64)
/// >>> [row["text"] for row in logs.templates()]
/// ['user <num> logged in', 'disk full']
#[pyclass(module = "slo.logs")]
pub(crate) struct Logs(logs::Logs);

#[pymethods]
impl Logs {
    #[new]
    #[pyo3(signature = (*, bin = None, origin = None, masks = true, depth = 4, similarity = 0.4, branches = 100, most_templates = 10_000), text_signature = "(*, bin='1m', origin=None, masks=True, depth=4, similarity=0.4, branches=100, most_templates=10000)")]
    fn new(
        bin: Option<&Bound<'_, PyAny>>,
        origin: Option<&Bound<'_, PyAny>>,
        masks: bool,
        depth: usize,
        similarity: f64,
        branches: usize,
        most_templates: usize,
    ) -> PyResult<Self> {
        let defaults = LogOptions::default();
        let limits = Limits { depth, similarity, branches, templates: most_templates, ..Limits::default() };
        let options = LogOptions {
            limits,
            masks,
            bin: bin.map_or(Ok(defaults.bin), convert::window)?,
            origin: origin.map_or(Ok(defaults.origin), convert::moment)?,
        };
        logs::Logs::new(options).map(Self).map_err(refused)
    }

    /// Adds messages.
    ///
    /// Parameters
    /// ----------
    /// data : table, optional
    ///     Any Arrow table or mapping with the columns `message`, and `time` and `level` if it has them.
    /// message, time, level : str or array, optional
    ///     The names of the columns; without a table, the columns themselves. Times without a zone are in UTC.
    ///
    /// Returns
    /// -------
    /// numpy.ndarray of uint64, shape (messages,)
    ///     The number of the template of each message.
    ///
    /// Raises
    /// ------
    /// DataError
    ///     Messages that are null or no text, or columns of different lengths.
    #[pyo3(signature = (data = None, *, message = None, time = None, level = None))]
    fn add<'py>(
        &mut self,
        py: Python<'py>,
        data: Option<&Bound<'py, PyAny>>,
        message: Option<&Bound<'py, PyAny>>,
        time: Option<&Bound<'py, PyAny>>,
        level: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyArray1<u64>>> {
        let source = Source::of(data)?;
        let messages = source.words("message", message)?;
        let times = if time.is_some() || source.has("time") {
            Some(source.times(py, "time", time)?.in_zone(None)?)
        } else {
            None
        };
        let levels = if level.is_some() || source.has("level") {
            Some(source.words_if_any("level", level)?)
        } else {
            None
        };
        let fits = |length: Option<usize>| length.is_none_or(|length| length == messages.len());
        if !fits(times.as_ref().map(Vec::len)) || !fits(levels.as_ref().map(Vec::len)) {
            return Err(SloError::new_err("the columns 'message', 'time' and 'level' differ in length"));
        }
        let logs = &mut self.0;
        let ids: Vec<u64> = py.detach(move || {
            let mut ids = Vec::with_capacity(messages.len());
            for (row, message) in messages.iter().enumerate() {
                let time =
                    times.as_ref().and_then(|times| times.get(row)).map(|time| Timestamp::from_millis(*time));
                let level =
                    levels.as_ref().and_then(|levels| levels.get(row)?.as_deref()).and_then(Level::named);
                ids.push(logs.add(&Record { time, level, message: message.into() }).get());
            }
            ids
        });
        Ok(ids.into_pyarray(py))
    }

    /// Reads a log.
    ///
    /// Parameters
    /// ----------
    /// source : path, bytes, or file
    ///     Plain or gzip. A file in binary mode may be any object with a method ``read``.
    /// format : {"auto", "text", "json", "logfmt", "journald", "container"}
    ///     The format; by default, it is found out from each line.
    /// time_zone : str, default "UTC"
    ///     The zone of times that name none.
    /// now : datetime, optional
    ///     The time that all times without a year are before; by default, this moment.
    ///
    /// Returns
    /// -------
    /// dict of str to int
    ///     What was read: `lines`, `bytes`, `continuations`, `cut`, `not_utf8`, `untimed`.
    #[pyo3(signature = (source, *, format = "auto", time_zone = "UTC", now = None))]
    fn read<'py>(
        &mut self,
        py: Python<'py>,
        source: &Bound<'py, PyAny>,
        format: &str,
        time_zone: &str,
        now: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let now = now.map_or_else(|| convert::now(py), convert::moment)?;
        let mut reader =
            Reader::new(format.parse::<LogFormat>().map_err(refused)?, time_zone, now).map_err(refused)?;
        let gzip = py.import("gzip")?;
        let whole = source.cast::<PyBytes>().ok().map(|bytes| bytes.as_bytes().starts_with(GZIP));
        let is_path = whole.is_none() && !source.hasattr("read")?;
        let builtins = py.import("builtins")?;
        let file = match whole {
            Some(_) => py.import("io")?.call_method1("BytesIO", (source,))?,
            None if is_path => builtins.call_method1("open", (source, "rb"))?,
            None => source.clone(),
        };
        let mut input = file.clone();
        loop {
            let piece = input.call_method1("read", (1_usize << 20,))?;
            let piece = piece.cast::<PyBytes>().map_err(|_| {
                SloError::new_err("the file is not opened in binary mode; open it with mode \"rb\"")
            })?;
            if reader.seen().bytes == 0 && piece.as_bytes().starts_with(GZIP) && input.is(&file) {
                file.call_method1("seek", (0,))?;
                input = gzip.call_method1("open", (&file,))?;
                continue;
            }
            let (bytes, logs) = (piece.as_bytes(), &mut self.0);
            if bytes.is_empty() {
                break;
            }
            py.detach(|| reader.feed(bytes, |record| _ = logs.add(record)));
        }
        if is_path {
            file.call_method0("close")?;
        }
        reader.end(|record| _ = self.0.add(record));
        let (seen, counts) = (reader.seen(), PyDict::new(py));
        for (name, count) in [
            ("lines", seen.lines),
            ("bytes", seen.bytes),
            ("continuations", seen.continuations),
            ("cut", seen.cut),
            ("not_utf8", seen.not_utf8),
            ("untimed", seen.untimed),
        ] {
            counts.set_item(name, count)?;
        }
        Ok(counts)
    }

    /// Adds what another worker has counted with the same options. No line is lost.
    fn merge(&mut self, other: PyRef<'_, Self>) -> PyResult<()> {
        self.0.merge(&other.0).map_err(refused)
    }

    /// The templates.
    ///
    /// Returns
    /// -------
    /// Table
    ///     `template` (number), `text`, `lines`, `level` (the worst; empty if unknown), `first`, `last` (times), `example`.
    fn templates(&self) -> PyResult<Table> {
        let all: Vec<_> = self.0.templates().collect();
        let texts: Vec<String> = all.iter().map(|(template, _)| template.to_string()).collect();
        Columns::default()
            .counts("template", all.iter().map(|(template, _)| template.id().get()).collect())
            .words("text", texts.iter().map(String::as_str))
            .counts("lines", all.iter().map(|(template, _)| template.lines()).collect())
            .words("level", all.iter().map(|(_, about)| about.level().map_or("", Level::as_str)))
            .times_if_any("first", all.iter().map(|(_, about)| about.times().map(|(first, _)| first)))
            .times_if_any("last", all.iter().map(|(_, about)| about.times().map(|(_, last)| last)))
            .words("example", all.iter().map(|(_, about)| about.example()))
            .table()
    }

    /// The lines of each template in each bin of time that is not empty.
    ///
    /// Returns
    /// -------
    /// Table
    ///     `template`, `time` (when the bin begins), `lines`.
    fn counts(&self) -> PyResult<Table> {
        let (mut templates, mut times, mut lines) = (vec![], vec![], vec![]);
        for (template, about) in self.0.templates() {
            for (time, count) in self.0.counts(about) {
                templates.push(template.id().get());
                times.push(time);
                lines.push(u64::from(count));
            }
        }
        Columns::default().counts("template", templates).times("time", times).counts("lines", lines).table()
    }

    /// What is unusual about a window, compared with windows of the same length before it.
    ///
    /// Parameters
    /// ----------
    /// start, end : datetime
    ///     The window.
    /// baseline : datetime, optional
    ///     The beginning of the time that it is compared with; by default, the first line.
    /// false_alarms : float, default 0.05
    ///     The probability of a false alarm in the window, over all templates.
    ///
    /// Returns
    /// -------
    /// LogFindings
    ///
    /// Raises
    /// ------
    /// SloError
    ///     A window that is empty, or with less than its length of log before it.
    #[pyo3(signature = (start, end, *, baseline = None, false_alarms = 0.05))]
    fn findings(
        &self,
        start: &Bound<'_, PyAny>,
        end: &Bound<'_, PyAny>,
        baseline: Option<&Bound<'_, PyAny>>,
        false_alarms: f64,
    ) -> PyResult<LogFindings> {
        let baseline = baseline.map(convert::moment).transpose()?;
        let comparison =
            Comparison { from: convert::moment(start)?, to: convert::moment(end)?, baseline, false_alarms };
        self.0.findings(comparison).map(LogFindings).map_err(refused)
    }

    /// The templates whose lines come with bad events, the closest first.
    ///
    /// Parameters
    /// ----------
    /// data : table, optional
    ///     Any Arrow table or mapping with the columns `time` and `bad`: counts of bad events, each at the end of the time that
    ///     it counts.
    /// time, bad : str or array, optional
    ///     The names of the columns; without a table, the columns themselves.
    /// p : float, default 0.05
    ///     The probability of a correlation by chance, over all templates.
    ///
    /// Returns
    /// -------
    /// Table
    ///     `template`, `text`, `level`, `lines`, `correlation`, `lead` (bins by which the lines come before the bad events), `p`.
    #[pyo3(signature = (data = None, *, time = None, bad = None, p = 0.05))]
    fn followers<'py>(
        &self,
        py: Python<'py>,
        data: Option<&Bound<'py, PyAny>>,
        time: Option<&Bound<'py, PyAny>>,
        bad: Option<&Bound<'py, PyAny>>,
        p: f64,
    ) -> PyResult<Table> {
        let source = Source::of(data)?;
        let times = source.times(py, "time", time)?.in_zone(None)?;
        let counts = source.counts(py, "bad", bad)?;
        let counts = counts.borrow(py)?;
        let counts = counts.as_slice()?;
        if times.len() != counts.len() {
            return Err(SloError::new_err("the columns 'time' and 'bad' differ in length"));
        }
        let bad: Vec<(Timestamp, f64)> = times
            .iter()
            .zip(counts)
            .map(|(time, count)| (Timestamp::from_millis(*time), *count as f64))
            .collect();
        let found = self.0.followers(&bad, p);
        Columns::default()
            .counts("template", found.iter().map(|one| one.template.get()).collect())
            .words("text", found.iter().map(|one| one.text.as_str()))
            .words("level", found.iter().map(|one| one.level.map_or("", Level::as_str)))
            .counts("lines", found.iter().map(|one| one.lines).collect())
            .numbers("correlation", found.iter().map(|one| Some(one.correlation)))
            .numbers("lead", found.iter().map(|one| Some(one.lead as f64)))
            .numbers("p", found.iter().map(|one| Some(one.p)))
            .table()
    }

    /// The number of lines.
    #[getter]
    const fn lines(&self) -> u64 {
        self.0.lines()
    }

    /// The number of templates that made room for others, and of their lines.
    #[getter]
    fn forgotten(&self) -> (u64, u64) {
        (self.0.forgotten().templates, self.0.forgotten().lines)
    }

    fn __len__(&self) -> usize {
        self.0.templates().count()
    }

    fn __repr__(&self) -> String {
        format!("Logs({} lines of {} templates)", self.0.lines(), self.0.templates().count())
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyBytes>,))> {
        let py = slf.py();
        let state =
            serde_json::to_vec(&slf.borrow().0).map_err(|error| SloError::new_err(error.to_string()))?;
        Ok((py.import("slo._slo")?.getattr("_logs")?, (PyBytes::new(py, &state),)))
    }
}

/// Logs that were pickled.
#[pyfunction]
#[pyo3(signature = (state, /))]
pub(crate) fn _logs(state: &[u8]) -> PyResult<Logs> {
    serde_json::from_slice(state)
        .map(Logs)
        .map_err(|error| SloError::new_err(format!("these are no logs: {error}")))
}

/// A message with words in place of numbers, addresses, ids, paths and times.
///
/// Parameters
/// ----------
/// message : str
///
/// Examples
/// --------
/// >>> from slo.logs import mask
/// >>> mask("order 17 of 10.0.0.7 took 12ms")
/// 'order <num> of <ip> took <num>'
#[pyfunction]
#[pyo3(signature = (message, /))]
pub(crate) fn mask(message: &str) -> String {
    let mut out = String::with_capacity(message.len());
    logs::mask(message, &mut out);
    out
}

/// What is unusual about a window of a log.
#[pyclass(frozen, module = "slo.logs")]
pub(crate) struct LogFindings(logs::LogFindings);

#[pymethods]
impl LogFindings {
    /// The findings, the significant ones first.
    ///
    /// Returns
    /// -------
    /// Table
    ///     `change` ("new", "swollen" or "vanished"), `template`, `text`, `level`, `lines`, `expected`, `extreme_before` (the most
    ///     lines of a window before, or the fewest), `since`, `p`, `significant` ("yes" or "no"), `example`.
    #[getter]
    fn table(&self) -> PyResult<Table> {
        let all = &self.0.findings;
        Columns::default()
            .words("change", all.iter().map(|one| one.change.as_str()))
            .counts("template", all.iter().map(|one| one.template.get()).collect())
            .words("text", all.iter().map(|one| one.text.as_str()))
            .words("level", all.iter().map(|one| one.level.map_or("", Level::as_str)))
            .counts("lines", all.iter().map(|one| one.lines).collect())
            .numbers("expected", all.iter().map(|one| Some(one.expected)))
            .counts("extreme_before", all.iter().map(|one| one.extreme_before).collect())
            .times_if_any("since", all.iter().map(|one| one.since))
            .numbers("p", all.iter().map(|one| Some(one.p)))
            .words("significant", all.iter().map(|one| if one.significant { "yes" } else { "no" }))
            .words("example", all.iter().map(|one| one.example.as_str()))
            .table()
    }

    /// How many windows of the same length the baseline has.
    #[getter]
    const fn windows(&self) -> u64 {
        self.0.windows
    }

    /// The lines in the window.
    #[getter]
    const fn lines(&self) -> u64 {
        self.0.lines
    }

    /// How many times as many lines as before the usual templates have.
    #[getter]
    const fn traffic(&self) -> f64 {
        self.0.traffic
    }

    /// How many templates were compared.
    #[getter]
    const fn compared(&self) -> u64 {
        self.0.compared
    }

    /// How many findings are significant.
    #[getter]
    fn significant(&self) -> usize {
        self.0.findings.iter().filter(|finding| finding.significant).count()
    }

    fn __len__(&self) -> usize {
        self.0.findings.len()
    }

    fn __repr__(&self) -> String {
        format!(
            "LogFindings({} significant of {}, {} templates compared)",
            self.significant(),
            self.0.findings.len(),
            self.0.compared
        )
    }

    #[pyo3(name = "_repr_html_")]
    fn html(&self) -> PyResult<String> {
        Ok(self.table()?.html())
    }
}
