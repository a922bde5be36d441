//! Setting up the SLOs of a service.

#[cfg(feature = "otlp")]
use crate::otlp::{Exporter, Otlp};
use crate::{
    Classify, Error, Events, Kind, Latency, Service,
    clock::Start,
    count::{Edges, Method, OTHER, Shape, SloCounter, Store},
    declare::{Declared, Promise},
    fault::Faults,
    handle::Parts,
    live::{LiveBudget, Ticker},
    source::Source,
    trace::Tracer,
};
use slo_core::model::{self, Name, Window};
use std::{
    sync::{Arc, atomic::AtomicUsize},
    time::{Duration, SystemTime},
};

/// Builds a [`Service`]; faults are kept until [`Builder::install`], which reports the first.
#[derive(Debug)]
#[must_use]
pub struct Builder {
    name: String,
    // From a spec, instead of the SLOs declared here.
    service: Option<model::Service>,
    events: Events,
    declared: Vec<Declared>,
    routes: Vec<(Kind, Method, String)>,
    classify: Option<Box<dyn Classify>>,
    latency: Latency,
    native_histograms: bool,
    exemplars: bool,
    #[cfg(feature = "prometheus")]
    registry: Option<prometheus::Registry>,
    #[cfg(feature = "otlp")]
    otlp: Option<Otlp>,
    speed: u32,
}

impl Service {
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
    pub fn from_model(service: model::Service) -> Builder {
        Builder::of(service)
    }

    /// Takes the SLOs of a spec of one service, written in YAML.
    ///
    /// ```
    /// use slo_instrument::Service;
    ///
    /// let service = Service::from_spec(r#"
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
    /// assert_eq!(service.statuses()[0].objective, "99.9%");
    /// # Ok::<(), slo_instrument::Error>(())
    /// ```
    ///
    /// # Errors
    /// All faults of the document, each with its line; several services, of which `slo_core::spec::parse` and
    /// [`Service::from_model`] take the right one.
    #[cfg(feature = "spec")]
    pub fn from_spec(text: &str) -> Result<Builder, Error> {
        let faults = |faults: slo_core::Diagnostics| Error::new("spec", format!("\n{faults}"));
        let mut services = slo_core::spec::parse(text).map_err(faults)?;
        match (services.pop(), services.len()) {
            (Some(service), 0) => Ok(Builder::of(service)),
            (_, others) => {
                let message =
                    format!("{} services in one spec; choose one with `Service::from_model`", others + 1);
                Err(Error::new("spec", message))
            }
        }
    }

    /// Takes the SLOs of a spec of one service from a file.
    ///
    /// # Errors
    /// A file that cannot be read, and those of [`Service::from_spec`].
    #[cfg(feature = "spec")]
    pub fn from_file(path: impl AsRef<std::path::Path>) -> Result<Builder, Error> {
        let path = path.as_ref();
        let place = path.display().to_string();
        let text =
            std::fs::read_to_string(path).map_err(|error| Error::new(place.clone(), error.to_string()))?;
        Self::from_spec(&text).map_err(|error| error.within(&place))
    }
}

