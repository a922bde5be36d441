//! Sends metric lines and events to Dynatrace.

use crate::{
    config::Secret,
    send::{NoAnswer, Poster},
};
use reqwest::StatusCode;
use serde_json::Value;
use slo_core::Error;
use slo_ops::dynatrace::batches;
use std::time::Duration;

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// An environment of Dynatrace.
#[derive(Debug)]
pub struct Dynatrace {
    url: String,
    token: Secret,
    poster: Poster,
}

impl Dynatrace {
    /// The environment at `url`, such as `https://abc12345.live.dynatrace.com`, with an API token.
    ///
    /// # Errors
    /// An address that is none, or a system without certificates.
    pub fn new(url: &str, token: Secret) -> Result<Self, Error> {
        let url = url.trim_end_matches('/');
        let is_web =
            url::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        if !is_web {
            return Err(Error::new(format!("`{url}` is not the address of an environment"))
                .with_hint("write https://abc12345.live.dynatrace.com"));
        }
        Ok(Self { url: url.to_owned(), token, poster: Poster::within(TIMEOUT)? })
    }

    /// Sends metric lines, in as many requests as they need. The token needs the scope `metrics.ingest`.
    ///
    /// # Errors
    /// No answer, a refusal, or lines that were refused: Dynatrace keeps the others, so do not send all of them again.
    pub async fn send_lines(&self, lines: &[String]) -> Result<(), Error> {
        let (mut refused, mut why) = (0, None);
        let mut sent = 0;
        for body in batches(lines) {
            let count = body.lines().count();
            let answered = self.post("metrics/ingest", "text/plain; charset=utf-8", body).await;
            let (status, answer) = answered.map_err(|error| after(error, sent, refused))?;
            let invalid = answer.get("linesInvalid").and_then(Value::as_u64).unwrap_or(0);
            // Dynatrace keeps the other lines of a request, and the next requests have theirs.
            if invalid == 0 && status != StatusCode::ACCEPTED {
                return Err(after(unexpected(status, &answer), sent, refused));
            }
            sent += count;
            refused += invalid;
            why = why.or_else(|| (invalid > 0).then(|| told(&answer)));
        }
        why.map_or(Ok(()), |why| Err(Error::new(format!("Dynatrace refused {refused} lines: {why}"))))
    }

    /// Sends an event, such as a deployment. The token needs the scope `events.ingest`.
    ///
    /// # Errors
    /// No answer, a refusal, or an entity for which the event was refused.
    pub async fn send_event(&self, event: &Value) -> Result<(), Error> {
        let content = "application/json; charset=utf-8";
        let (status, answer) = self.post("events/ingest", content, event.to_string()).await?;
        if status != StatusCode::CREATED {
            return Err(unexpected(status, &answer));
        }
        let results = answer.get("eventIngestResults").and_then(Value::as_array);
        let status = |result: &Value| result.get("status").and_then(Value::as_str).map(str::to_owned);
        let refused = results.into_iter().flatten().filter_map(status).find(|status| status != "OK");
        if let Some(status) = refused {
            return Err(Error::new(format!("Dynatrace refused the event for an entity: {status}")));
        }
        if answer.get("reportCount").and_then(Value::as_u64) == Some(0) {
            return Err(Error::new("no entity matches the selector, so the event belongs to nothing")
                .with_hint("only entities that were active in the last 24 hours match"));
        }
        Ok(())
    }

    async fn post(&self, path: &str, content: &str, body: String) -> Result<(StatusCode, Value), Error> {
        let url = format!("{}/api/v2/{path}", self.url);
        let authorization = format!("Api-Token {}", self.token.expose());
        let answered = self.poster.post_text(&url, Some(&authorization), content, body).await;
        let answered =
            answered.map_err(|NoAnswer { reason, .. }| Error::new(format!("Dynatrace: {reason}")))?;
        Ok((answered.status, serde_json::from_str(&answered.body).unwrap_or_default()))
    }
}

/// An error of a request before which lines were sent.
fn after(error: Error, sent: usize, refused: u64) -> Error {
    if sent == 0 {
        return error;
    }
    let of_them = if refused > 0 { format!(", of which {refused} were refused") } else { String::new() };
    let again = "send only the lines after them again";
    let hint = error.hint().map_or_else(|| again.to_owned(), |hint| format!("{hint}; {again}"));
    Error::new(format!("{error}; before, {sent} lines were sent{of_them}")).with_hint(hint)
}

fn unexpected(status: StatusCode, answer: &Value) -> Error {
    let error = Error::new(format!("Dynatrace answered {status}: {}", told(answer)));
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            error.with_hint("the token needs the scope metrics.ingest or events.ingest")
        }
        _ => error,
    }
}

/// What Dynatrace says of an error.
fn told(answer: &Value) -> String {
    let error = answer.get("error").unwrap_or(&Value::Null);
    let of = |place: &Value, name: &str| place.get(name).and_then(Value::as_str).map(str::to_owned);
    let first = error.get("invalidLines").and_then(|lines| lines.get(0));
    let violation = error.get("constraintViolations").and_then(|violations| violations.get(0));
    let more = first.and_then(|line| of(line, "error")).or_else(|| of(violation?, "message"));
    let parts: Vec<String> = [of(error, "message"), more].into_iter().flatten().collect();
    if parts.is_empty() { "no reason given".to_owned() } else { parts.join("; ") }
}
