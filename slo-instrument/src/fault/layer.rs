//! The layer.

use super::{FaultService, Faults};
use tower_layer::Layer;

/// Injects the faults that are armed; made by [`Service::fault_layer`](crate::Service::fault_layer).
///
/// Put it inside the layer that counts, so that what it does is counted: in axum, before it.
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
