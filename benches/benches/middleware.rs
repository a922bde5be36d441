//! What a request pays for being counted, on one thread and on two at once: ours, its peers as their documentation
//! suggests, a layer written by hand on the `prometheus` crate, and the floor of two clock reads and an addition.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark fails by panicking")]

use autometrics::{autometrics, settings::AutometricsSettings};
use axum::{body::Body, extract::MatchedPath, routing::get};
use criterion::{Criterion, criterion_group, criterion_main};
use http::{Request, Response, StatusCode};
use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use prometheus::{HistogramOpts, HistogramVec};
use slo_instrument::Service;
use std::{
    convert::Infallible,
    future::Future,
    hint::black_box,
    pin::{Pin, pin},
    sync::{
        Barrier,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Instant,
};
use tower::{Layer, ServiceExt, service_fn};

/// A request as axum's router hands it on: with its matched route, taken from a real router.
fn routed() -> Request<Body> {
    let (sender, receiver) = std::sync::mpsc::channel();
    let app: axum::Router = axum::Router::new().route(
        "/users/{id}",
        get(move |path: MatchedPath| async move {
            sender.send(path).unwrap();
        }),
    );
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let request = || Request::builder().uri("/users/7").body(Body::empty()).unwrap();
    runtime.block_on(app.oneshot(request())).unwrap();
    let mut request = request();
    request.extensions_mut().insert(receiver.recv().unwrap());
    request
}

fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("the inner service answers at once"),
    }
}

type Answer = Result<Response<Body>, Infallible>;

/// A service as axum's router has it inside its layers: its futures are boxed.
fn answer(request: Request<Body>) -> BoxFuture {
    Box::pin(async move {
        drop(request);
        Ok(Response::new(Body::empty()))
    })
}

type BoxFuture = Pin<Box<dyn Future<Output = Answer> + Send>>;

#[autometrics]
async fn autometrics_answer(request: Request<Body>) -> Answer {
    answer(request).await
}

fn by_hand(histogram: HistogramVec) -> impl FnMut(Request<Body>) -> Answer {
    move |request| {
        let start = Instant::now();
        let method = request.method().clone();
        let path = request.extensions().get::<MatchedPath>().cloned();
        let response = ready(answer(request));
        let status = response.as_ref().map_or(StatusCode::INTERNAL_SERVER_ERROR, Response::status);
        let route = path.as_ref().map_or("", MatchedPath::as_str);
        histogram
            .with_label_values(&[method.as_str(), route, status.as_str()])
            .observe(start.elapsed().as_secs_f64());
        response
    }
}

/// The least that could tell how long a request took: two reads of the fastest clock, and a counter of the thread's own.
fn floor() -> impl FnMut(Request<Body>) {
    let counter = AtomicU64::new(0);
    move |request| {
        let start = quanta::Instant::now();
        drop(black_box(ready(answer(request))));
        black_box(start.elapsed());
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// A layer that wraps future and body, and does nothing: what every layer costs that sees the end of a response.
#[derive(Clone)]
struct NoOp<S>(S);

pin_project_lite::pin_project! {
    struct NoOpFuture<F> { #[pin] inner: F }
}

struct NoOpBody(Body);

impl http_body::Body for NoOpBody {
    type Data = axum::body::Bytes;
    type Error = axum::Error;
    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.0).poll_frame(context)
    }
}

impl<F: Future<Output = Answer>> Future for NoOpFuture<F> {
    type Output = Result<Response<NoOpBody>, Infallible>;
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().inner.poll(context).map_ok(|response| response.map(NoOpBody))
    }
}

impl<S: tower::Service<Request<Body>, Response = Response<Body>, Error = Infallible>>
    tower::Service<Request<Body>> for NoOp<S>
{
    type Response = Response<NoOpBody>;
    type Error = Infallible;
    type Future = NoOpFuture<S::Future>;
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.0.poll_ready(context)
    }
    fn call(&mut self, request: Request<Body>) -> Self::Future {
        NoOpFuture { inner: self.0.call(request) }
    }
}

