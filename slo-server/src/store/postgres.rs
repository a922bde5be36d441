//! `PostgreSQL`, for several replicas.

use super::{
    Append, Arrival, Claim, IncidentRow, Numbered, Owner, Query, Receipt, Start, Store, StoreError,
    StoreFuture,
};
use crate::tls;
use slo_core::model::{Timestamp, Window};
use slo_ops::{
    alert::IncidentId,
    incident::{Entry, Event},
};
use std::{
    fmt,
    str::FromStr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_postgres::{Client, Config, Row};
use tokio_postgres_rustls::MakeRustlsConnect;

/// The statements that make each version of the tables from the one before.
const MIGRATIONS: [&str; 1] = ["
    CREATE TABLE incidents (
        id text PRIMARY KEY, head bigint NOT NULL, due bigint, owner text, lease bigint NOT NULL DEFAULT 0,
        first bigint NOT NULL, last bigint NOT NULL, open boolean NOT NULL);
    CREATE INDEX incidents_due ON incidents (due) WHERE due IS NOT NULL;
    CREATE INDEX incidents_last ON incidents (last, id);
    CREATE INDEX incidents_open ON incidents (last, id) WHERE open;
    CREATE INDEX incidents_owner ON incidents (owner) WHERE owner IS NOT NULL;
    CREATE TABLE entries (
        incident text NOT NULL, number bigint NOT NULL, body text NOT NULL, PRIMARY KEY (incident, number));
    CREATE TABLE deliveries (id text PRIMARY KEY);
    CREATE TABLE starts (runbook text NOT NULL, step text NOT NULL, at bigint NOT NULL);
    CREATE INDEX starts_at ON starts (runbook, at);
    CREATE TABLE locks (name text PRIMARY KEY, owner text NOT NULL, lease bigint NOT NULL);
"];

/// How many connections there are at most.
const CONNECTIONS: usize = 8;
/// How long a connection, and a call, may take.
const TIMEOUT: Duration = Duration::from_secs(8);
/// The server's clock in milliseconds, by which leases are kept: replicas need not agree on the time.
const NOW: &str = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint";
/// What keeps two replicas from making the tables at once.
const MIGRATION_LOCK: i64 = 0x51_0053_4c4f;

/// A record in `PostgreSQL`, which processes of several machines may share.
#[derive(Clone)]
pub struct Postgres {
    config: Arc<Config>,
    free: Arc<Mutex<Vec<Client>>>,
    permits: Arc<Semaphore>,
}

impl fmt::Debug for Postgres {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Postgres({:?}, {:?})", self.config.get_hosts(), self.config.get_dbname())
    }
}

impl From<tokio_postgres::Error> for StoreError {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(told) = error.as_db_error() else { return Self::Unavailable(error.to_string()) };
        // Classes of what passes: connections, rollbacks, resources, locks, operators, the system.
        let passes = ["08", "25", "40", "53", "55", "57", "58"];
        if passes.iter().any(|class| told.code().code().starts_with(class)) {
            Self::Unavailable(told.message().to_owned())
        } else {
            Self::Unreadable(told.message().to_owned())
        }
    }
}

/// A connection that goes back when it is dropped, unless it is broken.
struct Connection<'a> {
    store: &'a Postgres,
    client: Option<Client>,
    _permit: SemaphorePermit<'a>,
}

