//! The route that a router has matched to a request.

use http::Request;

/// The matched route, if known: never the path itself, which a client chooses.
#[cfg(feature = "axum")]
#[inline]
pub(crate) fn route<B>(request: &Request<B>) -> Option<&str> {
    request.extensions().get::<axum::extract::MatchedPath>().map(axum::extract::MatchedPath::as_str)
}

/// Without axum, no router reports its matched route.
#[cfg(not(feature = "axum"))]
pub(crate) const fn route<B>(_: &Request<B>) -> Option<&str> {
    None
}
