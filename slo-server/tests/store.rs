//! What both stores promise: one suite, run against each.

#![allow(clippy::doc_markdown, clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::PostgresServer;
use slo_core::model::{Timestamp, Window};
use slo_ops::{
    Deployment,
    alert::{Delivery, IncidentId, Source},
    experiment::{RunEntry, RunEvent},
    incident::{Entry, Event},
};
use slo_server::store::{
    Append, Arrival, Claim, KeptRun, Owner, Postgres, Query, Receipt, Sqlite, Start, Store, StoreError,
};
use std::sync::Arc;

fn delivery(group: &str, starts: &str) -> Delivery {
    let body = format!(
        r#"{{"version": "4", "groupKey": "{group}", "status": "firing", "alerts": [{{"status": "firing",
        "labels": {{"group": "{group}"}}, "startsAt": "{starts}"}}]}}"#
    );
    Delivery::parse(Source::Alertmanager, body.as_bytes()).unwrap()
}

fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap())
}

fn arrival(group: &str, starts: &str) -> Arrival {
    Arrival { delivery: delivery(group, starts), at: now() }
}

fn note(text: &str) -> Entry {
    Entry::new(now(), Event::Note { who: "ann".to_owned(), text: text.to_owned() })
}

const LEASE: Window = Window::seconds(30);

async fn claimed(store: &dyn Store, owner: &Owner, lease: Window) -> Vec<IncidentId> {
    let claims: Vec<Claim> = store.claim(owner, now(), lease, 10).await.unwrap();
    claims.into_iter().map(|claim| claim.incident).collect()
}

