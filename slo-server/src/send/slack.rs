//! Slack: an incoming webhook, or a bot.

use super::{
    failure::Failure,
    http::{Answered, Poster},
};
use crate::config::{Secret, SlackDoor};
use reqwest::StatusCode;
use serde_json::{Value, json};
use slo_core::model::Window;
use std::time::Duration;
use tokio::time::sleep;

/// A message, and the earlier one that it updates.
pub(super) struct SlackMessage<'a> {
    /// `text` and `blocks`.
    pub(super) message: Value,
    /// The reference to the first message of the episode, which an earlier call returned.
    pub(super) first: Option<&'a str>,
    /// The reply in the thread of the first message.
    pub(super) reply: Option<String>,
}

/// Sends a message, with a pause between two calls; a bot returns the reference to the first message of the
/// episode.
pub(super) async fn send(
    poster: &Poster,
    door: &SlackDoor,
    message: SlackMessage<'_>,
    between: Duration,
) -> Result<Option<String>, Failure> {
    match door {
        SlackDoor::Webhook(url) => webhook(poster, url, &message.message).await.map(|()| None),
        SlackDoor::Bot { token, channel, url } => {
            let bot = Bot { poster, token, url };
            let Some((there, ts)) = message.first.and_then(|first| first.split_once(' ')) else {
                return bot.post(channel, message.message).await;
            };
            // Two calls, and each counts against the rate limit.
            let update = with(message.message.clone(), &[("channel", there), ("ts", ts)]);
            match bot.call("chat.update", update).await {
                // Somebody deleted it, or it is too old: a new one takes its place.
                Err(Failure::Never { reason }) if GONE.iter().any(|gone| reason.ends_with(gone)) => {
                    sleep(between).await;
                    return bot.post(channel, message.message).await;
                }
                result => result?,
            };
            let channel = there;
            if let Some(reply) = &message.reply {
                sleep(between).await;
                let reply = json!({"text": reply, "mrkdwn": false, "unfurl_links": false});
                bot.call("chat.postMessage", with(reply, &[("channel", channel), ("thread_ts", ts)])).await?;
            }
            Ok(message.first.map(str::to_owned))
        }
    }
}

fn with(mut message: Value, fields: &[(&str, &str)]) -> Value {
    if let Some(message) = message.as_object_mut() {
        message.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))));
    }
    message
}

async fn webhook(poster: &Poster, url: &Secret, message: &Value) -> Result<(), Failure> {
    let Answered { status, retry_after, body } = poster.post(url.expose(), None, message).await?;
    match status {
        StatusCode::OK => Ok(()),
        status => Err(Failure::of(status, retry_after, &body)),
    }
}

struct Bot<'a> {
    poster: &'a Poster,
    token: &'a Secret,
    url: &'a str,
}

/// Errors of the Web API that say that a message cannot be updated.
const GONE: [&str; 3] = ["message_not_found", "edit_window_closed", "cant_update_message"];

/// Temporary errors of the Web API.
const LATER: [&str; 6] = [
    "ratelimited",
    "rate_limited",
    "internal_error",
    "fatal_error",
    "service_unavailable",
    "request_timeout",
];

impl Bot<'_> {
    /// Posts a message, and returns the reference to it.
    async fn post(&self, channel: &str, message: Value) -> Result<Option<String>, Failure> {
        let posted = self.call("chat.postMessage", with(message, &[("channel", channel)])).await?;
        let text = |name: &str| posted.get(name).and_then(Value::as_str);
        Ok(text("channel").zip(text("ts")).map(|(channel, ts)| format!("{channel} {ts}")))
    }

    async fn call(&self, method: &str, body: Value) -> Result<Value, Failure> {
        let url = format!("{}/{method}", self.url);
        let Answered { status, retry_after, body } = self.poster.post(&url, Some(self.token), &body).await?;
        let answer: Value = serde_json::from_str(&body).unwrap_or_default();
        if status.is_success() && answer.get("ok") == Some(&Value::Bool(true)) {
            return Ok(answer);
        }
        // Errors of the Web API come with status 200; other statuses come from a proxy or the like.
        if !status.is_success() {
            return Err(Failure::of(status, retry_after, &body));
        }
        let Some(error) = answer.get("error").and_then(Value::as_str) else {
            return Err(Failure::of(status, retry_after, &body));
        };
        let reason = format!("{method}: {status}: {error}");
        if LATER.contains(&error) {
            let wait = retry_after.or(Some(Window::seconds(1)));
            return Err(Failure::Later { reason, wait, may_have_arrived: false });
        }
        Err(Failure::Never { reason })
    }
}
