//! `slo.Prometheus`: histories from a server.

use crate::{
    convert::{self, window},
    error::{QueryError, SloError, data_error, positioned, warn},
    samples::Samples,
    slo::Slo,
};
use pyo3::{prelude::*, types::PyAny};
use slo_core::{
    model::{Timestamp, Window},
    replay::CounterPoints,
};
use slo_prometheus::{Client, Settings, Steps};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::Duration,
};

/// A Prometheus server, or a server with the same API.
///
/// Parameters
/// ----------
/// url : str
///     Such as ``http://127.0.0.1:9090``.
/// headers : dict of str to str, optional
///     Sent with every request, such as ``{"Authorization": "Bearer …"}``.
/// timeout : float, default 60
///     Seconds that a request may take.
/// ca : str or os.PathLike, optional
///     A file of certificates to trust, as PEM, in place of the system's.
///
/// Notes
/// -----
/// A user and a password in ``url`` are sent as a header and never shown. Redirects are not followed.
#[pyclass(frozen, module = "slo")]
pub(crate) struct Prometheus {
    client: Client,
}

/// A year of seconds: more steps than that are a mistake.
const MOST_STEPS: u64 = 366 * 86_400;
/// The steps in one request: small enough that a progress bar moves.
const CHUNK: u64 = 10_000;

#[pymethods]
impl Prometheus {
    #[new]
    #[pyo3(signature = (url, *, headers = None, timeout = 60.0, ca = None))]
    fn new(
        url: &str,
        headers: Option<BTreeMap<String, String>>,
        timeout: f64,
        ca: Option<PathBuf>,
    ) -> PyResult<Self> {
        let timeout = Duration::try_from_secs_f64(timeout)
            .map_err(|error| SloError::new_err(format!("timeout {timeout}: {error}")))?;
        let roots = ca.map(std::fs::read).transpose()?;
        let headers = headers.unwrap_or_default().into_iter().collect();
        let settings = Settings { headers, roots, timeout, ..Settings::default() };
        Ok(Self { client: Client::new(url, settings).map_err(|error| asked(&error))? })
    }

    /// Fetch the history of an SLO's events.
    ///
    /// Parameters
    /// ----------
    /// slo : Slo
    ///     An SLO over two counters or a classic histogram.
    /// last : str or timedelta, default ``"30d"``
    ///     How far back from ``end``.
    /// end : datetime, optional
    ///     By default, now.
    /// step : str or timedelta, default ``"1m"``
    ///     The length of a step; no shorter than the scrape interval.
    /// progress : bool or callable, default False
    ///     Whether to show a progress bar (``pip install slo[progress]``); or a callable that gets the number
    ///     of requests done and their total after each request.
    ///
    /// Returns
    /// -------
    /// Samples
    ///     Steps without a scrape are gaps. A counter that falls was reset. A series that appears while other
    ///     series of its target continue counts from zero, as in the rules.
    ///
    /// Raises
    /// ------
    /// QueryError
    ///     No answer, or an invalid one.
    /// DataError
    ///     Counters that contradict each other, or no series in the whole time.
    ///
    /// Warns
    /// -----
    /// SloWarning
    ///     A warning of the server, for example about an incomplete answer.
    #[pyo3(
        signature = (slo, *, last = None, end = None, step = None, progress = None),
        text_signature = "($self, slo, *, last='30d', end=None, step='1m', progress=False)"
    )]
    fn fetch(
        &self,
        py: Python<'_>,
        slo: &Slo,
        last: Option<&Bound<'_, PyAny>>,
        end: Option<&Bound<'_, PyAny>>,
        step: Option<&Bound<'_, PyAny>>,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Samples> {
        let last = last.map_or(Ok(Window::days(30)), window)?;
        let step = step.map_or(Ok(Window::minutes(1)), window)?;
        let counters = slo.sli().counters().ok_or_else(|| {
            SloError::new_err("only SLOs over two counters or a classic histogram can be fetched")
        })?;
        let end = match end {
            Some(end) => convert::moment(end)?,
            None => convert::now(py)?,
        };
        let steps = last.as_millis() / step.as_millis();
        if steps == 0 {
            return Err(SloError::new_err(format!(
                "{last} holds no step of {step}; give a longer `last` or a shorter `step`"
            )));
        }
        if steps > MOST_STEPS {
            let message = format!("{last} holds {steps} steps of {step}; give a longer `step`");
            return Err(SloError::new_err(message));
        }
        let progress = progress.map(bar).transpose()?.flatten();
        // On the grid of whole steps since the epoch, so that what is fetched twice is the same.
        let end = end.on_grid(step, Timestamp::EPOCH);
        let start = end.before_steps(step, usize::try_from(steps).unwrap_or(usize::MAX));
        let chunks = (steps + 1).div_ceil(CHUNK);
        let (mut done, mut warnings) = (0, BTreeSet::new());
        let mut columns = Vec::with_capacity(2);
        for query in counters.both().map(ToString::to_string) {
            let mut counted =
                CounterPoints::new(usize::try_from(steps).unwrap_or(usize::MAX), slo.target_labels());
            for chunk in 0..chunks {
                let first = chunk * CHUNK;
                let count = usize::try_from(CHUNK.min(steps + 1 - first)).unwrap_or(usize::MAX);
                // The first point is a step after where the points begin.
                let offset = usize::try_from(first).unwrap_or(usize::MAX);
                let begins = start.after_steps(step, offset).before(step);
                let asked_for = Steps { start: begins, step, count };
                let mut refused = None;
                let told = py.detach(|| {
                    self.client.range(&query, asked_for, |labels, index, value| {
                        if refused.is_none() {
                            refused = counted.point(labels, offset + index, value).err();
                        }
                    })
                });
                warnings.extend(told.map_err(|error| asked(&error))?);
                if let Some(error) = refused {
                    return Err(data_error(&error));
                }
                done += 1;
                if let Some(progress) = &progress {
                    progress.call1((done, 2 * chunks))?;
                }
            }
            columns.push(counted);
        }
        for warning in warnings {
            warn(py, &format!("{} warns: {}", self.client.address(), slo_core::plain(&warning)))?;
        }
        let (Some(second), Some(first)) = (columns.pop(), columns.pop()) else {
            return Err(QueryError::new_err("nothing was asked"));
        };
        let grown = CounterPoints::growth([first, second], counters.pair(), slo.counts_newborn(), start);
        match grown.map_err(|error| data_error(&error))? {
            Some(grown) => Samples::of_growth(py, step, grown),
            None => {
                Err(positioned(None, "no series in all that time; check that the spec is for this server"))
            }
        }
    }

    fn __repr__(&self) -> String {
        format!("<Prometheus {}>", self.client.address())
    }
}

/// The Python exception for an error of the client.
fn asked(error: &slo_prometheus::Error) -> PyErr {
    let hint = error.hint().map_or_else(String::new, |hint| format!("\n  hint: {hint}"));
    match error.kind() {
        slo_prometheus::Kind::Settings => SloError::new_err(format!("{error}{hint}")),
        _ => QueryError::new_err(format!("{error}{hint}")),
    }
}

/// The progress callable: a bar for True, none for False, or the one that is given.
fn bar<'py>(progress: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    match progress.extract::<bool>() {
        Ok(false) => Ok(None),
        Ok(true) => Ok(Some(progress.py().import("slo._progress")?.getattr("Bar")?.call0()?)),
        Err(_) => Ok(Some(progress.clone())),
    }
}
