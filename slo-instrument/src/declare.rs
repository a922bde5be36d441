//! SLOs declared in Rust.

use crate::{Error, Kind};
use slo_core::model::{EventCounters, LatencyHistogram, MatchOp, Period, Selector, Sli, Slo, Window, metric};

/// The events that SLOs declared in Rust count.
///
/// The name of an SLO begins with its events: `grpc-latency`, `payments-availability`, `reindex-latency`.
/// SLOs over HTTP requests served have no such prefix: `availability`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Events {
    kind: Kind,
    // The peer of clients, the name of an operation.
    of: String,
}

impl Events {
    /// HTTP requests that this service answers.
    #[must_use]
    pub const fn http() -> Self {
        Self { kind: Kind::HttpServer, of: String::new() }
    }

    /// gRPC calls that this service answers.
    #[cfg(feature = "grpc")]
    #[must_use]
    pub const fn grpc() -> Self {
        Self { kind: Kind::GrpcServer, of: String::new() }
    }

    /// HTTP requests that this service sends to `peer`.
    #[must_use]
    pub fn http_to(peer: impl Into<String>) -> Self {
        Self { kind: Kind::HttpClient, of: peer.into() }
    }

    /// gRPC calls that this service makes to `peer`.
    #[cfg(feature = "grpc")]
    #[must_use]
    pub fn grpc_to(peer: impl Into<String>) -> Self {
        Self { kind: Kind::GrpcClient, of: peer.into() }
    }

    /// Work that is tracked under this name.
    #[must_use]
    pub fn operation(name: impl Into<String>) -> Self {
        Self { kind: Kind::Operation, of: name.into() }
    }

    /// The name of an SLO of them.
    fn slo_name(&self, name: &str) -> String {
        match self.kind {
            Kind::HttpServer => name.to_owned(),
            Kind::GrpcServer => format!("grpc-{name}"),
            Kind::HttpClient | Kind::GrpcClient | Kind::Operation => {
                format!("{}-{name}", self.of.replace('_', "-"))
            }
        }
    }

    /// The subject of the description of such an SLO.
    fn subject(&self) -> String {
        match self.kind {
            Kind::HttpServer => "Requests".to_owned(),
            Kind::GrpcServer => "gRPC calls".to_owned(),
            Kind::HttpClient | Kind::GrpcClient => format!("Calls to {}", self.of),
            Kind::Operation => format!("Runs of `{}`", self.of),
        }
    }

    fn select(&self, job: &str, suffix: &str) -> Result<Selector, slo_core::Error> {
        let selector = Selector::new(format!("{}{suffix}", self.kind.metric()))?;
        let selector = selector.matching("job", MatchOp::Equal, job)?;
        match self.kind {
            Kind::HttpServer | Kind::GrpcServer => Ok(selector),
            Kind::HttpClient | Kind::GrpcClient => {
                selector.matching(metric::SERVICE_PEER_NAME, MatchOp::Equal, &*self.of)
            }
            Kind::Operation => selector.matching(metric::OPERATION, MatchOp::Equal, &*self.of),
        }
    }
}

/// An SLO as it was declared.
#[derive(Debug)]
pub(crate) struct Declared {
    pub(crate) events: Events,
    pub(crate) promise: Promise,
    pub(crate) objective: String,
    /// Replaces the default name.
    pub(crate) name: Option<String>,
}

/// What is promised.
#[derive(Debug)]
pub(crate) enum Promise {
    Availability,
    Latency { threshold: String },
}

const PERIOD: Window = Window::days(30);

impl Declared {
    /// The SLO of the service with the scrape job `job`.
    pub(crate) fn lower(&self, job: &str) -> Result<Slo, Error> {
        let subject = self.events.subject();
        let (name, description) = match &self.promise {
            Promise::Availability => ("availability", format!("{subject} succeed.")),
            Promise::Latency { threshold } => ("latency", format!("{subject} complete within {threshold}.")),
        };
        let name = self.name.clone().unwrap_or_else(|| self.events.slo_name(name));
        let build = || -> Result<Slo, slo_core::Error> {
            let (objective, period) = (self.objective.parse()?, Period::Rolling(PERIOD));
            Ok(Slo::new(name.parse()?, objective, period, self.sli(job)?)?.with_description(description))
        };
        build().map_err(Error::at(format!("slo `{name}`")))
    }

    fn sli(&self, job: &str) -> Result<Sli, slo_core::Error> {
        Ok(match &self.promise {
            Promise::Availability => Sli::Events(EventCounters::TotalBad {
                total: self.events.select(job, "_count")?,
                bad: self.events.select(job, "_count")?.matching(
                    metric::ERROR_TYPE,
                    MatchOp::NotEqual,
                    "",
                )?,
            }),
            Promise::Latency { threshold } => {
                let histogram =
                    self.events.select(job, "")?.matching(metric::ERROR_TYPE, MatchOp::Equal, "")?;
                Sli::Latency(LatencyHistogram::new(histogram, threshold.parse()?)?)
            }
        })
    }
}