/// All promises, on an empty store.
async fn promises(store: &dyn Store) {
    let (one, two): (Owner, Owner) = ("one".into(), "two".into());
    let (a, b) =
        (delivery("a", "2026-11-23T06:00:00Z").incident(), delivery("b", "2026-11-23T06:00:00Z").incident());

    // A delivery that comes again is told to have come again, within one call and in another.
    let first = [
        arrival("a", "2026-11-23T06:00:00Z"),
        arrival("b", "2026-11-23T06:00:00Z"),
        arrival("a", "2026-11-23T06:00:00Z"),
    ];
    let receipts = store.receive(first.to_vec()).await.unwrap();
    assert_eq!(receipts, [Receipt::New, Receipt::New, Receipt::Repeated]);
    let again = store.receive(vec![arrival("b", "2026-11-23T06:00:00Z")]).await.unwrap();
    assert_eq!(again, [Receipt::Repeated]);
    let record = store.record(a, 0).await.unwrap();
    assert_eq!(record.iter().map(|numbered| numbered.number).collect::<Vec<_>>(), [1, 2]);
    assert!(matches!(record[0].entry.event, Event::Received { .. }));
    assert!(matches!(record[1].entry.event, Event::Repeated { .. }));
    assert_eq!(store.record(a, 1).await.unwrap().len(), 1);

    // Each incident has one owner.
    let mut own = claimed(store, &one, LEASE).await;
    own.sort_unstable();
    let mut both = [a, b];
    both.sort_unstable();
    assert_eq!(own, both);
    assert_eq!(claimed(store, &two, LEASE).await, []);
    assert_eq!(store.owners().await.unwrap(), [Arc::clone(&one)]);

    // Only the owner appends.
    let append = |text: &str| Append { entries: vec![note(text)], ..Append::default() };
    store.append(a, &one, append("mine"), true).await.unwrap();
    assert_eq!(store.append(a, &two, append("not mine"), true).await, Err(StoreError::Lost));
    assert_eq!(store.record(a, 2).await.unwrap().len(), 1);

    // What was not seen is not slept over; what was is.
    store.release(a, &one, 2, None).await.unwrap();
    assert_eq!(claimed(store, &two, LEASE).await, [a]);
    store.release(a, &two, 3, None).await.unwrap();
    assert_eq!(claimed(store, &two, LEASE).await, []);
    store.release(b, &one, 2, Some(now().after(Window::hours(1)))).await.unwrap();
    assert_eq!(claimed(store, &two, LEASE).await, []);
    assert_eq!(store.waiting(now()).await.unwrap().0, 0);

    // What somebody adds wakes it.
    store.add(b, note("look")).await.unwrap();
    assert_eq!(store.waiting(now()).await.unwrap().0, 1);
    assert_eq!(claimed(store, &one, Window::from_millis(50).unwrap()).await, [b]);

    // A lease ends by itself, unless it is prolonged, or with its owner.
    tokio::time::sleep(std::time::Duration::from_millis(120)).await;
    assert_eq!(claimed(store, &two, LEASE).await, [b]);
    assert_eq!(store.append(b, &one, append("late"), true).await, Err(StoreError::Lost));
    store.disown(&two).await.unwrap();
    assert_eq!(claimed(store, &one, Window::from_millis(50).unwrap()).await, [b]);
    store.renew(&one, vec![b], Vec::new(), now(), LEASE).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(120)).await;
    assert_eq!(claimed(store, &two, LEASE).await, []);
    store.release(b, &one, 3, None).await.unwrap();

    // Starts are counted over all incidents.
    claimed(store, &one, LEASE).await;
    store.add(a, note("x")).await.unwrap();
    assert_eq!(claimed(store, &one, LEASE).await, [a]);
    starts_and_what_became_of_them(store, a, &one).await;

    // A lock has one owner.
    assert!(store.lock("service x", &one, now(), LEASE).await.unwrap());
    assert!(store.lock("service x", &one, now(), LEASE).await.unwrap(), "whoever has it has it");
    assert!(!store.lock("service x", &two, now(), LEASE).await.unwrap());
    store.unlock("service x", &two).await.unwrap();
    assert!(!store.lock("service x", &two, now(), LEASE).await.unwrap());
    store.unlock("service x", &one).await.unwrap();
    assert!(store.lock("service x", &two, now(), LEASE).await.unwrap());

    // Lists, by pages.
    store.append(a, &one, append("resolved"), false).await.unwrap();
    let query = |open, after, limit| Query { open, after, limit };
    let all = store.list(query(false, None, 10)).await.unwrap();
    assert_eq!(all.len(), 2);
    assert!(all[0].last >= all[1].last);
    let rest = store.list(query(false, Some((all[0].last, all[0].incident)), 10)).await.unwrap();
    assert_eq!(rest, all[1..]);
    let open: Vec<_> =
        store.list(query(true, None, 10)).await.unwrap().into_iter().map(|row| row.incident).collect();
    assert_eq!(open, [b]);

    // Runs of experiments, by the time that they lasted; a later one takes the place of an earlier one.
    let at = Timestamp::from_seconds;
    let run = |id: &str, began: i64, until: i64| KeptRun {
        id: id.to_owned(),
        fault: "SIGKILL".to_owned(),
        began: at(began),
        until: at(until),
    };
    for kept in [run("a", 100, 900), run("b", 200, 300), run("c", 400, 900), run("a", 100, 150)] {
        let record = vec![RunEntry::new(kept.began, RunEvent::Asked { by: kept.id.clone() })];
        store.keep_run(kept, record).await.unwrap();
    }
    let ids = async |from, to| -> Vec<String> {
        store.runs(at(from), at(to)).await.unwrap().into_iter().map(|run| run.id).collect()
    };
    assert_eq!(ids(0, 1_000).await, ["a", "b", "c"]);
    assert_eq!(ids(151, 399).await, ["b"]);
    assert_eq!(ids(301, 500).await, ["c"]);
    assert_eq!(store.runs(at(0), at(100)).await.unwrap(), [run("a", 100, 150)]);
    deployments(store).await;
}