impl Drop for Connection<'_> {
    fn drop(&mut self) {
        if let Some(client) = self.client.take().filter(|client| !client.is_closed()) {
            locked(&self.store.free).push(client);
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn unavailable(error: impl fmt::Display) -> StoreError {
    StoreError::Unavailable(error.to_string())
}

impl Postgres {
    /// Connects to the server of `url`, `postgres://user@host/database`, and makes the tables where there are none.
    ///
    /// TLS is used where the server has it, unless `sslmode=disable`; with `sslmode=require` nothing else is.
    ///
    /// # Errors
    /// A URL that is none, a server that cannot be reached, or tables of a later version.
    pub async fn open(url: &str, password: Option<&str>) -> Result<Self, StoreError> {
        let mut config = Config::from_str(url).map_err(|error| StoreError::Unreadable(error.to_string()))?;
        if let Some(password) = password {
            config.password(password);
        }
        config.application_name("slo").connect_timeout(TIMEOUT);
        let store = Self {
            config: Arc::new(config),
            free: Arc::default(),
            permits: Arc::new(Semaphore::new(CONNECTIONS)),
        };
        store.migrate().await?;
        Ok(store)
    }

    async fn connect(&self) -> Result<Client, StoreError> {
        let roots = tls::client().map_err(unavailable)?;
        let (client, connection) = self.config.connect(MakeRustlsConnect::new(roots)).await?;
        tokio::spawn(connection);
        let settings =
            format!("SET statement_timeout = {}; SET synchronous_commit = on", TIMEOUT.as_millis());
        client.batch_execute(&settings).await?;
        Ok(client)
    }

    async fn connection(&self) -> Result<Connection<'_>, StoreError> {
        let permit = self.permits.acquire().await.map_err(unavailable)?;
        let free = locked(&self.free).pop().filter(|client| !client.is_closed());
        let client = match free {
            Some(client) => client,
            None => self.connect().await?,
        };
        Ok(Connection { store: self, client: Some(client), _permit: permit })
    }

    /// Calls `run` with a connection, for as long as a call may take; the connection is given up where it fails.
    async fn with<T>(
        &self,
        run: impl AsyncFnOnce(&mut Client) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let call = async {
            let mut connection = self.connection().await?;
            let mut client = connection.client.take().ok_or_else(|| unavailable("no connection"))?;
            let result = run(&mut client).await;
            if !matches!(result, Err(StoreError::Unavailable(_))) {
                connection.client = Some(client);
            }
            result
        };
        let late = || unavailable(format_args!("no answer within {} s", TIMEOUT.as_secs()));
        tokio::time::timeout(TIMEOUT, call).await.map_err(|_| late())?
    }

    async fn migrate(&self) -> Result<(), StoreError> {
        self.with(async |client| {
            let transaction = client.transaction().await?;
            transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&MIGRATION_LOCK]).await?;
            transaction
                .batch_execute("CREATE TABLE IF NOT EXISTS schema_version (version bigint NOT NULL)")
                .await?;
            let row =
                transaction.query_one("SELECT coalesce(max(version), 0) FROM schema_version", &[]).await?;
            let version: i64 = row.get(0);
            let missing = usize::try_from(version).ok().and_then(|version| MIGRATIONS.get(version..));
            let missing = missing.ok_or_else(|| {
                StoreError::Unreadable(format!(
                    "version {version} of the tables was made by a later version of slo"
                ))
            })?;
            for statements in missing {
                transaction.batch_execute(statements).await?;
            }
            if !missing.is_empty() {
                let version = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
                transaction.execute("INSERT INTO schema_version (version) VALUES ($1)", &[&version]).await?;
            }
            transaction.commit().await?;
            Ok(())
        })
        .await
    }
}

fn body(entry: &Entry) -> Result<String, StoreError> {
    serde_json::to_string(entry).map_err(|error| StoreError::Unreadable(error.to_string()))
}

fn incident_id(text: &str) -> Result<IncidentId, StoreError> {
    text.parse().map_err(|error: slo_core::Error| StoreError::Unreadable(error.to_string()))
}

fn time(row: &Row, index: usize) -> Result<Timestamp, StoreError> {
    row.try_get(index).map(Timestamp::from_millis).map_err(StoreError::from)
}

