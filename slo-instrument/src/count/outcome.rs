//! How a request ended.

use http::StatusCode;

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A response with this status.
    Status(StatusCode),
    /// The client went away before the response.
    Cancelled,
    /// The handler panicked.
    Panic,
    /// The service below failed without a response.
    TransportError,
    /// A response with this status, whose body failed on the way.
    StreamError(StatusCode),
    /// A response with this status, in whose body the client went away.
    StreamCancelled(StatusCode),
}

impl Outcome {
    /// `http.response.status_code`; empty where no response was made.
    pub(crate) fn status_code(self) -> String {
        match self {
            Self::Status(status) | Self::StreamError(status) | Self::StreamCancelled(status) => {
                status.as_str().to_owned()
            }
            Self::Cancelled | Self::Panic | Self::TransportError => String::new(),
        }
    }

    /// `error.type`: for a server, only 5xx responses are errors; empty on success.
    pub(crate) fn error_type(self) -> String {
        match self {
            Self::Status(status) if status.is_server_error() => status.as_str().to_owned(),
            Self::Status(_) => String::new(),
            Self::Cancelled | Self::StreamCancelled(_) => "cancelled".to_owned(),
            Self::StreamError(_) => "stream_error".to_owned(),
            Self::Panic => "panic".to_owned(),
            Self::TransportError => "transport_error".to_owned(),
        }
    }
}
