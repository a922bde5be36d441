//! Reading an answer of Prometheus: 200 series of 30 days at 5 minutes, by both clients; and beside them, the whole body read
//! into memory and then parsed, as clients usually do.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark fails by panicking, and prints")]

use serde::Deserialize;
use slo_core::model::{Timestamp, Window};
use slo_prometheus::{AsyncClient, Client, Labels, Settings, Steps};
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    hint::black_box,
    io::{BufRead, BufReader, Write as _},
    net::TcpListener,
    sync::Arc,
    thread,
    time::Instant,
};

const SERIES: usize = 200;
const POINTS: usize = 8_640;
const RUNS: usize = 7;
const START: i64 = 1_790_000_000;
const STEPS: Steps = Steps { start: Timestamp::from_seconds(START), step: Window::minutes(5), count: POINTS };

/// An answer, as a query for tiles gets it.
fn answer() -> String {
    let mut body = r#"{"status":"success","data":{"resultType":"matrix","result":["#.to_owned();
    for series in 0..SERIES {
        let comma = if series == 0 { "" } else { "," };
        let _ = write!(
            body,
            r#"{comma}{{"metric":{{"__name__":"slo:sli_total:increase5m","service":"checkout","slo":"s{series}"}},"values":["#
        );
        for point in 1..=POINTS {
            let comma = if point == 1 { "" } else { "," };
            let time = START + 300 * i64::try_from(point).unwrap();
            let value = (point * 7_919 + series) % 100_000;
            let _ = write!(body, r#"{comma}[{time},"{value}.{:03}"]"#, point % 1_000);
        }
        body.push_str("]}");
    }
    body + "]}}"
}

/// A server that gives this answer to whatever is asked.
fn serve(body: &Arc<String>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let body = Arc::clone(body);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            let mut stream = stream;
            let head =
                format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
        }
    });
    url
}

/// What a client that keeps everything makes of an answer.
#[derive(Deserialize)]
struct Whole {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    result: Vec<Series>,
}

#[derive(Deserialize)]
struct Series {
    metric: BTreeMap<String, String>,
    values: Vec<(f64, String)>,
}

fn fastest(name: &str, bytes: usize, mut run: impl FnMut() -> f64) {
    let mut best = f64::INFINITY;
    for _ in 0..RUNS {
        let began = Instant::now();
        black_box(run());
        best = best.min(began.elapsed().as_secs_f64());
    }
    println!("{name:<46} {:>6.0} ms {:>6.0} MB/s", best * 1e3, bytes as f64 / best / 1e6);
}

fn main() {
    let body = Arc::new(answer());
    let bytes = body.len();
    println!("{:.0} MB, {} points", bytes as f64 / 1e6, SERIES * POINTS);
    let url = serve(&body);
    let client = Client::new(&url, Settings::default()).unwrap();
    fastest("slo-prometheus, Client", bytes, || {
        let mut sum = 0.0;
        client.range("x", STEPS, |_: &Labels, _, value| sum += value).unwrap();
        sum
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let client = AsyncClient::new(&url, Settings::default()).unwrap();
    fastest("slo-prometheus, AsyncClient", bytes, || {
        let mut sum = 0.0;
        runtime.block_on(client.range("x", STEPS, |_: &Labels, _, value| sum += value)).unwrap();
        sum
    });
    let agent: ureq::Agent = ureq::Agent::config_builder().build().into();
    fastest("ureq and serde_json, all in memory", bytes, || {
        let mut response = agent.get(&url).call().unwrap();
        let text = response.body_mut().with_config().limit(1 << 30).read_to_string().unwrap();
        let whole: Whole = serde_json::from_str(&text).unwrap();
        let values = whole
            .data
            .result
            .iter()
            .inspect(|one| assert_eq!(one.metric.len(), 3))
            .flat_map(|one| &one.values);
        values.map(|(_, value)| value.parse::<f64>().unwrap()).sum()
    });
}
