//! The kinds of events: HTTP requests and gRPC calls on both sides, and other work.

use slo_core::model::metric;

/// A kind of event; each kind has its own metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Kind {
    /// HTTP requests that are served, by route.
    HttpServer,
    /// HTTP requests that are sent, by the service they go to.
    HttpClient,
    /// gRPC calls that are served, by method.
    GrpcServer,
    /// gRPC calls that are made, by called service and method.
    GrpcClient,
    /// Other work, such as jobs and messages, by operation.
    Operation,
}

impl Kind {
    pub(crate) const ALL: [Self; 5] =
        [Self::HttpServer, Self::HttpClient, Self::GrpcServer, Self::GrpcClient, Self::Operation];

    /// The kind whose durations the histogram `metric` holds.
    pub(crate) fn of_metric(metric: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.metric() == metric)
    }

    /// The histogram of durations.
    pub(crate) const fn metric(self) -> &'static str {
        match self {
            Self::HttpServer => metric::HTTP_SERVER_REQUEST_DURATION,
            Self::HttpClient => metric::HTTP_CLIENT_REQUEST_DURATION,
            Self::GrpcServer => metric::RPC_SERVER_CALL_DURATION,
            Self::GrpcClient => metric::RPC_CLIENT_CALL_DURATION,
            Self::Operation => metric::OPERATION_DURATION,
        }
    }

    /// The gauge of events in flight, for the kinds that have one in the conventions.
    pub(crate) const fn active_metric(self) -> Option<&'static str> {
        match self {
            Self::HttpServer => Some(metric::HTTP_SERVER_ACTIVE_REQUESTS),
            Self::HttpClient => Some(metric::HTTP_CLIENT_ACTIVE_REQUESTS),
            Self::GrpcServer | Self::GrpcClient | Self::Operation => None,
        }
    }

    pub(crate) const fn help(self) -> &'static str {
        match self {
            Self::HttpServer => "Duration of HTTP server requests.",
            Self::HttpClient => "Duration of HTTP client requests.",
            Self::GrpcServer => "Duration of incoming gRPC calls.",
            Self::GrpcClient => "Duration of outgoing gRPC calls.",
            Self::Operation => "Duration of operations.",
        }
    }

    pub(crate) const fn active_help(self) -> &'static str {
        match self {
            Self::HttpClient => "HTTP client requests in flight.",
            _ => "HTTP server requests in flight.",
        }
    }

    /// The labels that its series may have; the scrape adds all others.
    pub(crate) const fn label_names(self) -> &'static [&'static str] {
        use metric::{
            ERROR_TYPE, HTTP_REQUEST_METHOD, HTTP_RESPONSE_STATUS_CODE, HTTP_ROUTE, OPERATION, RPC_METHOD,
            RPC_RESPONSE_STATUS_CODE, RPC_SYSTEM_NAME, SERVICE_PEER_NAME,
        };
        match self {
            Self::HttpServer => &[ERROR_TYPE, HTTP_REQUEST_METHOD, HTTP_RESPONSE_STATUS_CODE, HTTP_ROUTE],
            Self::HttpClient => {
                &[ERROR_TYPE, HTTP_REQUEST_METHOD, HTTP_RESPONSE_STATUS_CODE, SERVICE_PEER_NAME]
            }
            Self::GrpcServer => &[ERROR_TYPE, RPC_METHOD, RPC_RESPONSE_STATUS_CODE, RPC_SYSTEM_NAME],
            Self::GrpcClient => {
                &[ERROR_TYPE, RPC_METHOD, RPC_RESPONSE_STATUS_CODE, RPC_SYSTEM_NAME, SERVICE_PEER_NAME]
            }
            Self::Operation => &[ERROR_TYPE, OPERATION],
        }
    }
}
