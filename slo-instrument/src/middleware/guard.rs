//! The guard that counts a request exactly once.

use crate::{
    Class, GrpcStatus, Latency, Outcome,
    clock::Start,
    count::{Circumstance, End, OTHER, Ticket},
    trace::{Entered, Trace},
};
use http::{HeaderMap, StatusCode};

/// Counts its request exactly once: when the request ends, or when the guard is dropped before. It moves with
/// the request from the call through the future into the response body.
#[derive(Debug)]
pub(crate) struct Guard {
    ticket: Ticket,
    protocol: Protocol,
    latency: Latency,
    purpose: Purpose,
    // The server's timeout in nanoseconds; the maximum if it has none.
    gives_up: u64,
    start: Start,
    // The time until the response head.
    head_nanos: u64,
    stage: Stage,
    grpc_status: Option<GrpcStatus>,
    // Set while inner code runs. If it is still set when this is dropped, that code panicked.
    running: bool,
    finished: bool,
    // Whether no router has reported its route.
    unmatched: bool,
    rare: Option<Box<Rare>>,
}

/// Where the status of a response is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// In its head.
    Http,
    /// In its header or its trailers.
    Grpc,
}

/// The purpose of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A usual request.
    Content,
    /// A HEAD request, whose response has no body.
    Head,
    /// A CORS preflight, which no user asked for.
    Preflight,
}

/// Fields that only few or traced requests have.
#[derive(Debug, Default)]
struct Rare {
    // Of a gRPC method that has not been seen before.
    name: Option<Box<str>>,
    class: Option<Class>,
    trace: Option<Trace>,
}

/// How far a request has come.
#[derive(Debug, Clone, Copy)]
enum Stage {
    /// No response yet.
    Waiting,
    /// Its head was made.
    Head(StatusCode),
    /// Its body is being read.
    Body(StatusCode),
}

impl Guard {
    #[inline]
    pub(crate) fn new(ticket: Ticket, protocol: Protocol, latency: Latency, start: Start) -> Self {
        Self {
            ticket,
            protocol,
            latency,
            purpose: Purpose::Content,
            gives_up: u64::MAX,
            start,
            head_nanos: 0,
            stage: Stage::Waiting,
            grpc_status: None,
            running: false,
            finished: false,
            unmatched: false,
            rare: None,
        }
    }

    /// Sets the method, to be used if the service proves to have it.
    pub(crate) fn with_name(mut self, name: &str) -> Self {
        self.rare.get_or_insert_default().name = Some(name.into());
        self
    }

    /// Marks the request as one without a known route.
    #[inline]
    pub(crate) const fn unmatched(mut self) -> Self {
        self.unmatched = true;
        self
    }

    #[inline]
    pub(crate) const fn is_unmatched(&self) -> bool {
        self.unmatched
    }

    /// Sets the number of the route, which an inner layer knows.
    pub(crate) const fn matched(&mut self, route: u32) {
        self.ticket = self.ticket.of_route(route);
        self.unmatched = false;
    }

    #[inline]
    pub(crate) const fn with_purpose(mut self, purpose: Purpose) -> Self {
        self.purpose = purpose;
        self
    }

    /// Sets the server's timeout.
    #[inline]
    pub(crate) const fn given_up_after(mut self, nanos: u64) -> Self {
        self.gives_up = nanos;
        self
    }

    pub(crate) fn traced(mut self, trace: Option<Trace>) -> Self {
        if trace.is_some() {
            self.rare.get_or_insert_default().trace = trace;
        }
        self
    }

    /// Notes that code of the service is about to run: until [`Guard::returned`], a panic counts as one. Keep
    /// the result for as long, because it makes the request's trace the current one.
    ///
    /// Two calls around the code are used, not a closure: a request would be moved into a closure.
    #[inline]
    pub(crate) fn enter(&mut self) -> Option<Entered> {
        self.running = true;
        self.rare.as_ref().and_then(|rare| rare.trace.as_ref()?.enter())
    }

    /// Code of the service has returned.
    #[inline]
    pub(crate) const fn returned(&mut self) {
        self.running = false;
    }

    /// The response's head is there. Returns whether a body is still to come.
    #[inline]
    pub(crate) fn answered(&mut self, status: StatusCode, headers: &HeaderMap, has_body: bool) -> bool {
        self.headed(status, headers);
        let bodiless = [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED, StatusCode::SWITCHING_PROTOCOLS];
        if has_body && self.purpose != Purpose::Head && !bodiless.contains(&status) {
            return true;
        }
        self.ended();
        false
    }

    /// The response head is there; the end of the response is reported separately.
    #[inline]
    pub(crate) fn headed(&mut self, status: StatusCode, headers: &HeaderMap) {
        self.stage = Stage::Head(status);
        if self.latency == Latency::Head {
            self.head_nanos = self.start.elapsed_nanos();
        }
        if self.protocol == Protocol::Grpc {
            self.grpc_status = headers.get("grpc-status").map(GrpcStatus::from_header);
        }
    }

