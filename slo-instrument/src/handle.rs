//! The handle of an instrumented service.

#[cfg(feature = "otlp")]
use crate::otlp::Exporter;
use crate::{
    Budget, Builder, Collector, Error, Event, FaultLayer, Faults, Kind, Latency, SloLayer, SloStatus,
    Tracked,
    count::{Instrument, OTHER, why_not_counted},
    expose::{Format, Source},
    middleware::Counted,
    status,
    trace::Tracer,
};
use axum::Router;
use slo_core::model::Service;
use std::{fmt, future::Future, sync::Arc};

/// The SLOs of a running service: what counts its requests, and what they come to.
///
/// Cloning is cheap; all clones are one. Counting ends with the last of them and of the routes, collectors and budgets
/// made from them; layers do not keep it.
#[derive(Clone)]
pub struct Slo {
    inner: Arc<Inner>,
}

struct Inner {
    parts: Parts,
    collector: Collector,
    // Always there, so that starting one does not look it up.
    operations: Arc<Instrument>,
}

/// What a handle is made of.
pub(crate) struct Parts {
    pub(crate) source: Arc<Source>,
    pub(crate) tracer: Option<Tracer>,
    pub(crate) latency: Latency,
    pub(crate) registry: Option<prometheus::Registry>,
    #[cfg(feature = "otlp")]
    pub(crate) exporter: Option<Exporter>,
    pub(crate) speed: u32,
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
    /// The selectors of counters and histograms must name the metrics that this crate emits. Matchers on labels that are
    /// put on by the scrape, such as `job`, hold for all of this process. SLOs over gauges, probes, recorded ratios and
    /// queries, of groups, time slices and calendar periods are for the rules: they are part of `/slo.yaml`, and are shown
    /// as [`State::NotCounted`](crate::State::NotCounted).
    pub fn from_service(service: Service) -> Builder {
        Builder::of(service)
    }

    /// Takes the SLOs of a spec of one service, written in YAML.
    ///
    /// ```
    /// use slo_instrument::Slo;
    ///
    /// let slo = Slo::from_spec(r#"
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
    /// "#)?.install()?;
    /// assert_eq!(slo.statuses()[0].objective, "99.9%");
    /// # Ok::<(), slo_instrument::Error>(())
    /// ```
    ///
    /// # Errors
    /// All faults of the document, each with its line; several services, of which `slo_core::spec::parse` and
    /// [`Slo::from_service`] take the right one.
    #[cfg(feature = "spec")]
    pub fn from_spec(text: &str) -> Result<Builder, Error> {
        let faults = |faults: slo_core::Diagnostics| Error::new("spec", format!("\n{faults}"));
        let mut services = slo_core::spec::parse(text).map_err(faults)?;
        match (services.pop(), services.len()) {
            (Some(service), 0) => Ok(Builder::of(service)),
            (_, others) => {
                let message =
                    format!("{} services in one spec; choose one with `Slo::from_service`", others + 1);
                Err(Error::new("spec", message))
            }
        }
    }

    /// Takes the SLOs of a spec of one service from a file.
    ///
    /// # Errors
    /// A file that cannot be read, and those of [`Slo::from_spec`].
    #[cfg(feature = "spec")]
    pub fn from_file(path: impl AsRef<std::path::Path>) -> Result<Builder, Error> {
        let path = path.as_ref();
        let place = path.display().to_string();
        let text =
            std::fs::read_to_string(path).map_err(|error| Error::new(place.clone(), error.to_string()))?;
        Self::from_spec(&text).map_err(|error| error.within(&place))
    }

    /// The SLOs as a spec in YAML, from which `slo generate` makes the rules for what is counted here.
    #[cfg(feature = "spec")]
    #[must_use]
    pub fn spec(&self) -> String {
        slo_core::spec::write(self.service())
    }

    pub(crate) fn assemble(parts: Parts) -> Result<Self, Error> {
        let collector = Collector::new(Arc::clone(&parts.source))
            .map_err(|error| Error::new("metrics", error.to_string()))?;
        if let Some(registry) = &parts.registry {
            collector.reserve(registry);
        }
        let operations = parts.source.store.instrument(Kind::Operation, "");
        Ok(Self { inner: Arc::new(Inner { parts, collector, operations }) })
    }

