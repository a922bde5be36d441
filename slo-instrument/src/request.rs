//! Requests in frameworks without tower services.

use crate::{
    Class, Kind, Service,
    clock::Start,
    count::{Method, Ticket},
    middleware::{Guard, Protocol},
};
use http::{HeaderMap, HeaderValue, StatusCode};

/// A request in progress, for frameworks without tower services.
///
/// With tower services, use [`Service::layer`] instead.
///
/// The request is counted once:
///
/// - [`end`](Self::end): its response has been sent
/// - [`broke`](Self::broke): its body failed
/// - [`failed`](Self::failed): there was no response
/// - dropped before that: it counts as `panic` if a panic dropped it, as answered if nobody has begun to read
///   its body, otherwise as `cancelled`
///
/// It does not see the headers, so mark a CORS preflight as [`Class::Ignored`] with [`judged`](Self::judged),
/// as the layers do. `examples/actix-web` has a middleware built on this type.
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
    /// Starts a request with this method and route.
    ///
    /// The route is the template that the framework matched, such as `/users/{id}`, never the path that a
    /// client sends.
    pub fn start(service: &Service, method: &str, route: &str) -> Self {
        let start = Start::now();
        let method = Method::named(method).unwrap_or(Method::NONE);
        let instrument = service.served();
        let ticket = Ticket::start(instrument.id(), route, method);
        Self { guard: Guard::new(ticket, Protocol::Http, service.latency(), start) }
    }

    /// Makes the request part of the trace in its headers `traceparent` and `tracestate`.
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

    /// Notes that the response head is ready.
    ///
    /// A number that is not a valid status counts as 500.
    pub fn answered(&mut self, status: u16) {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        // The caller reports the end of the body.
        self.guard.headed(status, &HeaderMap::new());
    }

    /// Notes that the body is being read: if dropped from now on, it was cut off.
    pub const fn reading(&mut self) {
        self.guard.reading();
    }

    /// Sets how the request counts, whatever its status.
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

    /// Ends the request: its response has been sent.
    ///
    /// A request that was never [answered](Self::answered) counts as failed.
    pub fn end(mut self) {
        self.guard.ended();
        self.guard.failed();
    }

    /// Ends the request: the body of its response failed.
    ///
    /// A request that was never [answered](Self::answered) counts as failed, too.
    pub fn broke(mut self) {
        self.guard.broke();
        self.guard.failed();
    }

    /// Ends the request: it failed without a response.
    pub fn failed(mut self) {
        self.guard.failed();
    }
}
