//! `slo.incidents`: one time that an incident's alerts fired.

use crate::{
    convert::{datetime, moment, now},
    error::SloError,
};
use pyo3::{prelude::*, types::PyDict};
use slo_core::model::Timestamp;
use slo_ops::{
    Redactor,
    incident::{self, Entry, Message, Stage, postmortem},
    notify::{PagerDuty, Slack, Summary},
};
use std::{collections::BTreeMap, sync::Arc};

/// One time that an incident's alerts fired, from the first alert until none fires.
#[pyclass(frozen, module = "slo.incidents")]
pub(crate) struct Episode {
    pub(super) episode: incident::Episode,
    pub(super) record: Arc<Vec<Entry>>,
}

/// JSON as Python has it.
fn object<'py>(py: Python<'py>, value: &serde_json::Value) -> PyResult<Bound<'py, PyAny>> {
    py.import("json")?.call_method1("loads", (value.to_string(),))
}

fn at_or_now(py: Python<'_>, at: Option<&Bound<'_, PyAny>>) -> PyResult<Timestamp> {
    at.map_or_else(|| now(py), moment)
}

fn message(name: &str) -> PyResult<Message> {
    let known =
        [Message::Opened, Message::Diagnosed, Message::Acknowledged, Message::Mitigated, Message::Resolved];
    let names = known.map(|message| message.to_string()).join(", ");
    known
        .into_iter()
        .find(|message| message.to_string() == name)
        .ok_or_else(|| SloError::new_err(format!("`{name}` is not a message; write one of {names}")))
}

#[pymethods]
impl Episode {
    /// Its identity: its incident and when it began.
    #[getter]
    fn id(&self) -> String {
        self.episode.id.to_string()
    }

    /// ``"firing"``, ``"acknowledged"``, ``"mitigated"`` or ``"resolved"``.
    #[getter]
    const fn state(&self) -> &'static str {
        self.episode.state().name()
    }

    /// The most urgent ``severity`` among its alerts.
    #[getter]
    fn severity(&self) -> &str {
        self.episode.severity()
    }

    /// A title of one line.
    #[getter]
    fn title(&self) -> String {
        self.episode.title()
    }

    /// When its first alert fired, as a datetime in UTC.
    #[getter]
    fn began<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        datetime(py, self.episode.id.began)
    }

    /// When bad events began, by the SLO's counts; None if the counts were not queried.
    #[getter]
    fn bad_since<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.episode.bad_since.map(|time| datetime(py, time)).transpose()
    }

    /// When its last alert stopped firing; None while any fires.
    #[getter]
    fn ended<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.episode.resolution.map(|resolution| datetime(py, resolution.ended)).transpose()
    }

    /// The alerts that fired in it, in their last state: dicts with ``labels``, ``annotations`` and others.
    #[getter]
    fn alerts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        object(py, &serde_json::json!(self.episode.alerts))
    }

    /// The name of the runbook that answers it, or None.
    #[getter]
    fn runbook(&self) -> Option<&str> {
        self.episode.runbook_name()
    }

    /// The steps of its runbook: dicts with ``name``, ``kind``, ``state`` and ``starts`` (how often it was started).
    #[getter]
    fn steps<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let steps = self.episode.steps().iter().map(|run| {
            let step = PyDict::new(py);
            step.set_item("name", &run.info.name)?;
            step.set_item("kind", run.info.kind.to_string())?;
            step.set_item("state", run.state.name())?;
            step.set_item("starts", run.starts.len())?;
            Ok(step)
        });
        steps.collect()
    }

    /// The findings of its diagnoses, most important first.
    #[getter]
    fn findings(&self) -> Vec<String> {
        self.episode.findings().into_iter().map(ToOwned::to_owned).collect()
    }

    /// How long each stage took, in seconds: ``detect``, ``notify``, ``acknowledge``, ``diagnose``, ``mitigate``,
    /// ``resolve``, ``restore``; None if its beginning or its end is not known.
    #[getter]
    fn stages(&self) -> BTreeMap<&'static str, Option<f64>> {
        let moments = self.episode.moments();
        let seconds = |stage: Stage| moments.millis(stage).map(|millis| millis as f64 / 1_000.0);
        Stage::ALL.iter().map(|stage| (stage.name(), seconds(*stage))).collect()
    }

    /// The share of the period's error budget that it has spent, by SLO.
    #[getter]
    fn spent(&self) -> BTreeMap<String, f64> {
        self.episode.spent.clone()
    }

    /// A summary of at most ten lines, without secrets.
    ///
    /// Parameters
    /// ----------
    /// at : datetime, default now
    ///     The time that the summary is for.
    #[pyo3(signature = (*, at = None))]
    fn summary(&self, py: Python<'_>, at: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<String>> {
        Ok(Summary::of(&self.episode, &Redactor::default(), at_or_now(py, at)?).lines())
    }

    /// A draft of its postmortem in Markdown: facts from the record, and open questions.
    fn postmortem(&self) -> String {
        postmortem(&self.episode, &self.record, &Redactor::default())
    }

    /// The body of an event for PagerDuty's Events API v2.
    ///
    /// Parameters
    /// ----------
    /// message : str
    ///     ``"opened"``, ``"diagnosed"``, ``"acknowledged"``, ``"mitigated"`` or ``"resolved"``.
    /// routing_key : str
    ///     The key of the integration.
    /// source : str, default "slo"
    ///     The source that the event names.
    /// at : datetime, default now
    ///     When it is sent.
    #[pyo3(signature = (message, *, routing_key, source = "slo", at = None))]
    fn pagerduty_event<'py>(
        &self,
        py: Python<'py>,
        message: &str,
        routing_key: &str,
        source: &str,
        at: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (message, at) = (self::message(message)?, at_or_now(py, at)?);
        let events = PagerDuty::new(routing_key, source);
        object(py, &events.event(&self.episode, message, &Redactor::default(), at))
    }

    /// A message for Slack: ``text`` and ``blocks``, within Slack's limits.
    ///
    /// Parameters
    /// ----------
    /// message : str
    ///     ``"opened"``, ``"diagnosed"``, ``"acknowledged"``, ``"mitigated"`` or ``"resolved"``.
    /// at : datetime, default now
    ///     When it is sent.
    #[pyo3(signature = (message, *, at = None))]
    fn slack_message<'py>(
        &self,
        py: Python<'py>,
        message: &str,
        at: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (message, at) = (self::message(message)?, at_or_now(py, at)?);
        let slack = Slack::new(false);
        object(py, &slack.message(&self.episode, message, &Redactor::default(), (at, false)))
    }

    fn __repr__(&self) -> String {
        format!("<Episode {}: {}, since {}>", self.title(), self.state(), self.episode.id.began)
    }
}
