//! `PagerDuty`'s Events API.

use super::{
    failure::Failure,
    http::{Answered, Poster},
};
use crate::config::PagerDutyConfig;
use reqwest::StatusCode;
use serde_json::Value;

pub(super) async fn send(poster: &Poster, config: &PagerDutyConfig, event: &Value) -> Result<(), Failure> {
    let url = format!("{}/v2/enqueue", config.url);
    let Answered { status, retry_after, body } = poster.post(&url, None, event).await?;
    match status {
        StatusCode::ACCEPTED => Ok(()),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => {
            Err(Failure::later(status, retry_after))
        }
        status if status.is_server_error() => Err(Failure::later(status, retry_after)),
        status => Err(Failure::Never { reason: format!("{status}: {}", message(&body)) }),
    }
}

/// What it says is wrong.
fn message(body: &str) -> String {
    let told = serde_json::from_str::<Value>(body).ok().map(|json| {
        let errors = json.get("errors").and_then(Value::as_array).into_iter().flatten();
        let all = json.get("message").into_iter().chain(errors);
        all.filter_map(Value::as_str).collect::<Vec<_>>().join(": ")
    });
    told.filter(|told| !told.is_empty()).unwrap_or_else(|| body.chars().take(200).collect())
}
