//! The API of SLOs and reports.

use super::super::{
    auth::Viewer,
    pages::{Asked, asked_report, filter_of},
    refused::Refused,
    site::Site,
};
use axum::{
    Json,
    extract::{Path, Query, State},
    http::header,
    response::IntoResponse,
};
use serde_json::{Value, json};
use slo_core::model::Timestamp;
use slo_ops::watch::Row;
use std::sync::Arc;

/// The description of the API.
const DOCUMENT: &str = include_str!("openapi.json");

/// `GET /api/v1/openapi.json`
pub(in super::super) async fn document() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT)
}

/// `GET /api/v1/slos`: all SLOs, filtered and sorted as on the page.
pub(in super::super) async fn overview(
    _: Viewer,
    State(site): State<Arc<Site>>,
    Query(query): Query<Vec<(String, String)>>,
) -> Result<Json<Value>, Refused> {
    let kept = site.overview().await?;
    let Some((overview, at)) = kept.value else { return Err(no_answer(kept.trouble)) };
    let filter = filter_of(&query)?;
    let rows: Vec<Value> = filter.apply(&overview.rows).into_iter().map(Row::to_json).collect();
    Ok(Json(json!({
        "asked_at": at.to_string(),
        "trouble": kept.trouble,
        "warnings": overview.warnings,
        "slos": rows,
    })))
}

/// `GET /api/v1/slos/{service}/{slo}`: the details of an SLO.
pub(in super::super) async fn slo(
    _: Viewer,
    State(site): State<Arc<Site>>,
    Path((service, slo)): Path<(String, String)>,
    Query(query): Query<Vec<(String, String)>>,
) -> Result<Json<Value>, Refused> {
    let shown = site.shown(&service, &slo, &query).await?;
    let Some((detail, at)) = shown.detail.value else {
        return Err(no_answer(shown.detail.trouble.or(shown.trouble)));
    };
    let queries: serde_json::Map<String, Value> = super::super::pages::numbers(&shown.row, &shown.plan)
        .into_iter()
        .map(|(name, query)| (name, json!(query)))
        .collect();
    let millis = Timestamp::as_millis;
    Ok(Json(json!({
        "asked_at": at.to_string(),
        "trouble": shown.detail.trouble.or(shown.trouble),
        "slo": shown.row.to_json(),
        "span": {
            "period_start": millis(shown.span.period_start),
            "period_end": millis(shown.span.period_end),
            "from": millis(shown.span.from),
            "to": millis(shown.span.to),
        },
        "detail": detail.to_json(),
        "queries": queries,
    })))
}

/// `GET /api/v1/reports/{name}`: the report on a month or a quarter.
pub(in super::super) async fn report(
    _: Viewer,
    State(site): State<Arc<Site>>,
    Path(name): Path<String>,
    Query(query): Query<Vec<(String, String)>>,
) -> Result<Json<Value>, Refused> {
    let Asked { kept, .. } = asked_report(&site, &name, &query).await?;
    let Some((report, at)) = kept.value else { return Err(no_answer(kept.trouble)) };
    let mut json = report.to_json();
    if let Value::Object(fields) = &mut json {
        fields.insert("asked_at".to_owned(), json!(at.to_string()));
        fields.insert("trouble".to_owned(), json!(kept.trouble));
    }
    Ok(Json(json))
}

fn no_answer(trouble: Option<String>) -> Refused {
    Refused::unavailable(trouble.unwrap_or_else(|| "there is no answer yet".to_owned()))
}
