//! Requests of frameworks without tower are counted once, whatever becomes of them.

use slo_instrument::{Class, Request, Service};
use std::panic::{AssertUnwindSafe, catch_unwind};

const SPAN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[test]
fn a_request_is_what_becomes_of_it() {
    // A client that goes away before a latency SLO would have been missed says nothing.
    let service = Service::builder("a").availability("99%").install().unwrap();
    let start = |route: &str| Request::start(&service, "GET", route);
    let answered = |route: &str, status: u16| {
        let mut request = start(route);
        request.answered(status);
        request
    };
    answered("/sent", 200).end();
    answered("/failed", 503).end();
    answered("/no-status", 99).end();
    answered("/broke", 200).broke();
    start("/no-answer").failed();
    start("/never-answered").end();
    start("/broke-before").broke();
    // Nobody has asked for its body: it was answered.
    drop(answered("/unread", 200));
    let mut cut = answered("/cut", 200);
    cut.reading();
    drop(cut);
    drop(start("/gone"));
    let panics = AssertUnwindSafe(|| {
        let _request = start("/panics");
        std::panic::resume_unwind(Box::new("on purpose"));
    });
    catch_unwind(panics).unwrap_err();
    let mut preflight = answered("/preflight", 204);
    preflight.judged(Class::Ignored);
    preflight.end();
    Request::start(&service, "BREW", "/method").traced(&service, Some(SPAN), Some("a=b")).failed();

    let name = "http_server_request_duration_seconds_count";
    let metrics = service.metrics();
    let mut lines: Vec<&str> = metrics
        .lines()
        .filter_map(|line| line.strip_prefix(name))
        .filter(|line| line.ends_with(" 1"))
        .collect();
    lines.sort_unstable();
    let get = r#"http_request_method="GET""#;
    let ok = r#"http_response_status_code="200""#;
    let mut expected = vec![
        format!(r#"{{{get},{ok},http_route="/sent"}} 1"#),
        format!(r#"{{error_type="503",{get},http_response_status_code="503",http_route="/failed"}} 1"#),
        format!(r#"{{error_type="500",{get},http_response_status_code="500",http_route="/no-status"}} 1"#),
        format!(r#"{{error_type="stream_error",{get},{ok},http_route="/broke"}} 1"#),
        format!(r#"{{error_type="transport_error",{get},http_route="/no-answer"}} 1"#),
        format!(r#"{{error_type="transport_error",{get},http_route="/never-answered"}} 1"#),
        format!(r#"{{error_type="transport_error",{get},http_route="/broke-before"}} 1"#),
        format!(r#"{{{get},{ok},http_route="/unread"}} 1"#),
        format!(r#"{{error_type="panic",{get},http_route="/panics"}} 1"#),
        r#"{error_type="transport_error",http_request_method="_OTHER",http_route="/method"} 1"#.to_owned(),
    ];
    expected.sort_unstable();
    assert_eq!(lines, expected);
    // Those that left within ten seconds, and the preflight.
    let ignored: Vec<&str> = metrics.lines().filter(|line| line.starts_with("slo_ignored_events")).collect();
    for route in ["/cut", "/gone", "/preflight"] {
        assert!(
            ignored.iter().any(|line| line.contains(route) && line.ends_with(" 1")),
            "{route}: {ignored:?}"
        );
    }
    assert_eq!(service.in_flight(), 0);
}
