//! What a store does.

use super::StoreError;
use slo_core::model::{Timestamp, Window};
use slo_ops::{
    alert::{Delivery, IncidentId},
    incident::Entry,
};
use std::{fmt, pin::Pin, sync::Arc};

/// What becomes of a call of a store.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// A process that works on incidents; two have never the same name.
pub type Owner = Arc<str>;

/// A delivery that came in.
#[derive(Debug, Clone)]
#[expect(clippy::exhaustive_structs, reason = "all of it is needed")]
pub struct Arrival {
    /// What came in.
    pub delivery: Delivery,
    /// When.
    pub at: Timestamp,
}

/// What was written of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a delivery is new or not")]
pub enum Receipt {
    /// The whole of it.
    New,
    /// That it came again.
    Repeated,
}

/// An incident that a process works on from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "an incident, and since when it waited")]
pub struct Claim {
    /// The incident.
    pub incident: IncidentId,
    /// Since when it waited.
    pub due: Timestamp,
}

/// An entry and its place in the record of its incident, from 1.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "an entry and its place")]
pub struct Numbered {
    /// The place.
    pub number: u64,
    /// The entry.
    pub entry: Entry,
}

/// A start of a step, counted over all incidents.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "what a ceiling counts")]
pub struct Start {
    /// The runbook.
    pub runbook: String,
    /// The name of the step in it.
    pub step: String,
    /// When.
    pub at: Timestamp,
}

/// What is written at once.
#[derive(Debug, Clone, Default)]
#[expect(clippy::exhaustive_structs, reason = "what is written at once")]
pub struct Append {
    /// The entries.
    pub entries: Vec<Entry>,
    /// A step that begins with them.
    pub start: Option<Start>,
}

/// An incident in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "what the list is sorted and cut by")]
pub struct IncidentRow {
    /// The incident.
    pub incident: IncidentId,
    /// When anything was written of it first.
    pub first: Timestamp,
    /// When anything was written of it last.
    pub last: Timestamp,
    /// Whether any of its alerts fires, as far as somebody has looked.
    pub is_open: bool,
}

/// Which incidents are listed, those with the latest entries first.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::exhaustive_structs, reason = "whoever lists incidents must say all of it")]
pub struct Query {
    /// Only those whose alerts fire.
    pub open: bool,
    /// Only those that come after this one in the list.
    pub after: Option<(Timestamp, IncidentId)>,
    /// How many at most.
    pub limit: usize,
}

/// A durable record of incidents, which several processes may share.
///
/// Whatever returns `Ok` has reached the disk. Each incident is worked on by one process at a time, which holds its lease;
/// entries of a process that has lost it are refused.
pub trait Store: Send + Sync + fmt::Debug {
    /// Writes down deliveries, all of them or none, and wakes whoever works on their incidents.
    fn receive(&self, arrivals: Vec<Arrival>) -> StoreFuture<'_, Vec<Receipt>>;

    /// Leases at most `limit` incidents that wait for work, those that wait longest first.
    fn claim<'a>(
        &'a self,
        owner: &'a Owner,
        now: Timestamp,
        lease: Window,
        limit: usize,
    ) -> StoreFuture<'a, Vec<Claim>>;

    /// Prolongs the leases of `owner` on `incidents`, and the locks `locks`, each with who holds it.
    fn renew<'a>(
        &'a self,
        owner: &'a Owner,
        incidents: Vec<IncidentId>,
        locks: Vec<(String, Owner)>,
        now: Timestamp,
        lease: Window,
    ) -> StoreFuture<'a, ()>;

    /// Gives a lease back: the incident waits until `due`, or until something is written. `seen` is the last entry that
    /// was looked at, so that a later one is not slept over.
    fn release<'a>(
        &'a self,
        incident: IncidentId,
        owner: &'a Owner,
        seen: u64,
        due: Option<Timestamp>,
    ) -> StoreFuture<'a, ()>;

    /// Writes entries of the process that holds the lease, and whether alerts of the incident fire after them.
    fn append<'a>(
        &'a self,
        incident: IncidentId,
        owner: &'a Owner,
        append: Append,
        is_open: bool,
    ) -> StoreFuture<'a, ()>;

    /// Writes an entry of somebody else, such as a person, and wakes whoever works on the incident.
    fn add(&self, incident: IncidentId, entry: Entry) -> StoreFuture<'_, ()>;

    /// The record of an incident after the entry `after`.
    fn record(&self, incident: IncidentId, after: u64) -> StoreFuture<'_, Vec<Numbered>>;

    /// A list of incidents.
    fn list(&self, query: Query) -> StoreFuture<'_, Vec<IncidentRow>>;

    /// Starts of the steps of a runbook from `since` on, in all incidents.
    fn starts<'a>(&'a self, runbook: &'a str, since: Timestamp) -> StoreFuture<'a, Vec<Start>>;

    /// Takes the lock `name`, if it is free or `owner` has it already; [`renew`](Self::renew) prolongs it.
    fn lock<'a>(
        &'a self,
        name: &'a str,
        owner: &'a Owner,
        now: Timestamp,
        lease: Window,
    ) -> StoreFuture<'a, bool>;

    /// Gives the lock `name` back.
    fn unlock<'a>(&'a self, name: &'a str, owner: &'a Owner) -> StoreFuture<'a, ()>;

    /// The processes that hold leases or locks.
    fn owners(&self) -> StoreFuture<'_, Vec<Owner>>;

    /// Takes the leases and locks of a process away, which is known to have ended.
    fn disown<'a>(&'a self, owner: &'a Owner) -> StoreFuture<'a, ()>;

    /// How many incidents wait for work that nobody works on, and since when the first of them does.
    fn waiting(&self, now: Timestamp) -> StoreFuture<'_, (u64, Option<Timestamp>)>;
}
