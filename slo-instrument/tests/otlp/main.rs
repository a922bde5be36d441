//! Real OTLP, received and decoded: metrics and traces over both protocols, and collectors that are slow, dead, or back.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod collector;
mod dynatrace;
mod tls;

use axum::{Router, body::Body, routing::get};
use collector::{Collector, PROTOCOLS, Protocol, Received};
use http::{Request, StatusCode};
use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    common::v1::{KeyValue, any_value::Value},
    metrics::v1::{
        AggregationTemporality, HistogramDataPoint, Metric, metric::Data, number_data_point::Value as Number,
    },
    trace::v1::{Span, span::SpanKind, status::StatusCode as SpanStatus},
};
use slo_instrument::{Fault, Otlp, Service, TraceContext};
use std::{sync::atomic::Ordering, time::Duration};
use tower::{Layer, ServiceExt, service_fn};

fn slo(otlp: Otlp) -> Service {
    Service::builder("checkout").availability("99.9%").latency("200ms", "99%").otlp(otlp).install().unwrap()
}

fn app(slo: &Service) -> Router {
    Router::new()
        .route("/users/{id}", get(|| async { "ok" }))
        .route("/broken", get(|| async { StatusCode::SERVICE_UNAVAILABLE }))
        .route("/slow", get(|| async { tokio::time::sleep(Duration::from_millis(300)).await }))
        .layer(slo.fault_layer())
        .layer(slo.layer())
}

const SAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const UNSAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

async fn ask(slo: &Service, path: &str, parent: &str) {
    let request = Request::builder().uri(path).header("traceparent", parent).body(Body::empty()).unwrap();
    let body = app(slo).oneshot(request).await.unwrap().into_body();
    http_body_util::BodyExt::collect(body).await.unwrap();
}

/// The attributes as text, sorted.
fn attributes(all: &[KeyValue]) -> Vec<String> {
    let value = |value: &Value| match value {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(number) => format!("{number} as a number"),
        Value::ArrayValue(array) => {
            format!("{:?}", array.values.iter().map(|value| &value.value).collect::<Vec<_>>())
        }
        other => format!("{other:?}"),
    };
    let text = |pair: &KeyValue| {
        format!("{}={}", pair.key, value(pair.value.as_ref().unwrap().value.as_ref().unwrap()))
    };
    let mut all: Vec<String> = all.iter().map(text).collect();
    all.sort();
    all
}

impl Received {
    /// The points of the last histogram of server requests, and its temporality.
    fn histogram(&self) -> (Vec<HistogramDataPoint>, i32) {
        let all = self.metrics.lock().unwrap();
        let metric = metrics(all.last().unwrap())
            .iter()
            .find(|metric| metric.name == "http.server.request.duration")
            .unwrap();
        assert_eq!(metric.unit, "s");
        let Some(Data::Histogram(histogram)) = &metric.data else { panic!("no histogram") };
        (histogram.data_points.clone(), histogram.aggregation_temporality)
    }

    /// The last value of a sum.
    fn sum(&self, name: &str, attribute: &str) -> String {
        let all = self.metrics.lock().unwrap();
        let metric = metrics(all.last().unwrap()).iter().find(|metric| metric.name == name).unwrap();
        let Some(Data::Sum(sum)) = &metric.data else { panic!("no sum") };
        assert!(sum.is_monotonic);
        let of = |point: &&_| attributes(attributes_of(point)).iter().any(|one| one == attribute);
        match sum.data_points.iter().find(of).unwrap().value.unwrap() {
            Number::AsDouble(value) => value.to_string(),
            Number::AsInt(value) => panic!("{value} is an integer"),
        }
    }

    fn spans(&self) -> Vec<Span> {
        let all = self.traces.lock().unwrap();
        let scopes =
            all.iter().flat_map(|request| &request.resource_spans).flat_map(|spans| &spans.scope_spans);
        scopes.flat_map(|scope| scope.spans.clone()).collect()
    }
}

