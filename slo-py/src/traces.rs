//! `slo.traces`: whose time the extra time of slow requests is, and where errors come from.

use crate::{
    convert,
    error::{SloError, data_error_at, value_error},
    samples::Source,
    table::{Columns, Table},
};
use numpy::{IntoPyArray, PyArray1};
use pyo3::{prelude::*, types::PyBytes};
use slo_ops::traces::{self, Baseline, Operation, Span};
use std::collections::BTreeMap;

/// Requests and their spans.
///
/// Parameters
/// ----------
/// spans : table
///     Any Arrow table or mapping with a row for each span: `trace`, `span` and `parent` (ids in hexadecimal digits; `parent` is null or empty
///     for a whole request), `service`, `name`, `start` and `end` (whole nanoseconds since the Unix epoch), and, if there are such columns,
///     `failed` (0 or 1) and any others that `attributes` names.
/// attributes : sequence of str, optional
///     Columns of text that are attributes, such as `version` or `zone`.
///
/// Raises
/// ------
/// SloError
///     Columns that are missing or differ in length, ids that are none.
#[pyclass(frozen, module = "slo.traces")]
pub(crate) struct Traces(Vec<Span>);

#[pymethods]
impl Traces {
    #[new]
    #[pyo3(signature = (spans, *, attributes = vec![]), text_signature = "(spans, *, attributes=())")]
    fn new(py: Python<'_>, spans: &Bound<'_, PyAny>, attributes: Vec<String>) -> PyResult<Self> {
        let source = Source::of(Some(spans))?;
        let words = |name: &str| source.words(name, None);
        let nanos = |name: &str| -> PyResult<Vec<u64>> {
            Ok(source.counts(py, name, None)?.borrow(py)?.as_slice()?.to_vec())
        };
        let (trace, own) = (words("trace")?, words("span")?);
        let parent: Vec<String> =
            source.words_if_any("parent", None)?.into_iter().map(Option::unwrap_or_default).collect();
        let (service, name) = (words("service")?, words("name")?);
        let (start, end) = (nanos("start")?, nanos("end")?);
        let failed = if source.has("failed") { nanos("failed")? } else { vec![0; trace.len()] };
        let others: Vec<Vec<String>> = attributes.iter().map(|name| words(name)).collect::<PyResult<_>>()?;
        let mut lengths =
            vec![own.len(), parent.len(), service.len(), name.len(), start.len(), end.len(), failed.len()];
        lengths.extend(others.iter().map(Vec::len));
        if lengths.iter().any(|length| *length != trace.len()) {
            return Err(SloError::new_err("the columns of the spans differ in length"));
        }
        let id = |row: usize, column: &str, text: &str| {
            let told = || {
                data_error_at(row, &format!("'{column}' at {row} is '{text}', which is no hexadecimal id"))
            };
            u128::from_str_radix(text, 16).map_err(|_| told())
        };
        let short = |row: usize, column: &str, text: &str| {
            let told = || {
                data_error_at(row, &format!("'{column}' at {row} is '{text}', which has more than 16 digits"))
            };
            u64::try_from(id(row, column, text)?).map_err(|_| told())
        };
        let mut all = Vec::with_capacity(trace.len());
        for (row, (((((trace, own), parent), service), name), ((start, end), failed))) in trace
            .iter()
            .zip(own)
            .zip(parent)
            .zip(service)
            .zip(name)
            .zip(start.into_iter().zip(end).zip(failed))
            .enumerate()
        {
            let attribute = |(name, values): (&String, &Vec<String>)| {
                values.get(row).filter(|value| !value.is_empty()).map(|value| (name.clone(), value.clone()))
            };
            all.push(Span {
                trace: id(row, "trace", trace)?,
                id: short(row, "span", &own)?,
                parent: if parent.is_empty() { None } else { Some(short(row, "parent", &parent)?) },
                operation: Operation { service, name },
                start,
                end,
                failed: failed != 0,
                attributes: attributes.iter().zip(&others).filter_map(attribute).collect::<BTreeMap<_, _>>(),
            });
        }
        Ok(Self(all))
    }

