//! The service.

use super::{
    CountedBody, RequestFuture,
    guard::{Guard, Protocol, Purpose},
};
use crate::{
    Kind, Latency,
    clock::Start,
    count::{Instrument, Method, Ticket, Twice, UNMATCHED},
    matched,
    trace::Tracer,
};
use http::{Request, Response, header::ACCESS_CONTROL_REQUEST_METHOD};
use http_body::Body;
use std::{
    task::{Context, Poll},
    time::Duration,
};
use tower_service::Service;

/// A service whose requests are counted; made by [`SloLayer`](super::SloLayer).
///
/// The route is axum's `MatchedPath`: never the path itself, which a client chooses.
#[derive(Debug, Clone)]
pub struct SloService<S> {
    inner: S,
    counted: Counted,
}

/// The settings by which requests are counted.
#[derive(Debug, Clone)]
pub(crate) struct Counted {
    // By its number: a shared count of holders makes processors take turns.
    instrument: u32,
    kind: Kind,
    twice: &'static Twice,
    latency: Latency,
    // The number of the only route, if the service has only one.
    route: Option<u32>,
    // When the server itself gives up, in nanoseconds.
    gives_up: u64,
    tracer: Option<Tracer>,
}

impl Counted {
    pub(crate) fn new(instrument: &Instrument, latency: Latency, tracer: Option<Tracer>) -> Self {
        // The status and the result of a call come at its end.
        let latency = match instrument.kind() {
            Kind::GrpcServer | Kind::GrpcClient => Latency::End,
            _ => latency,
        };
        Self {
            instrument: instrument.id(),
            kind: instrument.kind(),
            twice: instrument.twice(),
            latency,
            route: None,
            gives_up: u64::MAX,
            tracer,
        }
    }

    /// The same for a service that is all of this route.
    pub(super) fn for_route(mut self, route: &str) -> Self {
        self.route = Instrument::find(self.instrument).map(|instrument| instrument.route(route));
        self
    }

    /// The same for a server that gives up after `timeout`.
    pub(super) fn given_up_after(mut self, timeout: Duration) -> Self {
        // The server's clock starts before the layer's.
        let nanos = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX);
        self.gives_up = nanos - nanos / 20;
        self
    }

    #[inline]
    fn start<B>(&self, request: &Request<B>) -> Guard {
        let start = Start::now();
        let method = Method::of(request.method());
        let guard = |ticket, protocol| {
            Guard::new(ticket, protocol, self.latency, start)
                .with_purpose(purpose(method, request))
                .given_up_after(self.gives_up)
        };
        match self.kind {
            // A client's methods are in the program; a server may be called with any name.
            Kind::GrpcClient => {
                guard(Ticket::start(self.instrument, grpc_method(request), Method::NONE), Protocol::Grpc)
            }
            Kind::GrpcServer => {
                let name = grpc_method(request);
                let ticket = Ticket::start_if_known(self.instrument, name, Method::NONE);
                let guard = guard(ticket, Protocol::Grpc);
                if ticket.has_route() { guard } else { guard.with_name(name) }
            }
            Kind::HttpClient => guard(Ticket::start(self.instrument, "", method), Protocol::Http),
            Kind::HttpServer | Kind::Operation => {
                if let Some(route) = self.route {
                    guard(Ticket::start_numbered(self.instrument, route, method), Protocol::Http)
                } else if let Some(route) = matched::route(request) {
                    guard(Ticket::start(self.instrument, route, method), Protocol::Http)
                } else {
                    guard(Ticket::start(self.instrument, UNMATCHED, method), Protocol::Http).unmatched()
                }
            }
        }
    }
}

impl Counted {
    /// The number of the route that this layer knows a request to be of.
    #[cold]
    fn known_route<B>(&self, request: &Request<B>) -> Option<u32> {
        self.route.or_else(|| {
            let route = matched::route(request)?;
            Instrument::find(self.instrument).map(|instrument| instrument.route(route))
        })
    }
}

/// Browsers send preflights with this header, by the Fetch standard.
fn purpose<B>(method: Method, request: &Request<B>) -> Purpose {
    match method {
        Method::HEAD => Purpose::Head,
        Method::OPTIONS if request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD) => {
            Purpose::Preflight
        }
        _ => Purpose::Content,
    }
}

fn grpc_method<B>(request: &Request<B>) -> &str {
    let path = request.uri().path();
    path.strip_prefix('/').unwrap_or(path)
}

impl<S> SloService<S> {
    pub(super) const fn new(inner: S, counted: Counted) -> Self {
        Self { inner, counted }
    }
}

impl<S, Req, Res> Service<Request<Req>> for SloService<S>
where
    S: Service<Request<Req>, Response = Response<Res>>,
    Res: Body,
{
    type Response = Response<CountedBody<Res>>;
    type Error = S::Error;
    type Future = RequestFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Req>) -> Self::Future {
        let Counted { instrument, twice, .. } = self.counted;
        if twice.is_looking() && twice.is_again(instrument, request.extensions()) {
            let route = self.counted.known_route(&request);
            return RequestFuture::again(self.inner.call(request), route);
        }
        // The clock starts before the inner service is called: some do their work there.
        let mut guard = self.counted.start(&request);
        // Not before: a new route turns this check on.
        if twice.is_looking() {
            twice.mark(instrument, !guard.is_unmatched(), request.extensions_mut());
        }
        if let Some(tracer) = &self.counted.tracer {
            guard = guard.traced(tracer.start(self.counted.kind, &mut request));
        }
        let entered = guard.enter();
        let inner = self.inner.call(request);
        drop(entered);
        guard.returned();
        RequestFuture::new(inner, guard)
    }
}
