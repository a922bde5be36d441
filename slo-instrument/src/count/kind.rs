//! What is counted: HTTP requests and gRPC calls from both sides, and other work.

use super::{Class, Outcome};
use slo_core::model::metric;

/// A kind of events, each counted under the metric that OpenTelemetry's conventions give it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Kind {
    /// HTTP requests that are served, by route.
    HttpServer,
    /// HTTP requests that are sent, by the service they go to.
    HttpClient,
    /// gRPC calls that are served, by method.
    GrpcServer,
    /// gRPC calls that are made, by the service they go to and method.
    GrpcClient,
    /// Other work, such as jobs and messages, by what it is.
    Operation,
}

/// Label pairs in the order of their names; none is empty.
pub(crate) type Labels = Vec<(&'static str, String)>;

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

    /// The gauge of what is on its way, where the conventions have one.
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
            Self::HttpClient => "HTTP client requests on their way.",
            _ => "HTTP server requests on their way.",
        }
    }

    /// The labels that its series may have; all others are put on by the scrape.
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

    /// The labels of a series; `name` is a route, a method or an operation, as the kind has it.
    pub(crate) fn labels(self, event: &Labelled<'_>) -> Labels {
        let value = |label: &str| match label {
            metric::ERROR_TYPE => event.class.error_type(event.outcome),
            metric::HTTP_REQUEST_METHOD => event.method.to_owned(),
            metric::HTTP_RESPONSE_STATUS_CODE => {
                event.outcome.status().map_or_else(String::new, |status| status.as_str().to_owned())
            }
            metric::RPC_RESPONSE_STATUS_CODE => {
                event.outcome.grpc_status().map_or("", super::GrpcStatus::name).to_owned()
            }
            metric::RPC_SYSTEM_NAME => "grpc".to_owned(),
            metric::SERVICE_PEER_NAME => event.peer.to_owned(),
            _ => event.name.to_owned(),
        };
        let pairs = self.label_names().iter().map(|label| (*label, value(label)));
        pairs.filter(|(_, value)| !value.is_empty()).collect()
    }
}

/// What the labels of a series are made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Labelled<'a> {
    pub(crate) peer: &'a str,
    pub(crate) name: &'a str,
    pub(crate) method: &'static str,
    pub(crate) outcome: Outcome,
    pub(crate) class: Class,
}
