//! The route that a router has found for a request.

use http::Request;

/// The route, where the router says it: never the path itself, which a client chooses.
#[cfg(feature = "axum")]
#[inline]
pub(crate) fn route<B>(request: &Request<B>) -> Option<&str> {
    request.extensions().get::<axum::extract::MatchedPath>().map(axum::extract::MatchedPath::as_str)
}

/// No router that says it is known.
#[cfg(not(feature = "axum"))]
pub(crate) const fn route<B>(_: &Request<B>) -> Option<&str> {
    None
}
