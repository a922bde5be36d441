//! Requests of frameworks that are not made of tower's services.

use crate::{
    Class, Kind, Service,
    clock::Start,
    count::{Method, Ticket},
    middleware::{Guard, Protocol},
};
use http::{HeaderMap, HeaderValue, StatusCode};

/// A request that is being served, for a framework without tower's services; with them, take [`Service::layer`].
///
/// It is counted once: when its response has been sent ([`end`](Self::end)), when its body fails ([`broke`](Self::broke)),
/// when there is no response ([`failed`](Self::failed)), or when it is dropped before that: as `panic` if that is why, as
/// answered if nobody has begun to read its body, else as `cancelled`. `examples/actix-web` has a middleware built on it.
///
/// It sees no headers: say of a CORS preflight that it [is](Self::judged) [`Class::Ignored`], as the layers do.
///
/// ```
/// use slo_instrument::{Request, Service};
///
/// let service = Service::builder("checkout").availability("99.9%").install()?;
/// let mut request = Request::start(&service, "GET", "/users/{id}");
/// request.answered(200); // with `Latency::Head`, its duration ends here
/// request.end(); // its body has been sent
/// assert!(service.metrics().contains(r#"_count{http_request_method="GET",http_response_status_code="200",http_route="/users/{id}"} 1"#));
/// # Ok::<(), slo_instrument::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "it is counted when it is dropped"]
pub struct Request {
    guard: Guard,
}

impl Request {
    /// Starts a request with this method, of the route that the framework has found: a template such as `/users/{id}`,
    /// never the path that a client sends.
    pub fn start(service: &Service, method: &str, route: &str) -> Self {
        let start = Start::now();
        let method = Method::named(method).unwrap_or(Method::NONE);
        let instrument = service.served();
        let ticket = Ticket::start(instrument.id(), route, method);
        Self { guard: Guard::new(ticket, Protocol::Http, service.latency(), start) }
    }

    /// The same as a part of the trace that its headers `traceparent` and `tracestate` say.
    pub fn traced(self, service: &Service, traceparent: Option<&str>, tracestate: Option<&str>) -> Self {
        let Some(tracer) = service.tracer() else { return self };
        let mut request = http::Request::new(());
        for (name, value) in [("traceparent", traceparent), ("tracestate", tracestate)] {
            if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
                request.headers_mut().insert(name, value);
            }
        }
        Self { guard: self.guard.traced(tracer.start(Kind::HttpServer, &mut request)) }
    }

    /// The head of its response is there. A number that is no status counts as 500.
    pub fn answered(&mut self, status: u16) {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        // Whoever calls this says when the body has ended.
        self.guard.headed(status, &HeaderMap::new());
    }

    /// Somebody reads its body: dropped from now on, it has been cut off.
    pub const fn reading(&mut self) {
        self.guard.reading();
    }

    /// Says what it counts as, in place of what its status says.
    ///
    /// ```
    /// use slo_instrument::{Class, Request, Service};
    ///
    /// let service = Service::builder("checkout").availability("99.9%").install()?;
    /// let mut request = Request::start(&service, "GET", "/healthz");
    /// request.judged(Class::Ignored);
    /// request.answered(200);
    /// request.end();
    /// assert!(service.metrics().contains("slo_ignored_events_total{"));
    /// # Ok::<(), slo_instrument::Error>(())
    /// ```
    pub fn judged(&mut self, class: Class) {
        self.guard.judged(class);
    }

    /// Its response has been sent. One that was never [answered](Self::answered) has failed.
    pub fn end(mut self) {
        self.guard.ended();
        self.guard.failed();
    }

    /// The body of its response failed. One that was never [answered](Self::answered) has failed, too.
    pub fn broke(mut self) {
        self.guard.broke();
        self.guard.failed();
    }

    /// It failed without a response.
    pub fn failed(mut self) {
        self.guard.failed();
    }
}
