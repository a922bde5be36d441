//! Whether an event was good or bad.

use super::{Kind, Method, Outcome, outcome::named};
use std::{fmt, time::Duration};

/// What an SLO makes of an event.
///
/// In the extensions of a response it overrules what the service's [`Classify`] says of it:
///
/// ```
/// use axum::Extension;
/// use slo_instrument::Class;
///
/// async fn healthy() -> (Extension<Class>, &'static str) {
///     (Extension(Class::Ignored), "ok") // probes are no users
/// }
///
/// async fn pay() -> (Extension<Class>, &'static str) {
///     (Extension(Class::BadFor("declined")), "{\"paid\": false}")
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Class {
    /// It went as promised.
    Good,
    /// It did not; `error.type` says how it ended.
    Bad,
    /// It did not, and this is what `error.type` says: a word of a small set.
    BadFor(&'static str),
    /// It is no valid event: counted apart, in `slo_ignored_events_total`.
    Ignored,
}

impl Class {
    /// What `error.type` says; empty for what is not bad.
    pub(crate) fn error_type(self, outcome: Outcome) -> String {
        match self {
            Self::Good | Self::Ignored => String::new(),
            Self::Bad => outcome.error_type(),
            Self::BadFor(why) => named(why),
        }
    }
}

/// Decides what is good, bad, or no valid event; closures do.
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
    /// What `ended` counts as. It is asked when an event ends, on its thread, and when a route is declared ahead. Where it
    /// panics, [`Ended::by_convention`] decides.
    fn classify(&self, ended: &Ended<'_>) -> Class;
}

impl<F: Fn(&Ended<'_>) -> Class + Send + Sync + 'static> Classify for F {
    fn classify(&self, ended: &Ended<'_>) -> Class {
        self(ended)
    }
}

/// What is known of an event beyond its outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Circumstance {
    /// Nothing.
    Usual,
    /// A browser asked whether it may ask.
    Preflight,
    /// The server gives up after so long a time.
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
    /// What it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The method of an HTTP request, such as `GET`; `_OTHER` for one that HTTP does not know, and `None` for what is no
    /// HTTP request.
    #[must_use]
    pub fn method(&self) -> Option<&'static str> {
        matches!(self.kind, Kind::HttpServer | Kind::HttpClient).then(|| self.method.name())
    }

    /// The route, the gRPC method or the operation; empty for HTTP requests that are sent.
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

    /// The HTTP status of a response that was read; `None` for one that broke off or was left, see
    /// [`outcome`](Self::outcome).
    #[must_use]
    pub const fn status(&self) -> Option<http::StatusCode> {
        match self.outcome {
            Outcome::Http(status) => Some(status),
            _ => None,
        }
    }

    /// How long it took, as it is counted.
    #[must_use]
    pub const fn duration(&self) -> Duration {
        self.duration
    }

    /// What it counts as where nobody says otherwise.
    ///
    /// A status is bad where OpenTelemetry's conventions call it an error: 5xx for HTTP servers, 4xx too for clients;
    /// the server's own fault for gRPC servers, `UNIMPLEMENTED` among them, all but `OK` for clients. Panics, failures
    /// without a response and bodies that fail are bad, as are operations that were not finished.
    ///
    /// gRPC's health checks are ignored, and what a browser asks before it asks (CORS preflights): probes are no users.
    ///
    /// A client that goes away before the response is bad if it has waited for longer than the shortest threshold of
    /// the latency SLOs of such events, or than 10 s if there is none; else nothing can be said of it, and it is ignored.
    /// A call that this service itself gives up is bad if there is no such threshold.
    /// So is one that goes away in the body of a response, if the latency that counts was within the threshold.
    #[must_use]
    pub fn by_convention(&self) -> Class {
        by_convention(self.kind, self.name, self.outcome, self.circumstance, self.duration, self.patience)
    }
}

/// gRPC's own service for probes.
const HEALTH_CHECK: &str = "grpc.health.v1.Health/";

/// How long a client waits before it may say that a promise was broken, where no latency SLO says so: else whoever opens
/// connections and closes them could page on-call.
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
        // A client of this service's own has waited in vain, however long.
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
