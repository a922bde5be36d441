//! The tower middleware: layer, service, future.

mod future;
mod layer;
mod service;

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
