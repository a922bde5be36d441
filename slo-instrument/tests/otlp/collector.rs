//! A collector that decodes what it is sent, over both protocols, and can be slow.

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, StatusCode, header},
    routing::post,
};
use opentelemetry_proto::tonic::collector::{
    metrics::v1::{
        ExportMetricsServiceRequest, ExportMetricsServiceResponse,
        metrics_service_server::{MetricsService, MetricsServiceServer},
    },
    trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
};
use prost::Message;
use slo_instrument::Otlp;
use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};
use tokio::{net::TcpListener, sync::oneshot};
use tonic::transport::Server;

/// How a collector is spoken to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Protocol {
    Grpc,
    Http,
}

pub(crate) const PROTOCOLS: [Protocol; 2] = [Protocol::Grpc, Protocol::Http];

/// A collector on a thread of its own; gone when it is dropped.
pub(crate) struct Collector {
    pub(crate) state: Received,
    pub(crate) address: SocketAddr,
    protocol: Protocol,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

/// What has arrived.
#[derive(Clone, Default)]
pub(crate) struct Received {
    pub(crate) metrics: Arc<Mutex<Vec<ExportMetricsServiceRequest>>>,
    pub(crate) traces: Arc<Mutex<Vec<ExportTraceServiceRequest>>>,
    pub(crate) tenants: Arc<Mutex<Vec<String>>>,
    // While set, nothing is answered. A request that has waited is refused afterwards: its sender may have gone, and
    // will send it again.
    pub(crate) hangs: Arc<AtomicBool>,
    // While set, answers over HTTP have a head and a body without an end.
    pub(crate) trickles: Arc<AtomicBool>,
}

impl Collector {
    pub(crate) fn start(protocol: Protocol) -> Self {
        Self::start_at(protocol, SocketAddr::from(([127, 0, 0, 1], 0)))
    }

    pub(crate) fn start_at(protocol: Protocol, address: SocketAddr) -> Self {
        let state = Received::default();
        let (stop, stopped) = oneshot::channel();
        let (bound, address_of) = std::sync::mpsc::channel();
        let shared = state.clone();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::bind(address).await.unwrap();
                bound.send(listener.local_addr().unwrap()).unwrap();
                tokio::select! {
                    () = serve(protocol, listener, shared) => {}
                    _ = stopped => {}
                }
            });
        });
        let address = address_of.recv().unwrap();
        Self { state, address, protocol, stop: Some(stop), thread: Some(thread) }
    }

    /// What sends to it, often.
    pub(crate) fn otlp(&self) -> Otlp {
        otlp(self.protocol, self.address)
    }
}

pub(crate) fn otlp(protocol: Protocol, address: SocketAddr) -> Otlp {
    let otlp = match protocol {
        Protocol::Grpc => Otlp::grpc(&format!("http://{address}")),
        Protocol::Http => Otlp::http(&format!("http://{address}")),
    };
    otlp.header("x-tenant", "shop").every(Duration::from_millis(50)).timeout(Duration::from_millis(500))
}

impl Drop for Collector {
    fn drop(&mut self) {
        drop(self.stop.take());
        self.thread.take().map(thread::JoinHandle::join);
    }
}

async fn serve(protocol: Protocol, listener: TcpListener, state: Received) {
    match protocol {
        Protocol::Http => axum::serve(listener, router(state)).await.unwrap(),
        Protocol::Grpc => {
            let incoming = tonic::transport::server::TcpIncoming::from(listener);
            services(Server::builder(), state).serve_with_incoming(incoming).await.unwrap();
        }
    }
}

pub(crate) fn router(state: Received) -> Router {
    Router::new().route("/v1/metrics", post(metrics)).route("/v1/traces", post(traces)).with_state(state)
}

pub(crate) fn services(mut server: Server, state: Received) -> tonic::transport::server::Router {
    server.add_service(MetricsServiceServer::new(state.clone())).add_service(TraceServiceServer::new(state))
}

impl Received {
    fn body(&self, answer: &impl Message) -> Body {
        if self.trickles.load(Ordering::SeqCst) {
            return Body::from_stream(tokio_stream::pending::<Result<Bytes, Infallible>>());
        }
        Body::from(answer.encode_to_vec())
    }

    /// Whether a request is taken.
    async fn takes(&self, tenant: Option<&str>) -> bool {
        self.tenants.lock().unwrap().push(tenant.unwrap_or_default().to_owned());
        let mut takes = true;
        while self.hangs.load(Ordering::SeqCst) {
            takes = false;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        takes
    }
}

type Answer = Result<Body, StatusCode>;

async fn metrics(State(state): State<Received>, headers: HeaderMap, body: Bytes) -> Answer {
    answer_http::<ExportMetricsServiceRequest>(&state, &headers, body, &state.metrics).await?;
    Ok(state.body(&ExportMetricsServiceResponse::default()))
}

async fn traces(State(state): State<Received>, headers: HeaderMap, body: Bytes) -> Answer {
    answer_http::<ExportTraceServiceRequest>(&state, &headers, body, &state.traces).await?;
    Ok(state.body(&ExportTraceServiceResponse::default()))
}

async fn answer_http<M: Message + Default>(
    state: &Received,
    headers: &HeaderMap,
    body: Bytes,
    all: &Mutex<Vec<M>>,
) -> Result<(), StatusCode> {
    if headers.get(header::CONTENT_TYPE).is_none_or(|kind| kind != "application/x-protobuf") {
        return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    if !state.takes(headers.get("x-tenant").and_then(|tenant| tenant.to_str().ok())).await {
        return Err(StatusCode::SERVICE_UNAVAILABLE);
    }
    let message = M::decode(body).map_err(|_| StatusCode::BAD_REQUEST)?;
    all.lock().unwrap().push(message);
    Ok(())
}

fn tenant<M>(request: &tonic::Request<M>) -> Option<&str> {
    request.metadata().get("x-tenant")?.to_str().ok()
}

#[tonic::async_trait]
impl MetricsService for Received {
    async fn export(
        &self,
        request: tonic::Request<ExportMetricsServiceRequest>,
    ) -> Result<tonic::Response<ExportMetricsServiceResponse>, tonic::Status> {
        if !self.takes(tenant(&request)).await {
            return Err(tonic::Status::unavailable("the collector was not taking requests"));
        }
        self.metrics.lock().unwrap().push(request.into_inner());
        Ok(tonic::Response::new(ExportMetricsServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl TraceService for Received {
    async fn export(
        &self,
        request: tonic::Request<ExportTraceServiceRequest>,
    ) -> Result<tonic::Response<ExportTraceServiceResponse>, tonic::Status> {
        if !self.takes(tenant(&request)).await {
            return Err(tonic::Status::unavailable("the collector was not taking requests"));
        }
        self.traces.lock().unwrap().push(request.into_inner());
        Ok(tonic::Response::new(ExportTraceServiceResponse::default()))
    }
}
