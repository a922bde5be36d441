//! POST requests to other servers.

use crate::{config::Secret, tls};
use reqwest::{Client, StatusCode, header, redirect};
use slo_core::model::Window;
use slo_ops::Error;
use std::time::Duration;

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How much of an answer is read.
const LONGEST_ANSWER: usize = 64 * 1024;

/// An answer.
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    /// How long to wait before the next request.
    pub(super) retry_after: Option<Window>,
    pub(crate) body: String,
}

/// Why there was no answer.
pub(crate) struct NoAnswer {
    pub(crate) reason: String,
    /// Whether the request may have arrived anyway.
    pub(super) may_have_arrived: bool,
}

/// Posts to other servers, within limits of time and length. It follows no redirects, which could leak a
/// secret.
#[derive(Clone, Debug)]
pub(crate) struct Poster {
    client: Client,
}

impl Poster {
    pub(super) fn new() -> Result<Self, Error> {
        Self::within(TIMEOUT)
    }

    /// One whose answers may take so long.
    pub(crate) fn within(limit: Duration) -> Result<Self, Error> {
        let failed = |error: &dyn std::error::Error| Error::new(format!("no HTTP client: {error}"));
        let tls = tls::client().map_err(|error| failed(&error))?;
        let client = Client::builder()
            .timeout(limit)
            .connect_timeout(CONNECT)
            .redirect(redirect::Policy::none())
            .user_agent(concat!("slo/", env!("CARGO_PKG_VERSION")))
            .tls_backend_preconfigured(tls)
            .build()
            .map_err(|error| failed(&error))?;
        Ok(Self { client })
    }

    /// Posts JSON to `url`, with a bearer token where there is one.
    pub(crate) async fn post(
        &self,
        url: &str,
        token: Option<&Secret>,
        body: &serde_json::Value,
    ) -> Result<Answered, NoAnswer> {
        let authorization = token.map(|token| format!("Bearer {}", token.expose()));
        self.post_text(url, authorization.as_deref(), "application/json; charset=utf-8", body.to_string())
            .await
    }

    /// Posts `body`, of the type `content`, to `url`.
    pub(crate) async fn post_text(
        &self,
        url: &str,
        authorization: Option<&str>,
        content: &str,
        body: String,
    ) -> Result<Answered, NoAnswer> {
        let mut request = self.client.post(url).header(header::CONTENT_TYPE, content).body(body);
        if let Some(authorization) = authorization {
            let mut value = header::HeaderValue::from_str(authorization).map_err(|_| NoAnswer {
                reason: "the token has characters that no header may have".to_owned(),
                may_have_arrived: false,
            })?;
            value.set_sensitive(true);
            request = request.header(header::AUTHORIZATION, value);
        }
        let mut response = request.send().await.map_err(no_answer)?;
        let status = response.status();
        let retry_after = response
            .headers()
            .get(header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.trim().parse().ok())
            .and_then(|seconds: u64| Window::from_millis(seconds.clamp(1, 86_400) * 1_000).ok());
        let mut read = Vec::new();
        while let Some(part) = response.chunk().await.map_err(no_answer)? {
            let room = LONGEST_ANSWER - read.len();
            read.extend_from_slice(part.get(..room).unwrap_or(&part));
            if read.len() >= LONGEST_ANSWER {
                break;
            }
        }
        Ok(Answered { status, retry_after, body: String::from_utf8_lossy(&read).into_owned() })
    }
}

/// Without the address, which may be a secret.
fn no_answer(error: reqwest::Error) -> NoAnswer {
    let (is_timeout, is_connect) = (error.is_timeout(), error.is_connect());
    let error = error.without_url();
    let mut reason = if is_timeout { "no answer in time".to_owned() } else { error.to_string() };
    let mut source = std::error::Error::source(&error);
    while let Some(inner) = source.filter(|_| !is_timeout) {
        reason = format!("{reason}: {inner}");
        source = inner.source();
    }
    NoAnswer { reason, may_have_arrived: !is_connect }
}
