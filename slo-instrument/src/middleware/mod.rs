//! The tower middleware: layer, service, future, body, and the guard that goes through all of them.

mod body;
mod future;
mod guard;
mod latency;
mod layer;
mod service;

pub use body::CountedBody;
pub use future::RequestFuture;
pub(crate) use guard::{Guard, Protocol};
pub use latency::Latency;
pub use layer::SloLayer;
pub(crate) use service::Counted;
pub use service::SloService;
