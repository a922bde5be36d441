//! Whether an event was good or bad.

use super::{Kind, Method, Outcome, outcome::named};
use std::{fmt, time::Duration};

/// How an SLO counts an event: as good, bad or ignored.
///
/// A handler can put it into the extensions of its response. It then overrides the service's [`Classify`]:
///
/// ```
/// use axum::Extension;
/// use slo_instrument::Class;
///
/// async fn healthy() -> (Extension<Class>, &'static str) {
///     (Extension(Class::Ignored), "ok") // probes are not users
/// }
///
/// async fn pay() -> (Extension<Class>, &'static str) {
///     (Extension(Class::BadFor("declined")), "{\"paid\": false}")
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Class {
    /// A good event.
    Good,
    /// A bad event; `error.type` says how it ended.
    Bad,
    /// A bad event with this `error.type`: a word from a small set.
    BadFor(&'static str),
    /// Not a valid event; it is counted separately, in `slo_ignored_events_total`.
    Ignored,
}

impl Class {
    /// The value of `error.type`; empty unless the event is bad.
    pub(crate) fn error_type(self, outcome: Outcome) -> String {
        match self {
            Self::Good | Self::Ignored => String::new(),
            Self::Bad => outcome.error_type(),
            Self::BadFor(why) => named(why),
        }
    }
}

/// Decides whether an event is good, bad or ignored; closures implement it.
///
/// ```
/// use slo_instrument::{Class, Ended, Service};
///
/// let service = Service::builder("login")
///     .availability("99.9%")
///     .classify(|ended: &Ended<'_>| match (ended.name(), ended.status().map(|status| status.as_u16())) {
///         ("/login", Some(401)) => Class::Good,            // a wrong password is an answer
///         (_, Some(400..=499)) => Class::Ignored,          // the caller's fault
///         _ => ended.by_convention(),
///     })
///     .install()?;
/// # Ok::<(), slo_instrument::Error>(())
/// ```
pub trait Classify: Send + Sync + 'static {
    /// Decides how `ended` counts.
    ///
    /// This is called when an event ends, on its thread, and when a route is declared in advance. If it
    /// panics, [`Ended::by_convention`] decides.
    fn classify(&self, ended: &Ended<'_>) -> Class;
}

impl<F: Fn(&Ended<'_>) -> Class + Send + Sync + 'static> Classify for F {
    fn classify(&self, ended: &Ended<'_>) -> Class {
        self(ended)
    }
}

/// A fact about an event beyond its outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Circumstance {
    /// Nothing.
    Usual,
    /// A CORS preflight.
    Preflight,
    /// The event took as long as the timeout of the server.
    Timeout,
}

/// An event that has ended, as a [`Classify`] sees it.
#[derive(Debug, Clone, Copy)]
pub struct Ended<'a> {
    pub(crate) kind: Kind,
    pub(crate) method: Method,
    pub(crate) peer: &'a str,
    pub(crate) name: &'a str,
    pub(crate) outcome: Outcome,
    pub(crate) circumstance: Circumstance,
    pub(crate) duration: Duration,
    pub(crate) patience: Option<Duration>,
}

impl Ended<'_> {
    /// The kind of the event.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The method of an HTTP request, such as `GET`.
    ///
    /// `_OTHER` for an unknown method, `None` for an event that is not an HTTP request.
    #[must_use]
    pub fn method(&self) -> Option<&'static str> {
        matches!(self.kind, Kind::HttpServer | Kind::HttpClient).then(|| self.method.name())
    }

    /// The route, the gRPC method or the operation; empty for HTTP requests sent.
    #[must_use]
    pub const fn name(&self) -> &str {
        self.name
    }

    /// The service that was called, for clients; empty for everything else.
    #[must_use]
    pub const fn peer(&self) -> &str {
        self.peer
    }

    /// How it ended.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// The HTTP status of a response that was read to its end.
    ///
    /// `None` if the body failed or the client left, see [`outcome`](Self::outcome).
    #[must_use]
    pub const fn status(&self) -> Option<http::StatusCode> {
        match self.outcome {
            Outcome::Http(status) => Some(status),
            _ => None,
        }
    }

    /// The duration that is counted.
    #[must_use]
    pub const fn duration(&self) -> Duration {
        self.duration
    }

    /// How the event counts by default.
    ///
    /// A status is bad if OpenTelemetry's conventions call it an error:
    ///
    /// - HTTP servers: 5xx
    /// - HTTP clients: 4xx and 5xx
    /// - gRPC servers: statuses that are the server's fault, `UNIMPLEMENTED` among them
    /// - gRPC clients: all statuses but `OK`
    ///
    /// Panics, failures without a response, failed bodies and unfinished operations are bad, too.
    ///
    /// gRPC health checks are ignored, and so are CORS preflights without a server error: they are not
    /// requests of users.
    ///
    /// A request whose client goes away before the response is bad if the client has waited for longer than
    /// the shortest threshold of the latency SLOs of such events, or than 10 s if there is none. Otherwise
    /// the request is ignored, because it says nothing about the service. A call that this service itself
    /// gives up is bad if there is no such threshold.
    ///
    /// A request whose client goes away during the response body is ignored if there is no such threshold, or
    /// if its counted latency is within it. Otherwise it is bad.
    #[must_use]
    pub fn by_convention(&self) -> Class {
        by_convention(self.kind, self.name, self.outcome, self.circumstance, self.duration, self.patience)
    }
}

/// gRPC's own service for probes.
const HEALTH_CHECK: &str = "grpc.health.v1.Health/";

/// How long a client must wait before its leaving is bad, if no latency SLO says so. Without this, anyone who
/// opens and closes connections could page on-call.
const PATIENCE: Duration = Duration::from_secs(10);

/// [`Ended::by_convention`], without making one.
#[inline]
pub(super) fn by_convention(
    kind: Kind,
    name: &str,
    outcome: Outcome,
    circumstance: Circumstance,
    duration: Duration,
    patience: Option<Duration>,
) -> Class {
    if kind == Kind::GrpcServer && name.starts_with(HEALTH_CHECK) {
        return Class::Ignored;
    }
    match (circumstance, outcome) {
        (Circumstance::Preflight, Outcome::Http(status)) if !status.is_server_error() => {
            return Class::Ignored;
        }
        (Circumstance::Timeout, Outcome::Cancelled) => return Class::BadFor("timeout"),
        _ => {}
    }
    let is_client = || matches!(kind, Kind::HttpClient | Kind::GrpcClient);
    let is_bad = match outcome {
        Outcome::Http(status) => status.is_server_error() || (status.is_client_error() && is_client()),
        Outcome::Grpc(status) => status.is_server_error() || (status != super::GrpcStatus::OK && is_client()),
        Outcome::Completed => false,
        // Nobody waits for an operation: one that is dropped was not done.
        Outcome::Cancelled if kind == Kind::Operation => true,
        // Calls that this service makes have no default patience: the caller waited in vain.
        Outcome::Cancelled
            if patience
                .or((!is_client()).then_some(PATIENCE))
                .is_some_and(|patience| duration <= patience) =>
        {
            return Class::Ignored;
        }
        Outcome::StreamCancelled(_) if patience.is_none_or(|patience| duration <= patience) => {
            return Class::Ignored;
        }
        Outcome::Cancelled
        | Outcome::StreamCancelled(_)
        | Outcome::Failed(_)
        | Outcome::Panic
        | Outcome::TransportError
        | Outcome::StreamError(_) => true,
    };
    if is_bad { Class::Bad } else { Class::Good }
}

impl fmt::Debug for dyn Classify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Classify")
    }
}
