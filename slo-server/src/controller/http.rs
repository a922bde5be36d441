//! `/metrics`, `/healthz` and `/readyz`.

use super::own::Own;
use axum::{Router, extract::State, http::StatusCode, routing::get};
use std::{sync::Arc, time::Duration};
use tokio::net::TcpListener;

/// After this time, the main loop hangs.
const ALIVE: Duration = Duration::from_secs(60);

/// Answers until the process ends.
pub(super) async fn serve(listener: TcpListener, own: Arc<Own>) -> Result<(), std::io::Error> {
    let routes = Router::new()
        .route("/metrics", get(|State(own): State<Arc<Own>>| async move { own.metrics() }))
        .route(
            "/healthz",
            get(|State(own): State<Arc<Own>>| async move { said(own.state().at.elapsed() < ALIVE) }),
        )
        .route(
            "/readyz",
            get(|State(own): State<Arc<Own>>| async move {
                {
                    let state = own.state();
                    said(state.is_synced && state.elects)
                }
            }),
        );
    axum::serve(listener, routes.with_state(own)).await
}

const fn said(is_well: bool) -> (StatusCode, &'static str) {
    if is_well { (StatusCode::OK, "ok\n") } else { (StatusCode::SERVICE_UNAVAILABLE, "not yet\n") }
}
