//! The live budget counts what the SLO's selectors select, and shows it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use axum::{Router, body::Body, routing::get};
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use slo_core::{
    model::{self, Window},
    spec,
};
use slo_instrument::{Service, SloStatus, State};
use std::time::Duration;
use tower::ServiceExt;

fn services(sli: &str) -> Vec<model::Service> {
    let text = format!(
        "version: slo/v1\nservice: checkout\nslos:\n  - name: a\n    objective: 99%\n    window: 30d\n    sli: {sli}\n"
    );
    spec::parse(&text).unwrap()
}

async fn send(slo: &Service, requests: &[(&str, usize)]) {
    let app: Router = Router::new()
        .route("/ok", get(|| async { "ok" }))
        .route("/broken", get(|| async { StatusCode::INTERNAL_SERVER_ERROR }))
        .route(
            "/slow",
            get(|| async {
                tokio::time::sleep(Duration::from_millis(60)).await;
                "slow"
            }),
        )
        .layer(slo.layer());
    for &(path, times) in requests {
        for _ in 0..times {
            let request = Request::builder().uri(path).body(Body::empty()).unwrap();
            app.clone().oneshot(request).await.unwrap();
        }
    }
}

/// The status once it shows `total` events.
async fn status(slo: &Service, total: u64) -> SloStatus {
    for _ in 0..200 {
        if let [status] = slo.statuses().as_slice()
            && status.total == total
        {
            return status.clone();
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never {total} events: {:?}", slo.statuses());
}

async fn check(sli: &str, requests: &[(&str, usize)], expected: (u64, u64)) {
    let slo = Service::from_model(services(sli).remove(0)).time_scale(60).install().unwrap();
    send(&slo, requests).await;
    let status = status(&slo, expected.0).await;
    assert_eq!((status.total, status.bad), expected, "{sli}");
}

const COUNT: &str = "http_server_request_duration_seconds_count";

/// Whether the status shows a page after `bad` failures among 40 requests, each of which is a high burn rate.
async fn pages(alerting: &str, bad: usize) -> bool {
    let sli = format!("{{events: {{total: '{COUNT}', bad: '{COUNT}{{error_type=~\"5..\"}}'}}}}\n{alerting}");
    let slo = Service::from_model(services(&sli).remove(0)).install().unwrap();
    send(&slo, &[("/ok", 40 - bad), ("/broken", bad)]).await;
    status(&slo, 40).await.state == State::Page
}

#[tokio::test]
async fn a_guard_waits_for_failures_that_mean_something() {
    // At 99 %, 14.4 times the budget are six of forty, and three are more than six times.
    assert!(pages("", 3).await);
    let guard = "    alerting: {low_traffic: guard}\n";
    assert!(!pages(guard, 3).await);
    assert!(pages(guard, 6).await);
}

#[tokio::test]
async fn counts_what_the_selectors_select() {
    let requests = &[("/ok", 6), ("/broken", 3)];
    for (sli, expected) in [
        // Braces that begin no repetition are literal in Prometheus.
        (
            format!(
                "{{events: {{total: {COUNT}, bad: '{COUNT}{{http_route=~\"/users/{{id}}|/broken\"}}'}}}}"
            ),
            (9, 3),
        ),
        (format!("{{events: {{total: {COUNT}, bad: '{COUNT}{{error_type!=\"\"}}'}}}}"), (9, 3)),
        (
            format!("{{events: {{total: {COUNT}, good: '{COUNT}{{http_response_status_code=\"200\"}}'}}}}"),
            (9, 3),
        ),
        (
            format!(
                "{{events: {{good: '{COUNT}{{http_route=\"/ok\"}}', bad: '{COUNT}{{http_route!~\"/o.\"}}'}}}}"
            ),
            (9, 3),
        ),
        // Labels of the scrape hold for the whole process; a regular expression is anchored.
        (
            format!(
                "{{events: {{total: '{COUNT}{{job=\"any\"}}', bad: '{COUNT}{{http_route=~\"brok|.*e\"}}'}}}}"
            ),
            (9, 0),
        ),
    ] {
        check(&sli, requests, expected).await;
    }
}

#[tokio::test]
async fn counts_what_is_slow() {
    let sli =
        "{latency: {histogram: 'http_server_request_duration_seconds{error_type=\"\"}', threshold: 30ms}}";
    check(sli, &[("/ok", 5), ("/slow", 2), ("/broken", 4)], (7, 2)).await;
}

#[tokio::test]
async fn says_when_counters_contradict_each_other() {
    let sli =
        format!("{{events: {{total: '{COUNT}{{http_route=\"/ok\"}}', bad: '{COUNT}{{error_type!=\"\"}}'}}}}");
    let slo = Service::from_model(services(&sli).remove(0)).time_scale(60).install().unwrap();
    send(&slo, &[("/ok", 2)]).await;
    status(&slo, 2).await;
    send(&slo, &[("/broken", 5)]).await;
    for _ in 0..200 {
        if slo.statuses()[0].state == State::Invalid {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let status = slo.statuses()[0].clone();
    assert_eq!((status.state, status.total), (State::Invalid, 2));
    assert_eq!(status.problem.as_deref(), Some("5 bad events are more than the total of 2"));
}

#[test]
fn slos_of_a_spec_and_of_a_program_go_together() {
    let model = || services(&format!("{{events: {{total: {COUNT}, good: {COUNT}}}}}")).remove(0);
    let service = Service::from_model(model()).latency("300ms", "99%").install().unwrap();
    let names: Vec<&str> = service.model().slos().iter().map(|slo| slo.name().as_str()).collect();
    assert_eq!(names, ["a", "latency"]);
    // Under the name of the spec's service, as the rules select them.
    assert_eq!(service.model().name(), model().name());
    let twice = Service::from_model(model()).availability("99%").named("a").install().unwrap_err();
    assert!(twice.to_string().contains("two SLOs have the name `a`"), "{twice}");
}

#[test]
fn refuses_series_that_it_does_not_emit() {
    let service = services("{events: {total: requests_total, bad: errors_total}}").remove(0);
    let error = Service::from_model(service).install().unwrap_err();
    assert_eq!(
        error.to_string(),
        "slo `a`: `requests_total` is not a metric of this crate; select one of \
         `http_server_request_duration_seconds_count`, `http_client_request_duration_seconds_count`, \
         `rpc_server_call_duration_seconds_count`, `rpc_client_call_duration_seconds_count`, \
         `slo_operation_duration_seconds_count`"
    );
}

#[test]
fn refuses_labels_that_it_does_not_emit() {
    for (bad, message) in [
        ("status=~\"5..\"", "no series has the label `status`; did you mean `http_response_status_code`?"),
        ("route=\"/pay\"", "no series has the label `route`; did you mean `http_route`?"),
        (
            "namespace=\"shop\"",
            "no series has the label `namespace`; the labels are error_type, http_request_method, \
             http_response_status_code, http_route; write a label that the scrape adds into both selectors",
        ),
    ] {
        let sli = format!("{{events: {{total: {COUNT}, bad: '{COUNT}{{{bad}}}'}}}}");
        let error = Service::from_model(services(&sli).remove(0)).install().unwrap_err().to_string();
        assert_eq!(error, format!("slo `a`: `{COUNT}{{{bad}}}`: {message}"));
    }
}

#[test]
fn refuses_what_is_no_slo() {
    for (builder, message) in [
        (Service::builder("a b").availability("99%"), "service: `a b` is not a name"),
        (Service::builder("a"), "service `a`: no SLO"),
        (Service::builder("a").availability("100%"), "slo `availability`: 100% leaves no error budget"),
        (Service::builder("a").latency("fast", "99%"), "slo `latency`: `fast` is not a length of time"),
        (
            Service::builder("a").availability("99%").availability("98%"),
            "service `a`: two SLOs have the name `availability`",
        ),
    ] {
        let error = builder.install().unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}");
    }
}

#[tokio::test]
async fn pages_and_says_how_long_the_budget_lasts() {
    let slo = Service::builder("checkout").availability("99.9%").time_scale(60).install().unwrap();
    assert_eq!(slo.statuses()[0].state, State::NoData);
    send(&slo, &[("/ok", 50), ("/broken", 50)]).await;
    let status = status(&slo, 100).await;
    assert_eq!(status.state, State::Page);
    assert_eq!(status.burn_rate(Window::hours(1)), Some(500.0));
    assert_eq!(status.budget_remaining, Some(-499.0));
    let left = status.projected_budget_remaining.unwrap();
    assert!(left > 0.9 && left < 1.0, "{left}");
    assert_eq!(status.time_to_exhaustion, Some(left * 2_592_000.0 / 500.0));

    let app: Router = slo.routes();
    let get = |path: &str| Request::builder().uri(path).body(Body::empty()).unwrap();
    let text = |response: http::Response<Body>| async {
        String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
    };
    let page = text(app.clone().oneshot(get("/slo")).await.unwrap()).await;
    assert!(page.contains("checkout/availability burns at 500×: its budget lasts"), "{page}");
    let json = text(app.oneshot(get("/slo.json")).await.unwrap()).await;
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (report["slos"][0]["state"].as_str(), report["slos"][0]["bad"].as_u64()),
        (Some("page"), Some(50))
    );
}
