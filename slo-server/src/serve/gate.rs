//! The gates of a configuration, and the releases that callers asked for.

use super::refused::Refused;
use crate::{
    clock::now,
    config::Config,
    gate::{Judge, check},
};
use serde_json::{Map, Value, json};
use slo_core::model::{Service, Timestamp, Window};
use slo_ops::release::{Gate, GateReport, GateRun, Gates};
use slo_prometheus::AsyncClient;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::timeout;

/// How long Prometheus may take: callers wait for about ten seconds.
const TIMEOUT: Duration = Duration::from_secs(8);
/// How long a release is remembered after it was asked for.
const FORGOTTEN: Window = Window::days(1);
/// The longest text that tells a release from others, in bytes.
const LONGEST: usize = 256;
/// How many releases are remembered; the one that was not asked for the longest is forgotten first.
const MOST: usize = 1_000;
/// What Flagger says of a release, and what tells it from others.
const OF_FLAGGER: [&str; 3] = ["namespace", "name", "checksum"];

/// The gates of a configuration, and the releases that were asked for.
#[derive(Debug)]
pub(super) struct GateDoor {
    client: AsyncClient,
    services: Vec<Service>,
    gates: Gates,
    releases: Mutex<BTreeMap<Key, Asked>>,
}

/// A release, and when it was asked for.
type Asked = (Timestamp, Arc<tokio::sync::Mutex<Release>>);

/// A gate, and what tells a release from others.
type Key = (String, Vec<(String, String)>);

/// A release: since when its events count, and what was decided.
#[derive(Debug)]
struct Release {
    began: Timestamp,
    run: GateRun,
}

/// What a gate says.
#[derive(Debug)]
pub(super) struct Answer {
    gate: String,
    began: Timestamp,
    at: Timestamp,
    pub(super) report: GateReport,
}

impl GateDoor {
    /// The gates of a configuration; `None` if there are none.
    ///
    /// # Errors
    /// An address that cannot be used, or an SLO that is in none of the specs or counts no events.
    pub(super) fn new(config: &Config, services: &[Arc<Service>]) -> Result<Option<Self>, String> {
        let Some(prometheus) = config.prometheus.as_ref().filter(|_| !config.gates.is_empty()) else {
            return Ok(None);
        };
        let client = AsyncClient::new(&prometheus.url, prometheus.settings(TIMEOUT))
            .map_err(|error| error.to_string())?;
        let services: Vec<Service> = services.iter().map(|service| Service::clone(service)).collect();
        check(&config.gates, &services).map_err(|error| error.to_string())?;
        Ok(Some(Self { client, services, gates: config.gates.clone(), releases: Mutex::default() }))
    }

    /// What a gate says of the release in the body of a request.
    pub(super) async fn answer(&self, name: &str, body: &[u8]) -> Result<Answer, Refused> {
        let gate = self.gates.get(name).ok_or_else(|| {
            Refused::missing(format!("there is no gate {} in the configuration", slo_core::plain(name)))
        })?;
        let texts = texts(body)?;
        let series = gate.series(&texts).map_err(|error| Refused::of(&error))?;
        let at = now();
        let since = texts.get("since").map(|since| since.parse::<Timestamp>());
        let since = since.transpose().map_err(|error| Refused::of(&error))?;
        if since.is_some_and(|since| since > at) {
            return Err(Refused::bad("`since` is in the future".to_owned()));
        }
        let key = key(name, gate, &texts);
        if key.1.is_empty() {
            let told = "nothing tells this release from others; send `since`, the time when it went live";
            return Err(Refused::bad(told.to_owned()));
        }
        if let Some((name, _)) = key.1.iter().find(|(_, text)| text.len() > LONGEST) {
            return Err(Refused::bad(format!("`{name}` is longer than {LONGEST} bytes")));
        }
        let release = self.release(key, since.unwrap_or(at), at);
        // One look at a time: the next one knows what this one decided.
        let mut release = release.lock().await;
        let judge = Judge::new(&self.client, &self.services, gate).map_err(|error| Refused::of(&error))?;
        let counts = timeout(TIMEOUT, judge.look(&series, release.began, at)).await;
        let counts =
            counts.map_err(|_| Refused::unavailable("Prometheus took too long to answer".to_owned()))?;
        let counts = counts.map_err(|error| Refused::unavailable(error.to_string()))?;
        let report = release.run.look(gate, &counts).map_err(|error| Refused::of(&error))?;
        Ok(Answer { gate: name.to_owned(), began: release.began, at, report })
    }

