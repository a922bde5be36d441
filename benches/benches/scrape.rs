//! A scrape of ten thousand lines: ours, `prometheus` and `prometheus-client`, each with as many histograms of as many
//! buckets and a dozen and a half events in each.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark fails by panicking")]

use axum::body::Body;
use criterion::{Criterion, criterion_group, criterion_main};
use http::{Request, Response};
use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{family::Family, histogram::Histogram},
};
use slo_instrument::Service;
use std::{convert::Infallible, future::ready, hint::black_box, time::Instant};
use tower::{Layer, Service as _, service_fn};

/// 14 buckets of OpenTelemetry's and one at the threshold, the unbounded one, the sum and the count.
const LINES_PER_HISTOGRAM: usize = 18;
const HISTOGRAMS: usize = 10_000 / LINES_PER_HISTOGRAM;
const SECONDS: [f64; 15] =
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.3, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
const NAME: &str = "http_server_request_duration_seconds";

fn route(number: usize) -> String {
    format!("/api/v1/resource{number}")
}

fn ours() -> Service {
    let slo = Service::builder("bench").availability("99.9%").latency("300ms", "99%").install().unwrap();
    let inner = service_fn(|_: Request<()>| ready(Ok::<_, Infallible>(Response::new(Body::empty()))));
    for number in 0..HISTOGRAMS {
        let mut service = slo.layer().for_route(&route(number)).layer(inner);
        for _ in 0..17 {
            drop(black_box(futures_now(service.call(Request::new(())))));
        }
    }
    slo
}

fn futures_now<F: Future>(future: F) -> F::Output {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        std::task::Poll::Ready(output) => output,
        std::task::Poll::Pending => unreachable!("the inner service answers at once"),
    }
}

fn prometheus() -> prometheus::Registry {
    let registry = prometheus::Registry::new();
    let options =
        prometheus::HistogramOpts::new(NAME, "Duration of HTTP server requests.").buckets(SECONDS.to_vec());
    let labels = ["http_request_method", "http_response_status_code", "http_route"];
    let histograms = prometheus::HistogramVec::new(options, &labels).unwrap();
    registry.register(Box::new(histograms.clone())).unwrap();
    for number in 0..HISTOGRAMS {
        let histogram = histograms.with_label_values(&["GET", "200", route(number).as_str()]);
        for seconds in SECONDS {
            histogram.observe(seconds);
        }
    }
    registry
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
#[expect(clippy::struct_field_names, reason = "the labels are called so")]
struct Labels {
    http_request_method: &'static str,
    http_response_status_code: u16,
    http_route: String,
}

fn prometheus_client() -> prometheus_client::registry::Registry {
    let mut registry = <prometheus_client::registry::Registry>::default();
    let histograms = Family::<Labels, Histogram>::new_with_constructor(|| Histogram::new(SECONDS));
    registry.register(NAME, "Duration of HTTP server requests", histograms.clone());
    for number in 0..HISTOGRAMS {
        let labels =
            Labels { http_request_method: "GET", http_response_status_code: 200, http_route: route(number) };
        let histogram = histograms.get_or_create_owned(&labels);
        for seconds in SECONDS {
            histogram.observe(seconds);
        }
    }
    registry
}

/// Microseconds and bytes of a scrape: the median of many.
fn measure(scrape: &mut dyn FnMut() -> usize) -> (f64, usize) {
    let mut times: Vec<f64> = (0..301)
        .map(|_| {
            let start = Instant::now();
            black_box(scrape());
            start.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    times.sort_by(f64::total_cmp);
    (times.get(times.len() / 2).copied().unwrap(), scrape())
}

fn scrape(c: &mut Criterion) {
    let slo = ours();
    let (registry, client) = (prometheus(), prometheus_client());
    let open = "application/openmetrics-text; version=1.0.0";
    let (mut bytes, mut string) = (Vec::new(), String::new());
    let mut ours_text = || slo.metrics_for([]).1.len();
    let mut ours_open = || slo.metrics_for([open]).1.len();
    let mut theirs = || {
        bytes.clear();
        prometheus::Encoder::encode(&prometheus::TextEncoder::new(), &registry.gather(), &mut bytes).unwrap();
        bytes.len()
    };
    let mut clients = || {
        string.clear();
        text::encode(&mut string, &client).unwrap();
        string.len()
    };
    let lines = slo.metrics().lines().count();
    println!("{HISTOGRAMS} histograms, {lines} lines with those of the SLOs");
    let (ours, _) = measure(&mut ours_text);
    for (name, scrape) in [
        ("slo-instrument, text", &mut ours_text as &mut dyn FnMut() -> usize),
        ("slo-instrument, OpenMetrics", &mut ours_open),
        ("prometheus, text", &mut theirs),
        ("prometheus-client, OpenMetrics", &mut clients),
    ] {
        let (micros, bytes) = measure(scrape);
        println!("{name:<32} {micros:>8.0} µs {bytes:>9} bytes {:>6.1} times ours", micros / ours);
        c.bench_function(name, |b| b.iter(|| black_box(scrape())));
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(std::time::Duration::from_secs(1));
    targets = scrape
}
criterion_main!(benches);