fn count(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

/// A delivery: whether it is known, the next place in the record of its incident, and the entry for either case.
const RECEIVE: &str = "
    WITH known AS (INSERT INTO deliveries (id) VALUES ($1) ON CONFLICT DO NOTHING RETURNING id),
    grown AS (
        INSERT INTO incidents (id, head, due, first, last, open) VALUES ($2, 1, $3, $3, $3, true)
        ON CONFLICT (id) DO UPDATE SET head = incidents.head + 1, due = least(coalesce(incidents.due, $3), $3),
            last = greatest(incidents.last, $3)
        RETURNING head)
    INSERT INTO entries (incident, number, body)
    SELECT $2, head, CASE WHEN EXISTS (SELECT 1 FROM known) THEN $4 ELSE $5 END FROM grown
    RETURNING EXISTS (SELECT 1 FROM known)";

const ADD: &str = "
    WITH grown AS (
        INSERT INTO incidents (id, head, due, first, last, open) VALUES ($1, 1, $2, $2, $2, true)
        ON CONFLICT (id) DO UPDATE SET head = incidents.head + 1, due = least(coalesce(incidents.due, $2), $2),
            last = greatest(incidents.last, $2)
        RETURNING head)
    INSERT INTO entries (incident, number, body) SELECT $1, head, $3 FROM grown";

impl Store for Postgres {
    fn receive(&self, arrivals: Vec<Arrival>) -> StoreFuture<'_, Vec<Receipt>> {
        Box::pin(self.with(async move |client| {
            // In one order everywhere, so that two replicas do not wait for each other.
            let mut order: Vec<(String, usize)> = arrivals
                .iter()
                .enumerate()
                .map(|(index, arrival)| (arrival.delivery.incident().to_string(), index))
                .collect();
            order.sort_unstable();
            let transaction = client.transaction().await?;
            let statement = transaction.prepare(RECEIVE).await?;
            let mut receipts = vec![Receipt::Repeated; arrivals.len()];
            for (incident, index) in order {
                let Some(Arrival { delivery, at }) = arrivals.get(index) else { continue };
                let id = delivery.id();
                let new = body(&Entry::new(*at, Event::received(delivery)))?;
                let repeated = body(&Entry::new(*at, Event::Repeated { delivery: id }))?;
                let row = transaction
                    .query_one(&statement, &[&id.to_string(), &incident, &at.as_millis(), &new, &repeated])
                    .await?;
                if row.try_get(0)?
                    && let Some(receipt) = receipts.get_mut(index)
                {
                    *receipt = Receipt::New;
                }
            }
            transaction.commit().await?;
            Ok(receipts)
        }))
    }

    fn claim<'a>(
        &'a self,
        owner: &'a Owner,
        now: Timestamp,
        lease: Window,
        limit: usize,
    ) -> StoreFuture<'a, Vec<Claim>> {
        Box::pin(self.with(async move |client| {
            let statement = format!(
                "UPDATE incidents SET owner = $1, lease = {NOW} + $2 WHERE id IN (
                    SELECT id FROM incidents WHERE due <= $3 AND (owner IS NULL OR lease < {NOW})
                    ORDER BY due LIMIT $4 FOR UPDATE SKIP LOCKED)
                 RETURNING id, due"
            );
            let (lease, limit) = (count(lease.as_millis()), count(limit));
            let rows = client.query(&statement, &[&&**owner, &lease, &now.as_millis(), &limit]).await?;
            let claims = rows
                .iter()
                .map(|row| Ok(Claim { incident: incident_id(row.try_get(0)?)?, due: time(row, 1)? }));
            claims.collect()
        }))
    }

    fn renew<'a>(
        &'a self,
        owner: &'a Owner,
        incidents: Vec<IncidentId>,
        locks: Vec<(String, Owner)>,
        _now: Timestamp,
        lease: Window,
    ) -> StoreFuture<'a, ()> {
        Box::pin(self.with(async move |client| {
            let lease = count(lease.as_millis());
            let ids: Vec<String> = incidents.iter().map(ToString::to_string).collect();
            let statement =
                format!("UPDATE incidents SET lease = {NOW} + $2 WHERE owner = $1 AND id = ANY($3)");
            client.execute(&statement, &[&&**owner, &lease, &ids]).await?;
            let statement = format!("UPDATE locks SET lease = {NOW} + $3 WHERE name = $1 AND owner = $2");
            for (name, holder) in &locks {
                client.execute(&statement, &[name, &&**holder, &lease]).await?;
            }
            Ok(())
        }))
    }

    fn release<'a>(
        &'a self,
        incident: IncidentId,
        owner: &'a Owner,
        seen: u64,
        due: Option<Timestamp>,
    ) -> StoreFuture<'a, ()> {
        Box::pin(self.with(async move |client| {
            let statement = "UPDATE incidents SET owner = NULL, lease = 0,
                due = CASE WHEN head > $3 THEN last ELSE $4 END WHERE id = $1 AND owner = $2";
            let due = due.map(Timestamp::as_millis);
            client.execute(statement, &[&incident.to_string(), &&**owner, &count(seen), &due]).await?;
            Ok(())
        }))
    }

    fn append<'a>(
        &'a self,
        incident: IncidentId,
        owner: &'a Owner,
        append: Append,
        is_open: bool,
    ) -> StoreFuture<'a, ()> {
        Box::pin(self.with(async move |client| {
            let id = incident.to_string();
            let last = append.entries.iter().map(|entry| entry.at.as_millis()).max().unwrap_or(0);
            let transaction = client.transaction().await?;
            let grown = "UPDATE incidents SET head = head + $3, last = greatest(last, $4), open = $5
                WHERE id = $1 AND owner = $2 RETURNING head";
            let added = count(append.entries.len());
            let row = transaction.query_opt(grown, &[&id, &&**owner, &added, &last, &is_open]).await?;
            let head: i64 = row.ok_or(StoreError::Lost)?.try_get(0)?;
            let insert = "INSERT INTO entries (incident, number, body) VALUES ($1, $2, $3)";
            for (number, entry) in (head - added + 1..).zip(&append.entries) {
                transaction.execute(insert, &[&id, &number, &body(entry)?]).await?;
            }
            if let Some(Start { runbook, step, at }) = &append.start {
                let insert = "INSERT INTO starts (runbook, step, at) VALUES ($1, $2, $3)";
                transaction.execute(insert, &[runbook, step, &at.as_millis()]).await?;
            }
            transaction.commit().await?;
            Ok(())
        }))
    }

    fn add(&self, incident: IncidentId, entry: Entry) -> StoreFuture<'_, ()> {
        Box::pin(self.with(async move |client| {
            client.execute(ADD, &[&incident.to_string(), &entry.at.as_millis(), &body(&entry)?]).await?;
            Ok(())
        }))
    }

    fn record(&self, incident: IncidentId, after: u64) -> StoreFuture<'_, Vec<Numbered>> {
        Box::pin(self.with(async move |client| {
            let statement =
                "SELECT number, body FROM entries WHERE incident = $1 AND number > $2 ORDER BY number";
            let rows = client.query(statement, &[&incident.to_string(), &count(after)]).await?;
            let entries = rows.iter().map(|row| {
                let (number, body): (i64, &str) = (row.try_get(0)?, row.try_get(1)?);
                let entry = serde_json::from_str(body).map_err(|error| {
                    StoreError::Unreadable(format!("entry {number} of incident {incident}: {error}"))
                })?;
                Ok(Numbered { number: number.unsigned_abs(), entry })
            });
            entries.collect()
        }))
    }

    fn list(&self, query: Query) -> StoreFuture<'_, Vec<IncidentRow>> {
        Box::pin(self.with(async move |client| {
            let (last, id) = query
                .after
                .map_or((i64::MAX, "g".to_owned()), |(last, id)| (last.as_millis(), id.to_string()));
            let only = if query.open { "open AND" } else { "" };
            let statement = format!(
                "SELECT id, first, last, open FROM incidents WHERE {only} (last, id) < ($1, $2)
                 ORDER BY last DESC, id DESC LIMIT $3"
            );
            let rows = client.query(&statement, &[&last, &id, &count(query.limit)]).await?;
            let rows = rows.iter().map(|row| {
                Ok(IncidentRow {
                    incident: incident_id(row.try_get(0)?)?,
                    first: time(row, 1)?,
                    last: time(row, 2)?,
                    is_open: row.try_get(3)?,
                })
            });
            rows.collect()
        }))
    }

    fn starts<'a>(&'a self, runbook: &'a str, since: Timestamp) -> StoreFuture<'a, Vec<Start>> {
        Box::pin(self.with(async move |client| {
            let statement = "SELECT step, at FROM starts WHERE runbook = $1 AND at >= $2 ORDER BY at";
            let rows = client.query(statement, &[&runbook, &since.as_millis()]).await?;
            let starts = rows.iter().map(|row| {
                Ok(Start { runbook: runbook.to_owned(), step: row.try_get(0)?, at: time(row, 1)? })
            });
            starts.collect()
        }))
    }

    fn lock<'a>(
        &'a self,
        name: &'a str,
        owner: &'a Owner,
        _now: Timestamp,
        lease: Window,
    ) -> StoreFuture<'a, bool> {
        Box::pin(self.with(async move |client| {
            let statement = format!(
                "INSERT INTO locks (name, owner, lease) VALUES ($1, $2, {NOW} + $3) ON CONFLICT (name) DO UPDATE
                 SET owner = $2, lease = {NOW} + $3 WHERE locks.lease < {NOW} OR locks.owner = $2"
            );
            let changed = client.execute(&statement, &[&name, &&**owner, &count(lease.as_millis())]).await?;
            Ok(changed > 0)
        }))
    }

    fn unlock<'a>(&'a self, name: &'a str, owner: &'a Owner) -> StoreFuture<'a, ()> {
        Box::pin(self.with(async move |client| {
            client.execute("DELETE FROM locks WHERE name = $1 AND owner = $2", &[&name, &&**owner]).await?;
            Ok(())
        }))
    }

    fn owners(&self) -> StoreFuture<'_, Vec<Owner>> {
        Box::pin(self.with(async move |client| {
            let statement =
                "SELECT owner FROM incidents WHERE owner IS NOT NULL UNION SELECT owner FROM locks";
            let rows = client.query(statement, &[]).await?;
            rows.iter().map(|row| Ok(row.try_get::<_, &str>(0)?.into())).collect()
        }))
    }

    fn disown<'a>(&'a self, owner: &'a Owner) -> StoreFuture<'a, ()> {
        Box::pin(self.with(async move |client| {
            let transaction = client.transaction().await?;
            for statement in [
                "UPDATE incidents SET owner = NULL, lease = 0 WHERE owner = $1",
                "DELETE FROM locks WHERE owner = $1",
            ] {
                transaction.execute(statement, &[&&**owner]).await?;
            }
            transaction.commit().await?;
            Ok(())
        }))
    }

    fn waiting(&self, now: Timestamp) -> StoreFuture<'_, (u64, Option<Timestamp>)> {
        Box::pin(self.with(async move |client| {
            let statement =
                "SELECT count(*), min(due) FROM incidents WHERE due <= $1 AND (owner IS NULL OR lease < $1)";
            let row = client.query_one(statement, &[&now.as_millis()]).await?;
            let (count, due): (i64, Option<i64>) = (row.try_get(0)?, row.try_get(1)?);
            Ok((count.unsigned_abs(), due.map(Timestamp::from_millis)))
        }))
    }
}
