//! The peers, each set up as its documentation suggests, and a common way to read what they counted.

use crate::{breaks, grpc_fails, http_routes, never, panics, routes, streams, unavailable};
use autometrics::{autometrics, settings::AutometricsSettings};
use axum::{
    Router,
    body::Body,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use prometheus::{Registry, TextEncoder};
use slo_instrument::{Events, Service};
use std::collections::BTreeMap;

/// Something that counts requests.
pub(crate) trait Peer {
    fn name(&self) -> &'static str;
    /// The routes, counted.
    fn app(&self) -> Router;
    /// Its metrics as text.
    fn metrics(&self) -> String;
    /// What a series of its metrics says became of a request; `None` for those that do not count requests.
    fn describe(&self, name: &str, label: &dyn Fn(&str) -> String) -> Option<String>;
    /// Its gauge of requests in flight.
    fn gauge(&self) -> &'static str;
    /// Whether it sees requests to routes that are not there.
    fn sees_urls(&self) -> bool {
        true
    }

    /// Requests counted, by what became of them.
    fn counts(&self) -> BTreeMap<String, f64> {
        let mut counts = BTreeMap::new();
        for (name, labels, value) in series(&self.metrics()) {
            let label = |wanted: &str| {
                let found =
                    labels.split("\",").find_map(|pair| pair.strip_prefix(wanted)?.strip_prefix("=\""));
                found.unwrap_or_default().trim_end_matches('"').to_owned()
            };
            if let Some(what) = self.describe(name, &label) {
                *counts.entry(what).or_default() += value;
            }
        }
        counts
    }

    fn series(&self) -> usize {
        let metrics = self.metrics();
        series(&metrics).filter(|(name, ..)| self.describe(name, &|_| String::new()).is_some()).count()
    }

    fn in_flight(&self) -> f64 {
        let metrics = self.metrics();
        series(&metrics).filter(|(name, ..)| *name == self.gauge()).map(|(.., value)| value).sum()
    }
}

fn series(text: &str) -> impl Iterator<Item = (&str, &str, f64)> {
    text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).map(|line| {
        let (series, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        (name, labels.trim_end_matches('}'), value.parse().unwrap())
    })
}

pub(crate) fn all() -> Vec<Box<dyn Peer>> {
    let slo = Service::builder("shop")
        .availability("99.9%")
        .latency("20ms", "99%")
        .counting(Events::grpc())
        .availability("99.9%")
        .install()
        .unwrap();
    let registry = Registry::new();
    let provider = opentelemetry_provider(&registry);
    opentelemetry::global::set_meter_provider(provider);
    let layer = opentelemetry_instrumentation_tower::http::server::LayerBuilder::builder();
    let otel_tower = layer.with_tracing(false).build().unwrap();
    let tower_otel_registry = Registry::new();
    let tower_otel_provider = opentelemetry_provider(&tower_otel_registry);
    let tower_otel = tower_otel::metrics::HttpLayer::server(&tower_otel_provider.meter("outcomes"));
    let (axum_prometheus, handle) = axum_prometheus::PrometheusMetricLayer::pair();
    let settings = AutometricsSettings::builder().prometheus_registry(Registry::new()).init();
    vec![
        Box::new(Ours(slo)),
        Box::new(Layered {
            name: "axum-prometheus 0.10",
            app: routes().layer(axum_prometheus),
            metrics: Box::new(move || handle.render()),
            counter: "axum_http_requests_total",
            status: "status",
            gauge: "axum_http_requests_pending",
            _kept: None,
        }),
        Box::new(Autometrics(settings)),
        Box::new(Layered {
            name: "opentelemetry-instrumentation-tower 0.19",
            app: routes().layer(otel_tower),
            metrics: Box::new(move || text(&registry)),
            counter: OTEL_COUNTER,
            status: "http_response_status_code",
            gauge: OTEL_GAUGE,
            _kept: None,
        }),
        Box::new(Layered {
            name: "tower-otel 0.12",
            app: routes().layer(tower_otel),
            metrics: Box::new(move || text(&tower_otel_registry)),
            counter: OTEL_COUNTER,
            status: "http_response_status_code",
            gauge: OTEL_GAUGE,
            _kept: Some(tower_otel_provider),
        }),
    ]
}

const OTEL_COUNTER: &str = "http_server_request_duration_seconds_count";
const OTEL_GAUGE: &str = "http_server_active_requests";

fn opentelemetry_provider(registry: &Registry) -> SdkMeterProvider {
    let exporter = opentelemetry_prometheus::exporter()
        .with_registry(registry.clone())
        .without_target_info()
        .build()
        .unwrap();
    SdkMeterProvider::builder().with_reader(exporter).build()
}

fn text(registry: &Registry) -> String {
    TextEncoder::new().encode_to_string(&registry.gather()).unwrap()
}

struct Ours(Service);

impl Peer for Ours {
    fn name(&self) -> &'static str {
        "slo-instrument"
    }

    fn app(&self) -> Router {
        // gRPC is served by a layer of its own.
        let grpc = Router::new().route("/test.Echo/Fails", get(grpc_fails)).layer(self.0.grpc_layer());
        let http = http_routes().layer(self.0.layer());
        let unknown = Router::new().fallback(|| async { StatusCode::NOT_FOUND }).layer(self.0.layer());
        http.merge(grpc).fallback_service(unknown)
    }

    fn metrics(&self) -> String {
        self.0.metrics()
    }

    fn describe(&self, name: &str, label: &dyn Fn(&str) -> String) -> Option<String> {
        if name == "slo_ignored_events_total" {
            return Some(format!("ignored: {}", label("reason")));
        }
        let status = match name {
            OTEL_COUNTER => label("http_response_status_code"),
            "rpc_server_call_duration_seconds_count" => label("rpc_response_status_code"),
            _ => return None,
        };
        Some(match label("error_type").as_str() {
            "" => status,
            error if error == status || status.is_empty() => format!("error {error}"),
            error => format!("error {error} after {status}"),
        })
    }

    fn gauge(&self) -> &'static str {
        OTEL_GAUGE
    }
}

