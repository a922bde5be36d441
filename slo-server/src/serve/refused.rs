//! Why a request is refused.

use crate::store::StoreError;
use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

/// Why a request is refused.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(super) status: StatusCode,
    pub(super) reason: String,
    /// Whether a browser should ask for a name and a password.
    asks_for_basic: bool,
}

impl Refused {
    pub(super) const fn new(status: StatusCode, reason: String) -> Self {
        Self { status, reason, asks_for_basic: false }
    }

    pub(super) fn with_basic(self) -> Self {
        Self { asks_for_basic: true, ..self }
    }

    /// The challenge of a request without credentials.
    pub(super) fn challenge(&self) -> Option<&'static str> {
        let challenge = if self.asks_for_basic { "Basic realm=\"slo\", charset=\"UTF-8\"" } else { "Bearer" };
        (self.status == StatusCode::UNAUTHORIZED).then_some(challenge)
    }

    /// Whether the same request may succeed later.
    pub(super) fn is_of_store(&self) -> bool {
        self.status == StatusCode::SERVICE_UNAVAILABLE
    }

    /// Why, in a sentence.
    #[cfg(feature = "mcp")]
    pub(crate) fn reason(self) -> String {
        self.reason
    }

    pub(crate) const fn bad(reason: String) -> Self {
        Self::new(StatusCode::BAD_REQUEST, reason)
    }

    /// A fault in the request, with its hint.
    pub(super) fn of(error: &slo_core::Error) -> Self {
        let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
        Self::bad(format!("{error}{hint}"))
    }

    pub(super) const fn unauthorized(reason: String) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, reason)
    }

    pub(super) const fn forbidden(reason: String) -> Self {
        Self::new(StatusCode::FORBIDDEN, reason)
    }

    pub(super) fn late() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "the request took too long to arrive".to_owned())
    }

    pub(super) const fn missing(reason: String) -> Self {
        Self::new(StatusCode::NOT_FOUND, reason)
    }

    pub(super) const fn conflict(reason: String) -> Self {
        Self::new(StatusCode::CONFLICT, reason)
    }

    pub(super) const fn unavailable(reason: String) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, reason)
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::unavailable(error.to_string())
    }
}

impl IntoResponse for Refused {
    /// RFC 9457.
    fn into_response(self) -> Response {
        let title = self.status.canonical_reason().unwrap_or("refused");
        let body = json!({"title": title, "status": self.status.as_u16(), "detail": self.reason});
        let mut response =
            (self.status, [(header::CONTENT_TYPE, "application/problem+json")], body.to_string())
                .into_response();
        let headers = response.headers_mut();
        if let Some(challenge) = self.challenge() {
            headers.insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static(challenge));
        }
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
        }
        response
    }
}
