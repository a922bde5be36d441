//! The handle of an instrumented service.

use crate::{
    Builder, Error, SloLayer, SloStatus,
    count::{Collector, Store},
    live::Ticker,
    status,
};
use axum::Router;
use prometheus::{Encoder, Registry, TextEncoder};
use slo_core::model::Service;
use std::{fmt, sync::Arc};

/// The SLOs of a running service: what counts its requests, and what they come to.
///
/// Cloning is cheap; all clones are one. Counting ends with the last of them.
#[derive(Clone)]
pub struct Slo {
    inner: Arc<Inner>,
}

struct Inner {
    service: Service,
    store: Arc<Store>,
    collector: Collector,
    registry: Registry,
    ticker: Ticker,
    speed: u32,
}

impl Slo {
    /// Declares the SLOs of the service `name` in Rust.
    ///
    /// Rules generated from them select `job="<name>"`: scrape the service under that `job_name`.
    pub fn builder(name: impl Into<String>) -> Builder {
        Builder::new(name)
    }

    /// Takes the SLOs of a spec.
    ///
    /// Their selectors must name the metrics that this crate emits. Matchers on labels that are put on
    /// by the scrape, such as `job`, hold for all of this process.
    ///
    /// ```
    /// use slo_instrument::Slo;
    ///
    /// let services = slo_core::spec::parse(r#"
    /// version: slo/v1
    /// service: checkout
    /// slos:
    ///   - name: availability
    ///     objective: 99.9%
    ///     window: 30d
    ///     sli:
    ///       events:
    ///         total: http_server_request_duration_seconds_count{job="checkout"}
    ///         bad: http_server_request_duration_seconds_count{job="checkout", error_type!=""}
    /// "#)?;
    /// let slo = Slo::from_service(services[0].clone()).install()?;
    /// assert_eq!(slo.statuses()[0].objective, "99.9%");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_service(service: Service) -> Builder {
        Builder::of(service)
    }

    pub(crate) fn assemble(
        service: Service,
        store: Arc<Store>,
        collector: Collector,
        ticker: Ticker,
        speed: u32,
    ) -> Result<Self, Error> {
        let registry = Registry::new();
        registry
            .register(Box::new(collector.clone()))
            .map_err(|error| Error::new("metrics", error.to_string()))?;
        Ok(Self { inner: Arc::new(Inner { service, store, collector, registry, ticker, speed }) })
    }

    /// The tower layer that counts requests; put it around the whole router.
    #[must_use]
    pub fn layer(&self) -> SloLayer {
        SloLayer::new(Arc::clone(&self.inner.store))
    }

    /// The routes `/metrics`, `/slo` and `/slo.json`. Requests to them are not counted.
    pub fn routes<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        status::metrics_route(self.clone()).merge(status::status_routes([self.clone()]))
    }

    /// The requests as a collector for a registry of the service's own.
    #[must_use]
    pub fn collector(&self) -> Collector {
        self.inner.collector.clone()
    }

    /// The metrics in Prometheus' text format.
    ///
    /// # Errors
    /// An encoder that fails, which the text encoder does not.
    pub fn metrics(&self) -> Result<String, Error> {
        let encode = || {
            let mut text = Vec::new();
            TextEncoder::new().encode(&self.inner.registry.gather(), &mut text)?;
            String::from_utf8(text).map_err(|error| prometheus::Error::Msg(error.to_string()))
        };
        encode().map_err(|error| Error::new("metrics", error.to_string()))
    }

    /// How every SLO is doing, as of the last tick: every second, or ten times a second when time is
    /// scaled. Reads a snapshot and never waits.
    #[must_use]
    pub fn statuses(&self) -> Arc<Vec<SloStatus>> {
        self.inner.ticker.latest()
    }

    /// The service and its SLOs.
    #[must_use]
    pub fn service(&self) -> &Service {
        &self.inner.service
    }

    /// How many times faster time runs in the live budgets.
    #[must_use]
    pub fn time_scale(&self) -> u32 {
        self.inner.speed
    }
}

impl fmt::Debug for Slo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slo").field("service", self.inner.service.name()).finish_non_exhaustive()
    }
}
