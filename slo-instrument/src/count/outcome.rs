//! How an event ended.

use http::StatusCode;

/// How a request, a call or an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// An HTTP response with this status, whose body was read.
    Http(StatusCode),
    /// A gRPC call with this status, from the header or the trailers.
    Grpc(GrpcStatus),
    /// An operation that did its work.
    Completed,
    /// An operation that failed, and why: a word of a small set.
    Failed(&'static str),
    /// Whoever waited for it went away before there was a response.
    Cancelled,
    /// The handler or the body panicked.
    Panic,
    /// The service below failed without a response.
    TransportError,
    /// A response with this status, whose body failed on the way.
    StreamError(StatusCode),
    /// A response with this status, in whose body the client went away.
    StreamCancelled(StatusCode),
}

impl Outcome {
    /// The HTTP status of the response, where there was one.
    #[must_use]
    pub const fn status(self) -> Option<StatusCode> {
        match self {
            Self::Http(status) | Self::StreamError(status) | Self::StreamCancelled(status) => Some(status),
            _ => None,
        }
    }

    /// The gRPC status of the call, where there was one.
    #[must_use]
    pub const fn grpc_status(self) -> Option<GrpcStatus> {
        match self {
            Self::Grpc(status) => Some(status),
            _ => None,
        }
    }

    /// What `error.type` says of it where it is bad.
    pub(crate) fn error_type(self) -> String {
        match self {
            Self::Http(status) => status.as_str().to_owned(),
            Self::Grpc(status) => status.name().to_owned(),
            Self::Failed(why) => named(why),
            Self::Completed => "_OTHER".to_owned(),
            Self::Cancelled | Self::StreamCancelled(_) => "cancelled".to_owned(),
            Self::StreamError(_) => "stream_error".to_owned(),
            Self::Panic => "panic".to_owned(),
            Self::TransportError => "transport_error".to_owned(),
        }
    }
}

/// The status of a gRPC call.
///
/// ```
/// use slo_instrument::GrpcStatus;
///
/// assert_eq!(GrpcStatus::from_code(14), GrpcStatus::UNAVAILABLE);
/// assert_eq!(GrpcStatus::UNAVAILABLE.name(), "UNAVAILABLE");
/// assert_eq!(GrpcStatus::from_code(99), GrpcStatus::UNKNOWN);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GrpcStatus(u8);

/// The names of the codes from 0 on; from gRPC's `statuscodes` document.
const NAMES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

impl GrpcStatus {
    /// Success.
    pub const OK: Self = Self(0);
    /// The caller has given up.
    pub const CANCELLED: Self = Self(1);
    /// A failure that nothing is known of, such as a response without a status.
    pub const UNKNOWN: Self = Self(2);
    /// The caller's argument is wrong, whatever the state of the system.
    pub const INVALID_ARGUMENT: Self = Self(3);
    /// The deadline passed before the call was done.
    pub const DEADLINE_EXCEEDED: Self = Self(4);
    /// No such thing.
    pub const NOT_FOUND: Self = Self(5);
    /// There is such a thing already.
    pub const ALREADY_EXISTS: Self = Self(6);
    /// Not for this caller.
    pub const PERMISSION_DENIED: Self = Self(7);
    /// A quota is used up.
    pub const RESOURCE_EXHAUSTED: Self = Self(8);
    /// Not in this state of the system.
    pub const FAILED_PRECONDITION: Self = Self(9);
    /// Another call came in between.
    pub const ABORTED: Self = Self(10);
    /// Past the valid range.
    pub const OUT_OF_RANGE: Self = Self(11);
    /// No such method.
    pub const UNIMPLEMENTED: Self = Self(12);
    /// A fault of the server.
    pub const INTERNAL: Self = Self(13);
    /// Not at the moment.
    pub const UNAVAILABLE: Self = Self(14);
    /// Data is lost beyond recovery.
    pub const DATA_LOSS: Self = Self(15);
    /// Nobody knows who is calling.
    pub const UNAUTHENTICATED: Self = Self(16);

    /// The status with this code; a code that gRPC does not know is [`GrpcStatus::UNKNOWN`], as clients take it.
    #[must_use]
    pub const fn from_code(code: u8) -> Self {
        if (code as usize) < NAMES.len() { Self(code) } else { Self::UNKNOWN }
    }

    /// Its code, from 0 to 16.
    #[must_use]
    pub const fn code(self) -> u8 {
        self.0
    }

    /// The status that the header or trailer `grpc-status` gives.
    pub(crate) fn from_header(value: &http::HeaderValue) -> Self {
        let code = value.to_str().ok().and_then(|text| text.parse().ok());
        code.map_or(Self::UNKNOWN, Self::from_code)
    }

    /// What a response without a `grpc-status` means, by its HTTP status; from gRPC's `http-grpc-status-mapping`.
    pub(crate) fn without_status(status: StatusCode) -> Self {
        match status.as_u16() {
            400 => Self::INTERNAL,
            401 => Self::UNAUTHENTICATED,
            403 => Self::PERMISSION_DENIED,
            404 => Self::UNIMPLEMENTED,
            429 | 502..=504 => Self::UNAVAILABLE,
            _ => Self::UNKNOWN,
        }
    }

    /// Its name, such as `DEADLINE_EXCEEDED`.
    #[must_use]
    pub fn name(self) -> &'static str {
        NAMES.get(usize::from(self.0)).copied().unwrap_or("UNKNOWN")
    }

    /// Whether the conventions for RPC servers call it an error: the server's fault, not the caller's.
    #[must_use]
    pub const fn is_server_error(self) -> bool {
        matches!(
            self,
            Self::UNKNOWN
                | Self::DEADLINE_EXCEEDED
                | Self::UNIMPLEMENTED
                | Self::INTERNAL
                | Self::UNAVAILABLE
                | Self::DATA_LOSS
        )
    }
}

/// A word for what went wrong; what has none would look like a success.
pub(super) fn named(word: &str) -> String {
    if word.is_empty() { "_OTHER".to_owned() } else { word.to_owned() }
}
