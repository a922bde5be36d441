//! What a service takes of memory when it is asked for more than is good for it. A step of `scripts/test --all`; sizes are
//! printed with `--nocapture`.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use axum::{Router, routing::get};
use http::Method;
use slo_instrument::Service;
use std::{
    sync::{Arc, Barrier},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// The memory of this process, in megabytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() / 1024
}

async fn asked(address: std::net::SocketAddr, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

async fn read(mut stream: TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    stream.read_to_end(&mut all).await.unwrap();
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a minute"]
async fn readers_that_do_not_read() {
    let methods = [
        Method::GET,
        Method::POST,
        Method::PUT,
        Method::DELETE,
        Method::PATCH,
        Method::HEAD,
        Method::OPTIONS,
        Method::TRACE,
        Method::CONNECT,
    ];
    let mut builder = Service::builder("shop").availability("99.9%");
    for route in 0..1_000 {
        for method in &methods {
            builder = builder.route(method, &format!("/items/{route:04}/{{id}}"));
        }
    }
    let slo = builder.install().unwrap();
    let app = Router::new().route("/", get(|| async { "ok" })).merge(slo.routes()).layer(slo.layer());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let whole = read(asked(address, "/metrics").await).await.len();
    let before = resident();
    let mut idle = Vec::new();
    let mut slowest = Duration::ZERO;
    for _ in 0..300 {
        idle.push(asked(address, "/metrics").await);
        let start = Instant::now();
        assert!(read(asked(address, "/").await).await.ends_with(b"ok"));
        slowest = slowest.max(start.elapsed());
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    let during = resident();
    // A scraper that reads gets all of it all the same.
    assert!(read(asked(address, "/metrics").await).await.len() > whole / 100 * 99);
    drop(idle);
    tokio::time::sleep(Duration::from_secs(1)).await;
    eprintln!(
        "{} MB a scrape; 300 that do not read: {before} MB before, {during} MB during, {} MB after; another request took {slowest:?} \
         at most",
        whole >> 20,
        resident()
    );
    assert!(during < before + 400, "{before} MB, then {during} MB");
    assert!(slowest < Duration::from_secs(5), "{slowest:?}");
}

#[test]
#[ignore = "takes a minute"]
fn two_thousand_threads_at_once() {
    let slo = Service::builder("shop").availability("99.9%").install().unwrap();
    let work = |slo: &Service, barrier: &Barrier| {
        for operation in 0..200 {
            slo.start(&format!("operation-{operation}")).good();
        }
        barrier.wait();
    };
    let before = resident();
    let mut after = Vec::new();
    for _ in 0..3 {
        let barrier = Arc::new(Barrier::new(2_000));
        let threads: Vec<_> = (0..2_000)
            .map(|_| {
                let (slo, barrier) = (slo.clone(), Arc::clone(&barrier));
                std::thread::Builder::new().stack_size(64 << 10).spawn(move || work(&slo, &barrier)).unwrap()
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        after.push(resident());
    }
    let start = Instant::now();
    let metrics = slo.metrics();
    let scrape = start.elapsed();
    let counts = metrics.lines().filter(|line| line.starts_with("slo_operation_duration_seconds_count"));
    let total: u64 = counts.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum();
    eprintln!(
        "2,000 threads, three times: {before} MB before, {after:?} MB after each; a scrape takes {scrape:?}"
    );
    assert_eq!(total, 1_200_000);
    // What is given back, the allocator keeps for the next ones.
    let [first, .., last] = after.as_slice() else { unreachable!() };
    assert!(last.saturating_sub(*first) < 100, "{after:?} MB");
    assert!(scrape < Duration::from_secs(1), "{scrape:?}");
}
