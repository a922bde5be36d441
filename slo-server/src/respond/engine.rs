//! What takes incidents that wait, and has them worked on.

use super::{
    owner,
    shared::{LEASE, Shared},
    work,
};
use crate::{clock::now, config::Config, own::Own, run::Enforced, store::Store};
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

/// How often it says so.
const RENEW_EVERY: Duration = Duration::from_secs(5);
/// How often incidents are looked for that nobody woke this process for.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How many incidents are worked on at once.
const MOST_AT_ONCE: usize = 64;
/// How long work may go on after the process was told to stop.
const GRACE: Duration = Duration::from_secs(20);

/// Works on the incidents that wait, each by one process at a time, until it is told to stop.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
    /// Something was written: look.
    look: Arc<Notify>,
    /// Those that are worked on, each with what wakes it.
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
    /// An engine on the record in `store`, which has not begun. `services` are the SLOs, and `launcher` a binary that calls
    /// [`launch`](crate::run::launch).
    ///
    /// # Errors
    /// An address of Prometheus that is none, or a system without certificates to trust.
    pub fn new(
        store: Arc<dyn Store>,
        config: &Config,
        services: Vec<Service>,
        launcher: PathBuf,
    ) -> Result<Self, Error> {
        let shared = Shared::new(store, config, services, launcher)?;
        Ok(Self { shared: Arc::new(shared), look: Arc::default(), active: Arc::default() })
    }

    /// How far the kernel keeps programs to the files that they may write.
    ///
    /// # Errors
    /// A launcher that is none.
    pub async fn enforced(&self) -> Result<Enforced, Error> {
        self.shared.runner().probe().await
    }

    /// What the process counts of itself.
    pub(crate) fn own(&self) -> &Own {
        self.shared.own()
    }

    /// Says that something was written of an incident.
    pub fn wake(&self, incident: IncidentId) {
        match locked(&self.active).get(&incident) {
            Some(own) => own.notify_one(),
            None => self.look.notify_one(),
        }
    }

    /// Says that this process is alive, of the incidents that it works on.
    async fn renew(&self) {
        let incidents: Vec<IncidentId> = locked(&self.active).keys().copied().collect();
        let (store, owner, locks) = (self.shared.store(), self.shared.owner(), self.shared.locks());
        // It says so again soon.
        let _later = store.renew(owner, incidents, locks, now(), LEASE).await;
    }

    /// Takes over what processes of this machine left behind that have ended, without waiting for the end of their leases.
    async fn recover(&self) {
        let store = self.shared.store();
        let Ok(owners) = store.owners().await else { return };
        for owner in owners.iter().filter(|owner| *owner != self.shared.owner() && owner::has_ended(owner)) {
            // Their leases end by themselves.
            let _later = store.disown(owner).await;
        }
    }

    /// Works until `stop` says so; what runs then may come to its end.
    pub async fn run(&self, mut stop: watch::Receiver<bool>) {
        self.recover().await;
        let mut tasks = JoinSet::new();
        let mut renew_at = Instant::now() + RENEW_EVERY;
        while !*stop.borrow() {
            let room = MOST_AT_ONCE.saturating_sub(tasks.len());
            // A store that is away is looked for again.
            let claims = if room > 0 {
                self.shared.store().claim(self.shared.owner(), now(), LEASE, room).await
            } else {
                Ok(Vec::new())
            };
            for claim in claims.unwrap_or_default() {
                let wake = Arc::new(Notify::new());
                match locked(&self.active).entry(claim.incident) {
                    // Its lease had run out while the store was away: it is worked on.
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
