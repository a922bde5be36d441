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
    /// The client left before there was a response, or the operation was dropped.
    Cancelled,
    /// The handler or the body panicked.
    Panic,
    /// The inner service failed without a response.
    TransportError,
    /// A response with this status whose body failed midway.
    StreamError(StatusCode),
    /// A response with this status whose client left during the body.
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

    /// The value of `error.type` if the event is bad.
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
    /// An unknown failure, such as a response without a status.
    pub const UNKNOWN: Self = Self(2);
    /// The caller's argument is wrong, whatever the state of the system.
    pub const INVALID_ARGUMENT: Self = Self(3);
    /// The deadline passed before the call was done.
    pub const DEADLINE_EXCEEDED: Self = Self(4);
    /// The thing asked for does not exist.
    pub const NOT_FOUND: Self = Self(5);
    /// The thing to be created exists already.
    pub const ALREADY_EXISTS: Self = Self(6);
    /// The caller is not allowed to do this.
    pub const PERMISSION_DENIED: Self = Self(7);
    /// A quota is used up.
    pub const RESOURCE_EXHAUSTED: Self = Self(8);
    /// The system is not in a state that allows the call.
    pub const FAILED_PRECONDITION: Self = Self(9);
    /// Another call interfered.
    pub const ABORTED: Self = Self(10);
    /// Past the valid range.
    pub const OUT_OF_RANGE: Self = Self(11);
    /// The method does not exist.
    pub const UNIMPLEMENTED: Self = Self(12);
    /// A fault of the server.
    pub const INTERNAL: Self = Self(13);
    /// The service is not available at the moment.
    pub const UNAVAILABLE: Self = Self(14);
    /// Data is lost beyond recovery.
    pub const DATA_LOSS: Self = Self(15);
    /// The caller is not authenticated.
    pub const UNAUTHENTICATED: Self = Self(16);

    /// The status with this code.
    ///
    /// A code that gRPC does not define is [`GrpcStatus::UNKNOWN`], as gRPC clients treat it.
    #[must_use]
    pub const fn from_code(code: u8) -> Self {
        if (code as usize) < NAMES.len() { Self(code) } else { Self::UNKNOWN }
    }

    /// Its code, from 0 to 16.
    #[must_use]
    pub const fn code(self) -> u8 {
        self.0
    }

    /// The status in the header or trailer `grpc-status`.
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

/// The word, or `_OTHER` if it is empty: without a word, the event would look like a success.
pub(super) fn named(word: &str) -> String {
    if word.is_empty() { "_OTHER".to_owned() } else { word.to_owned() }
}