    /// The service has judged the request.
    pub(crate) fn judged(&mut self, class: Class) {
        self.rare.get_or_insert_default().class = Some(class);
    }

    /// A fault was injected into it.
    pub(crate) fn injured(&mut self, fault: &'static str) {
        if let Some(trace) = self.rare.as_mut().and_then(|rare| rare.trace.as_mut()) {
            trace.injured(fault);
        }
    }

    /// Somebody reads the response's body.
    #[inline]
    pub(crate) const fn reading(&mut self) {
        if let Stage::Head(status) = self.stage {
            self.stage = Stage::Body(status);
        }
    }

    /// Trailers have come. Returns whether they end the request.
    pub(crate) fn trailed(&mut self, trailers: &HeaderMap) -> bool {
        if self.protocol == Protocol::Grpc {
            self.grpc_status = trailers.get("grpc-status").map(GrpcStatus::from_header).or(self.grpc_status);
        }
        true
    }

    /// Whether a body ends with its promised bytes; the status of a gRPC call comes after them.
    #[inline]
    pub(crate) fn ends_with_data(&self) -> bool {
        self.protocol == Protocol::Http || self.grpc_status.is_some()
    }

    /// The service failed without a response.
    #[inline]
    pub(crate) fn failed(&mut self) {
        self.finish(Outcome::TransportError);
    }

    /// The body has been read to its end.
    #[inline]
    pub(crate) fn ended(&mut self) {
        if let Stage::Head(status) | Stage::Body(status) = self.stage {
            self.finish(self.answer(status));
        }
    }

    /// The body failed.
    pub(crate) fn broke(&mut self) {
        if let Stage::Head(status) | Stage::Body(status) = self.stage {
            self.finish(Outcome::StreamError(status));
        }
    }

    fn answer(&self, status: StatusCode) -> Outcome {
        match self.protocol {
            Protocol::Http => Outcome::Http(status),
            Protocol::Grpc => {
                Outcome::Grpc(self.grpc_status.unwrap_or_else(|| GrpcStatus::without_status(status)))
            }
        }
    }

    fn finish(&mut self, outcome: Outcome) {
        if self.finished {
            return;
        }
        self.finished = true;
        let nanos = match self.stage {
            Stage::Head(_) | Stage::Body(_) if self.latency == Latency::Head => self.head_nanos,
            _ => self.start.elapsed_nanos(),
        };
        let mut rare = self.rare.take();
        if !self.ticket.has_route() {
            let name = rare.as_ref().and_then(|rare| rare.name.as_deref());
            // A status that was derived from the HTTP status may come from a proxy before the service.
            let is_told = self.grpc_status.is_some() || outcome == Outcome::Panic;
            self.ticket.name(name.filter(|_| is_told && shows_method(outcome)).unwrap_or(OTHER));
        }
        let judged = rare.as_ref().and_then(|rare| rare.class);
        // A response that was judged good at its head may still break.
        let is_answer = matches!(outcome, Outcome::Http(_) | Outcome::Grpc(_));
        let class = judged.filter(|class| is_answer || *class != Class::Good);
        let mut trace = rare.as_mut().and_then(|rare| rare.trace.as_mut());
        if let Some(trace) = &mut trace {
            trace.lasted(self.start.elapsed_nanos());
        }
        self.ticket.end(End { outcome, class, nanos, circumstance: self.circumstance(nanos) }, trace);
    }
}

/// Whether a call that ended like this proves that its gRPC method exists. The other statuses may come from
/// the router or from checks before the call, for methods that a scanner made up.
fn shows_method(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Grpc(status) => matches!(
            status,
            GrpcStatus::OK
                | GrpcStatus::NOT_FOUND
                | GrpcStatus::ALREADY_EXISTS
                | GrpcStatus::FAILED_PRECONDITION
                | GrpcStatus::ABORTED
                | GrpcStatus::OUT_OF_RANGE
                | GrpcStatus::INTERNAL
                | GrpcStatus::DATA_LOSS
        ),
        Outcome::Panic => true,
        _ => false,
    }
}

impl Drop for Guard {
    #[inline]
    fn drop(&mut self) {
        if !self.finished {
            self.give_up();
        }
    }
}

impl Guard {
    /// What is known of the request beyond its outcome.
    #[inline]
    const fn circumstance(&self, nanos: u64) -> Circumstance {
        match self.purpose {
            Purpose::Preflight => Circumstance::Preflight,
            _ if nanos >= self.gives_up => Circumstance::Timeout,
            _ => Circumstance::Usual,
        }
    }

    /// Counts a request that has not ended.
    #[cold]
    fn give_up(&mut self) {
        self.finish(match self.stage {
            _ if self.running || std::thread::panicking() => Outcome::Panic,
            Stage::Waiting => Outcome::Cancelled,
            // Nobody read the body, or the rest of a call that has its status: the request was answered
            // anyway.
            Stage::Head(status) => self.answer(status),
            Stage::Body(status) if self.grpc_status.is_some() => self.answer(status),
            Stage::Body(status) => Outcome::StreamCancelled(status),
        });
    }
}
