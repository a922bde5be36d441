//! Buttons in Slack messages.

use super::{app::App, refused::Refused};
use crate::clock::now;
use axum::{body::Bytes, extract::State, http::HeaderMap};
use serde::Deserialize;
use slo_ops::{
    incident::Event,
    notify::{SlackButton, slack_signature},
};
use std::sync::Arc;

/// The payload of a request that Slack sends when somebody presses a button.
#[derive(Deserialize)]
struct Payload {
    user: User,
    #[serde(default)]
    actions: Vec<Pressed>,
}

#[derive(Deserialize)]
struct User {
    id: String,
    #[serde(default)]
    username: Option<String>,
    #[serde(default)]
    name: Option<String>,
}

#[derive(Deserialize)]
struct Pressed {
    action_id: String,
    #[serde(default)]
    value: String,
}

/// `POST /slack/actions`.
pub(super) async fn pressed(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(), Refused> {
    let Some(secret) = &app.slack_secret else {
        return Err(Refused::missing("Slack is not configured with a signing secret".to_owned()));
    };
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (signature, timestamp) = (header("x-slack-signature"), header("x-slack-request-timestamp"));
    slack_signature(secret.expose().as_bytes(), signature, timestamp, &body, now())
        .map_err(|error| Refused::unauthorized(error.to_string()))?;
    let mut fields = url::form_urlencoded::parse(&body);
    let json = fields.find(|(name, _)| name == "payload").map(|(_, value)| value.into_owned());
    let payload: Payload = serde_json::from_str(&json.unwrap_or_default())
        .map_err(|error| Refused::bad(format!("not a button request of Slack: {error}")))?;
    let User { id, username, name } = payload.user;
    let who = format!("Slack: {}", username.or(name).unwrap_or(id));
    let who = slo_core::plain(&who).into_owned();
    for action in payload.actions {
        let Some(button) =
            SlackButton::ALL.into_iter().find(|button| action.action_id.starts_with(button.action_id()))
        else {
            continue;
        };
        let (episode, step) = action.value.split_once(' ').unwrap_or((&action.value, ""));
        let incident = episode.split_once('-').map_or(episode, |(incident, _)| incident);
        let incident = app.incident(incident).await?;
        if incident.open().is_none_or(|open| open.id.to_string() != episode) {
            return Err(Refused::conflict("the episode is over".to_owned()));
        }
        let step = || step.parse().map_err(|_| Refused::bad("the button names no step".to_owned()));
        let event = match button {
            SlackButton::Approve => Event::Approved { step: step()?, who: who.clone() },
            SlackButton::Deny => Event::Denied { step: step()?, who: who.clone() },
            _ => Event::Acknowledged { who: who.clone() },
        };
        app.act(&incident, event).await?;
    }
    Ok(())
}
