//! The routes of a service, for an axum router.

use super::{page, report::StatusReport, scrape::Scrapes};
use crate::{Class, Service};
use axum::{
    Extension, Json, Router,
    body::Body,
    http::{HeaderMap, StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use std::sync::Arc;

impl Service {
    /// The routes `/metrics`, `/slo`, `/slo.json` and `/healthz`.
    ///
    /// The feature `spec` adds `/slo.yaml`. Requests to these routes are not events of an SLO.
    ///
    /// They are for operators: serve them on a port that the public cannot reach. A service with its own
    /// `/healthz` uses [`Service::metrics_routes`] and [`status_routes`](crate::status_routes) instead.
    ///
    /// `/metrics` is rendered outside the runtime's workers, and clients that do not read it cannot fill the
    /// memory. While four renderings are being read, further requests share the newest one for 5 seconds.
    /// While eight are being read, a new one cuts off the readers of the oldest.
    pub fn routes<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        self.metrics_routes().merge(health_route()).merge(status_routes([self.clone()]))
    }

    /// The route `/metrics`, and `/slo.yaml` with the feature `spec`.
    ///
    /// ```
    /// use axum::{Router, routing::get};
    /// use slo_instrument::{Service, status_routes};
    ///
    /// let service = Service::builder("checkout").availability("99.9%").install()?;
    /// let own: Router = Router::new()
    ///     .route("/healthz", get(|| async { "ok" }))
    ///     .merge(service.metrics_routes())
    ///     .merge(status_routes([service.clone()]));
    /// # Ok::<(), slo_instrument::Error>(())
    /// ```
    pub fn metrics_routes<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        metrics_routes(self.clone())
    }
}

/// The routes `/slo` and `/slo.json` over the SLOs of several services of one process.
///
/// `/slo` is a page that refreshes itself; `/slo.json` is a [`StatusReport`].
pub fn status_routes<S: Clone + Send + Sync + 'static>(
    services: impl IntoIterator<Item = Service>,
) -> Router<S> {
    let services: Vec<Service> = services.into_iter().collect();
    let for_page = services.clone();
    Router::new()
        .route(
            "/slo",
            get(move || async move { (Extension(Class::Ignored), Html(page::status_page(&for_page))) }),
        )
        .route(
            "/slo.json",
            get(move || async move { (Extension(Class::Ignored), Json(StatusReport::of(&services))) }),
        )
}

/// The routes `/metrics` and `/slo.yaml` of one service.
fn metrics_routes<S: Clone + Send + Sync + 'static>(slo: Service) -> Router<S> {
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
fn health_route<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/healthz", get(|| async { (Extension(Class::Ignored), "ok\n") }))
}

/// The answer of `/metrics`.
async fn answer(slo: &Service, scrapes: &Scrapes, headers: &HeaderMap) -> Response {
    let accept = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let format = slo.format_for(accept);
    match scrapes.body(slo, format).await {
        Ok(body) => {
            let content_type = [(header::CONTENT_TYPE, format.content_type())];
            (Extension(Class::Ignored), content_type, Body::new(body)).into_response()
        }
        Err(failed) => (StatusCode::INTERNAL_SERVER_ERROR, Extension(Class::Ignored), format!("{failed}\n"))
            .into_response(),
    }
}
