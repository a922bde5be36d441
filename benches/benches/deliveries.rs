//! Deliveries a second that are on the disk when they are answered, and the time from a post to the first step of its runbook;
//! beside the floor, a loop that appends a row to a file and waits for the disk.
//!
//!     cargo bench -p slo-benches --bench deliveries
//!     SLO_POSTGRES=postgres://slo@127.0.0.1/slo cargo bench -p slo-benches --bench deliveries   # also PostgreSQL

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used
)]

use slo_core::model::Timestamp;
use slo_ops::{
    alert::{Delivery, IncidentId, Source},
    incident::Event,
};
use slo_server::{
    config::Config,
    run::{LAUNCH, launch},
    serve::Server,
    store::{Arrival, Postgres, Query, Sqlite, Store},
};
use std::{
    fs::File,
    io::Write,
    path::Path,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tokio::{runtime::Runtime, sync::watch, task::JoinSet};

const ROWS: usize = 2_000;
const AT_ONCE: usize = 64;
const INCIDENTS: usize = 100_000;

fn main() {
    let mut args = std::env::args_os().skip(1);
    if args.next().is_some_and(|first| first == LAUNCH) {
        launch(args);
    }
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let floor = floor(folder.path());
    println!("floor: a row appended and fdatasync, one after the other: {}", told(&floor));
    runtime.block_on(async {
        let sqlite: Arc<dyn Store> = Arc::new(Sqlite::open(folder.path().join("bench.db")).unwrap());
        store("SQLite", &sqlite, &floor).await;
        if let Ok(url) = std::env::var("SLO_POSTGRES") {
            let postgres: Arc<dyn Store> = Arc::new(Postgres::open(&url, None).await.unwrap());
            store("PostgreSQL", &postgres, &floor).await;
        }
        served(folder.path()).await;
        many(folder.path()).await;
    });
}

/// How long each of several took.
struct Times {
    whole: Duration,
    each: Vec<Duration>,
}

impl Times {
    fn rate(&self) -> f64 {
        self.each.len() as f64 / self.whole.as_secs_f64()
    }
}

fn told(times: &Times) -> String {
    let mut each = times.each.clone();
    each.sort_unstable();
    let at = |share: f64| each[((each.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    format!("{:.0} a second; p50 {:.2} ms, p99 {:.2} ms", times.rate(), at(0.5), at(0.99))
}

fn body(number: usize) -> String {
    format!(
        r#"{{"version": "4", "groupKey": "{{}}:{{service=s{number}}}", "status": "firing", "receiver": "slo", "truncatedAlerts": 0,
        "groupLabels": {{}}, "commonLabels": {{}}, "commonAnnotations": {{}}, "externalURL": "http://am:9093", "alerts": [{{"status": "firing",
        "labels": {{"alertname": "SLOErrorBudgetBurn", "service": "s{number}", "slo": "availability", "severity": "page", "burn_tier": "fast"}},
        "annotations": {{"summary": "s{number}/availability is burning its error budget too fast", "description": "In the last 1h, 2.1% of events were bad."}},
        "startsAt": "2026-11-23T06:27:20.245Z", "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "http://prometheus:9090/graph"}}]}}"#
    )
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap())
}

fn arrival(number: usize) -> Arrival {
    Arrival { delivery: Delivery::parse(Source::Alertmanager, body(number).as_bytes()).unwrap(), at: now() }
}

fn floor(folder: &Path) -> Times {
    let mut file = File::create(folder.join("floor")).unwrap();
    let row = body(0);
    let begun = Instant::now();
    let each = (0..ROWS)
        .map(|_| {
            let begun = Instant::now();
            file.write_all(row.as_bytes()).unwrap();
            file.sync_data().unwrap();
            begun.elapsed()
        })
        .collect();
    Times { whole: begun.elapsed(), each }
}

async fn store(name: &str, store: &Arc<dyn Store>, floor: &Times) {
    for (at_once, offset) in [(1, 0), (AT_ONCE, ROWS)] {
        let begun = Instant::now();
        let mut lanes = JoinSet::new();
        for lane in 0..at_once {
            let store = Arc::clone(store);
            lanes.spawn(async move {
                let mut each = Vec::new();
                for number in (lane..ROWS).step_by(at_once) {
                    let begun = Instant::now();
                    store.receive(vec![arrival(offset + number)]).await.unwrap();
                    each.push(begun.elapsed());
                }
                each
            });
        }
        let each = lanes.join_all().await.concat();
        let times = Times { whole: begun.elapsed(), each };
        let ratio = times.rate() / floor.rate();
        println!("{name}, {at_once} at once: {}; {ratio:.2} times the floor", told(&times));
    }
}

async fn serving(
    folder: &Path,
    runbooks: &str,
) -> (String, watch::Sender<bool>, tokio::task::JoinHandle<()>) {
    let text = format!("version: slo-server/v1\nlisten: 127.0.0.1:0\nstore: sqlite:serve.db\n{runbooks}");
    let config = Config::parse(&text, folder).unwrap_or_else(|faults| panic!("{faults}"));
    let server = Server::open(config, Vec::new(), std::env::current_exe().unwrap()).await.unwrap();
    let url = format!("{}/alerts/alertmanager", server.url().unwrap());
    let (stop, stopped) = watch::channel(false);
    let task = tokio::spawn(async move { server.run(stopped).await.unwrap() });
    (url, stop, task)
}

async fn served(folder: &Path) {
    let runbook = "runbooks: {bench: {when: {severity: page}, concurrent: true, steps: [{diagnose: {command: [/bin/true]}}]}}\n";
    let (url, stop, task) = serving(folder, runbook).await;
    for (at_once, offset) in [(1, 0), (AT_ONCE, ROWS)] {
        let begun = Instant::now();
        let mut lanes = JoinSet::new();
        for lane in 0..at_once {
            let url = url.clone();
            lanes.spawn_blocking(move || {
                let agent = ureq::Agent::new_with_defaults();
                let posts = (lane..ROWS).step_by(at_once).map(|number| {
                    let (body, begun) = (body(offset + number), Instant::now());
                    let answer =
                        agent.post(&url).header("content-type", "application/json").send(body).unwrap();
                    assert_eq!(answer.status(), 200);
                    begun.elapsed()
                });
                posts.collect::<Vec<_>>()
            });
        }
        let each = lanes.join_all().await.concat();
        println!(
            "slo serve, {at_once} connections, from a post to its 200: {}",
            told(&Times { whole: begun.elapsed(), each })
        );
    }
    // One at a time: from the receipt of a delivery to the start of its first step.
    tokio::time::sleep(Duration::from_secs(20)).await;
    let store = Sqlite::open(folder.join("serve.db")).unwrap();
    let mut each = Vec::new();
    for number in 0..200 {
        let (url, body) = (url.clone(), body(10_000 + number));
        let id = Delivery::parse(Source::Alertmanager, body.as_bytes()).unwrap().incident();
        tokio::task::spawn_blocking(move || ureq::post(&url).send(body).unwrap()).await.unwrap();
        each.push(first_step(&store, id).await);
    }
    let whole = each.iter().sum();
    println!(
        "slo serve, from the receipt of a delivery to the start of its first step: {}",
        told(&Times { whole, each })
    );
    stop.send(true).unwrap();
    task.await.unwrap();
}

async fn first_step(store: &dyn Store, incident: IncidentId) -> Duration {
    loop {
        let record = store.record(incident, 0).await.unwrap();
        let started = record.iter().find(|one| matches!(one.entry.event, Event::StepStarted { .. }));
        if let Some(started) = started {
            return Duration::from_millis(started.entry.at.millis_since(record[0].entry.at));
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn memory() -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1_024.0
}

/// What many incidents in the record cost a server.
async fn many(folder: &Path) {
    let folder = folder.join("many");
    std::fs::create_dir(&folder).unwrap();
    let store = Sqlite::open(folder.join("serve.db")).unwrap();
    for first in (0..INCIDENTS).step_by(1_000) {
        store.receive((first..first + 1_000).map(arrival).collect()).await.unwrap();
    }
    let before = memory();
    let (_, stop, task) = serving(&folder, "").await;
    let begun = Instant::now();
    while store.waiting(now()).await.unwrap().0 > 0 {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let worked = begun.elapsed();
    let begun = Instant::now();
    let listed = store.list(Query { open: false, after: None, limit: 100 }).await.unwrap().len();
    println!(
        "{INCIDENTS} incidents in SQLite: worked on in {:.0} s, {:.0} MiB more memory; {listed} listed in {:.1} ms",
        worked.as_secs_f64(),
        memory() - before,
        begun.elapsed().as_secs_f64() * 1e3
    );
    stop.send(true).unwrap();
    task.await.unwrap();
}
