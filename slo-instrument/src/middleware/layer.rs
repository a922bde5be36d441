//! The layer.

use super::{SloService, service::Counted};
use tower_layer::Layer;

/// Counts every request that passes; made by [`Slo::layer`](crate::Slo::layer) and its like.
///
/// It does not keep the [`Slo`](crate::Slo) alive, whose last handle ends the counting.
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
    /// use slo_instrument::Slo;
    ///
    /// let slo = Slo::builder("files").availability("99%").install()?;
    /// let layer = slo.layer().for_route("/files/{path}");
    /// # Ok::<(), slo_instrument::Error>(())
    /// ```
    #[must_use]
    pub fn for_route(self, route: &str) -> Self {
        Self { counted: self.counted.for_route(route) }
    }
}

impl<S> Layer<S> for SloLayer {
    type Service = SloService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        SloService::new(inner, self.counted.clone())
    }
}
