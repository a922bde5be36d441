//! The pages of a service: metrics for Prometheus, status for people and programs.

mod html;
mod page;

use crate::{Class, Slo, SloStatus, State};
use axum::{
    Extension, Json, Router,
    http::{HeaderMap, header},
    response::Html,
    routing::get,
};
use serde::Serialize;

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

/// The routes `/metrics`, `/healthz` and `/slo.yaml` of one service.
pub(crate) fn own_routes<S: Clone + Send + Sync + 'static>(slo: Slo) -> Router<S> {
    let routes = Router::new().route("/healthz", get(|| async { (Extension(Class::Ignored), "ok\n") }));
    #[cfg(feature = "spec")]
    let routes = {
        let spec = slo.spec();
        let spec = move || async move {
            (Extension(Class::Ignored), [(header::CONTENT_TYPE, "application/yaml")], spec)
        };
        routes.route("/slo.yaml", get(spec))
    };
    let metrics = move |headers: HeaderMap| async move {
        let (content_type, metrics) = slo.metrics_for(&headers);
        (Extension(Class::Ignored), [(header::CONTENT_TYPE, content_type)], metrics)
    };
    routes.route("/metrics", get(metrics))
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
                State::Ok | State::NoData => std::cmp::Ordering::Equal,
                _ => urgency(a).total_cmp(&urgency(b)),
            })
        });
        Self { time_scale: services.iter().map(Slo::time_scale).max().unwrap_or(1), slos }
    }
}
