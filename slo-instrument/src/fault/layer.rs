//! The layer.

use super::{FaultService, Faults};
use tower_layer::Layer;

/// Injects the faults that are armed; made by [`Service::fault_layer`](crate::Service::fault_layer).
///
/// Put it inside the counting layer, so that the faults are counted. In axum, add it before the counting
/// layer.
#[derive(Debug, Clone)]
pub struct FaultLayer {
    faults: Faults,
}

impl FaultLayer {
    pub(crate) const fn new(faults: Faults) -> Self {
        Self { faults }
    }
}

impl<S> Layer<S> for FaultLayer {
    type Service = FaultService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        FaultService::new(inner, self.faults.clone())
    }
}
