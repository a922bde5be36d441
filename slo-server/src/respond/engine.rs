//! The engine, which takes incidents that are due and works on them.

use super::{
    changes,
    shared::{LEASE, Shared},
    work,
};
use crate::{clock::now, config::Config, own::Own, owner, run::Enforced, store::Store};
use slo_core::{Error, model::Service};
use slo_ops::alert::IncidentId;
use std::{
    collections::{BTreeMap, btree_map::Entry},
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{Notify, watch},
    task::JoinSet,
    time::{Instant, sleep},
};

/// How often leases are renewed.
const RENEW_EVERY: Duration = Duration::from_secs(5);
/// How often to look for due incidents without being woken.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How many incidents are worked on at once.
const MOST_AT_ONCE: usize = 64;
/// How long work may go on after the process was told to stop.
const GRACE: Duration = Duration::from_secs(20);

/// Works on the incidents that are due, each in one process at a time.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
    /// Wakes the search for due incidents.
    look: Arc<Notify>,
    /// The incidents that are worked on, each with the signal that wakes it.
    active: Arc<Mutex<BTreeMap<IncidentId, Arc<Notify>>>>,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Engine({})", self.shared.owner())
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Engine {
    /// An engine on the record in `store`, not yet running.
    ///
    /// `services` are the SLOs, and `launcher` is a binary that calls [`launch`](crate::run::launch).
    ///
    /// # Errors
    /// An invalid address of Prometheus, or a system without certificates to trust.
    pub fn new(
        store: Arc<dyn Store>,
        config: &Config,
        services: Vec<Service>,
        launcher: PathBuf,
    ) -> Result<Self, Error> {
        let shared = Shared::new(store, config, services, launcher)?;
        Ok(Self { shared: Arc::new(shared), look: Arc::default(), active: Arc::default() })
    }

    /// How far the kernel enforces which files programs may write to.
    ///
    /// # Errors
    /// A launcher that does not work.
    pub async fn enforced(&self) -> Result<Enforced, Error> {
        self.shared.runner().probe().await
    }

    /// The metrics of the process.
    pub(crate) fn own(&self) -> &Own {
        self.shared.own()
    }

    /// Signals that an entry of an incident was written.
    pub fn wake(&self, incident: IncidentId) {
        match locked(&self.active).get(&incident) {
            Some(own) => own.notify_one(),
            None => self.look.notify_one(),
        }
    }

    /// Renews the leases of the incidents that this process works on, and its locks.
    async fn renew(&self) {
        let incidents: Vec<IncidentId> = locked(&self.active).keys().copied().collect();
        let (store, owner, locks) = (self.shared.store(), self.shared.owner(), self.shared.locks());
        // The next renewal comes soon.
        let _later = store.renew(owner, incidents, locks, now(), LEASE).await;
    }

    /// Frees the incidents of processes on this machine that have ended, before their leases expire.
    async fn recover(&self) {
        let store = self.shared.store();
        let Ok(owners) = store.owners().await else { return };
        for owner in owners.iter().filter(|owner| *owner != self.shared.owner() && owner::has_ended(owner)) {
            // Their leases expire by themselves.
            let _later = store.disown(owner).await;
        }
    }

    /// Works until `stop` is true; running work may then end, within a time limit.
    pub async fn run(&self, mut stop: watch::Receiver<bool>) {
        self.recover().await;
        tokio::spawn(changes::tell(Arc::clone(&self.shared), stop.clone()));
        let mut tasks = JoinSet::new();
        let mut renew_at = Instant::now() + RENEW_EVERY;
        while !*stop.borrow() {
            let room = MOST_AT_ONCE.saturating_sub(tasks.len());
            // A store that is not available is asked again.
            let claims = if room > 0 {
                self.shared.store().claim(self.shared.owner(), now(), LEASE, room).await
            } else {
                Ok(Vec::new())
            };
            for claim in claims.unwrap_or_default() {
                let wake = Arc::new(Notify::new());
                match locked(&self.active).entry(claim.incident) {
                    // Its lease expired while the store was not available, and it is still worked on here.
                    Entry::Occupied(_) => continue,
                    Entry::Vacant(free) => free.insert(Arc::clone(&wake)),
                };
                let (engine, stop) = (self.clone(), stop.clone());
                tasks.spawn(async move {
                    work::work(&engine.shared, claim.incident, &wake, stop).await;
                    locked(&engine.active).remove(&claim.incident);
                });
            }
            tokio::select! {
                Some(_ended) = tasks.join_next() => {}
                () = self.look.notified() => {}
                () = sleep(LOOK_EVERY) => {}
                _told = stop.changed() => {}
            }
            while tasks.try_join_next().is_some() {}
            if Instant::now() >= renew_at {
                self.renew().await;
                renew_at = Instant::now() + RENEW_EVERY;
            }
        }
        let end = Instant::now() + GRACE;
        while !tasks.is_empty() && Instant::now() < end {
            tokio::select! {
                _ended = tasks.join_next() => {}
                () = sleep(RENEW_EVERY) => {
                    self.renew().await;
                }
            }
        }
        tasks.shutdown().await;
    }
}
