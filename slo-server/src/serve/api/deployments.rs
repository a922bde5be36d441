//! The API of deployments: what went live when.

use super::super::{
    app::App,
    auth::{Responder, Viewer},
    refused::Refused,
};
use crate::clock::now;
use axum::{
    Json,
    body::Bytes,
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};
use slo_core::model::{Timestamp, Window};
use slo_ops::{Deployment, Error};
use std::sync::Arc;

/// How far back a list goes, unless it is asked for more.
const LISTED: Window = Window::days(30);
/// A clock may be so much ahead.
const AHEAD: Window = Window::minutes(5);

/// A deployment as callers send it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    service: String,
    version: String,
    at: Option<String>,
    committed_at: Option<String>,
    url: Option<String>,
    who: Option<String>,
}

impl Sent {
    fn deployment(self, who: &str, now: Timestamp) -> Result<Deployment, Error> {
        let at = self.at.map_or(Ok(now), |at| at.parse())?;
        if at > now.after(AHEAD) {
            return Err(
                Error::new(format!("{at} is in the future")).with_hint("leave `at` out, if it went live now")
            );
        }
        let mut deployment =
            Deployment::new(&self.service, &self.version, at)?.by(self.who.as_deref().unwrap_or(who));
        if let Some(committed) = self.committed_at {
            deployment = deployment.committed_at(committed.parse()?)?;
        }
        if let Some(url) = self.url {
            deployment = deployment.with_url(&url)?;
        }
        Ok(deployment)
    }
}

/// `POST /api/v1/deployments`: records a deployment, once.
pub(in super::super) async fn record(
    caller: Responder,
    State(app): State<Arc<App>>,
    body: Bytes,
) -> Result<Response, Refused> {
    let sent: Sent = serde_json::from_slice(&body).map_err(|error| {
        Refused::bad(format!("{error}; send {{\"service\": \"checkout\", \"version\": \"2.4.0\"}}"))
    })?;
    let deployment = sent.deployment(&caller.who, now()).map_err(|error| Refused::of(&error))?;
    let is_new = app.store.keep_deployment(deployment.clone()).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(shown(&deployment))).into_response())
}

/// `GET /api/v1/deployments`: those of the last 30 days, or of the times `from` and `to`.
pub(in super::super) async fn list(
    _: Viewer,
    State(app): State<Arc<App>>,
    Query(query): Query<Vec<(String, String)>>,
) -> Result<Json<Value>, Refused> {
    let time = |wanted: &str| -> Result<Option<Timestamp>, Refused> {
        let found = query.iter().find(|(name, _)| name == wanted);
        found.map(|(_, text)| text.parse()).transpose().map_err(|error| Refused::of(&error))
    };
    let to = time("to")?.unwrap_or_else(now);
    let from = time("from")?.unwrap_or_else(|| to.before(LISTED));
    let all = app.store.deployments(from, to).await?;
    let service = query.iter().find(|(name, _)| name == "service").map(|(_, service)| service);
    let wanted = all.iter().filter(|one| service.is_none_or(|service| *service == one.service));
    Ok(Json(json!({"deployments": wanted.map(shown).collect::<Vec<_>>()})))
}

fn shown(deployment: &Deployment) -> Value {
    json!({
        "service": deployment.service,
        "version": deployment.version,
        "at": deployment.at.to_string(),
        "committed_at": deployment.committed.map(|committed| committed.to_string()),
        "url": deployment.url,
        "who": deployment.who,
    })
}
