//! Connections to the server, and its tables.

use super::super::StoreError;
use crate::tls;
use std::{
    fmt,
    str::FromStr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

/// The migrations: statements that turn each version of the tables into the next.
const MIGRATIONS: [&str; 4] = [
    "
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
",
    "
    CREATE TABLE runs (
        id text PRIMARY KEY, fault text NOT NULL, began bigint NOT NULL, until bigint NOT NULL, body text NOT NULL);
    CREATE INDEX runs_began ON runs (began);
",
    "
    CREATE TABLE deployments (
        service text NOT NULL, version text NOT NULL, at bigint NOT NULL, body text NOT NULL, told boolean NOT NULL DEFAULT false,
        PRIMARY KEY (service, at, version));
    CREATE INDEX deployments_at ON deployments (at);
    CREATE INDEX deployments_untold ON deployments (at) WHERE NOT told;
",
    "ALTER TABLE starts ADD COLUMN helped boolean;",
];

/// How many connections there are at most.
const CONNECTIONS: usize = 8;
/// How long a connection, and a call, may take.
const TIMEOUT: Duration = Duration::from_secs(8);
/// The lock that stops two replicas from creating the tables at once.
const MIGRATION_LOCK: i64 = 0x51_0053_4c4f;

/// A record in `PostgreSQL`, which processes on several machines may share.
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
        // Classes of temporary errors: connections, rollbacks, resources, locks, operators, the system.
        let passes = ["08", "25", "40", "53", "55", "57", "58"];
        if passes.iter().any(|class| told.code().code().starts_with(class)) {
            Self::Unavailable(told.message().to_owned())
        } else {
            Self::Unreadable(told.message().to_owned())
        }
    }
}

/// A connection that goes back to the pool when it is dropped, unless it is closed.
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
    /// Connects to a server, and creates its tables if they do not exist.
    ///
    /// `url` is `postgres://user@host/database`. TLS is used if the server supports it. With
    /// `sslmode=require` it must be used, and with `sslmode=disable` it is not.
    ///
    /// # Errors
    /// An invalid URL, a server that cannot be reached, or tables of a later version.
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

    /// Calls `run` with a connection, within the time limit of a call; if the call fails, the connection is
    /// closed.
    pub(super) async fn with<T>(
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
                    "the tables have version {version}, made by a later version of slo"
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