    /// The tower layer that counts the HTTP requests that are served; put it around the whole router. A request that is
    /// seen to come to two of them counts once, at the outer one; the first requests of every new route are looked at.
    #[must_use]
    pub fn layer(&self) -> SloLayer {
        self.layer_of(Kind::HttpServer, "")
    }

    /// The tower layer that counts the gRPC calls that are served, with the status of their trailers. Calls of
    /// `grpc.health.v1.Health` are ignored: probes are no users. The duration is that of the whole call, so that a latency
    /// SLO is for methods that do not stream. A server that has no router of axum's gives `/metrics` what
    /// [`Slo::metrics_for`] says.
    ///
    /// ```
    /// # use slo_instrument::{Events, Slo};
    /// let slo = Slo::builder("cart").counting(Events::grpc()).availability("99.9%").install()?;
    /// let layer = slo.grpc_layer(); // tonic: Server::builder().layer(layer).add_service(…)
    /// # Ok::<(), slo_instrument::Error>(())
    /// ```
    #[must_use]
    pub fn grpc_layer(&self) -> SloLayer {
        self.layer_of(Kind::GrpcServer, "")
    }

    /// The tower layer that counts the HTTP requests that are sent to `peer`, for a client of `hyper-util` or any other
    /// that is a tower service.
    ///
    /// A timeout belongs inside of it, where it is a failure of the peer. One outside cuts a request off as a caller does
    /// that leaves: ignored, if the latency SLO would have allowed more time.
    #[must_use]
    pub fn client_layer(&self, peer: &str) -> SloLayer {
        self.layer_of(Kind::HttpClient, peer)
    }

    /// The tower layer that counts the gRPC calls that are made to `peer`, around tonic's `Channel`.
    #[must_use]
    pub fn grpc_client_layer(&self, peer: &str) -> SloLayer {
        self.layer_of(Kind::GrpcClient, peer)
    }

    fn layer_of(&self, kind: Kind, peer: &str) -> SloLayer {
        let Parts { source, latency, tracer, .. } = &self.inner.parts;
        SloLayer::new(Counted::new(&source.store.instrument(kind, peer), *latency, tracer.clone()))
    }

    /// Starts a piece of work: a job, a message, a step. `operation` is a word of a small set.
    pub fn start(&self, operation: &str) -> Event {
        // Labels without a value are none.
        let operation = if operation.is_empty() { OTHER } else { operation };
        Event::start(&self.inner.operations, operation, self.inner.parts.tracer.as_ref())
    }

    /// Counts a future: good if it gives `Ok`, bad if it gives `Err` or panics, and as cancelled if it is dropped before.
    ///
    /// ```
    /// # use slo_instrument::{Events, Slo};
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    /// let slo = Slo::builder("search").counting(Events::operation("reindex")).availability("99%").install()?;
    /// let reindex = async { Ok::<_, std::io::Error>(42) };
    /// assert_eq!(runtime.block_on(slo.track("reindex", reindex)).unwrap(), 42);
    /// assert!(slo.metrics().contains(r#"slo_operation_duration_seconds_count{operation="reindex"} 1"#));
    /// # Ok::<(), slo_instrument::Error>(())
    /// ```
    pub fn track<F, T, E>(&self, operation: &str, future: F) -> Tracked<F>
    where
        F: Future<Output = Result<T, E>>,
    {
        Tracked::new(future, self.start(operation))
    }

    /// The tower layer that injects faults while they are armed, see [`Slo::faults`].
    #[must_use]
    pub fn fault_layer(&self) -> FaultLayer {
        FaultLayer::new(self.faults().clone())
    }

