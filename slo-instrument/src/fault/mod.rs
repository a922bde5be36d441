//! Faults on purpose, for game days and tests: plan, layer, service, future, body.

mod body;
#[cfg(feature = "axum")]
mod control;
mod future;
mod injected;
mod layer;
mod plan;
mod service;

pub use body::FaultBody;
pub use future::FaultFuture;
pub(crate) use injected::Injected;
pub use layer::FaultLayer;
pub use plan::{Fault, Faults};
pub use service::FaultService;