/// Deployments, each once; who is told of them is told once.
async fn deployments(store: &dyn Store) {
    let at = Timestamp::from_seconds;
    let deployment =
        |service: &str, version: &str, seconds: i64| Deployment::new(service, version, at(seconds)).unwrap();
    let (first, other, second) =
        (deployment("shop", "1", 100), deployment("cart", "1", 100), deployment("shop", "2", 200));
    for kept in [&second, &first, &other] {
        assert!(store.keep_deployment(kept.clone()).await.unwrap());
    }
    let again = first.clone().by("ci");
    assert!(!store.keep_deployment(again.clone()).await.unwrap(), "it is known");
    assert_eq!(store.deployments(at(0), at(150)).await.unwrap(), [other.clone(), again.clone()]);
    assert_eq!(store.untold(2).await.unwrap().len(), 2);
    for told in [&first, &other] {
        store.told(told.clone()).await.unwrap();
    }
    assert_eq!(store.untold(10).await.unwrap(), [second]);
}

/// Many at once, from several processes' point of view: nothing is lost, and every number is there once.
async fn many_at_once(one: Arc<dyn Store>, two: Arc<dyn Store>) {
    let mut tasks = tokio::task::JoinSet::new();
    for index in 0..400_u32 {
        let store = if index % 2 == 0 { Arc::clone(&one) } else { Arc::clone(&two) };
        tasks.spawn(async move {
            let starts = format!("2026-11-23T07:{:02}:{:02}Z", index / 2 / 60, index / 2 % 60);
            // Both send the same, to five groups in another order each.
            let groups = ["p", "q", "r", "s", "t"].map(|group| arrival(group, &starts));
            let mut groups = groups.to_vec();
            groups.rotate_left(index as usize % 5);
            store.receive(groups).await.unwrap()
        });
    }
    let receipts: Vec<Receipt> = tasks.join_all().await.into_iter().flatten().collect();
    assert_eq!(receipts.iter().filter(|receipt| **receipt == Receipt::New).count(), 1_000);
    for group in ["p", "q", "r", "s", "t"] {
        let record = one.record(delivery(group, "2026-11-23T06:00:00Z").incident(), 0).await.unwrap();
        let numbers: Vec<u64> = record.iter().map(|numbered| numbered.number).collect();
        assert_eq!(numbers, (1..=400).collect::<Vec<_>>());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_keeps_its_promises() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Sqlite::open(folder.path().join("slo.db")).unwrap();
    promises(&open()).await;
    // Two processes may share the file.
    many_at_once(Arc::new(open()), Arc::new(open())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_keeps_its_promises() {
    let server = PostgresServer::start();
    let url = server.url();
    promises(&Postgres::open(&url, None).await.unwrap()).await;
    let (one, two) = tokio::join!(Postgres::open(&url, None), Postgres::open(&url, None));
    many_at_once(Arc::new(one.unwrap()), Arc::new(two.unwrap())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_taken_away_is_no_store_until_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let (path, aside) = (folder.path().join("slo.db"), folder.path().join("aside.db"));
    let store = Sqlite::open(&path).unwrap();
    store.receive(vec![arrival("a", "2026-11-23T06:00:00Z")]).await.unwrap();
    std::fs::rename(&path, &aside).unwrap();
    let gone = store.receive(vec![arrival("a", "2026-11-23T06:00:01Z")]).await.unwrap_err();
    assert!(gone.to_string().ends_with("slo.db is gone"), "{gone}");
    std::fs::rename(&aside, &path).unwrap();
    let receipts =
        store.receive(vec![arrival("a", "2026-11-23T06:00:00Z"), arrival("a", "2026-11-23T06:00:02Z")]).await;
    assert_eq!(receipts.unwrap(), [Receipt::Repeated, Receipt::New]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_goes_away_is_no_store_until_it_is_back() {
    let mut server = PostgresServer::start();
    let store = Postgres::open(&server.url(), None).await.unwrap();
    store.receive(vec![arrival("a", "2026-11-23T06:00:00Z")]).await.unwrap();
    server.down();
    let gone = store.receive(vec![arrival("a", "2026-11-23T06:00:01Z")]).await.unwrap_err();
    assert!(matches!(gone, StoreError::Unavailable(_)), "{gone}");
    server.up();
    let receipts =
        store.receive(vec![arrival("a", "2026-11-23T06:00:00Z"), arrival("a", "2026-11-23T06:00:02Z")]).await;
    assert_eq!(receipts.unwrap(), [Receipt::Repeated, Receipt::New]);
}

#[test]
fn a_later_version_of_the_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("slo.db");
    drop(Sqlite::open(&path).unwrap());
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    let error = Sqlite::open(&path).unwrap_err();
    assert!(error.to_string().contains("later version of slo"), "{error}");
}

/// A record without what became of starts, as version 3 of both stores has it.
const OLDER: &str = "ALTER TABLE starts DROP COLUMN helped; INSERT INTO starts (runbook, step, at) VALUES ('down', 'restart', 7000);";

async fn starts_of_an_older_version(store: &dyn Store) {
    let start = |helped| Start {
        runbook: "down".to_owned(),
        step: "restart".to_owned(),
        at: Timestamp::from_millis(7_000),
        helped,
    };
    assert_eq!(store.starts("down", Timestamp::EPOCH).await.unwrap(), [start(None)]);
    let arrived = arrival("a", "2026-11-23T06:00:00Z");
    let (incident, owner): (IncidentId, Owner) = (arrived.delivery.incident(), "one".into());
    store.receive(vec![arrived]).await.unwrap();
    assert_eq!(claimed(store, &owner, LEASE).await, [incident]);
    let judged = Append { judged: vec![start(Some(true))], entries: vec![note("it helped")], start: None };
    store.append(incident, &owner, judged, true).await.unwrap();
    assert_eq!(store.starts("down", Timestamp::EPOCH).await.unwrap(), [start(Some(true))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_of_an_older_version_is_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("slo.db");
    drop(Sqlite::open(&path).unwrap());
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute_batch(OLDER).unwrap();
    connection.pragma_update(None, "user_version", 3).unwrap();
    drop(connection);
    starts_of_an_older_version(&Sqlite::open(&path).unwrap()).await;

    let server = PostgresServer::start();
    drop(Postgres::open(&server.url(), None).await.unwrap());
    let (client, connection) = tokio_postgres::connect(&server.url(), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute(OLDER).await.unwrap();
    client.batch_execute("UPDATE schema_version SET version = 3").await.unwrap();
    starts_of_an_older_version(&Postgres::open(&server.url(), None).await.unwrap()).await;
}

#[test]
fn what_is_no_file_of_sqlite_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    std::fs::write(
        &path,
        "not a database, but somebody's notes, which are long enough to have a header of their own",
    )
    .unwrap();
    let before = std::fs::read(&path).unwrap();
    assert!(Sqlite::open(&path).is_err());
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

async fn starts_and_what_became_of_them(store: &dyn Store, incident: IncidentId, owner: &Owner) {
    let at = now();
    let start = Start { runbook: "down".to_owned(), step: "restart".to_owned(), at, helped: None };
    let begun = Append {
        entries: vec![Entry::new(at, Event::StepStarted { step: 3, attempt: 1, values: [].into() })],
        start: Some(start.clone()),
        judged: Vec::new(),
    };
    store.append(incident, owner, begun, true).await.unwrap();
    assert_eq!(
        store.starts("down", at.before(Window::seconds(1))).await.unwrap(),
        std::slice::from_ref(&start)
    );
    // What becomes of one is written later.
    let failed = Start { helped: Some(false), ..start };
    let judged = Append { judged: vec![failed.clone()], entries: vec![note("it failed")], start: None };
    store.append(incident, owner, judged, true).await.unwrap();
    assert_eq!(store.starts("down", at).await.unwrap(), [failed]);
    assert_eq!(store.starts("down", at.after(Window::seconds(1))).await.unwrap(), []);
    assert_eq!(store.starts("up", Timestamp::EPOCH).await.unwrap(), []);
}