/// A peer that is a layer.
struct Layered {
    name: &'static str,
    app: Router,
    metrics: Box<dyn Fn() -> String>,
    counter: &'static str,
    status: &'static str,
    gauge: &'static str,
    // Instruments end with their provider.
    _kept: Option<SdkMeterProvider>,
}

impl Peer for Layered {
    fn name(&self) -> &'static str {
        self.name
    }

    fn app(&self) -> Router {
        self.app.clone()
    }

    fn metrics(&self) -> String {
        (self.metrics)()
    }

    fn describe(&self, name: &str, label: &dyn Fn(&str) -> String) -> Option<String> {
        (name == self.counter).then(|| label(self.status))
    }

    fn gauge(&self) -> &'static str {
        self.gauge
    }
}

/// Counts functions; what is answered is theirs to know.
struct Autometrics(&'static AutometricsSettings);

struct Status(StatusCode);

impl IntoResponse for Status {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

const fn is_ok(status: &Status) -> bool {
    !matches!(status.0.as_u16(), 500..=599)
}

impl From<&Status> for &'static str {
    fn from(status: &Status) -> Self {
        match status.0.as_u16() {
            200 => "200",
            503 => "503",
            _ => "other",
        }
    }
}

#[autometrics(track_concurrency, ok_if = is_ok)]
async fn measured_ok() -> Status {
    Status(StatusCode::OK)
}

#[autometrics(track_concurrency, ok_if = is_ok)]
async fn measured_unavailable() -> Status {
    Status(unavailable().await)
}

#[autometrics(track_concurrency, ok_if = is_ok)]
async fn measured_never() -> Status {
    Status(never().await)
}

#[autometrics(track_concurrency, ok_if = is_ok)]
async fn measured_panics() -> Status {
    Status(panics().await)
}

#[autometrics(track_concurrency)]
async fn measured_breaks() -> Result<Body, ()> {
    Ok(breaks().await)
}

#[autometrics(track_concurrency)]
async fn measured_streams() -> Result<Body, ()> {
    Ok(streams().await)
}

#[autometrics(track_concurrency)]
async fn measured_grpc() -> Result<Body, ()> {
    Ok(grpc_fails().await)
}

/// A handler's error is none here.
async fn body(result: impl Future<Output = Result<Body, ()>>) -> Response {
    result.await.map_or_else(|()| StatusCode::INTERNAL_SERVER_ERROR.into_response(), Response::new)
}

impl Peer for Autometrics {
    fn name(&self) -> &'static str {
        "autometrics 3"
    }

    fn app(&self) -> Router {
        Router::new()
            .route("/ok", get(measured_ok))
            .route("/unavailable", get(measured_unavailable))
            .route("/never", get(measured_never))
            .route("/panics", get(measured_panics))
            .route("/breaks", get(|| body(measured_breaks())))
            .route("/streams", get(|| body(measured_streams())))
            .route("/test.Echo/Fails", get(|| body(measured_grpc())))
    }

    fn metrics(&self) -> String {
        text(self.0.prometheus_registry())
    }

    fn describe(&self, name: &str, label: &dyn Fn(&str) -> String) -> Option<String> {
        (name == "function_calls_total").then(|| label("result"))
    }

    fn gauge(&self) -> &'static str {
        "function_calls_concurrent"
    }

    fn sees_urls(&self) -> bool {
        false
    }
}
