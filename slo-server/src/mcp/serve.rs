//! The two transports: standard input and output, and streamable HTTP.

use super::{Sources, handler::Handler};
use crate::config::Secret;
use axum::{
    Router,
    extract::{Request, State},
    http::{StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use axum_server::Handle;
use rmcp::{
    ServiceExt,
    service::ServerInitializeError,
    transport::{
        io::stdio as pipes,
        streamable_http_server::{
            StreamableHttpServerConfig, StreamableHttpService, session::never::NeverSessionManager,
        },
    },
};
use std::{
    future::Future,
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};
use subtle::ConstantTimeEq;
use tokio::time::timeout;

/// How long the head of a request may take to arrive, how long a request may take with its answer, and how long answers may take
/// after the end. Prometheus has half a minute for a query.
const SLOWEST: Duration = Duration::from_secs(10);
const LONGEST_ANSWER: Duration = Duration::from_secs(40);
const TO_END: Duration = Duration::from_secs(5);
/// The longest request.
const LONGEST: usize = 256 << 10;

/// Answers on standard input and output, until the input ends.
///
/// # Errors
/// An input that is not of this protocol.
pub async fn stdio(sources: Sources) -> Result<(), String> {
    let running = match Handler::new(sources).serve(pipes()).await {
        Ok(running) => running,
        // Whoever started it has asked nothing.
        Err(ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
        Err(error) => return Err(error.to_string()),
    };
    running.waiting().await.map(drop).map_err(|error| error.to_string())
}

/// Answers at `/mcp` of `listener` until `stop`; callers must have the token, if there is one.
///
/// Each request is answered for itself, without sessions. Pages of other sites are refused by their `Origin`, and names that
/// somebody made point here by their `Host`, unless a token is needed.
///
/// # Errors
/// A socket that fails.
pub async fn http(
    sources: Sources,
    listener: TcpListener,
    token: Option<Secret>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let handler = Handler::new(sources);
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_max_request_body_bytes(LONGEST)
        .with_allowed_origins(origins(listener.local_addr()?))
        .enforce_origin_validation();
    let config = if token.is_some() {
        config.disable_allowed_hosts()
    } else {
        config.with_allowed_hosts(["localhost", "127.0.0.1", "::1"])
    };
    let service = StreamableHttpService::new(
        move || Ok(handler.clone()),
        Arc::new(NeverSessionManager::default()),
        config,
    );
    let router = Router::new()
        .route_service("/mcp", service)
        .layer(middleware::from_fn(in_time))
        .layer(middleware::from_fn_with_state(Arc::new(token), door));
    let handle = Handle::new();
    let told = handle.clone();
    tokio::spawn(async move {
        stop.await;
        told.graceful_shutdown(Some(TO_END));
    });
    let mut server = axum_server::from_tcp(listener)?;
    server.http_builder().http1().header_read_timeout(SLOWEST);
    server.handle(handle).first_request_timeout(SLOWEST).serve(router.into_make_service()).await
}

fn origins(at: SocketAddr) -> Vec<String> {
    ["localhost", "127.0.0.1", "[::1]"].map(|host| format!("http://{host}:{}", at.port())).into()
}

async fn in_time(request: Request, next: Next) -> Response {
    let told = "no answer within 40 s: name fewer `slos`, or a later `since`\n";
    let late = (StatusCode::GATEWAY_TIMEOUT, told);
    timeout(LONGEST_ANSWER, next.run(request)).await.unwrap_or_else(|_| late.into_response())
}

async fn door(State(token): State<Arc<Option<Secret>>>, request: Request, next: Next) -> Response {
    let Some(token) = token.as_ref() else { return next.run(request).await };
    let given = request.headers().get(header::AUTHORIZATION).map(axum::http::HeaderValue::as_bytes);
    let given = given.and_then(|value| value.strip_prefix(b"Bearer ")).unwrap_or_default();
    if bool::from(given.ct_eq(token.expose().as_bytes())) {
        return next.run(request).await;
    }
    let challenge = [(header::WWW_AUTHENTICATE, "Bearer")];
    (StatusCode::UNAUTHORIZED, challenge, "the bearer token is missing or wrong\n").into_response()
}
