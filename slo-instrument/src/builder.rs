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

/// Builds a [`Service`]; [`Builder::install`] reports the first error.
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

    /// Starts from the SLOs of a spec.
    ///
    /// Selectors of counters and histograms must name metrics that this crate emits. Matchers on labels that
    /// the scrape adds, such as `job`, match everything in this process.
    ///
    /// This process does not count SLOs over gauges, probes, recorded ratios and queries, nor SLOs with
    /// groups, time slices or calendar periods: only the rules judge them. They are part of `/slo.yaml`, and
    /// their state is [`State::NotCounted`](crate::State::NotCounted).
    pub fn from_model(service: model::Service) -> Builder {
        Builder::of(service)
    }

    /// Starts from a YAML spec, which must hold one service.
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
    /// A document with faults; the error lists all of them, each with its line. A document with several
    /// services: parse it with `slo_core::spec::parse`, and pass one of them to [`Service::from_model`].
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

    /// Starts from a spec file, which must hold one service.
    ///
    /// # Errors
    /// A file that cannot be read, and the errors of [`Service::from_spec`].
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

    /// Sets the events of the SLOs declared after this; by default, HTTP requests served.
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

    /// Adds an SLO named `availability`: the share of events without an error.
    ///
    /// Its period is 30 days, and its alerts are those of the SRE Workbook. They need an objective above
    /// 93.0556 %. For other periods and alerts, write a spec and use `Service::from_spec`.
    pub fn availability(self, objective: &str) -> Self {
        self.declare(Promise::Availability, objective)
    }

    /// Adds an SLO named `latency`: the share of events within `threshold`.
    ///
    /// It counts only events without an error. Its period is 30 days.
    pub fn latency(self, threshold: &str, objective: &str) -> Self {
        self.declare(Promise::Latency { threshold: threshold.to_owned() }, objective)
    }

    fn declare(mut self, promise: Promise, objective: &str) -> Self {
        let (events, objective) = (self.events.clone(), objective.to_owned());
        self.declared.push(Declared { events, promise, objective, name: None });
        self
    }

    /// Renames the SLO declared last, so that there can be several of one kind.
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

    /// Exposes the series of a route from the start, at zero.
    ///
    /// There is one series for successes and one for errors. Prometheus then sees the first success and the
    /// first error as an increase.
    pub fn route(mut self, method: &http::Method, route: &str) -> Self {
        self.routes.push((Kind::HttpServer, Method::of(method), route.to_owned()));
        self
    }

    /// Exposes the series of a gRPC method, such as `shop.Cart/Add`, from the start.
    #[cfg(feature = "grpc")]
    pub fn grpc_method(mut self, method: &str) -> Self {
        self.routes.push((Kind::GrpcServer, Method::NONE, method.to_owned()));
        self
    }

    /// Exposes the series of an operation from the start.
    pub fn operation(mut self, name: &str) -> Self {
        let name = if name.is_empty() { OTHER } else { name };
        self.routes.push((Kind::Operation, Method::NONE, name.to_owned()));
        self
    }

    /// Sets how events are judged good, bad or ignored.
    ///
    /// By default, [`Ended::by_convention`](crate::Ended::by_convention) decides.
    pub fn classify(mut self, classify: impl Classify) -> Self {
        self.classify = Some(Box::new(classify));
        self
    }

    /// Sets where the duration of an HTTP request ends; by default, at the response head.
    pub const fn measure_until(mut self, latency: Latency) -> Self {
        self.latency = latency;
        self
    }

    /// Counts durations in native histograms, too.
    ///
    /// Scrapers that ask for Prometheus' protobuf format get them. Each series then has 169 more counters in
    /// every thread that counts it.
    ///
    /// The rules read classic histograms. A Prometheus that scrapes native histograms drops the classic ones
    /// by default. Keep them with `always_scrape_classic_histograms: true`, or before 3.0 with
    /// `scrape_classic_histograms: true`; 2.42 cannot keep them.
    #[cfg(feature = "native-histograms")]
    pub const fn native_histograms(mut self) -> Self {
        self.native_histograms = true;
        self
    }

    /// Exposes exemplars: the last sampled request of each bucket.
    ///
    /// They are part of the OpenMetrics format. The service then also reads the header `traceparent` and
    /// passes it on to the services that it calls. Sending traces to a collector does all of this, too.
    pub const fn exemplars(mut self) -> Self {
        self.exemplars = true;
        self
    }

    /// Adds the metrics of this registry to `/metrics`.
    ///
    /// `/metrics` is then always in Prometheus' text format, because this is the one that the `prometheus`
    /// crate writes. The registry refuses [`Service::collector`] from then on: `/metrics` would show its
    /// metrics twice.
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

    /// Makes time run `speed` times faster in the live budgets.
    ///
    /// This is for demonstrations and tests: at 60, an hour of budget passes in a minute. Latencies are not
    /// scaled.
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
        // The clock calibrates itself on first use, which must not happen in a request.
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

/// The time between two ticks: as the thread sleeps, and as the budgets count it.
fn tick(speed: u32) -> Result<(Duration, Window), slo_core::Error> {
    const UNSCALED: Duration = Duration::from_secs(1);
    const SCALED: Duration = Duration::from_millis(100);
    let interval = if speed == 1 { UNSCALED } else { SCALED };
    let millis = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX).saturating_mul(u64::from(speed));
    Ok((interval, Window::from_millis(millis)?))
}

/// The service with the SLOs of the spec, if there is one, and the SLOs declared in Rust.
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
    // The real scrape interval is not known here.
    Ok(service.with_assumed_scrape_interval())
}
