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
use tokio::{
    task::JoinHandle,
    time::{sleep, timeout},
};

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

    /// Takes the lock, and renews it until the result is dropped.
    pub(super) async fn lock(&self) -> Result<KeptLock, Error> {
        if !within(self.store.lock(LOCK, &self.owner, now(), LEASE)).await? {
            return Err(Error::new(
                "an experiment is running on another machine, or died there a moment ago",
            )
            .with_hint("wait for its end, or stop it there with `slo experiment abort`"));
        }
        let (store, owner) = (Arc::clone(&self.store), Arc::clone(&self.owner));
        let renewing = tokio::spawn(async move {
            loop {
                sleep(LEASE.as_duration() / 3).await;
                // A store that is away is noticed by whoever keeps the record.
                let _away = within(store.lock(LOCK, &owner, now(), LEASE)).await;
            }
        });
        Ok(KeptLock { renewing })
    }

    /// Whether the store answers.
    pub(super) async fn check(&self) -> Result<(), Error> {
        within(self.store.lock(LOCK, &self.owner, now(), LEASE)).await.map(drop)
    }

    /// Gives the lock back.
    pub(super) async fn unlock(&self, lock: KeptLock) {
        drop(lock);
        // It ends by itself otherwise.
        let _lost = within(self.store.unlock(LOCK, &self.owner)).await;
    }

    /// Keeps the record of a run.
    pub(super) async fn keep(&self, run: &Run, record: Vec<RunEntry>) -> Result<(), Error> {
        // While it runs, when it will be over: a machine that is lost says no more.
        let limits = &run.experiment.limits;
        let expected = run.began.after(limits.duration).after(run.experiment.recovery).after(LEASE);
        let is_over = (run.ended.is_some() || run.stop.is_some()) && run.to_undo().is_empty();
        let until = if is_over { run.restored().or(run.ended).unwrap_or(run.began) } else { expected };
        let fault = run.experiment.fault.to_string();
        within(self.store.keep_run(KeptRun { id: run.id.clone(), fault, began: run.began, until }, record))
            .await
    }
}

/// The lock of a run, for as long as it is kept.
#[derive(Debug)]
pub(super) struct KeptLock {
    renewing: JoinHandle<()>,
}

impl Drop for KeptLock {
    fn drop(&mut self) {
        self.renewing.abort();
    }
}

async fn within<T>(call: impl Future<Output = Result<T, StoreError>>) -> Result<T, Error> {
    let late = || Error::new(format!("the record did not answer within {} s", TIMEOUT.as_secs()));
    timeout(TIMEOUT, call).await.map_err(|_| late())?.map_err(|error| Error::new(error.to_string()))
}
