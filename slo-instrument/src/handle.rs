//! The handle of an instrumented service.

#[cfg(feature = "prometheus")]
use crate::Collector;
#[cfg(feature = "otlp")]
use crate::otlp::Exporter;
use crate::{
    Budget, Error, Event, FaultLayer, Faults, Kind, Latency, SloLayer, SloStatus, Tracked,
    count::{Instrument, OTHER, why_not_counted},
    expose::{Format, encode},
    middleware::Counted,
    source::Source,
    trace::Tracer,
};
use slo_core::model;
use std::{fmt, future::Future, sync::Arc};

/// The SLOs of a running service: what counts its requests, and what they come to.
///
/// Cloning is cheap; all clones are one. Counting ends with the last of them and of the routes, collectors and budgets
/// made from them; layers do not keep it.
#[derive(Clone)]
pub struct Service {
    inner: Arc<Inner>,
}

struct Inner {
    parts: Parts,
    // Always there, so that starting one does not look it up.
    operations: Arc<Instrument>,
    served: Arc<Instrument>,
}

/// What a handle is made of.
pub(crate) struct Parts {
    pub(crate) source: Arc<Source>,
    pub(crate) tracer: Option<Tracer>,
    pub(crate) latency: Latency,
    #[cfg(feature = "prometheus")]
    pub(crate) collector: Collector,
    #[cfg(feature = "prometheus")]
    pub(crate) registry: Option<prometheus::Registry>,
    /// Whether the metrics are in the text format, whatever is asked for.
    pub(crate) is_always_text: bool,
    #[cfg(feature = "otlp")]
    pub(crate) exporter: Option<Exporter>,
    pub(crate) speed: u32,
}

impl Service {
    /// The SLOs as a spec in YAML, from which `slo generate` makes the rules for what is counted here.
    #[cfg(feature = "spec")]
    #[must_use]
    pub fn spec(&self) -> String {
        slo_core::spec::write(self.model())
    }

    pub(crate) fn assemble(parts: Parts) -> Self {
        let [operations, served] =
            [Kind::Operation, Kind::HttpServer].map(|kind| parts.source.store.instrument(kind, ""));
        Self { inner: Arc::new(Inner { parts, operations, served }) }
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
    /// [`Service::metrics_for`] says.
    ///
    /// ```
    /// # use slo_instrument::{Events, Service};
    /// let service = Service::builder("cart").counting(Events::grpc()).availability("99.9%").install()?;
    /// let layer = service.grpc_layer(); // tonic: Server::builder().layer(layer).add_service(…)
    /// # Ok::<(), slo_instrument::Error>(())
    /// ```
    #[cfg(feature = "grpc")]
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
    #[cfg(feature = "grpc")]
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
    /// # use slo_instrument::{Events, Service};
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    /// let service = Service::builder("search").counting(Events::operation("reindex")).availability("99%").install()?;
    /// let reindex = async { Ok::<_, std::io::Error>(42) };
    /// assert_eq!(runtime.block_on(service.track("reindex", reindex)).unwrap(), 42);
    /// assert!(service.metrics().contains(r#"slo_operation_duration_seconds_count{operation="reindex"} 1"#));
    /// # Ok::<(), slo_instrument::Error>(())
    /// ```
    pub fn track<F, T, E>(&self, operation: &str, future: F) -> Tracked<F>
    where
        F: Future<Output = Result<T, E>>,
    {
        Tracked::new(future, self.start(operation))
    }

    /// The tower layer that injects faults while they are armed, see [`Service::faults`].
    #[must_use]
    pub fn fault_layer(&self) -> FaultLayer {
        FaultLayer::new(self.faults().clone())
    }

    /// The switch of the fault layers.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.inner.parts.source.faults
    }

    /// The metrics as a collector for a registry of the service's own.
    #[cfg(feature = "prometheus")]
    #[must_use]
    pub fn collector(&self) -> Collector {
        self.inner.parts.collector.clone()
    }

    /// The metrics in Prometheus' text format.
    #[must_use]
    pub fn metrics(&self) -> String {
        String::from_utf8(self.encode(Format::Text)).unwrap_or_default()
    }

    /// The metrics in the format that a scraper asks for by the values of its header `Accept`, and their content type: for
    /// servers without a router of axum's, which has `Service::routes`.
    ///
    /// ```
    /// # use slo_instrument::Service;
    /// let service = Service::builder("checkout").availability("99.9%").install()?;
    /// let (content_type, body) = service.metrics_for(["application/openmetrics-text;version=1.0.0", "*/*;q=0.1"]);
    /// assert!(content_type.starts_with("application/openmetrics-text") && body.ends_with(b"# EOF\n"));
    /// # Ok::<(), slo_instrument::Error>(())
    /// ```
    #[must_use]
    pub fn metrics_for<'a>(&self, accept: impl IntoIterator<Item = &'a str>) -> (&'static str, Vec<u8>) {
        let format = self.format_for(accept);
        (format.content_type(), self.encode(format))
    }

    /// The format that a scraper gets that accepts these.
    pub(crate) fn format_for<'a>(&self, accept: impl IntoIterator<Item = &'a str>) -> Format {
        if self.inner.parts.is_always_text { Format::Text } else { Format::of(accept) }
    }

    /// The metrics in `format`, with those of the service's own registry.
    pub(crate) fn encode(&self, format: Format) -> Vec<u8> {
        let text = encode(&self.inner.parts.source, format);
        #[cfg(feature = "prometheus")]
        if let Some(registry) = &self.inner.parts.registry {
            let mut text = text;
            // The text encoder fails only where writing does, and a vector takes everything.
            let _ =
                prometheus::Encoder::encode(&prometheus::TextEncoder::new(), &registry.gather(), &mut text);
            return text;
        }
        text
    }

    /// What counts the HTTP requests that are served.
    pub(crate) fn served(&self) -> &Instrument {
        &self.inner.served
    }

    pub(crate) fn latency(&self) -> Latency {
        self.inner.parts.latency
    }

    pub(crate) fn tracer(&self) -> Option<&Tracer> {
        self.inner.parts.tracer.as_ref()
    }

    /// How every SLO is doing, as of the last tick: every second, or ten times a second when time is
    /// scaled. Reads a snapshot and never waits.
    #[must_use]
    pub fn statuses(&self) -> Arc<Vec<SloStatus>> {
        self.inner.parts.source.ticker.latest().load_full()
    }

    /// The live budget of one SLO, by which a handler sheds load or drops optional work.
    ///
    /// # Errors
    /// No SLO of this name, or one that only the rules judge.
    pub fn budget(&self, slo: &str) -> Result<Budget, Error> {
        let names = self.model().slos().iter().map(|slo| slo.name().as_str());
        let position = names.clone().position(|name| name == slo).ok_or_else(|| {
            let known: Vec<String> = names.map(|name| format!("`{name}`")).collect();
            Error::new(format!("slo `{slo}`"), format!("is not there; there is {}", known.join(", ")))
        })?;
        if let Some(why) = self.model().slos().get(position).and_then(why_not_counted) {
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

    /// The service and its SLOs, as `slo-core` has them.
    #[must_use]
    pub fn model(&self) -> &model::Service {
        &self.inner.parts.source.service
    }

    /// How many times faster time runs in the live budgets.
    #[must_use]
    pub fn time_scale(&self) -> u32 {
        self.inner.parts.speed
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("service", self.model().name()).finish_non_exhaustive()
    }
}
