//! How each library counts a request, by how it ends: ours and its peers, run through the same scenarios. The table
//! in `docs/outcomes.md` is what this test saw; `UPDATE_TESTDATA=1` writes it anew.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod peers;

use axum::{
    Router,
    body::{Body, Bytes},
    http::{HeaderMap, HeaderValue, Request, StatusCode},
    routing::get,
};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use peers::Peer;
use std::{fmt::Write, time::Duration};
use tower::ServiceExt;

/// What the client does.
#[derive(Debug, Clone, Copy)]
enum Client {
    Reads,
    /// It goes away before the response, later than the latency SLO allows.
    LeavesBeforeTheHead,
    LeavesHalfWay,
}

/// One way for a request to go.
struct Scenario {
    name: &'static str,
    path: &'static str,
    client: Client,
}

const SCENARIOS: [Scenario; 8] = [
    Scenario { name: "200, read to its end", path: "/ok", client: Client::Reads },
    Scenario { name: "503", path: "/unavailable", client: Client::Reads },
    Scenario { name: "the client gives up waiting", path: "/never", client: Client::LeavesBeforeTheHead },
    Scenario { name: "the handler panics", path: "/panics", client: Client::Reads },
    Scenario { name: "200, then the body fails", path: "/breaks", client: Client::Reads },
    Scenario {
        name: "200 in time, the client leaves half-way",
        path: "/streams",
        client: Client::LeavesHalfWay,
    },
    Scenario { name: "gRPC status 13 in the trailers", path: "/test.Echo/Fails", client: Client::Reads },
    Scenario { name: "404 of an unknown URL", path: "/wp-login.php", client: Client::Reads },
];

pub(crate) async fn unavailable() -> StatusCode {
    StatusCode::SERVICE_UNAVAILABLE
}

pub(crate) async fn never() -> StatusCode {
    std::future::pending().await
}

pub(crate) async fn panics() -> StatusCode {
    panic!("on purpose")
}

type Frames = Vec<Result<Frame<Bytes>, std::io::Error>>;

fn streaming(frames: Frames) -> Body {
    Body::new(StreamBody::new(tokio_stream::iter(frames)))
}

/// An empty message of gRPC.
fn data() -> Frame<Bytes> {
    Frame::data(Bytes::from_static(&[0, 0, 0, 0, 0]))
}

pub(crate) async fn breaks() -> Body {
    streaming(vec![Ok(data()), Err(std::io::Error::other("disk"))])
}

pub(crate) async fn streams() -> Body {
    streaming(vec![Ok(data()), Ok(data()), Ok(data())])
}

pub(crate) async fn grpc_fails() -> Body {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("13"));
    streaming(vec![Ok(data()), Ok(Frame::trailers(trailers))])
}

/// The routes without anything that counts.
pub(crate) fn routes() -> Router {
    http_routes().route("/test.Echo/Fails", get(grpc_fails))
}

pub(crate) fn http_routes() -> Router {
    Router::new()
        .route("/ok", get(|| async { "ok" }))
        .route("/unavailable", get(unavailable))
        .route("/never", get(never))
        .route("/panics", get(panics))
        .route("/breaks", get(breaks))
        .route("/streams", get(streams))
}

fn request(path: &str, host: &str) -> Request<Body> {
    Request::builder().uri(path).header("host", host).body(Body::empty()).unwrap()
}

/// Lets a request go its way, as hyper would.
async fn drive(app: Router, path: &str, client: Client) {
    // On a task of its own, which a panic ends.
    let response = tokio::spawn(app.oneshot(request(path, "shop.example")));
    match client {
        Client::LeavesBeforeTheHead => {
            tokio::time::sleep(Duration::from_millis(30)).await;
            response.abort();
            let _aborted = response.await;
        }
        Client::Reads => {
            if let Ok(Ok(response)) = response.await {
                let _broken = response.into_body().collect().await;
            }
        }
        Client::LeavesHalfWay => {
            let mut body = response.await.unwrap().unwrap().into_body();
            body.frame().await.unwrap().unwrap();
        }
    }
}

/// What a peer counted of one scenario.
async fn counted(peer: &dyn Peer, scenario: &Scenario) -> String {
    let (before, stuck) = (peer.counts(), peer.in_flight());
    drive(peer.app(), scenario.path, scenario.client).await;
    // Some count when the body is dropped, on the task that does it.
    tokio::task::yield_now().await;
    let mut seen = Vec::new();
    for (what, count) in peer.counts() {
        if count > before.get(&what).copied().unwrap_or(0.0) {
            seen.push(what);
        }
    }
    let mut text = if seen.is_empty() { "nothing".to_owned() } else { seen.join(", ") };
    if peer.in_flight() > stuck {
        text.push_str("; one in flight for ever");
    }
    text
}

/// How many series a hundred requests of scanners make.
async fn series(peer: &dyn Peer, request: impl Fn(usize) -> Request<Body>) -> usize {
    let before = peer.series();
    for number in 0..100 {
        peer.app().oneshot(request(number)).await.unwrap().into_body().collect().await.unwrap();
    }
    peer.series() - before
}

#[tokio::test]
async fn the_table_is_what_happens() {
    std::panic::set_hook(Box::new(|_| {}));
    let peers = peers::all();
    let mut table = String::from("| |");
    for peer in &peers {
        let _ = write!(table, " {} |", peer.name());
    }
    table.push_str("\n|---|");
    table.push_str(&"---|".repeat(peers.len()));
    for scenario in &SCENARIOS {
        let _ = write!(table, "\n| {} |", scenario.name);
        for peer in &peers {
            let _ = write!(table, " {} |", counted(peer.as_ref(), scenario).await);
        }
    }
    table.push_str("\n| series of 100 unknown URLs |");
    for peer in &peers {
        let scan = |number| request(&format!("/scan/{number}"), "shop.example");
        let _ = write!(table, " {} |", metrics_of(peer.as_ref(), series(peer.as_ref(), scan).await));
    }
    table.push_str("\n| series of 100 made-up `Host` headers |");
    for peer in &peers {
        let forge = |number| request("/ok", &format!("host{number}.example"));
        let _ = write!(table, " {} |", metrics_of(peer.as_ref(), series(peer.as_ref(), forge).await));
    }
    let _ = std::panic::take_hook();
    check(&format!("{table}\n"));
}

/// Series of the request counter that were added.
fn metrics_of(peer: &dyn Peer, series: usize) -> String {
    if peer.sees_urls() { series.to_string() } else { "–".to_owned() }
}

fn check(table: &str) {
    const START: &str = "<!-- seen by benches/tests/outcomes -->\n";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/outcomes.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (before, rest) = page.split_once(START).unwrap();
    let (old, after) = rest.split_once("\n\n").unwrap_or((rest.trim_end(), ""));
    if std::env::var_os("UPDATE_TESTDATA").is_some() {
        let gap = if after.is_empty() { "" } else { "\n" };
        std::fs::write(path, format!("{before}{START}{table}{gap}{after}")).unwrap();
    } else {
        assert_eq!(format!("{old}\n"), table, "docs/outcomes.md is out of date; UPDATE_TESTDATA=1 writes it");
    }
}