    /// Whose time the extra time of slow requests is.
    ///
    /// Parameters
    /// ----------
    /// threshold : str or timedelta
    ///     Requests that take longer are slow.
    /// baseline : Traces, optional
    ///     Requests of a time when they were as usual; by default, the requests that are not slow.
    /// service : str, optional
    ///     Only requests to this service.
    ///
    /// Returns
    /// -------
    /// Attribution
    ///
    /// Raises
    /// ------
    /// SloError
    ///     No slow request, or none that they can be compared with.
    #[pyo3(signature = (threshold, *, baseline = None, service = None))]
    fn attribution(
        &self,
        py: Python<'_>,
        threshold: &Bound<'_, PyAny>,
        baseline: Option<PyRef<'_, Self>>,
        service: Option<&str>,
    ) -> PyResult<Attribution> {
        let threshold = nanos_of(threshold)?;
        let before: Option<&[Span]> = baseline.as_ref().map(|baseline| baseline.0.as_slice());
        let found = py.detach(|| {
            let own = traces::Traces::of(&self.0).to_service(service);
            let before = before.map(|spans| traces::Traces::of(spans).to_service(service));
            own.attribution(threshold, before.as_ref().map_or(Baseline::Good, Baseline::Before))
        });
        found.map(Attribution).map_err(|error| value_error(&error))
    }

    /// The operations that failed first in failed requests.
    ///
    /// Returns
    /// -------
    /// Table
    ///     `service`, `name`, `requests` (failed requests that it failed first in), `share` (of all failed requests).
    fn error_origins(&self) -> PyResult<Table> {
        let found = traces::Traces::of(&self.0).error_origins();
        Columns::default()
            .words("service", found.iter().map(|one| one.operation.service.as_str()))
            .words("name", found.iter().map(|one| one.operation.name.as_str()))
            .counts("requests", found.iter().map(|one| one.requests).collect())
            .numbers("share", found.iter().map(|one| Some(one.share)))
            .table()
    }

    /// The attributes that bad requests have and others do not: those that failed, or take longer than `threshold`.
    ///
    /// Parameters
    /// ----------
    /// threshold : str or timedelta
    ///
    /// Returns
    /// -------
    /// Table
    ///     `service`, `attribute`, `value`, `bad`, `requests`, `ochiai`, the most suspicious first.
    fn suspects(&self, threshold: &Bound<'_, PyAny>) -> PyResult<Table> {
        let found = traces::Traces::of(&self.0).suspects(nanos_of(threshold)?);
        Columns::default()
            .words("service", found.iter().map(|one| one.service.as_str()))
            .words("attribute", found.iter().map(|one| one.attribute.as_str()))
            .words("value", found.iter().map(|one| one.value.as_str()))
            .counts("bad", found.iter().map(|one| one.bad).collect())
            .counts("requests", found.iter().map(|one| one.requests).collect())
            .numbers("ochiai", found.iter().map(|one| Some(one.ochiai)))
            .table()
    }

    /// The time of each operation on the critical path of each request. The sum over a request is its duration.
    ///
    /// Returns
    /// -------
    /// Table
    ///     `request` (number, in the order of the traces), `service`, `name`, `seconds`.
    fn times(&self) -> PyResult<Table> {
        let all = traces::Traces::of(&self.0);
        let (mut requests, mut of, mut seconds) = (vec![], vec![], vec![]);
        for request in 0..all.len() {
            for (operation, nanos) in all.times(request) {
                requests.push(request as u64);
                of.push(operation);
                seconds.push(Some(nanos as f64 / 1e9));
            }
        }
        Columns::default()
            .counts("request", requests)
            .words("service", of.iter().map(|one| one.service.as_str()))
            .words("name", of.iter().map(|one| one.name.as_str()))
            .numbers("seconds", seconds)
            .table()
    }

