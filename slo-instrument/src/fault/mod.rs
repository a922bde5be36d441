//! Faults on purpose, for game days and tests: plan, layer, service, future, body.

mod body;
mod future;
mod layer;
mod plan;
mod service;

pub use body::FaultBody;
pub use future::FaultFuture;
pub use layer::FaultLayer;
pub use plan::{Fault, Faults};
pub use service::FaultService;

/// In the extensions of a response into which a fault was injected.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Injected(pub(crate) &'static str);
