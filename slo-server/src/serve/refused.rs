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
}

impl Refused {
    /// Whether the same request may succeed later.
    pub(super) fn is_of_store(&self) -> bool {
        self.status == StatusCode::SERVICE_UNAVAILABLE
    }

    pub(crate) const fn bad(reason: String) -> Self {
        Self { status: StatusCode::BAD_REQUEST, reason }
    }

    pub(super) const fn unauthorized(reason: String) -> Self {
        Self { status: StatusCode::UNAUTHORIZED, reason }
    }

    pub(super) fn late() -> Self {
        Self { status: StatusCode::REQUEST_TIMEOUT, reason: "the request took too long to arrive".to_owned() }
    }

    pub(super) const fn missing(reason: String) -> Self {
        Self { status: StatusCode::NOT_FOUND, reason }
    }

    pub(super) const fn conflict(reason: String) -> Self {
        Self { status: StatusCode::CONFLICT, reason }
    }

    pub(super) const fn unavailable(reason: String) -> Self {
        Self { status: StatusCode::SERVICE_UNAVAILABLE, reason }
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
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
        }
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
        }
        response
    }
}
