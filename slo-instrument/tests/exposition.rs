//! What `/metrics` says, in the format that is asked for, alone and beside a registry of the service's own.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use axum::{Router, body::Body, routing::get};
use http::{Request, Response, header};
use http_body_util::BodyExt;
use slo_instrument::Service;
use tower::ServiceExt;

const OPEN_METRICS: &str =
    "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";

async fn get_from(slo: &Service, path: &str, headers: &[(&str, &str)]) -> Response<Body> {
    let app: Router =
        Router::new().route("/ok", get(|| async { "ok" })).merge(slo.routes()).layer(slo.layer());
    let request =
        headers.iter().fold(Request::get(path), |request, (name, value)| request.header(*name, *value));
    app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

/// The content type and the text.
async fn scrape(slo: &Service, accept: &str) -> (String, String) {
    let response = get_from(slo, "/metrics", &[("accept", accept)]).await;
    let content_type = response.headers()[header::CONTENT_TYPE].to_str().unwrap().to_owned();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (content_type, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn openmetrics_has_exemplars_and_times_of_creation() {
    let slo = Service::builder("shop").latency("300ms", "99%").exemplars().install().unwrap();
    let trace = "0af7651916cd43dd8448eb211c80319c";
    get_from(&slo, "/ok", &[("traceparent", &format!("00-{trace}-b7ad6b7169203331-01"))]).await;
    let (content_type, text) = scrape(&slo, OPEN_METRICS).await;
    assert_eq!(content_type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert!(text.ends_with("# EOF\n"));
    let line = |start: &str| {
        text.lines().find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{start}: {text}"))
    };
    let bucket = line(
        "http_server_request_duration_seconds_bucket{http_request_method=\"GET\",http_response_status_code=\"200\",http_route=\"/ok\",le=\"0.005\"} 1 # {",
    );
    assert!(bucket.contains(&format!("# {{trace_id=\"{trace}\",span_id=\"")), "{bucket}");
    assert!(line("http_server_request_duration_seconds_bucket{").contains("le=\"0.005\""));
    assert!(text.contains("le=\"1.0\"}") && text.contains("le=\"10.0\"}"), "bounds are floats");
    let created: f64 =
        line("http_server_request_duration_seconds_created{").rsplit(' ').next().unwrap().parse().unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
    assert!((now - 60.0..=now).contains(&created), "{created}");
    assert_eq!(line("# TYPE slo_events"), "# TYPE slo_events counter");
    assert!(line("slo_events_total{").ends_with(" 1"));
    assert_eq!(line("# UNIT "), "# UNIT http_server_request_duration_seconds seconds");
}

#[tokio::test]
async fn text_has_neither() {
    let slo = Service::builder("shop").latency("300ms", "99%").exemplars().install().unwrap();
    get_from(&slo, "/ok", &[("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")])
        .await;
    let (content_type, text) = scrape(&slo, "*/*").await;
    assert_eq!(content_type, "text/plain; version=0.0.4; charset=utf-8");
    assert!(!text.contains("trace_id") && !text.contains("_created") && !text.contains("# EOF"), "{text}");
    assert!(text.contains("le=\"1\"}") && text.contains("# TYPE slo_events_total counter"));
}

#[tokio::test]
async fn a_registry_of_the_service_is_exposed_too() {
    let registry = prometheus::Registry::new();
    let orders = prometheus::IntCounter::new("orders_total", "Orders.").unwrap();
    registry.register(Box::new(orders.clone())).unwrap();
    orders.inc_by(3);
    let slo = Service::builder("shop").availability("99%").registry(registry).install().unwrap();
    let (content_type, text) = scrape(&slo, OPEN_METRICS).await;
    assert_eq!(content_type, "text/plain; version=0.0.4; charset=utf-8", "all that the registry writes");
    assert!(text.contains("\norders_total 3\n") && text.contains("slo_objective_ratio"), "{text}");
}

#[tokio::test]
async fn a_collector_says_the_same_as_the_page() {
    let slo = Service::builder("shop").availability("99%").latency("300ms", "99%").install().unwrap();
    get_from(&slo, "/ok", &[]).await;
    let registry = prometheus::Registry::new();
    registry.register(Box::new(slo.collector())).unwrap();
    // Another service of the same process.
    let other = Service::builder("search").availability("99%").install().unwrap();
    registry.register(Box::new(other.collector())).unwrap();
    let collected = prometheus::TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
    let samples = |text: &str| {
        let mut lines: Vec<String> =
            text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let page = [slo.metrics(), other.metrics()].concat();
    assert_eq!(samples(&collected), samples(&page));
}

#[tokio::test]
async fn label_values_are_escaped() {
    let slo = Service::builder("shop")
        .availability("99%")
        .route(&http::Method::GET, "/a\"b\\c\nd")
        .install()
        .unwrap();
    assert!(slo.metrics().contains(r#"http_route="/a\"b\\c\nd",le="0.005"} 0"#), "{}", slo.metrics());
}

#[cfg(feature = "native-histograms")]
mod protobuf {
    use super::*;
    use prost::Message;

    /// The parts of `metrics.proto` that are looked at, written down anew from that file.
    #[derive(Clone, PartialEq, Message)]
    struct Family {
        #[prost(string, tag = "1")]
        name: String,
        #[prost(int32, tag = "3")]
        kind: i32,
        #[prost(message, repeated, tag = "4")]
        metric: Vec<Metric>,
    }

    #[derive(Clone, PartialEq, Message)]
    struct Metric {
        #[prost(message, optional, tag = "7")]
        histogram: Option<Histogram>,
    }

    #[derive(Clone, PartialEq, Message)]
    struct Histogram {
        #[prost(uint64, tag = "1")]
        count: u64,
        #[prost(message, repeated, tag = "3")]
        bucket: Vec<Bucket>,
        #[prost(sint32, tag = "5")]
        schema: i32,
        #[prost(double, tag = "6")]
        zero_threshold: f64,
        #[prost(uint64, tag = "7")]
        zero_count: u64,
        #[prost(message, repeated, tag = "12")]
        span: Vec<Span>,
        #[prost(sint64, repeated, tag = "13")]
        delta: Vec<i64>,
    }

    #[derive(Clone, PartialEq, Message)]
    struct Bucket {
        #[prost(uint64, tag = "1")]
        cumulative: u64,
        #[prost(double, tag = "2")]
        bound: f64,
    }

    #[derive(Clone, PartialEq, Message)]
    struct Span {
        #[prost(sint32, tag = "1")]
        offset: i32,
        #[prost(uint32, tag = "2")]
        length: u32,
    }

    const ACCEPT: &str = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,*/*;q=0.2";

    #[tokio::test]
    async fn native_and_classic_buckets_count_the_same() {
        let slo = Service::builder("shop").latency("300ms", "99%").native_histograms().install().unwrap();
        let slow = || async { tokio::time::sleep(std::time::Duration::from_millis(20)).await };
        let app = Router::new().route("/fast", get(|| async {})).route("/slow", get(slow)).layer(slo.layer());
        for path in ["/fast", "/slow", "/slow"] {
            app.clone().oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
        }
        let response = get_from(&slo, "/metrics", &[("accept", ACCEPT)]).await;
        let mut bytes = response.into_body().collect().await.unwrap().to_bytes();
        let mut families = Vec::new();
        while !bytes.is_empty() {
            families.push(Family::decode_length_delimited(&mut bytes).unwrap());
        }
        let family =
            families.iter().find(|family| family.name == "http_server_request_duration_seconds").unwrap();
        assert_eq!((family.kind, family.metric.len()), (4, 2));
        for metric in &family.metric {
            let histogram = metric.histogram.as_ref().unwrap();
            let (last, rest) = histogram.bucket.split_last().unwrap();
            assert_eq!((last.bound, last.cumulative), (f64::INFINITY, histogram.count));
            assert!(rest.is_sorted_by(|a, b| a.bound < b.bound && a.cumulative <= b.cumulative));
            assert_eq!((histogram.schema, histogram.zero_threshold), (3, 0.000_061_035));
            let [span] = &histogram.span[..] else { panic!("{histogram:?}") };
            assert_eq!(span.length as usize, histogram.delta.len());
            // Deltas of counts; of which every bucket ends at 2^(index / 8) seconds.
            let counts: Vec<i64> = histogram
                .delta
                .iter()
                .scan(0, |sum, delta| {
                    *sum += delta;
                    Some(*sum)
                })
                .collect();
            let total = counts.iter().sum::<i64>() + i64::try_from(histogram.zero_count).unwrap();
            assert_eq!(u64::try_from(total).unwrap(), histogram.count);
            for classic in rest {
                let below = (span.offset..)
                    .zip(&counts)
                    .filter(|(index, _)| (f64::from(*index) / 8.0).exp2() <= classic.bound);
                let below = below.map(|(_, count)| *count).sum::<i64>()
                    + i64::try_from(histogram.zero_count).unwrap();
                assert!(
                    u64::try_from(below).unwrap() <= classic.cumulative,
                    "{} at {}",
                    below,
                    classic.bound
                );
            }
        }
        assert_eq!(
            family.metric.iter().map(|metric| metric.histogram.as_ref().unwrap().count).sum::<u64>(),
            3
        );
    }
}
