//! The layer.

use super::SloService;
use crate::count::Store;
use std::sync::Arc;
use tower_layer::Layer;

/// Counts every request that passes; made by [`Slo::layer`](crate::Slo::layer).
#[derive(Debug, Clone)]
pub struct SloLayer {
    store: Arc<Store>,
}

impl SloLayer {
    pub(crate) const fn new(store: Arc<Store>) -> Self {
        Self { store }
    }
}

impl<S> Layer<S> for SloLayer {
    type Service = SloService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        SloService::new(inner, Arc::clone(&self.store))
    }
}
