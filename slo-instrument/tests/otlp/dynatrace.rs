//! The preset for Dynatrace, on a stand-in: its paths, its token, protobuf only, and cumulative sums dropped.

use super::{UNSAMPLED, ask, exposed, slo, until};
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use opentelemetry_proto::tonic::{
    collector::metrics::v1::{
        ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse,
    },
    metrics::v1::{AggregationTemporality, metric::Data},
};
use prost::Message;
use slo_instrument::Otlp;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

/// The names of the metrics that were taken, and the requests for traces.
#[derive(Default)]
struct Taken {
    metrics: Vec<String>,
    traces: usize,
}

type Shared = Arc<Mutex<Taken>>;

async fn environment() -> (String, Shared) {
    let taken = Shared::default();
    let routes = Router::new()
        .route("/api/v2/otlp/v1/metrics", post(metrics))
        .route("/api/v2/otlp/v1/traces", post(traces))
        .with_state(Arc::clone(&taken));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (url, taken)
}

fn refused(headers: &HeaderMap) -> Option<StatusCode> {
    let is = |name: &str, value: &str| headers.get(name).is_some_and(|given| given == value);
    if !is("authorization", "Api-Token dt0c01.TEST") {
        return Some(StatusCode::UNAUTHORIZED);
    }
    (!is("content-type", "application/x-protobuf")).then_some(StatusCode::UNSUPPORTED_MEDIA_TYPE)
}

async fn traces(State(taken): State<Shared>, headers: HeaderMap, _: Bytes) -> Response {
    if let Some(status) = refused(&headers) {
        return status.into_response();
    }
    taken.lock().unwrap().traces += 1;
    StatusCode::OK.into_response()
}

async fn metrics(State(taken): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    if let Some(status) = refused(&headers) {
        return status.into_response();
    }
    let request = ExportMetricsServiceRequest::decode(body).unwrap();
    let (mut names, mut dropped) = (Vec::new(), 0);
    let scopes = request.resource_metrics.into_iter().flat_map(|resource| resource.scope_metrics);
    for metric in scopes.flat_map(|scope| scope.metrics) {
        let (temporality, points) = match metric.data.unwrap() {
            // A level, such as requests in flight, becomes a gauge.
            Data::Sum(sum) if !sum.is_monotonic => (None, sum.data_points.len()),
            Data::Sum(sum) => (Some(sum.aggregation_temporality), sum.data_points.len()),
            Data::Histogram(histogram) => {
                (Some(histogram.aggregation_temporality), histogram.data_points.len())
            }
            Data::Gauge(gauge) => (None, gauge.data_points.len()),
            other => panic!("{other:?}"),
        };
        if temporality.is_some_and(|temporality| temporality != AggregationTemporality::Delta as i32) {
            dropped += i64::try_from(points).unwrap();
        } else {
            names.push(metric.name);
        }
    }
    taken.lock().unwrap().metrics.extend(names);
    let partial = ExportMetricsPartialSuccess {
        rejected_data_points: dropped,
        error_message: "UNSUPPORTED_METRIC_TYPE_MONOTONIC_CUMULATIVE_SUM".to_owned(),
    };
    let answer = ExportMetricsServiceResponse { partial_success: (dropped > 0).then_some(partial) };
    ([("content-type", "application/x-protobuf")], answer.encode_to_vec()).into_response()
}

const REFUSED: &str = "slo_otlp_refused_data_points_total";

#[tokio::test]
async fn the_preset_sends_what_dynatrace_takes() {
    let (url, taken) = environment().await;
    let otlp = Otlp::dynatrace(&format!("{url}/"), "dt0c01.TEST").every(Duration::from_millis(50));
    let slo = slo(otlp);
    ask(&slo, "/broken", UNSAMPLED).await;
    let has = |name: &str| taken.lock().unwrap().metrics.iter().any(|one| one == name);
    until("the histogram", || has("http.server.request.duration")).await;
    until("a trace", || taken.lock().unwrap().traces > 0).await;
    slo.shutdown().await.unwrap();
    assert_eq!(exposed(&slo, REFUSED), 0);
    assert_eq!(exposed(&slo, "slo_otlp_failed_exports_total{signal=\"metrics\"}"), 0);
}

#[tokio::test]
async fn without_deltas_dynatrace_drops_sums_and_that_is_counted() {
    let (url, taken) = environment().await;
    let otlp = Otlp::http(&format!("{url}/api/v2/otlp"))
        .header("authorization", "Api-Token dt0c01.TEST")
        .every(Duration::from_millis(50));
    let slo = slo(otlp);
    ask(&slo, "/users/1", UNSAMPLED).await;
    until("a refusal", || exposed(&slo, REFUSED) > 0).await;
    slo.shutdown().await.unwrap();
    assert!(taken.lock().unwrap().metrics.iter().all(|name| name != "http.server.request.duration"));
}
