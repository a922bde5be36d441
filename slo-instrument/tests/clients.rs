//! HTTP requests that are sent, over real connections: hyper-util's client in the client's layer.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use axum::{Router, body::Body, routing::get};
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use slo_instrument::{Events, Service};
use std::{net::SocketAddr, time::Duration};
use tower::{Layer, ServiceExt};

fn slo() -> Service {
    Service::builder("checkout").counting(Events::http_to("payments")).availability("99%").install().unwrap()
}

async fn serve() -> SocketAddr {
    // The second half comes to nothing once the first has left.
    let half = || {
        let (sender, frames) = tokio::sync::mpsc::channel(1);
        tokio::spawn(async move {
            sender.send(Ok("half of it")).await.unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
            sender.send(Err(std::io::Error::other("disk"))).await.unwrap();
        });
        Body::from_stream(tokio_stream::wrappers::ReceiverStream::new(frames))
    };
    let router = Router::new()
        .route("/ok", get(|| async { "ok" }))
        .route("/missing", get(|| async { StatusCode::NOT_FOUND }))
        .route("/broken", get(|| async { StatusCode::BAD_GATEWAY }))
        .route("/half", get(move || async move { half() }))
        .route("/never", get(|| async { std::future::pending::<()>().await }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// Asks for `path`, and reads what comes; whether all of it came.
async fn ask(slo: &Service, address: SocketAddr, path: &str) -> bool {
    let client = slo.client_layer("payments").layer(Client::builder(TokioExecutor::new()).build_http());
    let request = Request::get(format!("http://{address}{path}")).body(Body::empty()).unwrap();
    match client.oneshot(request).await {
        Ok(response) => response.into_body().collect().await.is_ok(),
        Err(_) => false,
    }
}

/// The `_count` lines, from the labels on.
fn counts(slo: &Service) -> Vec<String> {
    let name = "http_client_request_duration_seconds_count";
    slo.metrics().lines().filter_map(|line| line.strip_prefix(name)).map(str::to_owned).collect()
}

fn series(error_type: &str, status: &str) -> String {
    let label = |name: &str, value: &str| {
        if value.is_empty() { String::new() } else { format!("{name}=\"{value}\",") }
    };
    format!(
        "{{{}http_request_method=\"GET\",{}service_peer_name=\"payments\"}} 1",
        label("error_type", error_type),
        label("http_response_status_code", status)
    )
}

#[tokio::test]
async fn counts_what_comes_back() {
    let address = serve().await;
    for (path, is_whole, error_type, status) in [
        ("/ok", true, "", "200"),
        // To a client, a request that is refused is an error, too.
        ("/missing", true, "404", "404"),
        ("/broken", true, "502", "502"),
        ("/half", false, "stream_error", "200"),
    ] {
        let slo = slo();
        assert_eq!(ask(&slo, address, path).await, is_whole, "{path}");
        assert_eq!(counts(&slo), [series(error_type, status)], "{path}");
        assert_eq!(slo.in_flight(), 0, "{path}");
    }
}

#[tokio::test]
async fn counts_a_service_that_is_not_there() {
    let slo = slo();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    assert!(!ask(&slo, address, "/ok").await);
    assert_eq!(counts(&slo), [series("transport_error", "")]);
}

#[tokio::test]
async fn counts_a_request_that_is_given_up() {
    let (slo, address) = (slo(), serve().await);
    tokio::time::timeout(Duration::from_millis(50), ask(&slo, address, "/never")).await.unwrap_err();
    assert_eq!(counts(&slo), [series("cancelled", "")]);
}
