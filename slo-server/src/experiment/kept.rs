//! The record of runs in a store, beside that of incidents.

use crate::{
    clock::now,
    owner,
    store::{KeptRun, Owner, Store, StoreError},
};
use slo_core::model::Window;
use slo_ops::{
    Error,
    experiment::{Run, RunEntry},
};
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;

/// The lock that a run holds: one at a time, on all machines that share the record.
const LOCK: &str = "experiment";
/// How long the lock is held without being renewed.
const LEASE: Window = Window::seconds(30);
/// How long a call may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A store that keeps the record of runs.
#[derive(Debug)]
pub(super) struct Kept {
    store: Arc<dyn Store>,
    owner: Owner,
}

impl Kept {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, owner: owner::own() }
    }

    /// Takes the lock, or renews it.
    pub(super) async fn lock(&self) -> Result<(), Error> {
        let taken = within(self.store.lock(LOCK, &self.owner, now(), LEASE)).await?;
        if taken {
            return Ok(());
        }
        Err(Error::new("an experiment is running on another machine, or ended a moment ago")
            .with_hint("wait for its end, or stop it there with `slo experiment abort`"))
    }

    /// Gives the lock back.
    pub(super) async fn unlock(&self) {
        // It ends by itself otherwise.
        let _lost = within(self.store.unlock(LOCK, &self.owner)).await;
    }

    /// Keeps the record of a run.
    pub(super) async fn keep(&self, run: &Run, record: Vec<RunEntry>) -> Result<(), Error> {
        let is_over = run.ended.is_some() || run.stop.is_some();
        let ended = if is_over && run.to_undo().is_empty() { run.restored().or(run.ended) } else { None };
        let fault = run.experiment.fault.to_string();
        within(self.store.keep_run(KeptRun { id: run.id.clone(), fault, began: run.began, ended, record }))
            .await
    }
}

async fn within<T>(call: impl Future<Output = Result<T, StoreError>>) -> Result<T, Error> {
    let late = || Error::new(format!("the record did not answer within {} s", TIMEOUT.as_secs()));
    timeout(TIMEOUT, call).await.map_err(|_| late())?.map_err(|error| Error::new(error.to_string()))
}
