//! SLOs that the process does not count are passed on to the rules, and shown as what they are.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use axum::{Router, body::Body};
use http::Request;
use slo_instrument::{Service, State};
use tower::ServiceExt;

const SPEC: &str = r#"
version: slo/v1
service: shop
slos:
  - name: availability
    objective: 99%
    window: 30d
    sli:
      events:
        total: http_server_request_duration_seconds_count{job="shop"}
        bad: http_server_request_duration_seconds_count{job="shop", error_type!=""}
  - name: freshness
    objective: 99%
    window: 30d
    sli:
      gauge:
        query: catalogue_age_seconds{job="shop"}
        good: "<= 3600"
  - name: routes
    objective: 99%
    window: 30d
    by: [http_route]
    sli:
      events:
        total: http_server_request_duration_seconds_count{job="shop"}
        bad: http_server_request_duration_seconds_count{job="shop", error_type!=""}
"#;

async fn get(slo: &Service, path: &str) -> String {
    let request = Request::builder().uri(path).body(Body::empty()).unwrap();
    let response = Router::new().merge(slo.routes()).oneshot(request).await.unwrap();
    let bytes = http_body_util::BodyExt::collect(response.into_body()).await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn slos_of_the_rules_alone_are_passed_on() {
    let slo = Service::from_spec(SPEC).unwrap().install().unwrap();
    let states: Vec<(String, State)> =
        slo.statuses().iter().map(|status| (status.slo.clone(), status.state)).collect();
    let expected =
        [("availability", State::NoData), ("freshness", State::NotCounted), ("routes", State::NotCounted)];
    assert_eq!(states, expected.map(|(name, state)| (name.to_owned(), state)));
    // The document is the whole one.
    let passed_on = slo_core::spec::parse(&get(&slo, "/slo.yaml").await).unwrap();
    assert_eq!(passed_on, slo_core::spec::parse(SPEC).unwrap());
    let page = get(&slo, "/slo").await;
    assert!(page.contains("only the rules read a gauge") && page.contains("By rules"), "{page}");
    assert!(get(&slo, "/slo.json").await.contains(r#""state":"not_counted""#));
    let metrics = get(&slo, "/metrics").await;
    assert!(metrics.contains(r#"slo_events_total{service="shop",slo="availability"} 0"#));
    assert!(!metrics.contains(r#"slo_events_total{service="shop",slo="freshness"}"#));
    let error = slo.budget("freshness").unwrap_err().to_string();
    assert_eq!(error, "slo `freshness`: has no live budget: only the rules read a gauge");
}

#[tokio::test]
async fn a_process_may_count_none_of_them() {
    let (before, counted) = SPEC.split_once("  - name: availability").unwrap();
    let (_, others) = counted.split_once("  - name: freshness").unwrap();
    let only = format!("{before}  - name: freshness{others}");
    let slo = Service::from_spec(&only).unwrap().install().unwrap();
    assert!(slo.statuses().iter().all(|status| status.state == State::NotCounted));
    assert!(get(&slo, "/slo").await.contains("This process counts none of them"));
}
