//! Setting up the SLOs of a service.

use crate::{
    Error, Slo,
    count::{Collector, Edges, Outcome, SloCounter, Store},
    live::{LiveBudget, Ticker},
};
use http::{Method, StatusCode};
use slo_core::model::{
    EventCounters, LatencyHistogram, MatchOp, Name, Period, Selector, Service, Sli, Slo as Objective, Window,
    metric,
};
use std::{sync::Arc, time::Duration};

/// Builds a [`Slo`]; faults are kept until [`Builder::install`], which reports the first.
#[derive(Debug)]
#[must_use]
pub struct Builder {
    name: String,
    // From a spec, instead of the SLOs declared here.
    service: Option<Service>,
    declared: Vec<Declared>,
    routes: Vec<(Method, String)>,
    speed: u32,
}

#[derive(Debug)]
enum Declared {
    Availability { objective: String },
    Latency { threshold: String, objective: String },
}

const PERIOD: Window = Window::days(30);
const SCRAPE_INTERVAL: Window = Window::seconds(15);

impl Builder {
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), service: None, declared: Vec::new(), routes: Vec::new(), speed: 1 }
    }

    pub(crate) fn of(service: Service) -> Self {
        Self { service: Some(service), ..Self::new("") }
    }

    /// An SLO named `availability` over 30 days: the share of requests that are no errors.
    pub fn availability(mut self, objective: &str) -> Self {
        self.declared.push(Declared::Availability { objective: objective.to_owned() });
        self
    }

    /// An SLO named `latency` over 30 days: the share of the requests that were no errors and took at
    /// most `threshold`.
    pub fn latency(mut self, threshold: &str, objective: &str) -> Self {
        let (threshold, objective) = (threshold.to_owned(), objective.to_owned());
        self.declared.push(Declared::Latency { threshold, objective });
        self
    }

    /// Exposes a route from the start, at zero, so that its very first request is counted by rules too.
    pub fn route(mut self, method: Method, route: &str) -> Self {
        self.routes.push((method, route.to_owned()));
        self
    }

    /// Lets time run `speed` times faster in the live budgets, for demonstrations and tests: at 60, an
    /// hour of budget passes in a minute. Latencies are not scaled.
    pub const fn time_scale(mut self, speed: u32) -> Self {
        self.speed = speed;
        self
    }

    /// Starts counting.
    ///
    /// # Errors
    /// An SLO that is not valid, or that selects series this service does not emit.
    pub fn install(self) -> Result<Slo, Error> {
        let service = match self.service {
            Some(_) if !self.declared.is_empty() => {
                return Err(Error::new(
                    "service",
                    "has SLOs of a spec and others declared beside them; write all in one place",
                ));
            }
            Some(service) => service,
            None => declared(&self.name, &self.declared)?,
        };
        let speed = self.speed.max(1);
        let edges = Edges::covering(service.slos());
        let slos =
            service.slos().iter().map(|slo| SloCounter::compile(slo, &edges)).collect::<Result<_, _>>()?;
        let store = Arc::new(Store::new(edges, slos));
        for (method, route) in &self.routes {
            store.declare(route, method, Outcome::Status(StatusCode::OK));
        }
        let failed = |error: &dyn std::fmt::Display| Error::new("install", error.to_string());
        let collector = Collector::new(Arc::clone(&store)).map_err(|error| failed(&error))?;
        let (interval, tick) = tick(speed).map_err(|error| failed(&error))?;
        let budget = LiveBudget::new(service.clone(), Arc::clone(&store), tick);
        let ticker = Ticker::start(budget, interval, speed).map_err(|error| failed(&error))?;
        Slo::assemble(service, store, collector, ticker, speed)
    }
}

/// How long the thread sleeps, and how long that is in the budgets.
fn tick(speed: u32) -> Result<(Duration, Window), slo_core::Error> {
    const UNSCALED: Duration = Duration::from_secs(1);
    const SCALED: Duration = Duration::from_millis(100);
    let interval = if speed == 1 { UNSCALED } else { SCALED };
    let millis = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX).saturating_mul(u64::from(speed));
    Ok((interval, Window::from_millis(millis)?))
}

/// The service with the SLOs declared in Rust, under the names that the rules select too.
fn declared(name: &str, slos: &[Declared]) -> Result<Service, Error> {
    let service: Name = name.parse().map_err(Error::at("service"))?;
    let slos = slos.iter().map(|slo| slo.lower(name)).collect::<Result<_, _>>()?;
    Service::new(service, SCRAPE_INTERVAL, slos).map_err(Error::at(format!("service `{name}`")))
}

impl Declared {
    fn lower(&self, job: &str) -> Result<Objective, Error> {
        let (name, objective, description) = match self {
            Self::Availability { objective } => ("availability", objective, "Requests succeed.".to_owned()),
            Self::Latency { threshold, objective } => {
                ("latency", objective, format!("Requests are answered within {threshold}."))
            }
        };
        let build = || -> Result<Objective, slo_core::Error> {
            let sli = self.sli(job)?;
            let slo = Objective::new(name.parse()?, objective.parse()?, Period::Rolling(PERIOD), sli)?;
            Ok(slo.with_description(description))
        };
        build().map_err(Error::at(format!("slo `{name}`")))
    }

    fn sli(&self, job: &str) -> Result<Sli, slo_core::Error> {
        let series = |suffix: &str| {
            let metric = format!("{}{suffix}", metric::HTTP_SERVER_REQUEST_DURATION);
            Selector::new(metric)?.matching("job", MatchOp::Equal, job)
        };
        Ok(match self {
            Self::Availability { .. } => Sli::Events(EventCounters::TotalBad {
                total: series("_count")?,
                bad: series("_count")?.matching(metric::ERROR_TYPE, MatchOp::NotEqual, "")?,
            }),
            Self::Latency { threshold, .. } => {
                let histogram = series("")?.matching(metric::ERROR_TYPE, MatchOp::Equal, "")?;
                Sli::Latency(LatencyHistogram::new(histogram, threshold.parse()?)?)
            }
        })
    }
}
