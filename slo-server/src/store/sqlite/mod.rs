//! A store in a `SQLite` file.

mod file;
mod writer;

use super::{
    Append, Arrival, Claim, IncidentRow, KeptRun, Numbered, Owner, Query, Receipt, Start, Store, StoreError,
    StoreFuture,
    text::{body, deployment, deployment_body, incident_id, numbered, record_body},
};
use file::{Identity, connect, identity};
use rusqlite::{Connection, OptionalExtension, params};
use slo_core::model::{Timestamp, Window};
use slo_ops::{
    Deployment,
    alert::IncidentId,
    experiment::RunEntry,
    incident::{Entry, Event},
};
use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::{mpsc, oneshot};
use writer::{Job, Writer, stopped};

/// How many calls that write may wait in the queue; further callers wait for room.
const QUEUE: usize = 4_096;
/// How many readers there are.
const READERS: usize = 4;
/// A record in a `SQLite` file, which processes on one machine may share.
///
/// One thread writes. It takes all waiting calls at once, so that they share one transaction and one wait for
/// the disk.
#[derive(Clone)]
pub struct Sqlite {
    path: Arc<PathBuf>,
    jobs: mpsc::Sender<Job>,
    readers: Arc<Mutex<Vec<Reader>>>,
}

/// A connection, and the identity of its file.
type Reader = (Connection, Option<Identity>);

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sqlite({})", self.path.display())
    }
}

impl Sqlite {
    /// Opens the file, and creates it if it does not exist.
    ///
    /// # Errors
    /// A file that cannot be opened, is not a `SQLite` file, or was written by a later version.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = Arc::new(path.as_ref().to_owned());
        let writer = Writer::open(&path)?;
        let (jobs, queue) = mpsc::channel(QUEUE);
        std::thread::Builder::new()
            .name("slo-store".to_owned())
            .spawn(move || writer.run(queue))
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        Ok(Self { path, jobs, readers: Arc::default() })
    }

    fn write<T: Send + 'static>(
        &self,
        mut run: impl FnMut(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> StoreFuture<'_, T> {
        let jobs = self.jobs.clone();
        Box::pin(async move {
            let (sender, receiver) = oneshot::channel();
            let value = Arc::new(Mutex::new(None));
            let made = Arc::clone(&value);
            let job = Job {
                run: Box::new(move |connection| {
                    *locked(&made) = Some(run(connection)?);
                    Ok(())
                }),
                // A caller that no longer waits gets no result.
                done: Box::new(move |result| drop(sender.send(result))),
            };
            jobs.send(job).await.map_err(|_| stopped())?;
            receiver.await.map_err(|_| stopped())??;
            locked(&value).take().ok_or_else(stopped)
        })
    }

    fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> StoreFuture<'_, T> {
        let (path, readers) = (Arc::clone(&self.path), Arc::clone(&self.readers));
        Box::pin(async move {
            let task = tokio::task::spawn_blocking(move || {
                let file = identity(&path);
                // A connection to a file that was removed or replaced is not used any more.
                let kept = locked(&readers).pop().filter(|(_, of)| *of == file);
                let reader = match kept {
                    Some((reader, _)) => reader,
                    None => connect(&path, false)?,
                };
                let result = read(&reader);
                let mut readers = locked(&readers);
                if result.is_ok() && readers.len() < READERS {
                    readers.push((reader, file));
                }
                result
            });
            task.await.map_err(|error| StoreError::Unavailable(error.to_string()))?
        })
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn key(incident: IncidentId) -> String {
    incident.to_string()
}

/// Adds entries after the entry `head` of a record.
fn add_entries(
    connection: &Connection,
    incident: IncidentId,
    head: u64,
    entries: &[Entry],
) -> Result<(), StoreError> {
    let mut insert =
        connection.prepare_cached("INSERT INTO entries (incident, number, body) VALUES (?1, ?2, ?3)")?;
    for (number, entry) in (head + 1..).zip(entries) {
        insert.execute(params![key(incident), number, body(entry)?])?;
    }
    Ok(())
}

/// Reserves the numbers of `count` entries and makes the incident due; returns the number before them.
fn grow(
    connection: &Connection,
    incident: IncidentId,
    count: usize,
    at: Timestamp,
) -> Result<u64, StoreError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO incidents (id, head, due, first, last, open) VALUES (?1, ?2, ?3, ?3, ?3, 1)
         ON CONFLICT (id) DO UPDATE SET head = head + ?2, due = min(coalesce(due, ?3), ?3), last = max(last, ?3)
         RETURNING head",
    )?;
    let head: u64 = statement.query_row(params![key(incident), count, at.as_millis()], |row| row.get(0))?;
    Ok(head.saturating_sub(count as u64))
}

