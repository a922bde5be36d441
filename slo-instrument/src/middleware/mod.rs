//! The tower middleware: layer, service, future, body, and the guard that goes through all of them.

mod body;
mod future;
mod guard;
mod layer;
mod service;

pub use body::CountedBody;
pub use future::RequestFuture;
pub use layer::SloLayer;
pub(crate) use service::Counted;
pub use service::SloService;

/// What of a request its duration is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Latency {
    /// Until the response's head is there: what a service takes, however long its clients read.
    #[default]
    Head,
    /// Until the last byte of its body has been asked for. gRPC calls are always measured so.
    End,
}
