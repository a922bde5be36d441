//! `PagerDuty`'s Events API v2.

use super::{
    Summary,
    text::{cut, lines_plain},
};
use crate::{
    Deployment, Redactor,
    incident::{Episode, EpisodeState, Message},
};
use serde_json::{Map, Value, json};
use slo_core::model::Timestamp;

/// The largest event that `PagerDuty` accepts, in bytes.
pub const PAGERDUTY_LARGEST: usize = 512 * 1024;
/// Characters of a summary.
const SUMMARY: usize = 1_024;
/// Characters of a component, a group or a class.
const FIELD: usize = 255;
/// Characters of one detail.
const DETAIL: usize = 4_000;
/// The most findings and the most labels in an event.
const MOST_DETAILS: usize = 40;

/// `PagerDuty` events about episodes.
///
/// They trigger, acknowledge and resolve one alert for each incident. Their `dedup_key` is the id of the
/// incident. Alertmanager sends the same key, so both update the same alert.
#[derive(Debug)]
#[non_exhaustive]
pub struct PagerDuty<'a> {
    /// The integration key.
    pub routing_key: &'a str,
    /// The source of the events, such as the name of this server.
    pub source: &'a str,
}

impl<'a> PagerDuty<'a> {
    /// Events for the integration `routing_key`, from `source`.
    #[must_use]
    pub const fn new(routing_key: &'a str, source: &'a str) -> Self {
        Self { routing_key, source }
    }

    /// The body of `POST /v2/enqueue` for `message`.
    ///
    /// It has the state of `episode` at `now`.
    #[must_use]
    pub fn event(&self, episode: &Episode, message: Message, redactor: &Redactor, now: Timestamp) -> Value {
        let action = match message {
            Message::Resolved => "resolve",
            Message::Acknowledged => "acknowledge",
            _ => "trigger",
        };
        let mut event = json!({
            "routing_key": self.routing_key,
            "event_action": action,
            "dedup_key": episode.id.incident.to_string(),
        });
        if action == "trigger"
            && let Some(event) = event.as_object_mut()
        {
            event.extend(self.trigger(episode, redactor, now));
        }
        event
    }

    /// The body of `POST /v2/change/enqueue` for a deployment, which `PagerDuty` shows beside incidents.
    #[must_use]
    pub fn change(&self, deployment: &Deployment, redactor: &Redactor) -> Value {
        let clean = |text: &str| cut(&redactor.redact(&slo_core::plain(text)), FIELD).into_owned();
        let summary = format!("{} {}", deployment.service, deployment.version);
        let mut details = json!({"service": deployment.service, "version": clean(&deployment.version)});
        if let (Some(who), Some(details)) = (&deployment.who, details.as_object_mut()) {
            details.insert("who".to_owned(), clean(who).into());
        }
        let mut event = json!({
            "routing_key": self.routing_key,
            "payload": {
                "summary": cut(&redactor.redact(&slo_core::plain(&format!("{summary} went live"))), SUMMARY),
                "timestamp": deployment.at.to_string(),
                "source": cut(self.source, FIELD),
                "custom_details": details,
            },
        });
        if let (Some(url), Some(event)) = (&deployment.url, event.as_object_mut()) {
            event.insert("links".to_owned(), json!([{"href": redactor.redact(url), "text": "deployment"}]));
        }
        event
    }

    fn trigger(&self, episode: &Episode, redactor: &Redactor, now: Timestamp) -> Map<String, Value> {
        let summary = Summary::of(episode, redactor, now);
        let field = |name: &str| {
            let text = episode.label(name)?;
            Some(Value::from(cut(&redactor.redact(&slo_core::plain(text)), FIELD).into_owned()))
        };
        let severity = if summary.is_urgent { "critical" } else { "warning" };
        let mut payload = json!({
            "summary": cut(&summary.title, SUMMARY),
            "source": cut(self.source, FIELD),
            "severity": severity,
            "timestamp": episode.id.began.to_string(),
            "class": "slo",
            "custom_details": details(&summary, episode, redactor),
        });
        if let Some(payload) = payload.as_object_mut() {
            let fields = [("component", field("slo")), ("group", field("service"))];
            payload.extend(fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        }
        let links: Vec<Value> =
            summary.links.iter().map(|link| json!({"href": link.url, "text": link.name})).collect();
        let mut trigger = Map::new();
        trigger.insert("payload".to_owned(), payload);
        if !links.is_empty() {
            trigger.insert("links".to_owned(), links.into());
        }
        trigger
    }
}

fn details(summary: &Summary, episode: &Episode, redactor: &Redactor) -> Value {
    let clean = |text: &str| cut(&lines_plain(&redactor.redact(text)), DETAIL).into_owned();
    let mut details = Map::new();
    let mut add = |name: &str, text: String| {
        if !text.is_empty() {
            details.insert(name.to_owned(), text.into());
        }
    };
    add("state", summary.word().to_lowercase());
    add("since", summary.since.clone());
    add("description", summary.description.clone().unwrap_or_default());
    add("spent", summary.spent.clone().unwrap_or_default());
    add("found", clean(&episode.findings().into_iter().take(MOST_DETAILS).collect::<Vec<_>>().join("\n")));
    add("steps", clean(&summary.steps.join("\n")));
    let labels = episode.alerts.iter().flat_map(|alert| &alert.labels);
    let mut labels: Vec<String> = labels.map(|(name, value)| format!("{name}={value}")).collect();
    labels.sort_unstable();
    labels.dedup();
    labels.truncate(MOST_DETAILS);
    add("labels", clean(&labels.join("\n")));
    if episode.truncated > 0 && summary.state != EpisodeState::Resolved {
        add("not_sent", format!("the sender left out {} more alerts", episode.truncated));
    }
    Value::Object(details)
}
