//! What of a request its duration is.

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
