//! Where the measured duration of a request ends.

/// Where the measured duration of a request ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Latency {
    /// When the head of the response is there: the time that a service takes, however long its clients read.
    #[default]
    Head,
    /// When the last byte of its body has been asked for. gRPC calls always end there.
    End,
}