/// The same with the clock of the standard library, as services are written that time themselves.
fn system_floor() -> impl FnMut(Request<Body>) {
    let counter = AtomicU64::new(0);
    move |request| {
        let start = Instant::now();
        drop(black_box(ready(answer(request))));
        black_box(start.elapsed());
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// One call of a contender; made on the thread that makes the calls.
type Call = Box<dyn FnMut()>;
type Contender = (&'static str, Box<dyn Fn() -> Call + Sync>);

/// Calls of a function that takes a request, each with a new one.
fn calls(mut call: impl FnMut(Request<Body>) + 'static) -> Call {
    let template = routed();
    Box::new(move || {
        let mut request = Request::new(Body::empty());
        *request.extensions_mut() = template.extensions().clone();
        call(request);
    })
}

fn layered<S>(service: S) -> Call
where
    S: tower::Service<Request<Body>> + 'static,
{
    let mut service = service;
    calls(move |request| drop(black_box(ready(service.call(request)))))
}

const BARE: &str = "bare service";
const FLOOR: &str = "floor, std::time::Instant";
const OURS: &str = "slo-instrument";

fn contenders(slo: &Service, traced: &Service) -> Vec<Contender> {
    AutometricsSettings::builder().prometheus_registry(prometheus::Registry::new()).init();
    let options = HistogramOpts::new("http_server_request_duration_seconds", "Duration of requests.");
    let histogram = HistogramVec::new(options, &["method", "route", "status"]).unwrap();
    let (axum_prometheus, _) = axum_prometheus::PrometheusMetricLayer::pair();
    let provider = || {
        let exporter =
            opentelemetry_prometheus::exporter().with_registry(prometheus::Registry::new()).build().unwrap();
        SdkMeterProvider::builder().with_reader(exporter).build()
    };
    let tower_otel_provider = provider();
    let tower_otel = tower_otel::metrics::HttpLayer::server(&tower_otel_provider.meter("bench"));
    opentelemetry::global::set_meter_provider(provider());
    let otel_tower = opentelemetry_instrumentation_tower::http::server::LayerBuilder::builder()
        .with_tracing(false)
        .build()
        .unwrap();
    let traced = traced.layer();
    let (ours, of_one_route) = (slo.layer(), slo.layer().for_route("/users/{id}"));
    vec![
        (BARE, Box::new(|| calls(|request| drop(black_box(ready(answer(request))))))),
        ("floor, processor's clock", Box::new(|| calls(floor()))),
        (FLOOR, Box::new(|| calls(system_floor()))),
        ("a layer that does nothing", Box::new(|| layered(NoOp(service_fn(answer))))),
        (OURS, Box::new(move || layered(ours.layer(service_fn(answer))))),
        ("slo-instrument, one route", Box::new(move || layered(of_one_route.layer(service_fn(answer))))),
        ("slo-instrument, exemplars", Box::new(move || layered(traced.layer(service_fn(answer))))),
        (
            "by hand on prometheus",
            Box::new(move || {
                let mut call = by_hand(histogram.clone());
                calls(move |request| drop(black_box(call(request))))
            }),
        ),
        ("autometrics", Box::new(|| calls(|request| drop(black_box(ready(autometrics_answer(request))))))),
        ("opentelemetry-instr.-tower", Box::new(move || layered(otel_tower.layer(service_fn(answer))))),
        ("tower-otel", {
            // Its instruments end with their provider.
            let kept = tower_otel_provider;
            Box::new(move || {
                black_box(&kept);
                layered(tower_otel.layer(service_fn(answer)))
            })
        }),
        ("axum-prometheus", Box::new(move || layered(axum_prometheus.layer(service_fn(answer))))),
    ]
}

/// Nanoseconds a call of each contender, on `threads` threads at once: the medians of many short runs, taken in turn so
/// that a change of the machine's speed meets all of them.
fn measure(contenders: &[Contender], threads: usize) -> Vec<f64> {
    const ROUNDS: usize = 41;
    const CALLS: u32 = 10_000;
    let barrier = Barrier::new(threads);
    let run = || {
        let mut calls: Vec<Call> = contenders.iter().map(|(_, make)| make()).collect();
        let mut nanos = vec![Vec::with_capacity(ROUNDS); calls.len()];
        for _ in 0..ROUNDS {
            for (call, nanos) in calls.iter_mut().zip(&mut nanos) {
                barrier.wait();
                let start = Instant::now();
                (0..CALLS).for_each(|_| call());
                nanos.push(start.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS));
            }
        }
        nanos
    };
    let mut all = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        let runs = handles.into_iter().map(|handle| handle.join().unwrap());
        runs.reduce(|mut all, run| {
            all.iter_mut().zip(run).for_each(|(all, run)| all.extend(run));
            all
        })
        .unwrap()
    });
    all.iter_mut()
        .map(|nanos| {
            nanos.sort_by(f64::total_cmp);
            nanos.get(nanos.len() / 2).copied().unwrap()
        })
        .collect()
}

fn middleware(c: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let _entered = runtime.enter();
    let slo = Service::builder("bench").availability("99.9%").latency("300ms", "99%").install().unwrap();
    let traced = Service::builder("traced").availability("99.9%").exemplars().install().unwrap();
    let contenders = contenders(&slo, &traced);
    let over_bare = |threads| {
        let nanos = measure(&contenders, threads);
        let bare = *nanos.first().unwrap();
        nanos.into_iter().map(move |nanos| nanos - bare).collect::<Vec<_>>()
    };
    let (one, two) = (over_bare(1), over_bare(2));
    let of = |name| contenders.iter().position(|(other, _)| *other == name).unwrap();
    let floor = *one.get(of(FLOOR)).unwrap();
    let ours = [&one, &two].map(|run| *run.get(of(OURS)).unwrap());
    println!("nanoseconds a request over a bare service");
    println!(
        "{:<28} {:>10} {:>11} {:>12} {:>14}",
        "", "one thread", "two threads", "of the floor", "of ours"
    );
    for (((name, _), one), two) in contenders.iter().zip(&one).zip(&two).skip(1) {
        let (floors, times) = (one / floor, [one / ours[0], two / ours[1]]);
        println!("{name:<28} {one:>10.1} {two:>11.1} {floors:>12.2} {:>6.1} {:>7.1}", times[0], times[1]);
    }
    for (name, make) in &contenders {
        let mut call = make();
        c.bench_function(name, |b| b.iter(&mut call));
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(std::time::Duration::from_secs(1));
    targets = middleware
}
criterion_main!(benches);
