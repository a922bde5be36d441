//! `slo.incidents`: an incident, from its record or from webhooks.

use super::Episode;
use crate::{
    convert::moment,
    error::{SloError, value_error},
};
use pyo3::prelude::*;
use serde::Deserialize;
use slo_ops::{
    Redactor,
    alert::{Delivery, IncidentId, Source},
    incident::{self, Entry},
};
use std::{collections::BTreeMap, sync::Arc};

/// A group of alerts, and every time that it fired; made by :func:`read` or :func:`receive`.
#[pyclass(frozen, module = "slo.incidents")]
pub(crate) struct Incident {
    pub(super) incident: incident::Incident,
    record: Arc<Vec<Entry>>,
}

impl Incident {
    fn of(id: IncidentId, record: Vec<Entry>) -> Self {
        Self { incident: incident::Incident::of(id, &record), record: Arc::new(record) }
    }

    fn wrapped(&self, episode: &incident::Episode) -> Episode {
        Episode { episode: episode.clone(), record: Arc::clone(&self.record) }
    }
}

#[pymethods]
impl Incident {
    /// Its identity, also PagerDuty's ``dedup_key``: the SHA-256 of its group key in hexadecimal.
    #[getter]
    fn id(&self) -> String {
        self.incident.id().to_string()
    }

    /// The sender's name for the group of alerts.
    #[getter]
    fn group_key(&self) -> &str {
        self.incident.group_key()
    }

    /// The number of deliveries, with repeated ones.
    #[getter]
    const fn deliveries(&self) -> u64 {
        self.incident.deliveries()
    }

    /// Every time that it fired, oldest first.
    #[getter]
    fn episodes(&self) -> Vec<Episode> {
        self.incident.episodes().iter().map(|episode| self.wrapped(episode)).collect()
    }

    /// The episode whose alerts are firing, or None.
    #[getter]
    fn open(&self) -> Option<Episode> {
        self.incident.open().map(|episode| self.wrapped(episode))
    }

    fn __repr__(&self) -> String {
        let id: String = self.id().chars().take(8).collect();
        let state = self.incident.open().map_or("resolved", |episode| episode.state().name());
        format!("<Incident {id}: {state}, {} episodes>", self.incident.episodes().len())
    }
}

/// A line of `slo incidents export`.
#[derive(Deserialize)]
struct Line {
    incident: IncidentId,
    #[serde(flatten)]
    entry: Entry,
}

/// The incidents in lines of ``slo incidents export``, in the order of their first entries.
#[pyfunction]
pub(crate) fn read_record(lines: Vec<String>) -> PyResult<Vec<Incident>> {
    let mut order = Vec::new();
    let mut records: BTreeMap<IncidentId, Vec<Entry>> = BTreeMap::new();
    for (number, line) in (1..).zip(lines).filter(|(_, line)| !line.trim().is_empty()) {
        let Line { incident, entry } = serde_json::from_str(&line).map_err(|error| {
            let told = format!("line {number}: {error}; write the lines with `slo incidents export`");
            SloError::new_err(told)
        })?;
        records
            .entry(incident)
            .or_insert_with(|| {
                order.push(incident);
                Vec::new()
            })
            .push(entry);
    }
    let of = |id: IncidentId| Some(Incident::of(id, records.remove(&id)?));
    Ok(order.into_iter().filter_map(of).collect())
}

/// The incidents of webhooks, as `slo serve` would record them without responding.
///
/// Parameters
/// ----------
/// deliveries : list of (datetime, str or bytes)
///     The arrival time and the body of each webhook.
/// source : str, default "alertmanager"
///     ``"alertmanager"``, ``"grafana"`` or ``"dynatrace"``.
///
/// Returns
/// -------
/// list of Incident
///     In the order of their first deliveries.
///
/// Raises
/// ------
/// SloError
///     A body that is not a webhook, or a time without a time zone.
///
/// Examples
/// --------
/// >>> from datetime import datetime, timezone
/// >>> from slo import incidents
/// >>> body = '''{"version": "4", "groupKey": "g", "status": "firing", "alerts": [{"status": "firing",
/// ...     "labels": {"service": "checkout", "slo": "availability", "severity": "page"},
/// ...     "startsAt": "2026-11-23T06:27:20Z", "endsAt": "0001-01-01T00:00:00Z"}]}'''
/// >>> (incident,) = incidents.receive([(datetime(2026, 11, 23, 6, 27, 35, tzinfo=timezone.utc), body)])
/// >>> incident.open.title
/// 'checkout/availability'
#[pyfunction]
#[pyo3(signature = (deliveries, *, source = "alertmanager"))]
pub(crate) fn receive(deliveries: Vec<(Bound<'_, PyAny>, Body)>, source: &str) -> PyResult<Vec<Incident>> {
    let source = match source {
        "alertmanager" => Source::Alertmanager,
        "grafana" => Source::Grafana,
        "dynatrace" => Source::Dynatrace,
        other => {
            let told = format!(
                "`{other}` is not a source of alerts; write \"alertmanager\", \"grafana\" or \"dynatrace\""
            );
            return Err(SloError::new_err(told));
        }
    };
    let mut order: Vec<IncidentId> = Vec::new();
    let mut incidents: BTreeMap<IncidentId, (incident::Incident, Vec<Entry>)> = BTreeMap::new();
    for (number, (at, body)) in deliveries.into_iter().enumerate() {
        let delivery = Delivery::parse(source, body.bytes()).map_err(|error| {
            let told = error.hint().map_or_else(String::new, |hint| format!("; {hint}"));
            SloError::new_err(format!("deliveries[{number}]: {error}{told}"))
        })?;
        let id = delivery.incident();
        let (incident, record) = incidents.entry(id).or_insert_with(|| {
            order.push(id);
            (incident::Incident::new(id), Vec::new())
        });
        let entry = incident.receive(&delivery, moment(&at)?);
        incident.apply(&entry);
        record.push(entry);
    }
    let of = |id: IncidentId| {
        let (incident, record) = incidents.remove(&id)?;
        Some(Incident { incident, record: Arc::new(record) })
    };
    Ok(order.into_iter().filter_map(of).collect())
}

/// The body of a webhook.
#[derive(FromPyObject)]
pub(crate) enum Body {
    /// As text.
    Text(String),
    /// As it came.
    Bytes(Vec<u8>),
}

impl Body {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }
}

/// Text without secrets: credentials, keys, tokens, passwords in URLs, values of ``password=`` and their like.
///
/// Parameters
/// ----------
/// text : str
/// patterns : list of str, default []
///     Regular expressions of further secrets to take out.
///
/// Examples
/// --------
/// >>> from slo import incidents
/// >>> incidents.redact("postgres://slo:pa55@db/slo")
/// 'postgres://slo:[redacted]@db/slo'
#[pyfunction]
#[pyo3(signature = (text, *, patterns = Vec::new()))]
pub(crate) fn redact(text: &str, patterns: Vec<String>) -> PyResult<String> {
    let redactor = Redactor::new([""; 0], patterns).map_err(|error| value_error(&error))?;
    Ok(redactor.redact(text).into_owned())
}
