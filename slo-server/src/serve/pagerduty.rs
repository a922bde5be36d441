//! Webhooks of `PagerDuty`: an acknowledgement there counts here as well.

use super::{app::App, refused::Refused};
use axum::{body::Bytes, extract::State, http::HeaderMap};
use serde_json::Value;
use slo_ops::{incident::Event, notify::pagerduty_signature};
use std::sync::Arc;

/// `POST /alerts/pagerduty`: V3 webhooks.
pub(super) async fn told(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(), Refused> {
    let Some(secret) = &app.pagerduty_secret else {
        return Err(Refused::missing("PagerDuty is not configured with a signing secret".to_owned()));
    };
    let signature =
        headers.get("x-pagerduty-signature").and_then(|value| value.to_str().ok()).unwrap_or_default();
    pagerduty_signature(secret.expose().as_bytes(), signature, &body)
        .map_err(|error| Refused::unauthorized(error.to_string()))?;
    let json: Value = serde_json::from_slice(&body)
        .map_err(|error| Refused::bad(format!("not a webhook of PagerDuty: {error}")))?;
    let event = json.get("event").unwrap_or(&Value::Null);
    let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str);
    if text("/event_type") != Some("incident.acknowledged") {
        return Ok(());
    }
    // The key of its first alert is that of the incident here.
    let Some(key) = text("/data/incident_key").filter(|key| key.len() == 64) else { return Ok(()) };
    let who = text("/agent/summary").unwrap_or("somebody");
    let who = format!("PagerDuty: {}", slo_core::plain(who));
    let incident = match app.incident(key).await {
        Ok(incident) => incident,
        // PagerDuty tries again while the store is not available.
        Err(refused) if refused.is_of_store() => return Err(refused),
        // The alert was never received here.
        Err(_) => return Ok(()),
    };
    if incident.open().is_some_and(|episode| episode.acknowledged.is_none()) {
        app.act(&incident, Event::Acknowledged { who }).await?;
    }
    Ok(())
}
