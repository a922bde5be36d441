//! The thread that writes.

use super::{
    super::StoreError,
    file::{Identity, connect, identity, migrate},
};
use rusqlite::{Connection, TransactionBehavior};
use std::{path::PathBuf, sync::Arc};
use tokio::sync::mpsc;

/// How many calls are written at once.
const MOST_AT_ONCE: usize = 1_024;

/// The result of a call that writes.
pub(super) type Written = Result<(), StoreError>;

/// A call that writes: its statements, and the callback for its result.
pub(super) struct Job {
    pub(super) run: Box<dyn FnMut(&Connection) -> Written + Send>,
    pub(super) done: Box<dyn FnOnce(Written) + Send>,
}

/// The thread that writes.
pub(super) struct Writer {
    path: Arc<PathBuf>,
    connection: Option<Connection>,
    /// The identity of the file, so that a removed or replaced file is noticed.
    file: Option<Identity>,
}

impl Writer {
    pub(super) fn open(path: &Arc<PathBuf>) -> Result<Self, StoreError> {
        let mut connection = connect(path, true)?;
        migrate(&mut connection)?;
        Ok(Self { path: Arc::clone(path), connection: Some(connection), file: identity(path) })
    }

    pub(super) fn run(mut self, mut queue: mpsc::Receiver<Job>) {
        while let Some(first) = queue.blocking_recv() {
            let mut jobs = vec![first];
            while jobs.len() < MOST_AT_ONCE
                && let Ok(job) = queue.try_recv()
            {
                jobs.push(job);
            }
            match self.write(&mut jobs) {
                Ok(results) => {
                    jobs.into_iter().zip(results).for_each(|(job, result)| (job.done)(result));
                }
                Err(error) => {
                    self.connection = None;
                    for job in jobs {
                        (job.done)(Err(error.clone()));
                    }
                }
            }
        }
    }

    /// Runs all jobs in one transaction; a job that fails writes nothing, and does not affect the others.
    fn write(&mut self, jobs: &mut [Job]) -> Result<Vec<Written>, StoreError> {
        let connection = self.connected()?;
        let mut transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut results = Vec::with_capacity(jobs.len());
        for job in jobs {
            let savepoint = transaction.savepoint()?;
            let result = (job.run)(&savepoint);
            if result.is_ok() {
                savepoint.commit()?;
            } else {
                // Dropping it rolls it back.
                drop(savepoint);
            }
            results.push(result);
        }
        transaction.commit()?;
        Ok(results)
    }

    /// The connection to the file that is at the path now.
    fn connected(&mut self) -> Result<&mut Connection, StoreError> {
        let now = identity(&self.path);
        if now != self.file || self.connection.is_none() {
            self.connection = None;
            if now.is_none() && self.file.is_some() {
                let path = self.path.display();
                return Err(StoreError::Unavailable(format!("{path} is gone")));
            }
            let mut connection = connect(&self.path, false)?;
            migrate(&mut connection)?;
            self.file = identity(&self.path);
            self.connection = Some(connection);
        }
        self.connection.as_mut().ok_or_else(stopped)
    }
}

pub(super) fn stopped() -> StoreError {
    StoreError::Unavailable("its writer thread has stopped".to_owned())
}
