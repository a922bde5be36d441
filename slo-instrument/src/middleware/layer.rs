//! The layer.

use super::{SloService, service::Counted};
use std::time::Duration;
use tower_layer::Layer;

/// Counts every request that passes; made by [`Service::layer`](crate::Service::layer) and its like.
///
/// It does not keep the [`Service`](crate::Service) alive, whose last handle ends the counting.
#[derive(Debug, Clone)]
pub struct SloLayer {
    counted: Counted,
}

impl SloLayer {
    pub(crate) const fn new(counted: Counted) -> Self {
        Self { counted }
    }

    /// The same for a service that is all of one route, where no axum router says which one matched.
    ///
    /// ```
    /// use slo_instrument::Service;
    ///
    /// let service = Service::builder("files").availability("99%").install()?;
    /// let layer = service.layer().for_route("/files/{path}");
    /// # Ok::<(), slo_instrument::Error>(())
    /// ```
    #[must_use]
    pub fn for_route(self, route: &str) -> Self {
        Self { counted: self.counted.for_route(route) }
    }

    /// Says that the server gives up a request after `timeout`: tonic's `Server::timeout`, which is always outside of other
    /// layers, or a `TimeoutLayer` around this one. Such a request is bad, with the `error_type` `timeout`; else it looks
    /// like one whose client has gone away.
    ///
    /// ```
    /// use slo_instrument::Service;
    /// use std::time::Duration;
    ///
    /// let service = Service::builder("cart").availability("99.9%").install()?;
    /// let timeout = Duration::from_millis(200);
    /// // axum: Router::new().layer(layer).layer(TimeoutLayer…)
    /// // tonic, with `grpc_layer`: Server::builder().timeout(timeout).layer(layer).add_service(…)
    /// let layer = service.layer().server_timeout(timeout);
    /// # Ok::<(), slo_instrument::Error>(())
    /// ```
    #[must_use]
    pub fn server_timeout(self, timeout: Duration) -> Self {
        Self { counted: self.counted.given_up_after(timeout) }
    }
}

impl<S> Layer<S> for SloLayer {
    type Service = SloService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        SloService::new(inner, self.counted.clone())
    }
}
