//! Which of several replicas writes: the one that holds the lease.
//!
//! As in client-go, whoever holds the lease renews it. A lease that was not seen to change for its whole length is free. What others
//! wrote into it is compared with what was seen before, never with this machine's clock.

use super::ask::answer;
use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
};
use kube::{Api, Client, api::PostParams, core::ObjectMeta};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// The name of the lease.
const NAME: &str = "slo-controller";
/// After this time without renewal, the lease is free.
const LENGTH: Duration = Duration::from_secs(15);
/// How long its holder trusts it: a write that began before is over before the lease is free.
const TRUST: Duration = Duration::from_secs(10);
/// How often it is renewed, or tried.
pub(super) const EVERY: Duration = Duration::from_secs(2);

/// Whether this process may write. Everybody who writes asks right before.
#[derive(Debug, Clone, Default)]
pub(super) struct Leadership(Arc<Mutex<Option<Instant>>>);

impl Leadership {
    /// Whether the lease was renewed so lately that a write which begins now is over before the lease is free.
    pub(super) fn holds(&self) -> bool {
        self.renewed().is_some_and(|at| at.elapsed() < TRUST)
    }

    fn renewed(&self) -> Option<Instant> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, renewed: Option<Instant>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = renewed;
    }
}

/// The part of this process in the election.
pub(super) struct Election {
    api: Api<Lease>,
    identity: String,
    /// The version of the lease that was seen last, and since when.
    seen: Option<(String, Instant)>,
    leadership: Leadership,
}

impl Election {
    pub(super) fn new(client: &Client, namespace: &str, identity: String, leadership: Leadership) -> Self {
        Self { api: Api::namespaced(client.clone(), namespace), identity, seen: None, leadership }
    }

    /// Takes or renews the lease, if it is free or held by this process. Returns who else holds it.
    pub(super) async fn attempt(&mut self) -> Result<Option<String>, String> {
        let began = Instant::now();
        let what = format!("read the lease {NAME}");
        let Some(mut lease) = answer(&what, self.api.get_opt(NAME)).await? else {
            let metadata = ObjectMeta { name: Some(NAME.to_owned()), ..ObjectMeta::default() };
            let lease = Lease { metadata, spec: Some(self.spec(0, None)) };
            return self.end(
                began,
                answer("create the lease", self.api.create(&PostParams::default(), &lease)).await,
            );
        };
        let spec = lease.spec.take().unwrap_or_default();
        let holder = spec.holder_identity.clone().unwrap_or_default();
        let is_own = holder == self.identity;
        let version = lease.metadata.resource_version.clone().unwrap_or_default();
        if self.seen.as_ref().is_none_or(|(seen, _)| *seen != version) {
            self.seen = Some((version, began));
        }
        let is_over = self.seen.as_ref().is_some_and(|(_, since)| since.elapsed() >= LENGTH);
        if !(is_own || holder.is_empty() || is_over) {
            self.leadership.set(None);
            return Ok(Some(holder));
        }
        let turns = spec.lease_transitions.unwrap_or_default() + i32::from(!is_own);
        lease.spec = Some(self.spec(turns, if is_own { spec.acquire_time } else { None }));
        // It has the version that was read, so only one of several wins.
        self.end(
            began,
            answer("renew the lease", self.api.replace(NAME, &PostParams::default(), &lease)).await,
        )
    }

    fn end(&mut self, began: Instant, written: Result<Lease, String>) -> Result<Option<String>, String> {
        let lease = written?;
        self.seen = lease.metadata.resource_version.map(|version| (version, began));
        self.leadership.set(Some(began));
        Ok(None)
    }

    /// Gives the lease back, so that another takes it at once.
    pub(super) async fn give_back(&mut self) -> Result<(), String> {
        if self.leadership.renewed().is_none() {
            return Ok(());
        }
        self.leadership.set(None);
        let Some(mut lease) = answer("read the lease", self.api.get_opt(NAME)).await? else { return Ok(()) };
        match &mut lease.spec {
            Some(spec) if spec.holder_identity.as_deref() == Some(&self.identity) => {
                spec.holder_identity = Some(String::new());
            }
            _ => return Ok(()),
        }
        answer("give the lease back", self.api.replace(NAME, &PostParams::default(), &lease))
            .await
            .map(|_| ())
    }

    fn spec(&self, turns: i32, acquired: Option<MicroTime>) -> LeaseSpec {
        let now = MicroTime(k8s_openapi::jiff::Timestamp::now());
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(LENGTH.as_secs()).ok(),
            acquire_time: acquired.or_else(|| Some(now.clone())),
            renew_time: Some(now),
            lease_transitions: Some(turns),
            ..LeaseSpec::default()
        }
    }
}
