//! The file: its tables, its settings, and whether it is still the same one.

use super::super::StoreError;
use rusqlite::{Connection, TransactionBehavior};
use std::{path::Path, time::Duration};

/// The migrations: statements that turn each version of the file into the next.
const MIGRATIONS: [&str; 4] = ["
    CREATE TABLE incidents (
        id TEXT PRIMARY KEY, head INTEGER NOT NULL, due INTEGER, owner TEXT, lease INTEGER NOT NULL DEFAULT 0,
        first INTEGER NOT NULL, last INTEGER NOT NULL, open INTEGER NOT NULL) WITHOUT ROWID;
    CREATE INDEX incidents_due ON incidents (due) WHERE due IS NOT NULL;
    CREATE INDEX incidents_last ON incidents (last, id);
    CREATE INDEX incidents_open ON incidents (last, id) WHERE open = 1;
    CREATE INDEX incidents_owner ON incidents (owner) WHERE owner IS NOT NULL;
    CREATE TABLE entries (
        incident TEXT NOT NULL, number INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (incident, number));
    CREATE TABLE deliveries (id TEXT PRIMARY KEY) WITHOUT ROWID;
    CREATE TABLE starts (runbook TEXT NOT NULL, step TEXT NOT NULL, at INTEGER NOT NULL);
    CREATE INDEX starts_at ON starts (runbook, at);
    CREATE TABLE locks (name TEXT PRIMARY KEY, owner TEXT NOT NULL, lease INTEGER NOT NULL) WITHOUT ROWID;
", "
    CREATE TABLE runs (
        id TEXT PRIMARY KEY, fault TEXT NOT NULL, began INTEGER NOT NULL, until INTEGER NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;
    CREATE INDEX runs_began ON runs (began);
", "
    CREATE TABLE deployments (
        service TEXT NOT NULL, version TEXT NOT NULL, at INTEGER NOT NULL, body TEXT NOT NULL, told INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (service, at, version)) WITHOUT ROWID;
    CREATE INDEX deployments_at ON deployments (at);
    CREATE INDEX deployments_untold ON deployments (at) WHERE told = 0;
", "
    ALTER TABLE starts ADD COLUMN helped INTEGER;
"];

/// How long to wait for another process that locks the file.
const BUSY: Duration = Duration::from_secs(5);

/// A connection with settings that put every committed transaction on the disk.
pub(super) fn connect(path: &Path, create: bool) -> Result<Connection, StoreError> {
    use rusqlite::OpenFlags;
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if create {
        flags |= OpenFlags::SQLITE_OPEN_CREATE;
    }
    let connection = Connection::open_with_flags(path, flags)
        .map_err(|error| StoreError::Unavailable(format!("{}: {error}", path.display())))?;
    connection.busy_timeout(BUSY)?;
    connection
        .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF;")?;
    Ok(connection)
}

pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version: usize = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let missing = MIGRATIONS.get(version..).ok_or_else(|| {
        StoreError::Unreadable(format!("the file has version {version}, written by a later version of slo"))
    })?;
    for statements in missing {
        transaction.execute_batch(statements)?;
    }
    transaction.pragma_update(None, "user_version", MIGRATIONS.len())?;
    transaction.commit()?;
    Ok(())
}

/// The identity of a file, which changes when another file takes its path.
pub(super) type Identity = (u64, u64);

/// Which file is at a path.
pub(super) fn identity(path: &Path) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt;
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}