impl Builder {
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            service: None,
            events: Events::http(),
            declared: Vec::new(),
            routes: Vec::new(),
            classify: None,
            latency: Latency::Head,
            native_histograms: false,
            exemplars: false,
            #[cfg(feature = "prometheus")]
            registry: None,
            #[cfg(feature = "otlp")]
            otlp: None,
            speed: 1,
        }
    }

    pub(crate) fn of(service: model::Service) -> Self {
        Self { service: Some(service), ..Self::new("") }
    }

    /// What the SLOs count that are declared after this; HTTP requests that are served, where nothing is said.
    ///
    /// ```
    /// use slo_instrument::{Events, Service};
    ///
    /// let service = Service::builder("checkout")
    ///     .availability("99.9%")
    ///     .counting(Events::http_to("payments")).availability("99.5%").latency("250ms", "99%")
    ///     .counting(Events::operation("reindex")).availability("95%")
    ///     .install()?;
    /// let names: Vec<&str> = service.model().slos().iter().map(|slo| slo.name().as_str()).collect();
    /// assert_eq!(names, ["availability", "payments-availability", "payments-latency", "reindex-availability"]);
    /// # Ok::<(), slo_instrument::Error>(())
    /// ```
    pub fn counting(mut self, events: Events) -> Self {
        self.events = events;
        self
    }

    /// An SLO named `availability` over 30 days with the Workbook's alerts: the share of events that are no errors.
    ///
    /// These alerts need an objective above 93.0556 %. Other periods and alerts are for a spec, see `Service::from_spec`.
    pub fn availability(self, objective: &str) -> Self {
        self.declare(Promise::Availability, objective)
    }

    /// An SLO named `latency` over 30 days: the share of the events that were no errors and took at
    /// most `threshold`.
    pub fn latency(self, threshold: &str, objective: &str) -> Self {
        self.declare(Promise::Latency { threshold: threshold.to_owned() }, objective)
    }

    fn declare(mut self, promise: Promise, objective: &str) -> Self {
        let (events, objective) = (self.events.clone(), objective.to_owned());
        self.declared.push(Declared { events, promise, objective, name: None });
        self
    }

    /// Another name for the SLO that was declared last, so that there can be several of a kind.
    ///
    /// ```
    /// # use slo_instrument::Service;
    /// let service = Service::builder("checkout")
    ///     .latency("100ms", "95%").named("latency-typical")
    ///     .latency("1s", "99.9%").named("latency-worst")
    ///     .install()?;
    /// assert_eq!(service.statuses()[1].slo, "latency-worst");
    /// # Ok::<(), slo_instrument::Error>(())
    /// ```
    pub fn named(mut self, name: &str) -> Self {
        if let Some(last) = self.declared.last_mut() {
            last.name = Some(name.to_owned());
        }
        self
    }

    /// Exposes a route from the start, at zero, as a success and as an error, so that the first one of each is seen
    /// by whoever counts increases.
    pub fn route(mut self, method: &http::Method, route: &str) -> Self {
        self.routes.push((Kind::HttpServer, Method::of(method), route.to_owned()));
        self
    }

    /// The same for a gRPC method, such as `shop.Cart/Add`.
    #[cfg(feature = "grpc")]
    pub fn grpc_method(mut self, method: &str) -> Self {
        self.routes.push((Kind::GrpcServer, Method::NONE, method.to_owned()));
        self
    }

    /// The same for an operation.
    pub fn operation(mut self, name: &str) -> Self {
        let name = if name.is_empty() { OTHER } else { name };
        self.routes.push((Kind::Operation, Method::NONE, name.to_owned()));
        self
    }

    /// Decides what is good, bad or ignored, in the place of [`Ended::by_convention`](crate::Ended::by_convention).
    pub fn classify(mut self, classify: impl Classify) -> Self {
        self.classify = Some(Box::new(classify));
        self
    }

    /// Where the duration of an HTTP request ends; with the head of its response, where nothing is said.
    pub const fn measure_until(mut self, latency: Latency) -> Self {
        self.latency = latency;
        self
    }

    /// Counts durations in the buckets of native histograms too, and exposes them to scrapers that ask for Prometheus'
    /// protobuf format. Every series then has 169 counters more, of each thread that counts it.
    ///
    /// The rules read classic histograms. A Prometheus that scrapes native ones drops those unless it is told to keep
    /// them: `always_scrape_classic_histograms: true`, before 3.0 `scrape_classic_histograms: true`; 2.42 cannot.
    #[cfg(feature = "native-histograms")]
    pub const fn native_histograms(mut self) -> Self {
        self.native_histograms = true;
        self
    }

    /// Reads the header `traceparent`, passes it on to what is called, and exposes the last sampled request of every
    /// bucket as its exemplar in OpenMetrics. A collector for traces does all of that, too.
    pub const fn exemplars(mut self) -> Self {
        self.exemplars = true;
        self
    }

    /// Exposes the metrics of this registry in `/metrics` too, which is then always in Prometheus' text format: all that
    /// the `prometheus` crate writes. The registry then refuses [`Service::collector`], whose metrics would be there twice.
    ///
    /// ```
    /// use prometheus::{IntCounter, Registry};
    /// use slo_instrument::Service;
    ///
    /// let registry = Registry::new();
    /// let service = Service::builder("checkout").availability("99.9%").registry(registry.clone()).install()?;
    /// registry.register(Box::new(IntCounter::new("orders_total", "Orders.")?))?;
    /// assert!(service.metrics().contains("orders_total 0"));
    /// assert!(registry.register(Box::new(service.collector())).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "prometheus")]
    pub fn registry(mut self, registry: prometheus::Registry) -> Self {
        self.registry = Some(registry);
        self
    }

    /// Sends metrics and traces to an OpenTelemetry collector.
    #[cfg(feature = "otlp")]
    pub fn otlp(mut self, otlp: Otlp) -> Self {
        self.otlp = Some(otlp);
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
    pub fn install(self) -> Result<Service, Error> {
        let service = with_declared(self.service, &self.name, &self.declared)?;
        // It is calibrated when it is first asked, which is not to be in a request.
        Start::now();
        let speed = self.speed.max(1);
        let edges = Edges::covering(service.slos(), self.native_histograms);
        let compiled = service.slos().iter().map(|slo| SloCounter::compile(slo, &edges).transpose());
        let slos: Vec<SloCounter> = compiled.flatten().collect::<Result<_, _>>()?;
        #[cfg(feature = "otlp")]
        let (tracer, receiver) = match &self.otlp {
            Some(otlp) => {
                otlp.check()?;
                let (tracer, receiver) = otlp.tracer();
                (Some(tracer), Some(receiver))
            }
            None => (self.exemplars.then(|| Tracer::new(0.0, None)), None),
        };
        #[cfg(not(feature = "otlp"))]
        let tracer = self.exemplars.then(|| Tracer::new(0.0, None));
        let spans = tracer.as_ref().and_then(Tracer::spans).cloned();
        let classify = self.classify;
        let store = Arc::new(Store::new(Shape { edges, slos, classify, tracer: tracer.clone() }));
        let routes = self.routes.iter().map(|(kind, method, route)| (*kind, *method, route.as_str()));
        let named = store.slos().iter().flat_map(SloCounter::named);
        for (kind, method, route) in routes.chain(named) {
            let instrument = store.instrument(kind, "");
            if let Some(route) = instrument.route_at(instrument.route(route)) {
                route.declare(method);
            }
        }
        let failed = |error: &dyn std::fmt::Display| Error::new("install", error.to_string());
        let (interval, tick) = tick(speed).map_err(|error| failed(&error))?;
        let budget = LiveBudget::new(service.clone(), Arc::clone(&store), tick);
        let ticker = Ticker::start(budget, interval, speed).map_err(|error| failed(&error))?;
        let (faults, created) = (Faults::default(), SystemTime::now());
        let source = Arc::new(Source {
            service,
            store,
            ticker,
            spans,
            faults,
            #[cfg(feature = "otlp")]
            failures: receiver.is_some().then(Arc::default),
            created,
            length: AtomicUsize::new(0),
        });
        #[cfg(feature = "otlp")]
        let exporter = match (self.otlp, receiver) {
            (Some(otlp), Some(receiver)) => Some(Exporter::start(otlp, Arc::clone(&source), receiver)?),
            _ => None,
        };
        #[cfg(feature = "prometheus")]
        let collector = {
            let collector = crate::Collector::new(Arc::clone(&source)).map_err(|error| failed(&error))?;
            if let Some(registry) = &self.registry {
                collector.reserve(registry);
            }
            collector
        };
        #[cfg(feature = "prometheus")]
        let is_always_text = self.registry.is_some();
        #[cfg(not(feature = "prometheus"))]
        let is_always_text = false;
        Ok(Service::assemble(Parts {
            source,
            tracer,
            latency: self.latency,
            #[cfg(feature = "prometheus")]
            collector,
            #[cfg(feature = "prometheus")]
            registry: self.registry,
            is_always_text,
            #[cfg(feature = "otlp")]
            exporter,
            speed,
        }))
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

/// The service of a spec, if there is one, with the SLOs that are declared in Rust besides; under the names that the rules
/// select, too.
fn with_declared(
    spec: Option<model::Service>,
    name: &str,
    slos: &[Declared],
) -> Result<model::Service, Error> {
    let name = spec.as_ref().map_or_else(|| name.to_owned(), |service| service.name().to_string());
    let declared: Vec<model::Slo> = slos.iter().map(|slo| slo.lower(&name)).collect::<Result<_, _>>()?;
    let place = || format!("service `{name}`");
    if let Some(service) = spec {
        return service.with_slos(declared).map_err(Error::at(place()));
    }
    let parsed: Name = name.parse().map_err(Error::at("service"))?;
    let service =
        model::Service::new(parsed, model::Service::SCRAPE_INTERVAL, declared).map_err(Error::at(place()))?;
    // Whoever scrapes it has not been asked.
    Ok(service.with_assumed_scrape_interval())
}
