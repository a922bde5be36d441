//! PagerDuty and Slack, as far as a storm needs them: they count, and do not always answer well.

use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

/// What came.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// The actions on each alert of PagerDuty, by key; a trigger after a resolve begins another alert.
    pub(crate) alerts: BTreeMap<String, Vec<Vec<String>>>,
    /// Messages of Slack, and those that say they may have come before.
    pub(crate) messages: u64,
    pub(crate) may_repeat: u64,
    pub(crate) refused: u64,
}

pub(crate) struct Vendors {
    pub(crate) port: u16,
    pub(crate) seen: Arc<Mutex<Seen>>,
}

impl Vendors {
    pub(crate) async fn start() -> Self {
        let seen: Arc<Mutex<Seen>> = Arc::default();
        let app = Router::new()
            .route("/v2/enqueue", post(pagerduty))
            .route("/slack", post(slack))
            .with_state(Arc::clone(&seen));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { port, seen }
    }
}

fn is_bad_moment(seen: &mut Seen) -> bool {
    let is_bad = fastrand::u8(..) < 13;
    seen.refused += u64::from(is_bad);
    is_bad
}

async fn pagerduty(State(seen): State<Arc<Mutex<Seen>>>, Json(event): Json<Value>) -> StatusCode {
    let mut seen = seen.lock().unwrap();
    if is_bad_moment(&mut seen) {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    let text = |name: &str| event[name].as_str().unwrap().to_owned();
    let (key, action) = (text("dedup_key"), text("event_action"));
    let alerts = seen.alerts.entry(key).or_default();
    match alerts.last_mut() {
        Some(alert) if alert.last().is_none_or(|last| last != "resolve") => alert.push(action),
        // PagerDuty takes a resolve of nothing.
        _ if action == "trigger" => alerts.push(vec![action]),
        _ => {}
    }
    StatusCode::ACCEPTED
}

async fn slack(
    State(seen): State<Arc<Mutex<Seen>>>,
    Json(message): Json<Value>,
) -> (StatusCode, &'static str) {
    let mut seen = seen.lock().unwrap();
    let text = message.to_string();
    assert!(!text.contains("<!channel>"), "{text}");
    if is_bad_moment(&mut seen) {
        return (StatusCode::TOO_MANY_REQUESTS, "rate_limited");
    }
    seen.messages += 1;
    seen.may_repeat += u64::from(text.contains("may be a duplicate"));
    (StatusCode::OK, "ok")
}
