//! Every request is counted once, whatever becomes of it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use axum::{Extension, Router, body::Body, routing::get};
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use slo_instrument::{Class, Ended, Latency, Service};
use std::{convert::Infallible, time::Duration};
use tower::{Layer, ServiceExt, service_fn};

fn slo() -> Service {
    Service::builder("checkout").availability("99.9%").latency("300ms", "99%").install().unwrap()
}

fn app(slo: &Service) -> Router {
    Router::new()
        .route("/ok", get(|| async { "ok" }))
        .route("/missing", get(|| async { StatusCode::NOT_FOUND }))
        .route("/broken", get(|| async { StatusCode::SERVICE_UNAVAILABLE }))
        .route("/users/{id}", get(|| async { "user" }))
        .route("/panics", get(|| async { panic!("on purpose") as () }))
        .route("/never", get(|| async { std::future::pending::<()>().await }))
        .route("/health", get(|| async { (Extension(Class::Ignored), "ok") }))
        .merge(slo.routes())
        .layer(slo.layer())
}

fn request(path: &str) -> Request<Body> {
    Request::builder().uri(path).body(Body::empty()).unwrap()
}

/// The `_count` lines of the exposition, without the metric's name.
fn counts(slo: &Service) -> Vec<String> {
    let name = "http_server_request_duration_seconds_count";
    slo.metrics().lines().filter_map(|line| line.strip_prefix(name)).map(str::to_owned).collect()
}

#[tokio::test]
async fn counts_responses_by_route_and_status() {
    let slo = slo();
    for path in ["/ok", "/ok", "/missing", "/broken", "/users/1", "/users/2", "/nowhere/a", "/nowhere/b"] {
        app(&slo).oneshot(request(path)).await.unwrap();
    }
    assert_eq!(
        counts(&slo),
        [
            r#"{error_type="503",http_request_method="GET",http_response_status_code="503",http_route="/broken"} 1"#,
            r#"{http_request_method="GET",http_response_status_code="404",http_route="/missing"} 1"#,
            r#"{http_request_method="GET",http_response_status_code="200",http_route="/ok"} 2"#,
            r#"{http_request_method="GET",http_response_status_code="200",http_route="/users/{id}"} 2"#,
            r#"{http_request_method="GET",http_response_status_code="404",http_route="_unmatched"} 2"#,
        ]
    );
}

#[tokio::test]
async fn a_layer_that_is_applied_twice_counts_once() {
    let slo = slo();
    let inner = Router::new().route("/ok", get(|| async { "ok" })).layer(slo.layer());
    let app = Router::new().route("/busy", get(|| async { "ok" })).nest("/api", inner).layer(slo.layer());
    // What comes before is of another route, which one layer sees.
    for (path, requests) in [("/busy", 300), ("/api/ok", 200)] {
        for _ in 0..requests {
            app.clone().oneshot(request(path)).await.unwrap();
        }
    }
    let count = |route: &str, count: u32| {
        format!(
            r#"{{http_request_method="GET",http_response_status_code="200",http_route="{route}"}} {count}"#
        )
    };
    assert_eq!(counts(&slo), [count("/api/ok", 200), count("/busy", 300)]);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let status = &slo.statuses()[0];
    assert!(status.problem.as_deref().unwrap().contains("two layers"), "{status:?}");
    assert_eq!((status.total, status.bad), (500, 0));
}

#[tokio::test]
async fn an_inner_layer_names_what_the_outer_one_does_not_know() {
    let slo = slo();
    let files = slo.layer().for_route("/files/{path}").layer(service_fn(|_: Request<Body>| async {
        Ok::<_, Infallible>(http::Response::new(Body::from("file")))
    }));
    let app = Router::new().nest_service("/files", files).layer(slo.layer());
    for _ in 0..200 {
        app.clone().oneshot(request("/files/a")).await.unwrap().into_body().collect().await.unwrap();
    }
    let count =
        r#"{http_request_method="GET",http_response_status_code="200",http_route="/files/{path}"} 200"#;
    assert_eq!(counts(&slo), [count]);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(slo.statuses()[0].problem, None);
}