fn receive_one(connection: &Connection, arrival: &Arrival) -> Result<Receipt, StoreError> {
    let Arrival { delivery, at } = arrival;
    let (id, incident) = (delivery.id(), delivery.incident());
    let mut known =
        connection.prepare_cached("INSERT INTO deliveries (id) VALUES (?1) ON CONFLICT DO NOTHING")?;
    let is_new = known.execute([id.to_string()])? > 0;
    let event = if is_new { Event::received(delivery) } else { Event::Repeated { delivery: id } };
    let head = grow(connection, incident, 1, *at)?;
    add_entries(connection, incident, head, &[Entry::new(*at, event)])?;
    Ok(if is_new { Receipt::New } else { Receipt::Repeated })
}

impl Store for Sqlite {
    fn receive(&self, arrivals: Vec<Arrival>) -> StoreFuture<'_, Vec<Receipt>> {
        self.write(move |connection| {
            arrivals.iter().map(|arrival| receive_one(connection, arrival)).collect()
        })
    }

    fn claim<'a>(
        &'a self,
        owner: &'a Owner,
        now: Timestamp,
        lease: Window,
        limit: usize,
    ) -> StoreFuture<'a, Vec<Claim>> {
        let owner = Arc::clone(owner);
        self.write(move |connection| {
            let (now, until) = (now.as_millis(), now.after(lease).as_millis());
            let mut waiting = connection.prepare_cached(
                "SELECT id, due FROM incidents WHERE due <= ?1 AND (owner IS NULL OR lease < ?1) ORDER BY due LIMIT ?2",
            )?;
            let rows = waiting.query_map(params![now, limit], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
            let rows: Vec<(String, i64)> = rows.collect::<Result<_, _>>()?;
            let mut take = connection.prepare_cached("UPDATE incidents SET owner = ?2, lease = ?3 WHERE id = ?1")?;
            let claims = rows.into_iter().map(|(id, due)| {
                take.execute(params![id, &*owner, until])?;
                Ok(Claim { incident: incident_id(&id)?, due: Timestamp::from_millis(due) })
            });
            claims.collect()
        })
    }

    fn renew<'a>(
        &'a self,
        owner: &'a Owner,
        incidents: Vec<IncidentId>,
        locks: Vec<(String, Owner)>,
        now: Timestamp,
        lease: Window,
    ) -> StoreFuture<'a, ()> {
        let owner = Arc::clone(owner);
        self.write(move |connection| {
            let until = now.after(lease).as_millis();
            let mut leases =
                connection.prepare_cached("UPDATE incidents SET lease = ?3 WHERE id = ?1 AND owner = ?2")?;
            for incident in &incidents {
                leases.execute(params![key(*incident), &*owner, until])?;
            }
            let mut held =
                connection.prepare_cached("UPDATE locks SET lease = ?3 WHERE name = ?1 AND owner = ?2")?;
            for (name, holder) in &locks {
                held.execute(params![name, &**holder, until])?;
            }
            Ok(())
        })
    }

    fn release<'a>(
        &'a self,
        incident: IncidentId,
        owner: &'a Owner,
        seen: u64,
        due: Option<Timestamp>,
    ) -> StoreFuture<'a, ()> {
        let owner = Arc::clone(owner);
        self.write(move |connection| {
            let mut statement = connection.prepare_cached(
                "UPDATE incidents SET owner = NULL, lease = 0, due = CASE WHEN head > ?3 THEN last ELSE ?4 END
                 WHERE id = ?1 AND owner = ?2",
            )?;
            statement.execute(params![key(incident), &*owner, seen, due.map(Timestamp::as_millis)])?;
            Ok(())
        })
    }

    fn append<'a>(
        &'a self,
        incident: IncidentId,
        owner: &'a Owner,
        append: Append,
        is_open: bool,
    ) -> StoreFuture<'a, ()> {
        let owner = Arc::clone(owner);
        self.write(move |connection| {
            let last = append.entries.iter().map(|entry| entry.at.as_millis()).max().unwrap_or(0);
            let mut grown = connection.prepare_cached(
                "UPDATE incidents SET head = head + ?3, last = max(last, ?4), open = ?5
                 WHERE id = ?1 AND owner = ?2 RETURNING head",
            )?;
            let count = append.entries.len();
            let head: Option<u64> = grown
                .query_row(params![key(incident), &*owner, count, last, is_open], |row| row.get(0))
                .optional()?;
            let head = head.ok_or(StoreError::Lost)?.saturating_sub(count as u64);
            add_entries(connection, incident, head, &append.entries)?;
            if let Some(Start { runbook, step, at, helped }) = &append.start {
                let mut insert = connection.prepare_cached(
                    "INSERT INTO starts (runbook, step, at, helped) VALUES (?1, ?2, ?3, ?4)",
                )?;
                insert.execute(params![runbook, step, at.as_millis(), helped])?;
            }
            for Start { runbook, step, at, helped } in &append.judged {
                let mut update = connection.prepare_cached(
                    "UPDATE starts SET helped = ?4 WHERE runbook = ?1 AND step = ?2 AND at = ?3",
                )?;
                update.execute(params![runbook, step, at.as_millis(), helped])?;
            }
            Ok(())
        })
    }

    fn add(&self, incident: IncidentId, entry: Entry) -> StoreFuture<'_, ()> {
        self.write(move |connection| {
            let head = grow(connection, incident, 1, entry.at)?;
            add_entries(connection, incident, head, std::slice::from_ref(&entry))
        })
    }

    fn record(&self, incident: IncidentId, after: u64) -> StoreFuture<'_, Vec<Numbered>> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT number, body FROM entries WHERE incident = ?1 AND number > ?2 ORDER BY number",
            )?;
            let rows = statement.query_map(params![key(incident), after], |row| {
                Ok((row.get::<_, u64>(0)?, row.get::<_, String>(1)?))
            })?;
            let entries = rows.map(|row| {
                let (number, body) = row?;
                numbered(incident, number, &body)
            });
            entries.collect()
        })
    }

    fn list(&self, query: Query) -> StoreFuture<'_, Vec<IncidentRow>> {
        self.read(move |connection| {
            let (last, id) =
                query.after.map_or((i64::MAX, "g".to_owned()), |(last, id)| (last.as_millis(), key(id)));
            let only = if query.open { "open = 1 AND" } else { "" };
            let mut statement = connection.prepare_cached(&format!(
                "SELECT id, first, last, open FROM incidents WHERE {only} (last, id) < (?1, ?2)
                 ORDER BY last DESC, id DESC LIMIT ?3"
            ))?;
            let rows = statement.query_map(params![last, id, query.limit], |row| {
                Ok((row.get::<_, String>(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })?;
            let rows = rows.map(|row| {
                let (id, first, last, is_open) = row?;
                let (first, last) = (Timestamp::from_millis(first), Timestamp::from_millis(last));
                Ok(IncidentRow { incident: incident_id(&id)?, first, last, is_open })
            });
            rows.collect()
        })
    }

    fn starts<'a>(&'a self, runbook: &'a str, since: Timestamp) -> StoreFuture<'a, Vec<Start>> {
        let runbook = runbook.to_owned();
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT step, at, helped FROM starts WHERE runbook = ?1 AND at >= ?2 ORDER BY at",
            )?;
            let rows = statement.query_map(params![runbook, since.as_millis()], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?;
            let starts = rows.map(|row| {
                let (step, at, helped) = row?;
                Ok(Start { runbook: runbook.clone(), step, at: Timestamp::from_millis(at), helped })
            });
            starts.collect()
        })
    }

    fn lock<'a>(
        &'a self,
        name: &'a str,
        owner: &'a Owner,
        now: Timestamp,
        lease: Window,
    ) -> StoreFuture<'a, bool> {
        let (name, owner) = (name.to_owned(), Arc::clone(owner));
        self.write(move |connection| {
            let mut statement = connection.prepare_cached(
                "INSERT INTO locks (name, owner, lease) VALUES (?1, ?2, ?4) ON CONFLICT (name) DO UPDATE
                 SET owner = ?2, lease = ?4 WHERE lease < ?3 OR owner = ?2",
            )?;
            let until = now.after(lease).as_millis();
            Ok(statement.execute(params![name, &*owner, now.as_millis(), until])? > 0)
        })
    }

    fn unlock<'a>(&'a self, name: &'a str, owner: &'a Owner) -> StoreFuture<'a, ()> {
        let (name, owner) = (name.to_owned(), Arc::clone(owner));
        self.write(move |connection| {
            let mut statement =
                connection.prepare_cached("DELETE FROM locks WHERE name = ?1 AND owner = ?2")?;
            statement.execute(params![name, &*owner])?;
            Ok(())
        })
    }

    fn keep_run(&self, run: KeptRun, record: Vec<RunEntry>) -> StoreFuture<'_, ()> {
        self.write(move |connection| {
            let mut statement = connection.prepare_cached(
                "INSERT INTO runs (id, fault, began, until, body) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (id) DO UPDATE SET until = ?4, body = ?5",
            )?;
            let (began, until) = (run.began.as_millis(), run.until.as_millis());
            statement.execute(params![run.id, run.fault, began, until, record_body(&record)?])?;
            Ok(())
        })
    }

    fn runs(&self, from: Timestamp, to: Timestamp) -> StoreFuture<'_, Vec<KeptRun>> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT id, fault, began, until FROM runs WHERE began <= ?2 AND until >= ?1 ORDER BY began, id",
            )?;
            let rows = statement.query_map(params![from.as_millis(), to.as_millis()], |row| {
                let (began, until) = (Timestamp::from_millis(row.get(2)?), Timestamp::from_millis(row.get(3)?));
                Ok(KeptRun { id: row.get(0)?, fault: row.get(1)?, began, until })
            })?;
            rows.map(|row| Ok(row?)).collect()
        })
    }

    fn keep_deployment(&self, deployment: Deployment) -> StoreFuture<'_, bool> {
        self.write(move |connection| {
            let mut known = connection.prepare_cached(
                "SELECT 1 FROM deployments WHERE service = ?1 AND at = ?2 AND version = ?3",
            )?;
            let Deployment { service, version, at, .. } = &deployment;
            let is_known = known.exists(params![service, at.as_millis(), version])?;
            let mut statement = connection.prepare_cached(
                "INSERT INTO deployments (service, at, version, body) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (service, at, version) DO UPDATE SET body = ?4",
            )?;
            statement.execute(params![service, at.as_millis(), version, deployment_body(&deployment)?])?;
            Ok(!is_known)
        })
    }

    fn deployments(&self, from: Timestamp, to: Timestamp) -> StoreFuture<'_, Vec<Deployment>> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT body FROM deployments WHERE at >= ?1 AND at <= ?2 ORDER BY at, service, version",
            )?;
            let bodies = statement
                .query_map(params![from.as_millis(), to.as_millis()], |row| row.get::<_, String>(0))?;
            bodies.map(|body| deployment(&body?)).collect()
        })
    }

    fn untold(&self, limit: usize) -> StoreFuture<'_, Vec<Deployment>> {
        self.read(move |connection| {
            let mut statement = connection
                .prepare_cached("SELECT body FROM deployments WHERE told = 0 ORDER BY at LIMIT ?1")?;
            let bodies = statement.query_map([limit], |row| row.get::<_, String>(0))?;
            bodies.map(|body| deployment(&body?)).collect()
        })
    }

    fn told(&self, deployment: Deployment) -> StoreFuture<'_, ()> {
        self.write(move |connection| {
            let mut statement = connection.prepare_cached(
                "UPDATE deployments SET told = 1 WHERE service = ?1 AND at = ?2 AND version = ?3",
            )?;
            let Deployment { service, version, at, .. } = &deployment;
            statement.execute(params![service, at.as_millis(), version])?;
            Ok(())
        })
    }

    fn owners(&self) -> StoreFuture<'_, Vec<Owner>> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT owner FROM incidents WHERE owner IS NOT NULL UNION SELECT owner FROM locks",
            )?;
            let owners = statement.query_map([], |row| row.get::<_, String>(0))?;
            owners.map(|owner| Ok(owner?.into())).collect()
        })
    }

    fn disown<'a>(&'a self, owner: &'a Owner) -> StoreFuture<'a, ()> {
        let owner = Arc::clone(owner);
        self.write(move |connection| {
            for statement in [
                "UPDATE incidents SET owner = NULL, lease = 0 WHERE owner = ?1",
                "DELETE FROM locks WHERE owner = ?1",
            ] {
                connection.prepare_cached(statement)?.execute([&*owner])?;
            }
            Ok(())
        })
    }

    fn waiting(&self, now: Timestamp) -> StoreFuture<'_, (u64, Option<Timestamp>)> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT count(*), min(due) FROM incidents WHERE due <= ?1 AND (owner IS NULL OR lease < ?1)",
            )?;
            let (count, due): (u64, Option<i64>) =
                statement.query_row([now.as_millis()], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok((count, due.map(Timestamp::from_millis)))
        })
    }
}
