//! A storm of deliveries on a server that is killed all the time: nothing that was answered with 2xx is lost, and no step that
//! is not repeatable runs twice.
//!
//! Two Alertmanagers that do not know of each other send the same, each in its order, again and again, some of it late. They
//! are refused, cut off and repeated. The server is killed at every point where it has just done or written something, and
//! then at random moments; at last it may work in peace. `SLO_STORM_KILLS` says how many random kills there are.
//!
//!     cargo test -p slo-server --features storm --test storm

#![allow(
    clippy::doc_markdown,
    clippy::needless_pass_by_value,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

#[path = "../common/mod.rs"]
mod common;
mod senders;
mod server;
mod vendors;
mod verdict;

use common::PostgresServer;
use senders::Senders;
use server::{Place, Replica};
use slo_server::{
    run::{LAUNCH, launch},
    store::{Postgres, Sqlite, Store},
};
use std::{
    io::Write,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{runtime::Runtime, time::sleep};
use vendors::Vendors;

/// Where a server that is told so ends itself.
const POINTS: [&str; 10] = [
    "received",
    "recorded",
    "before step",
    "step started",
    "step ran",
    "step end written",
    "before sending",
    "sending written",
    "sent",
    "sent written",
];
/// How often each of them is passed before.
const TIMES: [u32; 3] = [1, 2, 9];
/// How long a server has to come to such a point.
const TO_A_POINT: Duration = Duration::from_secs(4);
/// How long it may take to finish in peace.
const IN_PEACE: Duration = Duration::from_secs(120);

fn main() {
    let mut args = std::env::args_os().skip(1);
    match args.next().as_deref().and_then(|first| first.to_str()) {
        Some(LAUNCH) => launch(args),
        // A step of the runbook: a line in a file.
        Some("__note") => {
            let [path, line] = [args.next().unwrap(), args.next().unwrap()];
            let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path).unwrap();
            file.write_all(format!("{}\n", line.to_string_lossy()).as_bytes()).unwrap();
            return;
        }
        Some("__serve") => return server::serve(args.next().unwrap()),
        // What a list of tests asks.
        Some("--list") => return,
        _ => {}
    }
    rustls::crypto::ring::default_provider().install_default().unwrap();
    let kills = std::env::var("SLO_STORM_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(10);
    let seed = std::env::var("SLO_STORM_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or_else(|| fastrand::u64(..));
    fastrand::seed(seed);
    println!("seed {seed}");
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        let folder = tempfile::tempdir().unwrap();
        storm("SQLite", &Place::sqlite(folder.path()), 1, kills).await;
        let server = PostgresServer::start();
        let folder = tempfile::tempdir().unwrap();
        storm("PostgreSQL, two replicas", &Place::postgres(folder.path(), &server.url()), 2, kills).await;
    });
    println!("test result: ok. 2 passed; 0 failed");
}

async fn open(place: &Place) -> Arc<dyn Store> {
    match &place.postgres {
        None => Arc::new(Sqlite::open(place.folder.join("slo.db")).unwrap()),
        Some(url) => Arc::new(Postgres::open(url, None).await.unwrap()),
    }
}

async fn storm(name: &str, place: &Place, replicas: usize, kills: u32) {
    let begun = Instant::now();
    let vendors = Vendors::start().await;
    place.write(vendors.port, replicas);
    let senders = Senders::start(place.ports(replicas));
    let mut killed = 0_u32;

    // At every point.
    for (index, (point, time)) in POINTS.iter().flat_map(|point| TIMES.map(|time| (point, time))).enumerate()
    {
        let mut all: Vec<Replica> =
            (0..replicas).map(|replica| Replica::start(place, replica, None)).collect();
        let victim = index % replicas;
        all[victim].kill();
        all[victim] = Replica::start(place, victim, Some(format!("{point}:{time}")));
        killed += u32::from(all[victim].dies_within(TO_A_POINT).await);
        all.iter_mut().for_each(Replica::kill);
    }
    let at_points = killed;
    let most = u32::try_from(POINTS.len() * TIMES.len()).unwrap();
    assert!(at_points >= most * 2 / 3, "only {at_points} of {most} points were come to");

    // At random.
    let mut all: Vec<Replica> = (0..replicas).map(|replica| Replica::start(place, replica, None)).collect();
    for kill in 0..kills {
        let victim = kill as usize % replicas;
        sleep(Duration::from_millis(fastrand::u64(20..600))).await;
        all[victim].kill();
        killed += 1;
        all[victim] = Replica::start(place, victim, None);
    }

    // In peace.
    let answered = senders.finish().await;
    let store = open(place).await;
    let end = Instant::now() + IN_PEACE;
    while let Some(reason) = verdict::unsettled(&*store).await {
        assert!(Instant::now() < end, "{name}: it does not come to rest: {reason}");
        sleep(Duration::from_millis(200)).await;
    }
    all.iter_mut().for_each(Replica::kill);
    let verdict = verdict::reach(&*store, &answered, &vendors, &place.folder.join("ran.log")).await;
    println!(
        "{name}: {} posts were answered with 2xx ({} refused or cut off, sent again); {killed} kills, {at_points} of them at \
         points; {verdict}; {:.0} s",
        answered.posts,
        answered.again,
        begun.elapsed().as_secs_f64()
    );
}
