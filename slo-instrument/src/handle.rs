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

/// The SLOs of a running service, with its layers, metrics and budgets.
///
/// Cloning is cheap, and all clones share the same counters. Counting ends when the last clone is dropped,
/// together with all routes, collectors and budgets made from them. Layers do not keep the counting alive.
#[derive(Clone)]
pub struct Service {
    inner: Arc<Inner>,
}

struct Inner {
    parts: Parts,
    // Created at the start, so that requests do not look them up.
    operations: Arc<Instrument>,
    served: Arc<Instrument>,
}

/// The parts of a handle.
pub(crate) struct Parts {
    pub(crate) source: Arc<Source>,
    pub(crate) tracer: Option<Tracer>,
    pub(crate) latency: Latency,
    #[cfg(feature = "prometheus")]
    pub(crate) collector: Collector,
    #[cfg(feature = "prometheus")]
    pub(crate) registry: Option<prometheus::Registry>,
    /// Whether the metrics are always in the text format.
    pub(crate) is_always_text: bool,
    #[cfg(feature = "otlp")]
    pub(crate) exporter: Option<Exporter>,
    pub(crate) speed: u32,
}

impl Service {
    /// The SLOs as a spec in YAML.
    ///
    /// `slo generate` makes rules from it that count the same events.
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

    /// The tower layer that counts HTTP requests served.
    ///
    /// Put it around the whole router. A request that passes two such layers counts once, at the outer one.
    /// The first requests of every new route are checked for this.
    #[must_use]
    pub fn layer(&self) -> SloLayer {
        self.layer_of(Kind::HttpServer, "")
    }

    /// The tower layer that counts gRPC calls served.
    ///
    /// It reads the status from the trailers. Calls to `grpc.health.v1.Health` are ignored: probes are not
    /// users. The duration is that of the whole call, so use latency SLOs only for methods that do not
    /// stream. A server without an axum router answers `/metrics` with [`Service::metrics_for`].
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

    /// The tower layer that counts HTTP requests sent to `peer`.
    ///
    /// It works with every client that is a tower service, such as one of `hyper-util`.
    ///
    /// Put a timeout inside this layer: then it counts as a failure of the peer. A timeout outside this layer
    /// looks like a caller that leaves. The request is then ignored if the latency SLO would have allowed
    /// more time.
    #[must_use]
    pub fn client_layer(&self, peer: &str) -> SloLayer {
        self.layer_of(Kind::HttpClient, peer)
    }

    /// The tower layer that counts gRPC calls to `peer`; put it around tonic's `Channel`.
    #[cfg(feature = "grpc")]
    #[must_use]
    pub fn grpc_client_layer(&self, peer: &str) -> SloLayer {
        self.layer_of(Kind::GrpcClient, peer)
    }

    fn layer_of(&self, kind: Kind, peer: &str) -> SloLayer {
        let Parts { source, latency, tracer, .. } = &self.inner.parts;
        SloLayer::new(Counted::new(&source.store.instrument(kind, peer), *latency, tracer.clone()))
    }

    /// Starts a piece of work, such as a job, a message or a step.
    ///
    /// `operation` becomes a label: take it from a small set of words.
    pub fn start(&self, operation: &str) -> Event {
        // A label without a value would be a missing label.
        let operation = if operation.is_empty() { OTHER } else { operation };
        Event::start(&self.inner.operations, operation, self.inner.parts.tracer.as_ref())
    }

    /// Counts a future by how it ends.
    ///
    /// `Ok` is good. `Err` and a panic are bad. A future that is dropped before its end counts as cancelled.
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

    /// The tower layer that injects faults while [`Service::faults`] are armed.
    #[must_use]
    pub fn fault_layer(&self) -> FaultLayer {
        FaultLayer::new(self.faults().clone())
    }

    /// The handle that arms and disarms the fault layers.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.inner.parts.source.faults
    }

    /// The metrics as a collector for your own registry.
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

    /// The metrics and their content type, in the format that a scraper asks for.
    ///
    /// `accept` holds the values of its header `Accept`. This is for servers without an axum router; a server
    /// with one uses `Service::routes`.
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

    /// The format for a scraper with these values of `Accept`.
    pub(crate) fn format_for<'a>(&self, accept: impl IntoIterator<Item = &'a str>) -> Format {
        if self.inner.parts.is_always_text { Format::Text } else { Format::of(accept) }
    }

    /// The metrics in `format`, with those of the registry from the builder.
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

    /// The state of every SLO, as of the last tick.
    ///
    /// There is a tick every second, or ten times a second if time is scaled. This reads a snapshot and never
    /// waits.
    #[must_use]
    pub fn statuses(&self) -> Arc<Vec<SloStatus>> {
        self.inner.parts.source.ticker.latest().load_full()
    }

    /// The live budget of one SLO, so that a handler can shed load or drop optional work.
    ///
    /// # Errors
    /// There is no SLO of this name, or only the rules judge it.
    pub fn budget(&self, slo: &str) -> Result<Budget, Error> {
        let names = self.model().slos().iter().map(|slo| slo.name().as_str());
        let position = names.clone().position(|name| name == slo).ok_or_else(|| {
            let known: Vec<String> = names.map(|name| format!("`{name}`")).collect();
            Error::new(format!("slo `{slo}`"), format!("not found; the SLOs are {}", known.join(", ")))
        })?;
        if let Some(why) = self.model().slos().get(position).and_then(why_not_counted) {
            return Err(Error::new(format!("slo `{slo}`"), format!("has no live budget: {why}")));
        }
        Ok(Budget::new(Arc::clone(&self.inner.parts.source), position))
    }

    /// The number of events in flight.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        let instruments = self.inner.parts.source.store.instruments();
        instruments.iter().flat_map(|instrument| instrument.active()).flatten().sum()
    }

    /// Sends the remaining metrics and spans to the collector, then stops sending.
    ///
    /// It waits no longer than the timeout of one request. Sending has its own thread, so it does not depend
    /// on the runtime.
    ///
    /// # Errors
    /// The last metrics or spans did not arrive.
    #[cfg(feature = "otlp")]
    pub async fn shutdown(&self) -> Result<(), Error> {
        match &self.inner.parts.exporter {
            Some(exporter) => exporter.shutdown().await,
            None => Ok(()),
        }
    }

    /// The service and its SLOs, as types of `slo-core`.
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