/// The metrics of the service.
fn metrics(request: &ExportMetricsServiceRequest) -> &[Metric] {
    let [resource] = &request.resource_metrics[..] else { panic!("{request:?}") };
    let [scope] = &resource.scope_metrics[..] else { panic!("{resource:?}") };
    &scope.metrics
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn attributes_of(point: &opentelemetry_proto::tonic::metrics::v1::NumberDataPoint) -> &[KeyValue] {
    &point.attributes
}

/// The value of a series of `/metrics`.
fn exposed(slo: &Service, series: &str) -> u64 {
    let metrics = slo.metrics();
    let value =
        metrics.lines().find_map(|line| line.strip_prefix(series)).unwrap_or_else(|| panic!("{metrics}"));
    value.trim().parse().unwrap()
}

/// Waits until something that takes a while is so.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..1_000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what}: not within ten seconds");
}

#[tokio::test]
async fn sends_metrics_that_a_collector_can_read() {
    for protocol in PROTOCOLS {
        let collector = Collector::start(protocol);
        let slo = slo(collector.otlp());
        for path in ["/users/1", "/users/2", "/broken"] {
            ask(&slo, path, SAMPLED).await;
        }
        slo.shutdown().await.unwrap();
        let resource =
            collector.state.metrics.lock().unwrap()[0].resource_metrics[0].resource.clone().unwrap();
        let resource = attributes(&resource.attributes);
        let [instance, service] = &resource[..] else { panic!("{resource:?}") };
        assert_eq!(service, "service.name=checkout");
        assert!(instance.starts_with("service.instance.id=") && instance.len() == 20 + 36, "{instance}");
        let (points, temporality) = collector.state.histogram();
        assert_eq!(temporality, AggregationTemporality::Cumulative as i32);
        let [broken, users] = &points[..] else { panic!("{points:?}") };
        assert_eq!(
            attributes(&broken.attributes),
            [
                "error.type=503",
                "http.request.method=GET",
                "http.response.status_code=503 as a number",
                "http.route=/broken",
            ]
        );
        assert_eq!((broken.count, users.count), (1, 2));
        assert_eq!(users.explicit_bounds.len() + 1, users.bucket_counts.len());
        assert!(users.explicit_bounds.contains(&0.2), "an edge at the threshold");
        assert_eq!(users.bucket_counts.iter().sum::<u64>(), 2);
        assert!(users.sum.unwrap() > 0.0 && users.start_time_unix_nano < users.time_unix_nano);
        let trace: Vec<u8> = (0..16)
            .map(|byte| u8::from_str_radix(&SAMPLED[3 + 2 * byte..5 + 2 * byte], 16).unwrap())
            .collect();
        assert!(
            users.exemplars.iter().all(|exemplar| exemplar.trace_id == trace) && !users.exemplars.is_empty()
        );
        let availability = "slo=availability";
        assert_eq!(collector.state.sum("slo.events", availability), "3");
        assert_eq!(collector.state.sum("slo.bad_events", availability), "1");
        let tenants = collector.state.tenants.lock().unwrap();
        assert!(tenants.iter().all(|tenant| tenant == "shop"), "{tenants:?}");
    }
}