#[tokio::test]
async fn a_request_that_is_sent_again_counts_again() {
    let slo = Service::builder("a")
        .counting(slo_instrument::Events::http_to("search"))
        .availability("99%")
        .install()
        .unwrap();
    let mut client = slo.client_layer("search").layer(service_fn(|_: Request<()>| async {
        Ok::<_, Infallible>(http::Response::new(Body::empty()))
    }));
    let request = Request::new(());
    for _ in 0..3 {
        client.ready().await.unwrap();
        tower::Service::call(&mut client, request.clone()).await.unwrap();
    }
    let counted: Vec<String> = slo
        .metrics()
        .lines()
        .filter(|line| line.contains("client_request_duration_seconds_count"))
        .map(str::to_owned)
        .collect();
    assert!(counted.len() == 1 && counted[0].ends_with(" 3"), "{counted:?}");
}

#[tokio::test]
async fn counts_a_panic() {
    let slo = slo();
    let app = app(&slo);
    tokio::spawn(app.oneshot(request("/panics"))).await.unwrap_err();
    assert_eq!(counts(&slo), [r#"{error_type="panic",http_request_method="GET",http_route="/panics"} 1"#]);
}

#[tokio::test]
async fn counts_a_panic_that_is_caught_outside() {
    let slo = slo();
    let mut response = Box::pin(app(&slo).oneshot(request("/panics")));
    // As tower-http's CatchPanic does: the future is dropped after the panic has been caught.
    let poll = std::panic::AssertUnwindSafe(|| {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        response.as_mut().poll(&mut context).is_ready()
    });
    std::panic::catch_unwind(poll).unwrap_err();
    drop(response);
    assert_eq!(counts(&slo), [r#"{error_type="panic",http_request_method="GET",http_route="/panics"} 1"#]);
}

/// The lines of `slo_ignored_events_total`, without its name.
fn ignored(slo: &Service) -> Vec<String> {
    let name = "slo_ignored_events_total";
    slo.metrics().lines().filter_map(|line| line.strip_prefix(name)).map(str::to_owned).collect()
}

async fn leave_after(slo: &Service, wait: Duration) {
    let response = app(slo).oneshot(request("/never"));
    tokio::time::timeout(wait, response).await.unwrap_err();
}

#[tokio::test]
async fn counts_a_client_that_has_waited_for_too_long() {
    let cancelled = [r#"{error_type="cancelled",http_request_method="GET",http_route="/never"} 1"#];
    let hurried = Service::builder("a").availability("99%").latency("10ms", "99%").install().unwrap();
    leave_after(&hurried, Duration::from_millis(30)).await;
    assert_eq!(counts(&hurried), cancelled);
}

#[tokio::test(start_paused = true)]
async fn connections_that_are_opened_and_closed_page_nobody() {
    let unmeasured = Service::builder("a").availability("99%").install().unwrap();
    for _ in 0..50 {
        leave_after(&unmeasured, Duration::from_millis(100)).await;
    }
    assert_eq!(counts(&unmeasured), Vec::<String>::new());
    assert_eq!(
        ignored(&unmeasured),
        [r#"{http_request_method="GET",http_route="/never",reason="cancelled"} 50"#]
    );
}

#[tokio::test]
async fn a_server_that_gives_up_has_failed() {
    let slo = Service::builder("a").availability("99%").latency("10s", "99%").install().unwrap();
    let layer = slo.layer().server_timeout(Duration::from_millis(30));
    let app = Router::new().route("/never", get(std::future::pending::<()>)).layer(layer);
    for timeout in [Duration::from_millis(1), Duration::from_millis(30)] {
        tokio::time::timeout(timeout, app.clone().oneshot(request("/never"))).await.unwrap_err();
    }
    assert_eq!(counts(&slo), [r#"{error_type="timeout",http_request_method="GET",http_route="/never"} 1"#]);
    assert_eq!(ignored(&slo), [r#"{http_request_method="GET",http_route="/never",reason="cancelled"} 1"#]);
}

#[tokio::test]
async fn a_classifier_judges_timeouts_and_preflights() {
    let slo =
        Service::builder("a").availability("99%").classify(|_: &Ended<'_>| Class::Ignored).install().unwrap();
    let layer = slo.layer().server_timeout(Duration::from_millis(1));
    let app = Router::new().route("/never", get(std::future::pending::<()>)).layer(layer);
    tokio::time::timeout(Duration::from_millis(20), app.oneshot(request("/never"))).await.unwrap_err();
    assert_eq!(counts(&slo), Vec::<String>::new());
    assert_eq!(ignored(&slo).len(), 1);
}

#[tokio::test]
async fn preflights_are_no_events() {
    let slo = Service::builder("a").availability("99%").install().unwrap();
    let app = Router::new()
        .route("/pay", get(|| async { "ok" }).options(|| async {}))
        .route("/broken", axum::routing::options(|| async { StatusCode::BAD_GATEWAY }))
        .layer(slo.layer());
    for (path, asks) in [("/pay", true), ("/pay", false), ("/broken", true)] {
        let mut request = Request::options(path).body(Body::empty()).unwrap();
        if asks {
            request
                .headers_mut()
                .insert("access-control-request-method", http::HeaderValue::from_static("POST"));
        }
        app.clone().oneshot(request).await.unwrap();
    }
    assert_eq!(
        counts(&slo),
        [
            r#"{error_type="502",http_request_method="OPTIONS",http_response_status_code="502",http_route="/broken"} 1"#,
            r#"{http_request_method="OPTIONS",http_response_status_code="200",http_route="/pay"} 1"#,
        ]
    );
    assert_eq!(
        ignored(&slo),
        [
            r#"{http_request_method="OPTIONS",http_response_status_code="200",http_route="/pay",reason="excluded"} 1"#
        ]
    );
}

#[tokio::test]
async fn a_classifier_knows_the_method_and_may_panic_twice() {
    struct PanicsAgain;
    impl Drop for PanicsAgain {
        fn drop(&mut self) {
            panic!("on purpose, again");
        }
    }
    let slo = Service::builder("a")
        .availability("99%")
        .classify(|ended: &Ended<'_>| match ended.method() {
            Some("GET") => std::panic::panic_any(PanicsAgain),
            Some("DELETE") => Class::Ignored,
            _ => ended.by_convention(),
        })
        .install()
        .unwrap();
    for method in [http::Method::GET, http::Method::DELETE] {
        let request = Request::builder().method(method).uri("/nowhere").body(Body::empty()).unwrap();
        app(&slo).oneshot(request).await.unwrap();
    }
    assert_eq!(slo.in_flight(), 0);
    assert_eq!(counts(&slo).len(), 1);
    assert_eq!(ignored(&slo).len(), 1);
}

#[tokio::test]
async fn a_client_that_leaves_early_says_nothing() {
    let slo = slo();
    leave_after(&slo, Duration::from_millis(1)).await;
    assert_eq!(counts(&slo), Vec::<String>::new());
    assert_eq!(ignored(&slo), [r#"{http_request_method="GET",http_route="/never",reason="cancelled"} 1"#]);
}

#[tokio::test]
async fn asks_the_service_what_is_good() {
    let slo = Service::builder("a")
        .availability("99%")
        .classify(|ended: &Ended<'_>| match (ended.name(), ended.status().map(|status| status.as_u16())) {
            ("/missing", Some(404)) => Class::BadFor("lost"),
            (_, Some(400..=499)) => Class::Ignored,
            ("/broken", Some(503)) => Class::Good,
            _ => ended.by_convention(),
        })
        .install()
        .unwrap();
    for path in ["/ok", "/missing", "/broken", "/nowhere"] {
        app(&slo).oneshot(request(path)).await.unwrap();
    }
    assert_eq!(
        counts(&slo),
        [
            r#"{http_request_method="GET",http_response_status_code="503",http_route="/broken"} 1"#,
            r#"{error_type="lost",http_request_method="GET",http_response_status_code="404",http_route="/missing"} 1"#,
            r#"{http_request_method="GET",http_response_status_code="200",http_route="/ok"} 1"#,
        ]
    );
    let unmatched = r#"{http_request_method="GET",http_response_status_code="404",http_route="_unmatched",reason="excluded"} 1"#;
    assert_eq!(ignored(&slo), [unmatched]);
    assert!(slo.metrics().contains(r#"slo_events_total{service="a",slo="availability"} 3"#));
    assert!(slo.metrics().contains(r#"slo_bad_events_total{service="a",slo="availability"} 1"#));
}

/// A response whose body is `frames`, one after the other, and then what `end` says.
fn streaming(frames: usize, end: End) -> Body {
    let mut left = frames;
    Body::new(http_body_util::StreamBody::new(futures_stream(move || {
        if left > 0 {
            left -= 1;
            return Some(Ok(http_body::Frame::data(bytes::Bytes::from_static(b"frame"))));
        }
        match end {
            End::Done => None,
            End::Fails => Some(Err(std::io::Error::other("disk"))),
            End::Panics => panic!("on purpose"),
        }
    })))
}

#[derive(Clone, Copy)]
enum End {
    Done,
    Fails,
    Panics,
}

type FrameResult = Result<http_body::Frame<bytes::Bytes>, std::io::Error>;

fn futures_stream(
    next: impl FnMut() -> Option<FrameResult> + Send + 'static,
) -> impl futures_core::Stream<Item = FrameResult> + Send + 'static {
    struct Frames<F>(F);
    impl<F: FnMut() -> Option<FrameResult> + Unpin> futures_core::Stream for Frames<F> {
        type Item = FrameResult;
        fn poll_next(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<FrameResult>> {
            std::task::Poll::Ready((self.0)())
        }
    }
    Frames(Box::new(next))
}

async fn streamed(end: End) -> (Service, http::Response<Body>) {
    let slo = slo();
    let app =
        Router::new().route("/stream", get(move || async move { streaming(3, end) })).layer(slo.layer());
    let response = app.oneshot(request("/stream")).await.unwrap();
    assert_eq!(counts(&slo), Vec::<String>::new(), "not over yet");
    (slo, response)
}

const STREAM: &str = r#"http_request_method="GET",http_response_status_code="200",http_route="/stream"} 1"#;

#[tokio::test]
async fn counts_a_stream_when_it_ends() {
    let (slo, response) = streamed(End::Done).await;
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes().len(), 15);
    assert_eq!(counts(&slo), [format!("{{{STREAM}")]);
}

#[tokio::test]
async fn counts_a_body_that_fails_half_way() {
    let (slo, response) = streamed(End::Fails).await;
    response.into_body().collect().await.unwrap_err();
    assert_eq!(counts(&slo), [format!("{{error_type=\"stream_error\",{STREAM}")]);
}

#[tokio::test]
async fn counts_a_body_that_panics() {
    let (slo, response) = streamed(End::Panics).await;
    tokio::spawn(response.into_body().collect()).await.unwrap_err();
    assert_eq!(counts(&slo), [r#"{error_type="panic",http_request_method="GET",http_route="/stream"} 1"#]);
}

#[tokio::test]
async fn a_client_that_leaves_a_timely_response_says_nothing() {
    let (slo, response) = streamed(End::Done).await;
    let mut body = response.into_body();
    body.frame().await.unwrap().unwrap();
    drop(body);
    assert_eq!(counts(&slo), Vec::<String>::new());
    let labels = r#"http_request_method="GET",http_response_status_code="200",http_route="/stream""#;
    assert_eq!(ignored(&slo), [format!("{{{labels},reason=\"cancelled\"}} 1")]);
}

#[tokio::test]
async fn counts_a_client_that_leaves_a_late_response() {
    let slo = Service::builder("a").availability("99%").latency("1ms", "99%").install().unwrap();
    let late = || async {
        tokio::time::sleep(Duration::from_millis(5)).await;
        streaming(3, End::Done)
    };
    let app = Router::new().route("/stream", get(late)).layer(slo.layer());
    let mut body = app.oneshot(request("/stream")).await.unwrap().into_body();
    body.frame().await.unwrap().unwrap();
    drop(body);
    assert_eq!(counts(&slo), [format!("{{error_type=\"cancelled\",{STREAM}")]);
}

#[tokio::test]
async fn what_was_good_at_its_head_may_break() {
    let slo = slo();
    let broken = || async { (Extension(Class::Good), streaming(1, End::Fails)) };
    let app = Router::new().route("/stream", get(broken)).layer(slo.layer());
    app.oneshot(request("/stream")).await.unwrap().into_body().collect().await.unwrap_err();
    assert_eq!(counts(&slo), [format!("{{error_type=\"stream_error\",{STREAM}")]);
}

#[tokio::test]
async fn what_has_the_same_labels_is_one_series() {
    // Both are good here, and so differ in nothing that a label says.
    let slo =
        Service::builder("a").availability("99%").classify(|_: &Ended<'_>| Class::Good).install().unwrap();
    for end in [End::Done, End::Fails] {
        let app = Router::new().route("/stream", get(move || async move { streaming(1, end) }));
        let response = app.layer(slo.layer()).oneshot(request("/stream")).await.unwrap();
        let _either = response.into_body().collect().await;
    }
    assert_eq!(counts(&slo), [format!("{{{}2", STREAM.trim_end_matches('1'))]);
}

#[tokio::test]
async fn a_classifier_that_panics_is_not_asked() {
    let slo = Service::builder("a").availability("99%");
    let slo = slo.classify(|ended: &Ended<'_>| panic!("{ended:?}")).install().unwrap();
    app(&slo).oneshot(request("/broken")).await.unwrap();
    let labels =
        r#"error_type="503",http_request_method="GET",http_response_status_code="503",http_route="/broken""#;
    assert_eq!(counts(&slo), [format!("{{{labels}}} 1")]);
    assert_eq!(slo.in_flight(), 0);
}

#[tokio::test]
async fn measures_until_the_last_byte_where_asked_to() {
    for (latency, fast) in [(Latency::Head, 1), (Latency::End, 0)] {
        let slo = Service::builder("a").latency("20ms", "99%").measure_until(latency).install().unwrap();
        let app = Router::new().route("/s", get(|| async { streaming(2, End::Done) })).layer(slo.layer());
        let response = app.oneshot(request("/s")).await.unwrap();
        tokio::time::sleep(Duration::from_millis(30)).await;
        response.into_body().collect().await.unwrap();
        assert!(slo.metrics().contains(&format!("http_route=\"/s\",le=\"0.02\"}} {fast}\n")), "{latency:?}");
    }
}

#[tokio::test]
async fn counts_an_answer_whose_body_nobody_asked_for() {
    let (slo, response) = streamed(End::Done).await;
    drop(response);
    assert_eq!(counts(&slo), [format!("{{{STREAM}")]);
}

#[tokio::test]
async fn counts_answers_without_a_body_at_once() {
    let slo = slo();
    let app = Router::new()
        .route("/empty", get(|| async { StatusCode::NO_CONTENT }))
        .route("/stream", get(|| async { streaming(3, End::Fails) }))
        .layer(slo.layer());
    let head = Request::builder().method("HEAD").uri("/stream").body(Body::empty()).unwrap();
    let responses = [app.clone().oneshot(request("/empty")).await.unwrap(), app.oneshot(head).await.unwrap()];
    assert_eq!(
        counts(&slo),
        [
            r#"{http_request_method="GET",http_response_status_code="204",http_route="/empty"} 1"#,
            r#"{http_request_method="HEAD",http_response_status_code="200",http_route="/stream"} 1"#,
        ]
    );
    drop(responses);
}

#[tokio::test]
async fn counts_a_service_that_fails_without_a_response() {
    let slo = slo();
    let inner = service_fn(|_: Request<Body>| async { Err::<http::Response<Body>, _>("no connection") });
    assert!(slo.layer().layer(inner).oneshot(request("/")).await.is_err());
    assert_eq!(
        counts(&slo),
        [r#"{error_type="transport_error",http_request_method="GET",http_route="_unmatched"} 1"#]
    );
}

#[tokio::test]
async fn leaves_out_what_is_excluded_and_its_own_pages() {
    let slo = slo();
    for path in ["/health", "/healthz", "/metrics", "/slo", "/slo.json", "/slo.yaml"] {
        let response = app(&slo).oneshot(request(path)).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
    }
    assert_eq!(counts(&slo), Vec::<String>::new());
}

#[tokio::test]
async fn exposes_a_declared_route_before_its_first_request() {
    let slo = Service::builder("a").availability("99%").route(&http::Method::POST, "/pay").install().unwrap();
    assert_eq!(
        counts(&slo),
        [
            r#"{http_request_method="POST",http_response_status_code="200",http_route="/pay"} 0"#,
            r#"{error_type="500",http_request_method="POST",http_response_status_code="500",http_route="/pay"} 0"#,
        ]
    );
}

#[tokio::test]
async fn has_a_bucket_at_every_threshold() {
    let slo = Service::builder("a").latency("300ms", "99%").install().unwrap();
    app(&slo).oneshot(request("/ok")).await.unwrap();
    let metrics = slo.metrics();
    assert!(metrics.contains(r#"http_route="/ok",le="0.3"} 1"#), "{metrics}");
    assert!(metrics.contains(r#"http_route="/ok",le="+Inf"} 1"#), "{metrics}");
}

#[tokio::test]
async fn keeps_request_and_response_as_they_are() {
    let inner = service_fn(|request: Request<Body>| async move {
        assert_eq!(request.uri().path(), "/x");
        Ok::<_, Infallible>(http::Response::builder().header("kept", "yes").body(Body::from("text")).unwrap())
    });
    let response = slo().layer().layer(inner).oneshot(request("/x")).await.unwrap();
    assert_eq!(response.headers()["kept"], "yes");
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "text");
}

#[tokio::test]
async fn faults_are_armed_over_http_only_with_the_token() {
    let slo = slo();
    let token = "0123456789abcdef";
    assert!(slo.faults().routes::<()>("short").unwrap_err().to_string().contains("16 characters"));
    let app = Router::new()
        .route("/ok", get(|| async { "ok" }))
        .layer(slo.fault_layer())
        .merge(slo.faults().routes(token).unwrap())
        .layer(slo.layer());
    let ask = async |method: &str, body: &str, token: Option<&str>| {
        let mut request =
            Request::builder().method(method).uri("/faults").header("content-type", "application/json");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let response = app.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        (
            status,
            String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap(),
        )
    };
    let order = r#"{"errors": "100%", "lease": "30s"}"#;
    for wrong in [None, Some("0123456789abcdee"), Some("0123456789abcde")] {
        assert_eq!(ask("PUT", order, wrong).await.0, 401);
    }
    assert!(!slo.faults().is_armed());
    for (body, told) in [
        ("{", "EOF"),
        (r#"{"lease": "1s"}"#, "write `latency` or `errors`"),
        (r#"{"errors": "200%", "lease": "1s"}"#, "`200%` is not a share"),
        (r#"{"errors": "1%", "lease": "2d"}"#, "longer than a day"),
        (r#"{"errors": "1%", "lease": "1s", "until": 1}"#, "unknown field"),
    ] {
        let (status, text) = ask("PUT", body, Some(token)).await;
        assert!(status == 400 && text.contains(told), "{body}: {status} {text}");
    }
    let (status, text) = ask("PUT", order, Some(token)).await;
    assert!(status == 200 && text.contains(r#""armed":true"#), "{text}");
    assert_eq!(app.clone().oneshot(request("/ok")).await.unwrap().status(), 503);
    assert_eq!(
        ask("DELETE", "", Some(token)).await,
        (200, r#"{"armed":false,"lease_seconds":null}"#.to_owned())
    );
    assert_eq!(app.clone().oneshot(request("/ok")).await.unwrap().status(), 200);
    let counted = counts(&slo);
    assert!(counted.iter().all(|line| line.contains("/ok")) && counted.len() == 2, "{counted:?}");
}
