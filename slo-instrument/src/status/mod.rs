//! The pages of a service: metrics for Prometheus, status for people and programs.

mod html;
mod page;
mod scrape;

use crate::{Class, Slo, SloStatus, State};
use axum::{
    Extension, Json, Router,
    body::Body,
    http::{HeaderMap, StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use scrape::Scrapes;
use serde::Serialize;
use std::sync::Arc;

/// The routes `/slo` and `/slo.json` over the SLOs of several services of one process.
///
/// `/slo` is a page that refreshes itself; `/slo.json` is `{"time_scale": …, "slos": […]}` with one
/// [`SloStatus`] each, the most urgent first.
pub fn status_routes<S: Clone + Send + Sync + 'static>(services: impl IntoIterator<Item = Slo>) -> Router<S> {
    let services: Vec<Slo> = services.into_iter().collect();
    let for_page = services.clone();
    Router::new()
        .route(
            "/slo",
            get(move || async move { (Extension(Class::Ignored), Html(page::render(&Report::of(&for_page)))) }),
        )
        .route("/slo.json", get(move || async move { (Extension(Class::Ignored), Json(Report::of(&services))) }))
}

/// The routes `/metrics` and `/slo.yaml` of one service.
pub(crate) fn metrics_routes<S: Clone + Send + Sync + 'static>(slo: Slo) -> Router<S> {
    let routes = Router::new();
    #[cfg(feature = "spec")]
    let routes = {
        let spec = slo.spec();
        let spec = move || async move {
            (Extension(Class::Ignored), [(header::CONTENT_TYPE, "application/yaml")], spec)
        };
        routes.route("/slo.yaml", get(spec))
    };
    let scrapes = Arc::new(Scrapes::default());
    let metrics = move |headers: HeaderMap| async move { answer(&slo, &scrapes, &headers).await };
    routes.route("/metrics", get(metrics))
}

/// The route `/healthz`.
pub(crate) fn health_route<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/healthz", get(|| async { (Extension(Class::Ignored), "ok\n") }))
}

/// The answer of `/metrics`.
async fn answer(slo: &Slo, scrapes: &Scrapes, headers: &HeaderMap) -> Response {
    let format = slo.format_for(headers);
    match scrapes.body(slo, format).await {
        Ok(body) => {
            let content_type = [(header::CONTENT_TYPE, format.content_type())];
            (Extension(Class::Ignored), content_type, Body::new(body)).into_response()
        }
        Err(failed) => (StatusCode::INTERNAL_SERVER_ERROR, Extension(Class::Ignored), format!("{failed}\n"))
            .into_response(),
    }
}

/// Everything the status page shows.
#[derive(Debug, Serialize)]
struct Report {
    time_scale: u32,
    slos: Vec<SloStatus>,
}

impl Report {
    fn of(services: &[Slo]) -> Self {
        let mut slos: Vec<SloStatus> = services.iter().flat_map(|slo| slo.statuses().to_vec()).collect();
        // A stable sort: equals keep the order of the spec, so that rows do not jump about.
        slos.sort_by(|a, b| {
            let urgency = |slo: &SloStatus| slo.time_to_exhaustion.unwrap_or(f64::INFINITY);
            a.state.cmp(&b.state).then_with(|| match a.state {
                State::Ok | State::NoData | State::NotCounted => std::cmp::Ordering::Equal,
                _ => urgency(a).total_cmp(&urgency(b)),
            })
        });
        Self { time_scale: services.iter().map(Slo::time_scale).max().unwrap_or(1), slos }
    }
}