    /// The durations of the requests in seconds, in the order of the traces: shape (requests,).
    fn durations<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        let all = traces::Traces::of(&self.0);
        let seconds: Vec<f64> = all.durations().map(|nanos| nanos as f64 / 1e9).collect();
        seconds.into_pyarray(py)
    }

    /// The number of requests.
    fn __len__(&self) -> usize {
        traces::Traces::of(&self.0).len()
    }

    fn __repr__(&self) -> String {
        format!("Traces({} requests, {} spans)", self.__len__(), self.0.len())
    }
}

fn nanos_of(window: &Bound<'_, PyAny>) -> PyResult<u64> {
    Ok(convert::window(window)?.as_millis().saturating_mul(1_000_000))
}

/// Requests from traces of OTLP, as JSON or as protobuf.
///
/// Parameters
/// ----------
/// source : bytes
///     What an OpenTelemetry exporter or the file exporter of a collector has written.
///
/// Returns
/// -------
/// Traces
///
/// Raises
/// ------
/// SloError
///     Bytes that are neither.
#[pyfunction]
#[pyo3(signature = (source, /))]
pub(crate) fn read_otlp(source: &Bound<'_, PyBytes>) -> PyResult<Traces> {
    traces::read(source.as_bytes()).map(Traces).map_err(|error| value_error(&error))
}

/// Whose time the extra time of slow requests is.
#[pyclass(frozen, module = "slo.traces")]
pub(crate) struct Attribution(traces::Attribution);

#[pymethods]
impl Attribution {
    /// The slow requests.
    #[getter]
    const fn slow(&self) -> u64 {
        self.0.slow
    }

    /// The requests that they are compared with.
    #[getter]
    const fn baseline(&self) -> u64 {
        self.0.baseline
    }

    /// The mean duration of the slow requests, in seconds.
    #[getter]
    const fn slow_seconds(&self) -> f64 {
        self.0.slow_seconds
    }

    /// The mean duration of requests of the same kinds usually, in seconds.
    #[getter]
    const fn usual_seconds(&self) -> f64 {
        self.0.usual_seconds
    }

    /// Each service, those with most extra time first.
    ///
    /// Returns
    /// -------
    /// Table
    ///     `service`, `share` (of the extra time), `low` and `high` (its interval at 95 %), `extra_seconds`, `usual_seconds`.
    #[getter]
    fn services(&self) -> PyResult<Table> {
        let all = &self.0.services;
        parts(Columns::default().words("service", all.iter().map(|part| part.of.as_str())), all)
    }

    /// Each operation, those with most extra time first.
    ///
    /// Returns
    /// -------
    /// Table
    ///     `service`, `name`, and the columns of `services`.
    #[getter]
    fn operations(&self) -> PyResult<Table> {
        let all = &self.0.operations;
        let columns = Columns::default()
            .words("service", all.iter().map(|part| part.of.service.as_str()))
            .words("name", all.iter().map(|part| part.of.name.as_str()));
        parts(columns, all)
    }

    fn __repr__(&self) -> String {
        let first = self
            .0
            .services
            .first()
            .map_or_else(String::new, |part| format!(", {:.0} % is {}", part.share * 100.0, part.of));
        format!("Attribution({} slow requests{first})", self.0.slow)
    }

    #[pyo3(name = "_repr_html_")]
    fn html(&self) -> PyResult<String> {
        Ok(self.services()?.html())
    }
}

fn parts<T>(columns: Columns, all: &[traces::Part<T>]) -> PyResult<Table> {
    columns
        .numbers("share", all.iter().map(|part| Some(part.share)))
        .numbers("low", all.iter().map(|part| part.interval.map(|[low, _]| low)))
        .numbers("high", all.iter().map(|part| part.interval.map(|[_, high]| high)))
        .numbers("extra_seconds", all.iter().map(|part| Some(part.extra_seconds)))
        .numbers("usual_seconds", all.iter().map(|part| Some(part.usual_seconds)))
        .table()
}
