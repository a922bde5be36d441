//! The tower middleware: layer, service, future, body, and the guard that goes through all of them.

mod body;
mod future;
mod guard;
mod layer;
mod service;

pub use body::CountedBody;
pub use future::RequestFuture;
pub use layer::SloLayer;
pub use service::SloService;

/// Marks a response that is not counted, such as one to a health check: put it into the extensions.
///
/// ```
/// use axum::Extension;
/// use slo_instrument::Excluded;
///
/// async fn healthy() -> (Extension<Excluded>, &'static str) {
///     (Extension(Excluded), "ok")
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Excluded;
