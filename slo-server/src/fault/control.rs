//! The control address of a proxy: what it does, and a lease for it, over HTTP.

use super::{ProxyError, ProxyHandle, ProxyState};
use crate::{
    config::Credentials,
    serve::{Refused, check},
};
use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, State},
    http::HeaderMap,
    response::IntoResponse,
    routing::get,
};
use serde_json::{Value, json};
use slo_core::model::Ratio;
use slo_ops::experiment::read_toxic;
use std::{net::SocketAddr, sync::Arc};
use tokio::net::TcpListener;

/// The longest request, in bytes.
const LONGEST: usize = 16 << 10;

struct App {
    proxy: ProxyHandle,
    credentials: Option<Credentials>,
}

/// Serves the control address of `proxy` for as long as the runtime lives.
///
/// | request | does |
/// |---|---|
/// | `GET /toxic` | shows what it does |
/// | `PUT /toxic` | does it, or renews its lease: `{"latency": "300ms", "lease": "30s"}` |
/// | `DELETE /toxic` | lets connections pass again |
///
/// Without credentials, only programs on this machine may ask, and web pages in its browsers may not. The result is the
/// address, with its port.
///
/// # Errors
/// An address that cannot be listened on.
pub async fn serve_control(
    address: SocketAddr,
    proxy: ProxyHandle,
    credentials: Option<Credentials>,
) -> Result<SocketAddr, ProxyError> {
    let refused = |error| ProxyError::new(format!("{address}: {error}"));
    let listener = TcpListener::bind(address).await.map_err(refused)?;
    let address = listener.local_addr().map_err(refused)?;
    let routes = routes(proxy, credentials);
    tokio::spawn(async move { axum::serve(listener, routes).await });
    Ok(address)
}

fn routes(proxy: ProxyHandle, credentials: Option<Credentials>) -> Router {
    Router::new()
        .route("/toxic", get(show).put(arm).delete(disarm))
        .layer(DefaultBodyLimit::max(LONGEST))
        .with_state(Arc::new(App { proxy, credentials }))
}

impl App {
    fn check(&self, headers: &HeaderMap) -> Result<(), Refused> {
        check(headers, self.credentials.as_ref(), "the control address")
    }
}

async fn show(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<impl IntoResponse, Refused> {
    app.check(&headers)?;
    Ok(Json(shown(&app.proxy.state())))
}

async fn arm(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: String,
) -> Result<impl IntoResponse, Refused> {
    app.check(&headers)?;
    let (toxic, lease) = read_toxic(&body).map_err(|faults| Refused::bad(faults.to_string()))?;
    let lease = lease.ok_or_else(|| {
        Refused::bad(
            "`lease` is missing\n  hint: write `\"lease\": \"30s\"`, and send it again before it runs out"
                .to_owned(),
        )
    })?;
    app.proxy.arm(toxic, Some(lease));
    Ok(Json(shown(&app.proxy.state())))
}

async fn disarm(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<impl IntoResponse, Refused> {
    app.check(&headers)?;
    app.proxy.disarm();
    Ok(Json(shown(&app.proxy.state())))
}

/// The state as JSON; lengths of time as the file of an experiment writes them.
fn shown(state: &ProxyState) -> Value {
    let toxic = state.toxic.as_ref().map(|toxic| {
        json!({
            "latency": toxic.latency.map(|latency| latency.to_string()),
            "jitter": toxic.jitter.map(|jitter| jitter.to_string()),
            "bandwidth": toxic.bandwidth,
            "reset": toxic.reset,
            "black_hole": toxic.black_hole,
            "share": toxic.share.unwrap_or(Ratio::ONE).to_f64(),
            "seed": toxic.seed,
        })
    });
    json!({
        "armed": toxic.is_some(),
        "toxic": toxic,
        "lease_seconds": state.lease.map(|lease| lease.as_secs_f64()),
        "open": state.open,
        "accepted": state.accepted,
        "bytes": state.passed,
    })
}
