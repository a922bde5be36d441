//! The interface of a store.

use super::StoreError;
use slo_core::model::{Timestamp, Window};
use slo_ops::{
    Deployment,
    alert::{Delivery, IncidentId},
    experiment::RunEntry,
    incident::Entry,
};
use std::{fmt, pin::Pin, sync::Arc};

/// The result of a call of a store, as a future.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// The unique name of a process that works on incidents.
pub type Owner = Arc<str>;

/// A delivery that was received.
#[derive(Debug, Clone)]
#[expect(clippy::exhaustive_structs, reason = "all of it is needed")]
pub struct Arrival {
    /// The delivery.
    pub delivery: Delivery,
    /// When.
    pub at: Timestamp,
}

/// How a delivery was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a delivery is new or not")]
pub enum Receipt {
    /// As a new one, in full.
    New,
    /// As a repeated one.
    Repeated,
}

/// An incident that a process has leased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "an incident, and since when it waited")]
pub struct Claim {
    /// The incident.
    pub incident: IncidentId,
    /// Since when it has waited.
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
#[expect(clippy::exhaustive_structs, reason = "what a limit of starts counts")]
pub struct Start {
    /// The runbook.
    pub runbook: String,
    /// The name of the step in it.
    pub step: String,
    /// When.
    pub at: Timestamp,
    /// Whether it helped; `None` if that is not known.
    pub helped: Option<bool>,
}

/// Entries that are written at once.
#[derive(Debug, Clone, Default)]
#[expect(clippy::exhaustive_structs, reason = "what is written at once")]
pub struct Append {
    /// The entries.
    pub entries: Vec<Entry>,
    /// The start of a step, if they record one.
    pub start: Option<Start>,
    /// Earlier starts of which they say whether they helped.
    pub judged: Vec<Start>,
}

/// An incident in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "what the list is sorted and cut by")]
pub struct IncidentRow {
    /// The incident.
    pub incident: IncidentId,
    /// When its first entry was written.
    pub first: Timestamp,
    /// When its latest entry was written.
    pub last: Timestamp,
    /// Whether it was open when it was last worked on; a new incident counts as open.
    pub is_open: bool,
}

/// A run of an experiment.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "what incidents say of it")]
pub struct KeptRun {
    /// Its id.
    pub id: String,
    /// The fault, in words.
    pub fault: String,
    /// When it began.
    pub began: Timestamp,
    /// When its fault was undone; while it lasts, when it will be at the latest.
    pub until: Timestamp,
}

/// A query for incidents, which are listed with the latest entries first.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::exhaustive_structs, reason = "every caller must set every field")]
pub struct Query {
    /// Only incidents that are open.
    pub open: bool,
    /// Only incidents that come after this one in the list.
    pub after: Option<(Timestamp, IncidentId)>,
    /// How many at most.
    pub limit: usize,
}

/// A durable record of incidents, which several processes may share.
///
/// A call that writes has reached the disk when it returns `Ok`. One process at a time works on an incident
/// and holds its lease. Entries from a process that has lost the lease are refused.
pub trait Store: Send + Sync + fmt::Debug {
    /// Records deliveries, all of them or none, and makes their incidents due.
    fn receive(&self, arrivals: Vec<Arrival>) -> StoreFuture<'_, Vec<Receipt>>;

    /// Leases at most `limit` incidents that are due and not leased, longest waiting first.
    fn claim<'a>(
        &'a self,
        owner: &'a Owner,
        now: Timestamp,
        lease: Window,
        limit: usize,
    ) -> StoreFuture<'a, Vec<Claim>>;

    /// Extends the leases of `owner` on `incidents`, and `locks`, each given with its holder.
    fn renew<'a>(
        &'a self,
        owner: &'a Owner,
        incidents: Vec<IncidentId>,
        locks: Vec<(String, Owner)>,
        now: Timestamp,
        lease: Window,
    ) -> StoreFuture<'a, ()>;

    /// Gives a lease back. The incident waits until `due`, or until an entry is added.
    ///
    /// `seen` is the last entry that was read. If there is a later one, the incident is due at once.
    fn release<'a>(
        &'a self,
        incident: IncidentId,
        owner: &'a Owner,
        seen: u64,
        due: Option<Timestamp>,
    ) -> StoreFuture<'a, ()>;

    /// Adds entries from the process that holds the lease, and whether the incident is open after them.
    fn append<'a>(
        &'a self,
        incident: IncidentId,
        owner: &'a Owner,
        append: Append,
        is_open: bool,
    ) -> StoreFuture<'a, ()>;

    /// Adds an entry from somebody else, such as a person, and makes the incident due.
    fn add(&self, incident: IncidentId, entry: Entry) -> StoreFuture<'_, ()>;

    /// The record of an incident after the entry `after`.
    fn record(&self, incident: IncidentId, after: u64) -> StoreFuture<'_, Vec<Numbered>>;

    /// A list of incidents.
    fn list(&self, query: Query) -> StoreFuture<'_, Vec<IncidentRow>>;

    /// Starts of the steps of a runbook from `since` on, in all incidents, oldest first.
    fn starts<'a>(&'a self, runbook: &'a str, since: Timestamp) -> StoreFuture<'a, Vec<Start>>;

    /// Takes the lock `name`, if it is free or `owner` holds it already; [`renew`](Self::renew) extends it.
    fn lock<'a>(
        &'a self,
        name: &'a str,
        owner: &'a Owner,
        now: Timestamp,
        lease: Window,
    ) -> StoreFuture<'a, bool>;

    /// Gives the lock `name` back.
    fn unlock<'a>(&'a self, name: &'a str, owner: &'a Owner) -> StoreFuture<'a, ()>;

    /// Keeps a run and its record, in place of an earlier one.
    fn keep_run(&self, run: KeptRun, record: Vec<RunEntry>) -> StoreFuture<'_, ()>;

    /// The runs that were not over at `from`, and had begun by `to`, in their order.
    fn runs(&self, from: Timestamp, to: Timestamp) -> StoreFuture<'_, Vec<KeptRun>>;

    /// Keeps a deployment, in place of the same one. Returns whether it is new.
    fn keep_deployment(&self, deployment: Deployment) -> StoreFuture<'_, bool>;

    /// The deployments from `from` to `to`, in the order of their times.
    fn deployments(&self, from: Timestamp, to: Timestamp) -> StoreFuture<'_, Vec<Deployment>>;

    /// At most `limit` deployments that nobody was told of yet, the oldest first.
    fn untold(&self, limit: usize) -> StoreFuture<'_, Vec<Deployment>>;

    /// Marks a deployment as told.
    fn told(&self, deployment: Deployment) -> StoreFuture<'_, ()>;

    /// The processes that hold leases or locks.
    fn owners(&self) -> StoreFuture<'_, Vec<Owner>>;

    /// Removes the leases and locks of a process that is known to have ended.
    fn disown<'a>(&'a self, owner: &'a Owner) -> StoreFuture<'a, ()>;

    /// How many incidents are due and not leased, and since when the first of them is due.
    fn waiting(&self, now: Timestamp) -> StoreFuture<'_, (u64, Option<Timestamp>)>;
}
