//! Requests with a limit on their time.

use axum::{
    body::Bytes,
    http::{Request, StatusCode},
};
use http_body_util::{BodyExt, Empty};
use hyper_util::{
    client::legacy::{Client as Hyper, connect::HttpConnector},
    rt::TokioExecutor,
};
use std::time::Duration;
use tokio::time::timeout;

/// How long a connection may take.
const TO_CONNECT: Duration = Duration::from_millis(50);

#[derive(Clone)]
pub(crate) struct Client {
    hyper: Hyper<HttpConnector, Empty<Bytes>>,
    patience: Duration,
}

impl Client {
    /// A client whose requests take at most `patience`.
    pub(crate) fn new(patience: Duration) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(TO_CONNECT.min(patience)));
        Self { hyper: Hyper::builder(TokioExecutor::new()).build(connector), patience }
    }

    /// Gets `url`; the status for the caller if it fails.
    pub(crate) async fn get(&self, url: &str) -> Result<(), StatusCode> {
        let request = Request::get(url).body(Empty::new()).map_err(|_| StatusCode::BAD_GATEWAY)?;
        let answer = async {
            let response = self.hyper.request(request).await.map_err(|_| StatusCode::BAD_GATEWAY)?;
            let status = response.status();
            response.into_body().collect().await.map_err(|_| StatusCode::BAD_GATEWAY)?;
            status.is_success().then_some(()).ok_or(StatusCode::BAD_GATEWAY)
        };
        timeout(self.patience, answer).await.map_err(|_| StatusCode::GATEWAY_TIMEOUT)?
    }
}
