//! The layer.

use super::{SloService, service::Counted};
use std::time::Duration;
use tower_layer::Layer;

/// The layer that counts requests; made by [`Service::layer`](crate::Service::layer) and similar methods.
///
/// It does not keep the [`Service`](crate::Service) alive: counting ends with the last handle.
#[derive(Debug, Clone)]
pub struct SloLayer {
    counted: Counted,
}

impl SloLayer {
    pub(crate) const fn new(counted: Counted) -> Self {
        Self { counted }
    }

    /// Counts all requests under one route.
    ///
    /// Use it for a service without an axum router, which has no matched routes.
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

    /// Tells the layer that the server gives up a request after `timeout`.
    ///
    /// This is tonic's `Server::timeout`, which is always outside other layers, or a `TimeoutLayer` around
    /// this one. A request that is given up is then bad, with the `error_type` `timeout`. Without this, it
    /// looks like a request whose client has gone away.
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