    /// The switch of the fault layers.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.inner.parts.source.faults
    }

    /// The routes `/metrics`, `/slo`, `/slo.json`, `/slo.yaml` and `/healthz`. Requests to them are no events of an SLO.
    ///
    /// What they show is for those who keep the service alive: serve them on a port that the public does not reach. A
    /// service that has a `/healthz` of its own takes [`Slo::metrics_routes`] and [`status_routes`](crate::status_routes).
    ///
    /// `/metrics` is made off the runtime's workers, and clients that do not read it cannot fill the memory: from the
    /// fifth rendering that is still being read, requests share one of the last 5 seconds, and whoever reads the oldest of
    /// eight is cut off.
    pub fn routes<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        self.metrics_routes().merge(status::health_route()).merge(status::status_routes([self.clone()]))
    }

    /// The routes `/metrics` and `/slo.yaml` alone.
    ///
    /// ```
    /// use axum::{Router, routing::get};
    /// use slo_instrument::{Slo, status_routes};
    ///
    /// let slo = Slo::builder("checkout").availability("99.9%").install()?;
    /// let own: Router = Router::new()
    ///     .route("/healthz", get(|| async { "ok" }))
    ///     .merge(slo.metrics_routes())
    ///     .merge(status_routes([slo.clone()]));
    /// # Ok::<(), slo_instrument::Error>(())
    /// ```
    pub fn metrics_routes<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        status::metrics_routes(self.clone())
    }

    /// The metrics as a collector for a registry of the service's own.
    #[must_use]
    pub fn collector(&self) -> Collector {
        self.inner.collector.clone()
    }

    /// The metrics in Prometheus' text format.
    #[must_use]
    pub fn metrics(&self) -> String {
        String::from_utf8(self.encode(Format::Text)).unwrap_or_default()
    }

    /// The metrics in the format that a scraper asks for by its `Accept`, and their content type.
    #[must_use]
    pub fn metrics_for(&self, headers: &http::HeaderMap) -> (&'static str, Vec<u8>) {
        let format = self.format_for(headers);
        (format.content_type(), self.encode(format))
    }

    /// The format that a scraper gets that sends `headers`.
    pub(crate) fn format_for(&self, headers: &http::HeaderMap) -> Format {
        if self.inner.parts.registry.is_some() { Format::Text } else { Format::of(headers) }
    }

    /// The metrics in `format`, with those of the service's own registry.
    pub(crate) fn encode(&self, format: Format) -> Vec<u8> {
        let Parts { source, registry, .. } = &self.inner.parts;
        let mut text = source.encode(format);
        if let Some(registry) = registry {
            // The text encoder fails only where writing does, and a vector takes everything.
            let _ =
                prometheus::Encoder::encode(&prometheus::TextEncoder::new(), &registry.gather(), &mut text);
        }
        text
    }

    /// How every SLO is doing, as of the last tick: every second, or ten times a second when time is
    /// scaled. Reads a snapshot and never waits.
    #[must_use]
    pub fn statuses(&self) -> Arc<Vec<SloStatus>> {
        self.inner.parts.source.ticker.latest().load_full()
    }

    /// The live budget of one SLO, to shed load or leave out optional work by.
    ///
    /// # Errors
    /// No SLO of this name, or one that only the rules judge.
    pub fn budget(&self, slo: &str) -> Result<Budget, Error> {
        let names = self.service().slos().iter().map(|slo| slo.name().as_str());
        let position = names.clone().position(|name| name == slo).ok_or_else(|| {
            let known: Vec<String> = names.map(|name| format!("`{name}`")).collect();
            Error::new(format!("slo `{slo}`"), format!("is not there; there is {}", known.join(", ")))
        })?;
        if let Some(why) = self.service().slos().get(position).and_then(why_not_counted) {
            return Err(Error::new(format!("slo `{slo}`"), format!("has no budget in the process: {why}")));
        }
        Ok(Budget::new(Arc::clone(&self.inner.parts.source), position))
    }

    /// How many events are on their way.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        let instruments = self.inner.parts.source.store.instruments();
        instruments.iter().flat_map(|instrument| instrument.active()).flatten().sum()
    }

    /// Sends what has been counted and traced until now to the collector, and ends sending. Waits for no longer than the
    /// timeout of a request; whatever the runtime does, sending has a thread of its own.
    ///
    /// # Errors
    /// What was sent last did not arrive.
    #[cfg(feature = "otlp")]
    pub async fn shutdown(&self) -> Result<(), Error> {
        match &self.inner.parts.exporter {
            Some(exporter) => exporter.shutdown().await,
            None => Ok(()),
        }
    }

    /// The service and its SLOs.
    #[must_use]
    pub fn service(&self) -> &Service {
        &self.inner.parts.source.service
    }

    /// How many times faster time runs in the live budgets.
    #[must_use]
    pub fn time_scale(&self) -> u32 {
        self.inner.parts.speed
    }
}

impl fmt::Debug for Slo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slo").field("service", self.service().name()).finish_non_exhaustive()
    }
}
