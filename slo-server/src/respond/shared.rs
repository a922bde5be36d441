//! What the work on all incidents shares.

use super::{counts::Counts, owner};
use crate::{
    own::Own,
    run::Runner,
    send::Sender,
    store::{Owner, Store, StoreError, StoreFuture},
};
use slo_core::model::Window;
use slo_ops::runbook::Runbooks;
use std::{sync::Arc, time::Duration};
use tokio::time::sleep;

/// How long a process keeps an incident without saying that it is alive.
pub(super) const LEASE: Window = Window::seconds(15);

/// What an engine is made of.
#[derive(Debug)]
pub struct Parts {
    /// Where the record is.
    pub store: Arc<dyn Store>,
    /// What may answer.
    pub runbooks: Runbooks,
    /// Who tells people.
    pub sender: Sender,
    /// Who runs programs.
    pub runner: Runner,
    /// Who knows the counts.
    pub counts: Counts,
    /// What the server counts of itself.
    pub(crate) own: Own,
}

/// The parts of an engine, in the name of its process.
pub(super) struct Shared {
    parts: Parts,
    owner: Owner,
}

impl Shared {
    pub(super) fn new(parts: Parts) -> Self {
        Self { parts, owner: owner::own() }
    }

    pub(super) fn store(&self) -> &dyn Store {
        &*self.parts.store
    }

    pub(super) fn owner(&self) -> &Owner {
        &self.owner
    }

    pub(super) fn counts(&self) -> &Counts {
        &self.parts.counts
    }

    pub(super) fn sender(&self) -> &Sender {
        &self.parts.sender
    }

    pub(super) fn runner(&self) -> &Runner {
        &self.parts.runner
    }

    pub(super) fn own(&self) -> &Own {
        &self.parts.own
    }

    pub(super) fn runbooks(&self) -> &Runbooks {
        &self.parts.runbooks
    }
}

/// What a store says, as often as it takes until it says something final.
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