    /// The release of this key; a new one begins at `began`.
    fn release(&self, key: Key, began: Timestamp, at: Timestamp) -> Arc<tokio::sync::Mutex<Release>> {
        let mut releases = self.releases.lock().unwrap_or_else(PoisonError::into_inner);
        // The same version may go live again.
        releases.retain(|_, (asked, _)| asked.after(FORGOTTEN) >= at);
        if !releases.contains_key(&key) && releases.len() >= MOST {
            let oldest = releases.iter().min_by_key(|(_, (asked, _))| *asked).map(|(key, _)| key.clone());
            oldest.and_then(|key| releases.remove(&key));
        }
        let new = || Arc::new(tokio::sync::Mutex::new(Release { began, run: GateRun::default() }));
        let (asked, release) = releases.entry(key).or_insert_with(|| (at, new()));
        *asked = at;
        Arc::clone(release)
    }
}

/// What tells a release from others: what a gate's matchers take, what Flagger says of it, and since when it is live.
fn key(name: &str, gate: &Gate, texts: &BTreeMap<String, String>) -> Key {
    let mut names = gate.parameters();
    names.extend(OF_FLAGGER.iter().chain(&["since"]).map(|name| (*name).to_owned()));
    names.sort_unstable();
    names.dedup();
    let known = names.into_iter().filter_map(|name| Some((name.clone(), texts.get(&name)?.clone())));
    (name.to_owned(), known.collect())
}

/// The texts and numbers of a body, and of the `metadata` that Flagger puts its own into.
fn texts(body: &[u8]) -> Result<BTreeMap<String, String>, Refused> {
    let wrong =
        || Refused::bad("the body is no JSON object; send one, such as {\"version\": \"1.4.0\"}".to_owned());
    if body.trim_ascii().is_empty() {
        return Ok(BTreeMap::new());
    }
    let body: Map<String, Value> = serde_json::from_slice(body).map_err(|_| wrong())?;
    let metadata = body.get("metadata").and_then(Value::as_object).cloned().unwrap_or_default();
    let texts = body.into_iter().chain(metadata).filter_map(|(name, value)| match value {
        Value::String(text) => Some((name, text)),
        Value::Number(number) => Some((name, number.to_string())),
        _ => None,
    });
    Ok(texts.collect())
}

impl Answer {
    /// The answer as JSON.
    pub(super) fn body(&self) -> Value {
        let mut body = self.report.to_json();
        if let Value::Object(fields) = &mut body {
            fields.insert("gate".to_owned(), json!(self.gate));
            fields.insert("since".to_owned(), json!(self.began.to_string()));
            fields.insert("asked_at".to_owned(), json!(self.at.to_string()));
        }
        body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_flagger_and_others_send() {
        let flagger =
            br#"{"name": "podinfo", "namespace": "test", "phase": "Progressing", "checksum": "85d557f47b",
            "buildId": 7, "metadata": {"version": 2}}"#;
        let found = texts(flagger).unwrap();
        assert_eq!((found["version"].as_str(), found["checksum"].as_str()), ("2", "85d557f47b"));
        assert!(texts(b" \n").unwrap().is_empty());
        assert!(texts(b"[1]").is_err() && texts(b"version=2").is_err());
        let gate = Gate { new: Some("version=\"{version}\"".to_owned()), ..Gate::default() };
        let (_, known) = key("a", &gate, &found);
        let names: Vec<&str> = known.iter().map(|(name, _)| name.as_str()).collect();
        // A release goes through phases, and stays the same.
        assert_eq!(names, ["checksum", "name", "namespace", "version"]);
    }
}
