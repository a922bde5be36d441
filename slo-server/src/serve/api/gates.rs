//! The API of gates: may a new version stay? For Argo Rollouts, Flagger and pipelines.

use super::super::{auth::Viewer, gate::Answer, refused::Refused, site::Site};
use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::Value;
use std::sync::Arc;

/// `POST /api/v1/gates/{name}`: the verdict, for whoever reads it.
pub(in super::super) async fn gate(
    _: Viewer,
    State(site): State<Arc<Site>>,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, Refused> {
    Ok(Json(site.gates()?.answer(&name, &body).await?.body()))
}

/// `POST /api/v1/gates/{name}/confirm`: 200 only for a version that passes.
pub(in super::super) async fn confirm(
    _: Viewer,
    State(site): State<Arc<Site>>,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Response, Refused> {
    Ok(only_if("pass", &site.gates()?.answer(&name, &body).await?))
}

/// `POST /api/v1/gates/{name}/rollback`: 200 only for a version that fails.
pub(in super::super) async fn rollback(
    _: Viewer,
    State(site): State<Arc<Site>>,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Response, Refused> {
    Ok(only_if("fail", &site.gates()?.answer(&name, &body).await?))
}

/// 200 if that is the verdict, else 403, which holds Flagger back.
fn only_if(verdict: &str, answer: &Answer) -> Response {
    let status = if answer.report.verdict() == verdict { StatusCode::OK } else { StatusCode::FORBIDDEN };
    (status, Json(answer.body())).into_response()
}
