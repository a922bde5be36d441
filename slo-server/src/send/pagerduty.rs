//! `PagerDuty`'s Events API.

use super::{
    failure::Failure,
    http::{Answered, Poster},
};
use crate::config::PagerDutyConfig;
use reqwest::StatusCode;
use serde_json::Value;

pub(super) async fn send(poster: &Poster, config: &PagerDutyConfig, event: &Value) -> Result<(), Failure> {
    post(poster, &format!("{}/v2/enqueue", config.url), event).await
}

/// Sends a change event.
pub(super) async fn send_change(
    poster: &Poster,
    config: &PagerDutyConfig,
    event: &Value,
) -> Result<(), Failure> {
    post(poster, &format!("{}/v2/change/enqueue", config.url), event).await
}

async fn post(poster: &Poster, url: &str, event: &Value) -> Result<(), Failure> {
    let Answered { status, retry_after, body } = poster.post(url, None, event).await?;
    match status {
        StatusCode::ACCEPTED => Ok(()),
        status => Err(Failure::of(status, retry_after, &message(&body))),
    }
}

/// The error message of an answer.
fn message(body: &str) -> String {
    let told = serde_json::from_str::<Value>(body).ok().map(|json| {
        let errors = json.get("errors").and_then(Value::as_array).into_iter().flatten();
        let all = json.get("message").into_iter().chain(errors);
        all.filter_map(Value::as_str).collect::<Vec<_>>().join(": ")
    });
    told.filter(|told| !told.is_empty()).unwrap_or_else(|| body.to_owned())
}
