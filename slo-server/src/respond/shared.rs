//! The state that the work on all incidents shares.

use super::counts::Counts;
use crate::{
    clock::now,
    config::Config,
    own::Own,
    owner,
    run::Runner,
    send::Sender,
    split::told,
    store::{Owner, Store, StoreError, StoreFuture},
    summarize::Summarizer,
};
use slo_core::{
    Error,
    model::{Service, Window},
};
use slo_ops::{Redactor, runbook::Runbooks};
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::sleep;

/// How long a process keeps an incident without renewing its lease.
pub(super) const LEASE: Window = Window::seconds(15);

/// The parts of an engine, and the name of its process.
pub(super) struct Shared {
    store: Arc<dyn Store>,
    runbooks: Runbooks,
    sender: Sender,
    summarizer: Summarizer,
    redactor: Redactor,
    runner: Runner,
    counts: Counts,
    own: Own,
    owner: Owner,
    /// The locks that jobs of this process hold, each with its holder.
    locks: Mutex<BTreeMap<String, Owner>>,
}

impl Shared {
    pub(super) fn new(
        store: Arc<dyn Store>,
        config: &Config,
        services: Vec<Service>,
        launcher: PathBuf,
    ) -> Result<Self, Error> {
        Ok(Self {
            store,
            runbooks: config.runbooks.clone(),
            sender: Sender::new(config)?,
            summarizer: Summarizer::new(config.summary.as_ref())?,
            redactor: config.redactor.clone(),
            runner: Runner::new(launcher, config.redactor.clone()),
            counts: Counts::new(config.prometheus.as_ref(), services).map_err(|error| told(&error))?,
            own: Own::new().map_err(|error| Error::new(error.to_string()))?,
            owner: owner::own(),
            locks: Mutex::default(),
        })
    }

    pub(super) fn store(&self) -> &dyn Store {
        &*self.store
    }

    pub(super) fn owner(&self) -> &Owner {
        &self.owner
    }

    /// Takes a lock for a job, if it is free.
    pub(super) async fn lock(&self, name: &str, holder: &Owner, lease: Window) -> Result<bool, StoreError> {
        let taken = persistently(|| self.store.lock(name, holder, now(), lease)).await?;
        if taken {
            self.held().insert(name.to_owned(), Arc::clone(holder));
        }
        Ok(taken)
    }

    /// Gives a lock back.
    pub(super) async fn unlock(&self, name: &str, holder: &Owner) -> Result<(), StoreError> {
        self.held().remove(name);
        persistently(|| self.store.unlock(name, holder)).await
    }

    /// The locks that jobs of this process hold.
    pub(super) fn locks(&self) -> Vec<(String, Owner)> {
        self.held().iter().map(|(name, holder)| (name.clone(), Arc::clone(holder))).collect()
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<String, Owner>> {
        self.locks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn counts(&self) -> &Counts {
        &self.counts
    }

    pub(super) fn sender(&self) -> &Sender {
        &self.sender
    }

    pub(super) fn summarizer(&self) -> &Summarizer {
        &self.summarizer
    }

    pub(super) fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    pub(super) fn runner(&self) -> &Runner {
        &self.runner
    }

    pub(super) fn own(&self) -> &Own {
        &self.own
    }

    pub(super) fn runbooks(&self) -> &Runbooks {
        &self.runbooks
    }
}

/// Calls a store again while it is not available, until it succeeds or fails for good.
pub(super) async fn persistently<'a, T>(
    mut call: impl FnMut() -> StoreFuture<'a, T>,
) -> Result<T, StoreError> {
    let mut wait = Duration::from_millis(50);
    loop {
        match call().await {
            Err(StoreError::Unavailable(_)) => {
                sleep(wait).await;
                wait = (wait * 2).min(Duration::from_secs(2));
            }
            result => return result,
        }
    }
}
