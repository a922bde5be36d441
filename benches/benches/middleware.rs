//! What a request pays for being counted: ours, a layer written by hand on the `prometheus` crate as its
//! documentation suggests, and the floor of two clock reads and two additions, in one run.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark fails by panicking")]

use axum::{body::Body, extract::MatchedPath, routing::get};
use criterion::{Criterion, criterion_group, criterion_main};
use http::{Request, Response, StatusCode};
use prometheus::{HistogramOpts, HistogramVec};
use slo_instrument::Slo;
use std::{
    convert::Infallible,
    future::Future,
    hint::black_box,
    pin::pin,
    sync::atomic::{AtomicU64, Ordering},
    task::{Context, Poll, Waker},
    time::Instant,
};
use tower::{Layer, Service, ServiceExt, service_fn};

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

async fn answer(_: Request<Body>) -> Result<Response<Body>, Infallible> {
    Ok(Response::new(Body::empty()))
}

/// Seconds a call of each of `calls`: the medians of many short runs, taken in turn so that a change of
/// the machine's speed meets all of them.
fn measure<const N: usize>(calls: [&mut dyn FnMut(); N]) -> [f64; N] {
    const ROUNDS: usize = 61;
    const CALLS: u32 = 10_000;
    let mut runs = calls.map(|call| (call, Vec::with_capacity(ROUNDS)));
    for _ in 0..ROUNDS {
        for (call, seconds) in &mut runs {
            let start = Instant::now();
            (0..CALLS).for_each(|_| call());
            seconds.push(start.elapsed().as_secs_f64() / f64::from(CALLS));
        }
    }
    runs.map(|(_, mut seconds)| {
        seconds.sort_by(f64::total_cmp);
        seconds.get(ROUNDS / 2).copied().unwrap()
    })
}

fn by_hand(histogram: &HistogramVec) -> impl FnMut(Request<Body>) -> Result<Response<Body>, Infallible> {
    let histogram = histogram.clone();
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

fn middleware(c: &mut Criterion) {
    let template = routed();
    let request = || {
        let mut request = Request::new(Body::empty());
        *request.extensions_mut() = template.extensions().clone();
        request
    };
    let slo = Slo::builder("bench").availability("99.9%").latency("300ms", "99%").install().unwrap();
    let mut ours = slo.layer().layer(service_fn(answer));
    let options = HistogramOpts::new("http_server_request_duration_seconds", "Duration of requests.");
    let histogram = HistogramVec::new(options, &["method", "route", "status"]).unwrap();
    let mut hand = by_hand(&histogram);
    let cells = [AtomicU64::new(0), AtomicU64::new(0)];
    let floor = |request: Request<Body>| {
        let start = Instant::now();
        let response = ready(answer(request));
        cells[0].fetch_add(1, Ordering::Relaxed);
        cells[1].fetch_add(u64::from(start.elapsed().subsec_nanos()), Ordering::Relaxed);
        response
    };

    let [bare, least, layer, peer] = measure([
        &mut || drop(black_box(ready(answer(request())))),
        &mut || drop(black_box(floor(request()))),
        &mut || drop(black_box(ready(ours.call(request())))),
        &mut || drop(black_box(hand(request()))),
    ]);
    for (name, seconds) in
        [("two clock reads, two adds", least), ("slo-instrument", layer), ("by hand on prometheus", peer)]
    {
        let cost = (seconds - bare) * 1e9;
        let ratio = (seconds - bare) / (least - bare);
        println!("{name:<28} {cost:>6.1} ns over a bare service, {ratio:>5.2} times the floor");
    }

    c.bench_function("bare service", |b| b.iter(|| ready(answer(request()))));
    c.bench_function("two clock reads, two adds", |b| b.iter(|| floor(request())));
    c.bench_function("slo-instrument", |b| b.iter(|| ready(ours.call(request()))));
    c.bench_function("by hand on prometheus", |b| b.iter(|| hand(request())));
}

criterion_group!(benches, middleware);
criterion_main!(benches);
