//! Deployments and incidents as events of Dynatrace.

use crate::{Deployment, Redactor, incident::Episode, notify::Summary};
use serde_json::{Map, Value, json};
use slo_core::{
    Error,
    model::{Timestamp, Window},
};

/// The limits of an event.
const LONGEST_VALUE: usize = 4_096;
const LONGEST_TITLE: usize = 500;
const MOST_MINUTES: u64 = 360;
/// How old an event may be that opens a problem, and one that informs.
const OLDEST_PROBLEM: Window = Window::hours(6);
const OLDEST_INFORMATION: Window = Window::days(30);
/// How far two clocks may differ.
const NEWEST: Window = Window::minutes(5);

/// A deployment as the body of `POST /api/v2/events/ingest`: a `CUSTOM_DEPLOYMENT`.
///
/// `entities` is an entity selector; without it, the event belongs to the whole environment.
///
/// ```
/// use slo_core::model::Timestamp;
/// use slo_ops::{Deployment, dynatrace::deployment_event};
///
/// let at: Timestamp = "2026-12-01T10:00:00Z".parse()?;
/// let event = deployment_event(&Deployment::new("checkout", "2.4.0", at)?, None, at)?;
/// assert_eq!(event["eventType"], "CUSTOM_DEPLOYMENT");
/// assert_eq!(event["properties"]["dt.event.deployment.version"], "2.4.0");
/// # Ok::<(), slo_ops::Error>(())
/// ```
///
/// # Errors
/// A deployment that is more than 30 days old at `now`, which Dynatrace refuses.
pub fn deployment_event(
    deployment: &Deployment,
    entities: Option<&str>,
    now: Timestamp,
) -> Result<Value, Error> {
    if deployment.at > now.after(NEWEST) {
        return Err(Error::new(format!("{deployment}, which is in the future"))
            .with_hint("check the clock, and `--at`"));
    }
    if deployment.at.after(OLDEST_INFORMATION) < now {
        return Err(Error::new(format!(
            "{deployment}: Dynatrace takes no deployment that is older than {OLDEST_INFORMATION}"
        )));
    }
    let mut properties = Map::new();
    let mut add = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            properties.insert(name.to_owned(), cut(value, LONGEST_VALUE).into());
        }
    };
    add("dt.event.deployment.name", Some(&format!("{} {}", deployment.service, deployment.version)));
    add("dt.event.deployment.version", Some(&deployment.version));
    add("dt.event.deployment.release_product", Some(&deployment.service));
    add("dt.event.deployment.ci_back_link", deployment.url.as_deref());
    add("deployed_by", deployment.who.as_deref());
    let title = format!("{} {} went live", deployment.service, deployment.version);
    Ok(event("CUSTOM_DEPLOYMENT", &title, deployment.at, &properties, entities))
}

/// An episode as the body of `POST /api/v2/events/ingest`: an `ERROR_EVENT`, which opens a problem.
///
/// Secrets are taken out. The event of an open episode stays the same whenever it is sent, since Dynatrace takes another event for
/// another problem; it lasts six hours, the longest that Dynatrace allows. The event of an episode that is over has its end, and
/// the summary.
///
/// # Errors
/// An episode that began more than six hours before `now`, which Dynatrace refuses.
pub fn error_event(
    episode: &Episode,
    redactor: &Redactor,
    entities: Option<&str>,
    now: Timestamp,
) -> Result<Value, Error> {
    let began = episode.id.began;
    if began.after(OLDEST_PROBLEM) < now {
        return Err(Error::new(format!(
            "the episode began at {began}, and Dynatrace takes no error that is older than {OLDEST_PROBLEM}"
        )));
    }
    let clean = |text: &str| redactor.redact(text).into_owned();
    let mut properties = Map::new();
    let mut add = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            properties.insert(name.to_owned(), cut(&value, LONGEST_VALUE).into());
        }
    };
    let (service, slo) = (episode.label("service").map(clean), episode.label("slo").map(clean));
    // What is known so far, such as the most urgent alert, would make another event each time.
    let title = match (&service, &slo) {
        (Some(service), Some(slo)) => format!("{service}/{slo} burns its error budget"),
        _ => clean(&episode.title()),
    };
    let description = match episode.resolution {
        Some(_) => Summary::of(episode, redactor, now).lines().join("\n"),
        None => title.clone(),
    };
    add("dt.event.description", Some(description));
    add("episode", Some(episode.id.to_string()));
    add("service", service);
    add("slo", slo);
    let mut body = event("ERROR_EVENT", &title, began, &properties, entities);
    if let Some(fields) = body.as_object_mut() {
        if let Some(resolution) = episode.resolution {
            fields.insert("endTime".to_owned(), resolution.ended.as_millis().into());
        } else {
            fields.insert("timeout".to_owned(), MOST_MINUTES.into());
        }
    }
    Ok(body)
}

fn event(
    kind: &str,
    title: &str,
    starts: Timestamp,
    properties: &Map<String, Value>,
    entities: Option<&str>,
) -> Value {
    let mut body = json!({
        "eventType": kind,
        "title": cut(title, LONGEST_TITLE),
        "startTime": starts.as_millis(),
        "properties": properties,
    });
    if let (Some(fields), Some(entities)) = (body.as_object_mut(), entities) {
        fields.insert("entitySelector".to_owned(), entities.into());
    }
    body
}

fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}