#[tokio::test]
async fn sends_spans_that_a_collector_can_read() {
    for protocol in PROTOCOLS {
        let collector = Collector::start(protocol);
        let slo = slo(collector.otlp());
        ask(&slo, "/users/7", SAMPLED).await;
        ask(&slo, "/broken", SAMPLED).await;
        slo.shutdown().await.unwrap();
        let spans = collector.state.spans();
        let [good, bad] = &spans[..] else { panic!("{spans:?}") };
        assert_eq!(good.name, "GET /users/{id}");
        assert_eq!(good.kind, SpanKind::Server as i32);
        assert_eq!(good.parent_span_id, [0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31]);
        assert_eq!((good.trace_id.len(), good.trace_id == bad.trace_id), (16, true));
        assert_ne!(good.span_id, bad.span_id);
        assert!(good.start_time_unix_nano <= good.end_time_unix_nano);
        assert_eq!(
            attributes(&good.attributes),
            [
                "http.request.method=GET",
                "http.response.status_code=200 as a number",
                "http.route=/users/{id}",
                "url.path=/users/7",
            ]
        );
        assert!(good.status.as_ref().is_none_or(|status| status.code == SpanStatus::Unset as i32));
        assert_eq!(bad.status.as_ref().unwrap().code, SpanStatus::Error as i32);
        let violated =
            attributes(&bad.attributes).into_iter().find(|one| one.starts_with("slo.violated")).unwrap();
        assert_eq!(violated, r#"slo.violated=[Some(StringValue("availability"))]"#);
    }
}

#[tokio::test]
async fn an_unsampled_request_has_a_span_only_if_it_hurts_an_slo() {
    let collector = Collector::start(Protocol::Http);
    let slo = slo(collector.otlp());
    for path in ["/users/1", "/broken", "/slow"] {
        ask(&slo, path, UNSAMPLED).await;
    }
    slo.shutdown().await.unwrap();
    let spans = collector.state.spans();
    let hurt =
        |span: &Span| (span.name.clone(), attributes(&span.attributes).concat().contains("\"latency\""));
    let found: Vec<(String, bool)> = spans.iter().map(hurt).collect();
    assert_eq!(found, [("GET /broken".to_owned(), false), ("GET /slow".to_owned(), true)]);
}

#[tokio::test]
async fn a_trace_goes_on_in_what_is_called() {
    let collector = Collector::start(Protocol::Grpc);
    let slo = slo(collector.otlp());
    let payments = slo.client_layer("payments").layer(service_fn(|request: Request<Body>| async move {
        // The far side sees the client's span as its parent.
        assert_eq!(request.headers()["tracestate"], "vendor=1");
        let parent = request.headers()["traceparent"].to_str().unwrap().to_owned();
        Ok::<_, std::convert::Infallible>(http::Response::new(Body::from(parent)))
    }));
    let handler = move || async move {
        let response = payments.oneshot(Request::new(Body::empty())).await.unwrap();
        Body::new(response.into_body())
    };
    let app = Router::new().route("/pay", get(handler)).layer(slo.layer());
    let request =
        Request::builder().uri("/pay").header("traceparent", SAMPLED).header("tracestate", "vendor=1");
    let request = request.body(Body::empty()).unwrap();
    let response = app.oneshot(request).await.unwrap();
    let passed_on = http_body_util::BodyExt::collect(response.into_body()).await.unwrap().to_bytes();
    slo.shutdown().await.unwrap();
    let spans = collector.state.spans();
    let of = |kind: SpanKind| spans.iter().find(|span| span.kind == kind as i32).unwrap();
    let (server, client) = (of(SpanKind::Server), of(SpanKind::Client));
    assert_eq!(
        (client.parent_span_id.clone(), client.trace_id.clone()),
        (server.span_id.clone(), server.trace_id.clone())
    );
    assert_eq!(passed_on, format!("00-{}-{}-01", hex(&client.trace_id), hex(&client.span_id)));
    assert!(attributes(&client.attributes).contains(&"service.peer.name=payments".to_owned()));
}

#[tokio::test]
async fn spans_of_others_become_children() {
    use opentelemetry::trace::TraceContextExt;
    let collector = Collector::start(Protocol::Http);
    let slo = slo(collector.otlp());
    let seen = || async {
        let context = opentelemetry::Context::current();
        context.span().span_context().span_id().to_string()
    };
    let app = Router::new().route("/", get(seen)).layer(slo.layer());
    let request = Request::builder().uri("/").header("traceparent", SAMPLED).body(Body::empty()).unwrap();
    let response = app.oneshot(request).await.unwrap();
    let seen = http_body_util::BodyExt::collect(response.into_body()).await.unwrap().to_bytes();
    slo.shutdown().await.unwrap();
    let span_id = hex(&collector.state.spans().first().unwrap().span_id);
    assert_eq!(seen, span_id);
}

#[tokio::test]
async fn marks_what_was_injected() {
    let collector = Collector::start(Protocol::Http);
    let slo = slo(collector.otlp());
    slo.faults().arm([Fault::error(StatusCode::BAD_GATEWAY)], 1, Duration::from_secs(60)).unwrap();
    ask(&slo, "/users/1", UNSAMPLED).await;
    slo.shutdown().await.unwrap();
    assert!(attributes(&collector.state.spans()[0].attributes).contains(&"slo.fault=error".to_owned()));
}

#[tokio::test]
async fn deltas_add_up_whatever_is_lost_on_the_way() {
    for protocol in PROTOCOLS {
        let collector = Collector::start(protocol);
        let slo = slo(collector.otlp().delta());
        let counted = || -> u64 {
            let all = collector.state.metrics.lock().unwrap();
            let metrics =
                all.iter().flat_map(|request| &request.resource_metrics[0].scope_metrics[0].metrics);
            let histograms = metrics.filter_map(|metric| match &metric.data {
                Some(Data::Histogram(histogram)) => {
                    assert_eq!(histogram.aggregation_temporality, AggregationTemporality::Delta as i32);
                    Some(histogram.data_points.iter().map(|point| point.count).sum::<u64>())
                }
                _ => None,
            });
            histograms.sum()
        };
        ask(&slo, "/users/1", UNSAMPLED).await;
        until("the first delta", || counted() == 1).await;
        // Some more exports, with nothing new in them.
        let first = collector.state.metrics.lock().unwrap().len();
        until("more exports", || collector.state.metrics.lock().unwrap().len() > first + 2).await;
        assert_eq!(counted(), 1);
        // What a collector has taken and not said so may come twice; this one takes nothing while it hangs.
        collector.state.hangs.store(true, Ordering::SeqCst);
        ask(&slo, "/users/2", UNSAMPLED).await;
        until("a failure", || exposed(&slo, "slo_otlp_failed_exports_total{signal=\"metrics\"}") > 0).await;
        let before = collector.state.metrics.lock().unwrap().len();
        collector.state.hangs.store(false, Ordering::SeqCst);
        ask(&slo, "/users/3", UNSAMPLED).await;
        slo.shutdown().await.unwrap();
        assert!(collector.state.metrics.lock().unwrap().len() > before);
        assert_eq!(counted(), 3);
    }
}

#[tokio::test]
async fn what_was_answered_is_not_sent_again() {
    let collector = Collector::start(Protocol::Http);
    collector.state.trickles.store(true, Ordering::SeqCst);
    let slo = slo(collector.otlp().delta());
    for request in 0..100 {
        ask(&slo, &format!("/users/{request}"), UNSAMPLED).await;
    }
    // One answer is read for a second.
    until("two exports", || collector.state.metrics.lock().unwrap().len() > 2).await;
    let all = collector.state.metrics.lock().unwrap();
    let metrics = all.iter().flat_map(metrics).filter(|metric| metric.name == "http.server.request.duration");
    let points = metrics.filter_map(|metric| match &metric.data {
        Some(Data::Histogram(histogram)) => Some(&histogram.data_points),
        _ => None,
    });
    assert_eq!(points.flatten().map(|point| point.count).sum::<u64>(), 100);
}

#[tokio::test]
async fn a_collector_is_trusted_by_its_certificate() {
    for protocol in PROTOCOLS {
        let (certificates, state) = (tls::Certificates::make(), Received::default());
        let port = tls::serve(protocol, &certificates, state.clone()).await;
        let otlp = || match protocol {
            Protocol::Grpc => Otlp::grpc(&format!("https://localhost:{port}")),
            Protocol::Http => Otlp::http(&format!("https://localhost:{port}")),
        };
        let trusting = slo(otlp().authorities(&certificates.authority).timeout(Duration::from_secs(5)));
        ask(&trusting, "/users/1", SAMPLED).await;
        trusting.shutdown().await.unwrap();
        assert_eq!(state.spans().len(), 1, "{protocol:?}");
        assert_eq!(state.histogram().0.iter().map(|point| point.count).sum::<u64>(), 1);
        // Another authority, and those of the system, did not sign it.
        for otlp in [otlp().authorities(&tls::Certificates::make().authority), otlp()] {
            let wary = slo(otlp.timeout(Duration::from_secs(5)));
            ask(&wary, "/users/1", SAMPLED).await;
            let error = wary.shutdown().await.unwrap_err().to_string();
            assert!(error.contains("certificate") || error.contains("transport error"), "{error}");
        }
        assert_eq!(state.spans().len(), 1, "{protocol:?}");
    }
}

#[tokio::test]
async fn an_unsampled_trace_goes_on_unsampled() {
    let collector = Collector::start(Protocol::Http);
    for (share, parent) in [(1.0, Some(UNSAMPLED)), (0.0, Some(UNSAMPLED)), (0.0, None), (1.0, Some(SAMPLED))]
    {
        let slo = slo(collector.otlp().sample(share));
        let payments = slo.client_layer("payments").layer(service_fn(|request: Request<Body>| async move {
            let parent = request.headers()["traceparent"].to_str().unwrap().to_owned();
            Ok::<_, std::convert::Infallible>(http::Response::new(Body::from(parent)))
        }));
        let handler = move || async move {
            use opentelemetry::trace::TraceContextExt;
            let here = TraceContext::current().unwrap();
            // What a library sees that knows OpenTelemetry's API alone.
            let span = opentelemetry::Context::current().span().span_context().clone();
            assert_eq!(span.trace_id().to_string(), here.trace_id());
            assert_eq!((span.span_id().to_string(), span.is_sampled()), (here.span_id(), here.is_sampled()));
            let response = payments.oneshot(Request::new(Body::empty())).await.unwrap();
            Body::new(response.into_body())
        };
        let app = Router::new().route("/pay", get(handler)).layer(slo.layer());
        let mut request = Request::builder().uri("/pay");
        if let Some(parent) = parent {
            request = request.header("traceparent", parent);
        }
        let response = app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let body = http_body_util::BodyExt::collect(response.into_body()).await.unwrap().to_bytes();
        let sent = String::from_utf8(body.to_vec()).unwrap();
        let is_sampled = parent == Some(SAMPLED);
        assert!(sent.ends_with(if is_sampled { "-01" } else { "-00" }), "{share} {parent:?}: {sent}");
        if let Some(parent) = parent {
            assert_eq!(sent.get(..35), parent.get(..35), "{share}: the trace goes on");
        }
    }
}

#[tokio::test]
async fn a_collector_that_hangs_delays_nobody_and_losses_are_counted() {
    // More than there is room for; all are answered while nothing is sent.
    const REQUESTS: u64 = 4_000;
    for protocol in PROTOCOLS {
        let collector = Collector::start(protocol);
        collector.state.hangs.store(true, Ordering::SeqCst);
        let slo = slo(collector.otlp());
        for _ in 0..REQUESTS {
            ask(&slo, "/users/1", SAMPLED).await;
        }
        assert!(collector.state.spans().is_empty());
        slo.shutdown().await.unwrap_err();
        assert_eq!(exposed(&slo, "slo_spans_lost_total"), REQUESTS);
        assert!(exposed(&slo, "slo_otlp_failed_exports_total{signal=\"traces\"}") > 0);
        assert!(exposed(&slo, "slo_otlp_failed_exports_total{signal=\"metrics\"}") > 0);
    }
}

#[tokio::test]
async fn a_collector_that_comes_back_gets_everything() {
    for protocol in PROTOCOLS {
        let address = Collector::start(protocol).address;
        let slo = slo(collector::otlp(protocol, address));
        ask(&slo, "/users/1", SAMPLED).await;
        until("a failure", || exposed(&slo, "slo_otlp_failed_exports_total{signal=\"traces\"}") > 0).await;
        let collector = Collector::start_at(protocol, address);
        ask(&slo, "/users/2", SAMPLED).await;
        until("the spans", || collector.state.spans().len() == 2).await;
        slo.shutdown().await.unwrap();
        assert_eq!(collector.state.histogram().0[0].count, 2);
        assert_eq!(exposed(&slo, "slo_spans_lost_total"), 0);
    }
}

#[test]
fn refuses_what_it_cannot_send_to() {
    for (otlp, message) in [
        (
            Otlp::grpc("ftp://collector:4317"),
            "otlp: `ftp://collector:4317`: not of the form `http://host:port` or `https://host:port`",
        ),
        (
            Otlp::grpc("https://collector:4317").authorities("no PEM"),
            "otlp: the PEM of the certificate authorities holds no certificate",
        ),
        (Otlp::http("collector"), "otlp"),
        (Otlp::http("http://a:1").header("a b", "c"), "otlp: header `a b`"),
    ] {
        let error = Service::builder("a").availability("99%").otlp(otlp).install().unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}");
    }
}
