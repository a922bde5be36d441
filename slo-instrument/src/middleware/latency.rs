//! Where the measured duration of a request ends.

/// Where the measured duration of a request ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Latency {
    /// At the response head: the time that the service takes, however slowly clients read.
    #[default]
    Head,
    /// At the last byte of the response body. gRPC calls always end there.
    End,
}
