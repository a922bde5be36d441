//! Setting up the SLOs of a service.

#[cfg(feature = "otlp")]
use crate::otlp::{Exporter, Otlp};
use crate::{
    Classify, Error, Events, Kind, Latency, Slo,
    clock::Start,
    count::{Edges, Method, OTHER, Shape, SloCounter, Store},
    declare::{Declared, Promise},
    expose::Source,
    fault::Faults,
    handle::Parts,
    live::{LiveBudget, Ticker},
    trace::Tracer,
};
use slo_core::model::{Name, Service, Window};
use std::{
    sync::{Arc, atomic::AtomicUsize},
    time::{Duration, SystemTime},
};

/// Builds a [`Slo`]; faults are kept until [`Builder::install`], which reports the first.
#[derive(Debug)]
#[must_use]
pub struct Builder {
    name: String,
    // From a spec, instead of the SLOs declared here.
    service: Option<Service>,
    events: Events,
    declared: Vec<Declared>,
    routes: Vec<(Kind, Method, String)>,
    classify: Option<Box<dyn Classify>>,
    latency: Latency,
    native_histograms: bool,
    exemplars: bool,
    registry: Option<prometheus::Registry>,
    #[cfg(feature = "otlp")]
    otlp: Option<Otlp>,
    speed: u32,
}

const SCRAPE_INTERVAL: Window = Window::seconds(15);

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
            registry: None,
            #[cfg(feature = "otlp")]
            otlp: None,
            speed: 1,
        }
    }

    pub(crate) fn of(service: Service) -> Self {
        Self { service: Some(service), ..Self::new("") }
    }

    /// What the SLOs count that are declared after this; HTTP requests that are served, where nothing is said.
    ///
    /// ```
    /// use slo_instrument::{Events, Slo};
    ///
    /// let slo = Slo::builder("checkout")
    ///     .availability("99.9%")
    ///     .counting(Events::http_to("payments")).availability("99.5%").latency("250ms", "99%")
    ///     .counting(Events::operation("reindex")).availability("95%")
    ///     .install()?;
    /// let names: Vec<&str> = slo.service().slos().iter().map(|slo| slo.name().as_str()).collect();
    /// assert_eq!(names, ["availability", "payments-availability", "payments-latency", "reindex-availability"]);
    /// # Ok::<(), slo_instrument::Error>(())
    /// ```
    pub fn counting(mut self, events: Events) -> Self {
        self.events = events;
        self
    }

    /// An SLO named `availability` over 30 days with the Workbook's alerts: the share of events that are no errors.
    ///
    /// These alerts need an objective above 93.0556 %. Other periods and alerts are for a spec, see [`Slo::from_spec`].
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
    /// # use slo_instrument::Slo;
    /// let slo = Slo::builder("checkout")
    ///     .latency("100ms", "95%").named("latency-typical")
    ///     .latency("1s", "99.9%").named("latency-worst")
    ///     .install()?;
    /// assert_eq!(slo.statuses()[1].slo, "latency-worst");
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

    /// What of an HTTP request its duration is; until its head, where nothing is said.
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
    /// the `prometheus` crate writes. The registry then refuses [`Slo::collector`], whose metrics would be there twice.
    ///
    /// ```
    /// use prometheus::{IntCounter, Registry};
    /// use slo_instrument::Slo;
    ///
    /// let registry = Registry::new();
    /// let slo = Slo::builder("checkout").availability("99.9%").registry(registry.clone()).install()?;
    /// registry.register(Box::new(IntCounter::new("orders_total", "Orders.")?))?;
    /// assert!(slo.metrics().contains("orders_total 0"));
    /// assert!(registry.register(Box::new(slo.collector())).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
        Slo::assemble(Parts {
            source,
            tracer,
            latency: self.latency,
            registry: self.registry,
            #[cfg(feature = "otlp")]
            exporter,
            speed,
        })
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
    let service =
        Service::new(service, SCRAPE_INTERVAL, slos).map_err(Error::at(format!("service `{name}`")))?;
    // Whoever scrapes it has not been asked.
    Ok(service.with_assumed_scrape_interval())
}
