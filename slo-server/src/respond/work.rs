//! The work on one incident, until nothing is left to do.

use super::{
    shared::{LEASE, Shared, persistently},
    step::{repeatedly, run},
};
use crate::{
    clock::now,
    kill, own,
    send::Outgoing,
    store::{Append, KeptRun, Owner, Start, StoreError},
};
use slo_core::model::{Timestamp, Window};
use slo_ops::{
    Deployment,
    alert::IncidentId,
    incident::{
        Entry, Episode, Event, Evidence, Incident, Message, Output, SendOutcome, StepKind, StepOutcome,
        StepState, Target,
    },
    runbook::{Action, Next, PastStart, Situation, Work, next},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::{Notify, watch},
    task::JoinSet,
    time::{sleep, timeout},
};

/// How often to look for entries that others wrote.
const LOOK_EVERY: Window = Window::seconds(1);
/// How long the query for the cost of an open episode may take.
const COUNTED_WITHIN: Duration = Duration::from_secs(5);
/// How far back starts of steps are counted: the longest useful cooldown or limit of starts.
const STARTS: Window = Window::days(366);
/// How soon to try again if the record of an incident cannot be read or written.
const TROUBLED: Window = Window::minutes(5);
/// How long the lock on the decision whether a step may start is kept.
const DECIDING: Window = Window::seconds(10);
/// How long before an alert an experiment may have ended, or a version gone live, and still be what it is about.
const BEFORE: Window = Window::minutes(15);
/// How often to look for experiments.
const EXPERIMENTS_EVERY: Window = Window::seconds(5);

/// Work that has ended.
enum Done {
    Step { began: Timestamp, step: usize, attempt: u32, lock: Option<String>, ended: (StepOutcome, Output) },
    Look { began: Timestamp, step: usize, is_verification: bool, found: Result<Evidence, String> },
    Account { began: Timestamp, is_open: bool, events: Vec<Event> },
    Summarize { began: Timestamp, event: Event },
    Send { began: Timestamp, target: Target, message: Message, attempt: u32, outcome: SendOutcome },
}

/// Works on `incident`, whose lease this process holds, and gives the lease back.
pub(super) async fn work(
    shared: &Arc<Shared>,
    incident: IncidentId,
    wake: &Notify,
    stop: watch::Receiver<bool>,
) {
    let mut job = Job {
        shared: Arc::clone(shared),
        incident: Incident::new(incident),
        seen: 0,
        running: BTreeSet::new(),
        tasks: JoinSet::new(),
        put_off: None,
        locks: BTreeSet::new(),
        looked: None,
        holder: format!("{}/{}", shared.owner(), incident).into(),
    };
    let ended = job.run(wake, stop).await;
    // What still runs ends with its task, before others may begin.
    job.tasks.shutdown().await;
    for lock in std::mem::take(&mut job.locks) {
        let _lost = shared.unlock(&lock, &job.holder).await;
    }
    let due = match ended {
        Ok(due) => due,
        // The process that holds the lease now continues.
        Err(StoreError::Lost) => return,
        // By then, another version or a person may have repaired it.
        Err(_) => Some(now().after(TROUBLED)),
    };
    let (store, owner) = (shared.store(), shared.owner());
    let _lost = persistently(|| store.release(incident, owner, job.seen, due)).await;
}

struct Job {
    shared: Arc<Shared>,
    incident: Incident,
    seen: u64,
    running: BTreeSet<Work>,
    tasks: JoinSet<Done>,
    /// When to try again an action that must wait for another runbook of the service, or for its turn at a
    /// receiver.
    put_off: Option<Timestamp>,
    /// The locks that it holds, in the name of `holder`.
    locks: BTreeSet<String>,
    holder: Owner,
    /// When it last looked for experiments.
    looked: Option<Timestamp>,
}

impl Job {
    /// Works until nothing is left to do or the process stops; returns when to continue.
    async fn run(
        &mut self,
        wake: &Notify,
        mut stop: watch::Receiver<bool>,
    ) -> Result<Option<Timestamp>, StoreError> {
        loop {
            self.catch_up().await?;
            self.find_changes().await?;
            let stopping = *stop.borrow();
            let next = self.next().await?;
            self.put_off = None;
            let mut acted = false;
            if !stopping {
                acted = self.act(next.actions).await?;
            }
            if acted {
                continue;
            }
            let due = [next.at, self.put_off].into_iter().flatten().min();
            if self.tasks.is_empty() && (stopping || due.is_none_or(|due| due > now().after(LOOK_EVERY))) {
                return Ok(if stopping { Some(now()) } else { due });
            }
            let until = due.into_iter().fold(now().after(LOOK_EVERY), Timestamp::min);
            let wait = Duration::from_millis(until.millis_since(now()).max(1));
            tokio::select! {
                Some(done) = self.tasks.join_next() => {
                    if let Ok(done) = done {
                        self.finish(done).await?;
                    }
                }
                () = wake.notified() => {}
                () = sleep(wait) => {}
                _told = stop.changed(), if !stopping => {}
            }
        }
    }

    /// Reads and applies new entries.
    async fn catch_up(&mut self) -> Result<(), StoreError> {
        let (store, id, seen) = (self.shared.store(), self.incident.id(), self.seen);
        for numbered in persistently(|| store.record(id, seen)).await? {
            self.seen = numbered.number;
            self.incident.apply(&numbered.entry);
        }
        Ok(())
    }

    /// Records experiments that were running when the open episode began, and deployments of its services, or shortly before.
    async fn find_changes(&mut self) -> Result<(), StoreError> {
        let now = now();
        let Some(episode) = self.incident.open() else { return Ok(()) };
        if self.looked.is_some_and(|looked| looked.after(EXPERIMENTS_EVERY) > now) {
            return Ok(());
        }
        self.looked = Some(now);
        let (store, began) = (self.shared.store(), episode.id.began);
        // Without this, everything else goes on.
        let Ok(runs) = store.runs(began.before(BEFORE), began).await else { return Ok(()) };
        let new = runs.into_iter().filter(|run| !episode.experiments.contains_key(&run.id));
        let event = |run: KeptRun| Event::Experiment { run: run.id, fault: run.fault, began: run.began };
        let mut entries: Vec<Entry> = new.map(|run| Entry::of(began, now, event(run))).collect();
        let services: BTreeSet<&str> = episode
            .alerts
            .iter()
            .filter_map(|alert| alert.labels.get("service"))
            .map(String::as_str)
            .collect();
        let Ok(deployed) = store.deployments(began.before(BEFORE), began).await else { return Ok(()) };
        // Its other fields may have been corrected since.
        let is_same = |one: &Deployment, other: &Deployment| {
            (&one.service, &one.version, one.at) == (&other.service, &other.version, other.at)
        };
        let is_near = |deployment: &Deployment| {
            services.contains(deployment.service.as_str())
                && !episode.deployments.iter().any(|(known, _)| is_same(known, deployment))
        };
        let deployed = deployed.into_iter().filter(is_near);
        entries.extend(deployed.map(|deployment| Entry::of(began, now, Event::Deployed { deployment })));
        if !entries.is_empty() {
            self.append(Append { entries, ..Append::default() }).await?;
        }
        Ok(())
    }

    async fn next(&self) -> Result<Next, StoreError> {
        let mut starts: BTreeMap<(String, String), Vec<PastStart>> = BTreeMap::new();
        if let Some(name) = self.incident.open().and_then(Episode::runbook_name) {
            let (store, since) = (self.shared.store(), now().before(STARTS));
            for start in persistently(|| store.starts(name, since)).await? {
                starts
                    .entry((start.runbook, start.step))
                    .or_default()
                    .push(PastStart { at: start.at, helped: start.helped });
            }
        }
        let targets = self.shared.sender().targets();
        let situation = Situation {
            now: now(),
            running: &self.running,
            starts: &starts,
            targets: &targets,
            runbooks: self.shared.runbooks(),
            counted: self.shared.counts().known(),
            summarizes: self.shared.summarizer().has_model(),
        };
        Ok(next(&self.incident, &situation))
    }

    /// Performs actions; returns whether anything was written.
    async fn act(&mut self, actions: Vec<Action>) -> Result<bool, StoreError> {
        let records: Vec<Entry> = actions
            .iter()
            .filter_map(|action| match action {
                Action::Record(entry) => Some(entry.clone()),
                _ => None,
            })
            .collect();
        if !records.is_empty() {
            self.append(Append { entries: records, ..Append::default() }).await?;
            return Ok(true);
        }
        let mut acted = false;
        for action in actions {
            acted |= match action {
                Action::Run { began, step, attempt } => self.start_step(began, step, attempt).await?,
                Action::Look { began, step, since } => self.look(began, step, since),
                Action::Account { began } => self.account(began),
                Action::Summarize { began } => self.summarize(began),
                Action::Send { began, target, message, attempt, may_repeat } => {
                    self.send(began, (target, message), attempt, may_repeat).await?
                }
                _ => false,
            };
        }
        Ok(acted)
    }

    /// Writes entries, and applies them.
    async fn append(&mut self, append: Append) -> Result<(), StoreError> {
        let shared = Arc::clone(&self.shared);
        let (store, owner, id) = (shared.store(), shared.owner(), self.incident.id());
        // Only deliveries open and end episodes.
        let is_open = self.incident.open().is_some();
        let append = Append { judged: self.judged(&append.entries), ..append };
        persistently(|| store.append(id, owner, append.clone(), is_open)).await?;
        // Others may have written in between: what comes next is read.
        self.catch_up().await
    }

    /// The starts of remediations of which these entries say whether they helped.
    fn judged(&self, entries: &[Entry]) -> Vec<Start> {
        let mut judged = Vec::new();
        let may_judge = |entry: &&Entry| {
            matches!(
                entry.event,
                Event::StepEnded { .. } | Event::DidNotHelp { .. } | Event::Mitigated { .. }
            )
        };
        for entry in entries.iter().filter(may_judge) {
            let Some(mut after) = entry.episode.and_then(|began| self.episode(began)).cloned() else {
                continue;
            };
            let Some(runbook) = after.runbook_name().map(str::to_owned) else { continue };
            let before: Vec<Option<bool>> = after.steps().iter().map(|run| run.helped).collect();
            after.apply(entry.at, &entry.event);
            let changed = after.steps().iter().zip(before).filter(|(run, before)| run.helped != *before);
            judged.extend(changed.filter_map(|(run, _)| {
                let (at, helped) = (*run.starts.last()?, run.helped?);
                Some(Start {
                    runbook: runbook.clone(),
                    step: run.info.name.clone(),
                    at,
                    helped: Some(helped),
                })
            }));
        }
        judged
    }

    /// Takes a lock; it is given back at the end of the job at the latest.
    async fn lock(&mut self, name: &str, lease: Window) -> Result<bool, StoreError> {
        let taken = self.shared.lock(name, &self.holder, lease).await?;
        if taken {
            self.locks.insert(name.to_owned());
        }
        Ok(taken)
    }

    async fn unlock(&mut self, name: &str) -> Result<(), StoreError> {
        // Only its own, and only once.
        if self.locks.remove(name) {
            self.shared.unlock(name, &self.holder).await?;
        }
        Ok(())
    }

    fn put_off(&mut self, wait: Duration) {
        let wait = Window::from_millis(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1));
        let until = now().after(wait.unwrap_or(LOOK_EVERY));
        self.put_off = Some(self.put_off.map_or(until, |before| before.min(until)));
    }

    fn episode(&self, began: Timestamp) -> Option<&Episode> {
        self.incident.episode(began)
    }

    /// Records that a step starts, and starts it, unless another runbook runs for the same service.
    async fn start_step(&mut self, began: Timestamp, step: usize, attempt: u32) -> Result<bool, StoreError> {
        let Some(episode) = self.episode(began).cloned() else { return Ok(false) };
        let shared = Arc::clone(&self.shared);
        let Some(runbook) = episode.runbook_name().and_then(|name| shared.runbooks().get(name)) else {
            return Ok(false);
        };
        let Some(configured) = runbook.steps.get(step).cloned() else { return Ok(false) };
        // An undo step gets the parameters that its remediation had.
        let before = step.checked_sub(1).and_then(|before| episode.steps().get(before));
        let values = match before.filter(|_| configured.kind() == StepKind::Undo) {
            Some(remediation) => Ok(remediation.values.clone()),
            None => runbook.values(&episode),
        };
        let lock = (!runbook.concurrent).then(|| service_lock(&episode)).flatten();
        if let Some(lock) = &lock
            && !self.lock(lock, LEASE).await?
        {
            self.put_off(LOOK_EVERY.as_duration());
            return Ok(false);
        }
        let is_remedy = configured.kind() == StepKind::Remediate;
        let deciding = format!("step {}/{}", runbook.name, configured.name);
        let mut may_start = true;
        if is_remedy {
            // Limits hold over all incidents, so no other process may decide about this step at the same
            // time. New entries count, too.
            may_start = self.lock(&deciding, DECIDING).await?;
            if may_start {
                self.catch_up().await?;
                may_start = self.next().await?.actions.contains(&Action::Run { began, step, attempt });
            }
        }
        if may_start {
            let at = now();
            let told = values.clone().unwrap_or_default();
            let entry = Entry::of(began, at, Event::StepStarted { step, attempt, values: told });
            let start = is_remedy.then(|| Start {
                runbook: runbook.name.clone(),
                step: configured.name.clone(),
                at,
                helped: None,
            });
            kill::point("before step");
            self.append(Append { entries: vec![entry], start, ..Append::default() }).await?;
            kill::point("step started");
        }
        if is_remedy {
            self.unlock(&deciding).await?;
        }
        if !may_start {
            if let Some(lock) = &lock {
                self.unlock(lock).await?;
            }
            self.put_off(LOOK_EVERY.as_duration());
            return Ok(false);
        }
        self.running.insert(Work::Step(began, step));
        let shared = Arc::clone(&self.shared);
        self.tasks.spawn(async move {
            let event = shared.own().step();
            let ended = run(&shared, &episode, &configured, values).await;
            own::end_step(event, &ended.0);
            kill::point("step ran");
            Done::Step { began, step, attempt, lock, ended }
        });
        Ok(true)
    }

    /// Queries the event counts for a step.
    fn look(&mut self, began: Timestamp, step: usize, since: Option<Timestamp>) -> bool {
        let Some(episode) = self.episode(began).cloned() else { return false };
        self.running.insert(Work::Look(began, step));
        let shared = Arc::clone(&self.shared);
        let run = episode.steps().get(step);
        let is_verification = run.is_some_and(|run| matches!(run.state, StepState::Ended { .. }));
        self.tasks.spawn(async move {
            let found = repeatedly(|| shared.counts().evidence(&episode, since)).await;
            Done::Look { began, step, is_verification, found }
        });
        true
    }

    /// Queries the cost of an episode.
    fn account(&mut self, began: Timestamp) -> bool {
        let Some(episode) = self.episode(began).cloned() else { return false };
        self.running.insert(Work::Account(began));
        let shared = Arc::clone(&self.shared);
        self.tasks.spawn(async move {
            // While it lasts, nothing waits for a server that does not answer.
            let ask = async {
                if episode.is_open() {
                    shared.counts().cost(&episode).await.map_err(|error| error.to_string())
                } else {
                    repeatedly(|| shared.counts().cost(&episode)).await
                }
            };
            let limit = if episode.is_open() { COUNTED_WITHIN } else { COUNTED_WITHIN * 10 };
            let late = || Err(format!("no answer within {} s", limit.as_secs()));
            let found = timeout(limit, ask).await.unwrap_or_else(|_| late());
            let events = found.unwrap_or_else(|reason| vec![Event::NotCounted { reason }]);
            Done::Account { began, is_open: episode.is_open(), events }
        });
        true
    }

    /// Writes the summary of an episode.
    fn summarize(&mut self, began: Timestamp) -> bool {
        let Some(episode) = self.episode(began).cloned() else { return false };
        self.running.insert(Work::Summarize(began));
        let (shared, id) = (Arc::clone(&self.shared), self.incident.id());
        self.tasks.spawn(async move {
            let record = persistently(|| shared.store().record(id, 0)).await.unwrap_or_default();
            let record: Vec<Entry> = record.into_iter().map(|numbered| numbered.entry).collect();
            let event = shared.summarizer().summarize(&episode, &record, shared.redactor()).await;
            Done::Summarize { began, event }
        });
        true
    }

    /// Writes that a message is about to be sent, and sends it.
    async fn send(
        &mut self,
        began: Timestamp,
        (target, message): (Target, Message),
        attempt: u32,
        may_repeat: bool,
    ) -> Result<bool, StoreError> {
        if let Err(wait) = self.shared.sender().turn(target, self.incident.id(), message) {
            self.put_off(wait);
            return Ok(false);
        }
        let event = Event::Sending { target, message, attempt };
        kill::point("before sending");
        self.append(Append { entries: vec![Entry::of(began, now(), event)], ..Append::default() }).await?;
        kill::point("sending written");
        let Some(episode) = self.episode(began).cloned() else { return Ok(false) };
        self.running.insert(Work::Send(began, target, message));
        let shared = Arc::clone(&self.shared);
        self.tasks.spawn(async move {
            let outgoing = Outgoing { episode, target, message, may_repeat };
            let event = shared.own().sending();
            let outcome = shared.sender().send(&outgoing).await;
            own::end_sending(event, &outcome);
            kill::point("sent");
            Done::Send { began, target, message, attempt, outcome }
        });
        Ok(true)
    }

    /// Records the outcome of work.
    async fn finish(&mut self, done: Done) -> Result<(), StoreError> {
        match done {
            Done::Step { began, step, attempt, lock, ended: (outcome, output) } => {
                let event = Event::StepEnded { step, attempt, outcome, output };
                self.append(Append { entries: vec![Entry::of(began, now(), event)], ..Append::default() })
                    .await?;
                kill::point("step end written");
                self.running.remove(&Work::Step(began, step));
                if let Some(lock) = lock {
                    self.unlock(&lock).await?;
                }
            }
            Done::Look { began, step, is_verification, found } => {
                let event = match found {
                    Ok(evidence) => Some(Event::Evidence { step, evidence }),
                    // The check whether a remediation helped is repeated until its time is over.
                    Err(_) if is_verification => None,
                    Err(reason) => {
                        Some(Event::StepSkipped { step, reason: format!("no evidence: {reason}") })
                    }
                };
                if let Some(event) = event {
                    self.append(Append {
                        entries: vec![Entry::of(began, now(), event)],
                        ..Append::default()
                    })
                    .await?;
                }
                self.running.remove(&Work::Look(began, step));
            }
            Done::Account { began, is_open, events } => {
                self.catch_up().await?;
                // If it has ended meanwhile, it is asked again, for all of it.
                if self.episode(began).is_some_and(|episode| episode.is_open() == is_open) {
                    let entries = events.into_iter().map(|event| Entry::of(began, now(), event)).collect();
                    self.append(Append { entries, ..Append::default() }).await?;
                }
                self.running.remove(&Work::Account(began));
            }
            Done::Summarize { began, event } => {
                self.append(Append { entries: vec![Entry::of(began, now(), event)], ..Append::default() })
                    .await?;
                self.running.remove(&Work::Summarize(began));
            }
            Done::Send { began, target, message, attempt, outcome } => {
                let event = Event::Sent { target, message, attempt, outcome };
                self.append(Append { entries: vec![Entry::of(began, now(), event)], ..Append::default() })
                    .await?;
                kill::point("sent written");
                self.running.remove(&Work::Send(began, target, message));
            }
        }
        Ok(())
    }
}

/// The lock that stops two runbooks from working on one service at once; hashed, since a sender chooses the
/// name.
fn service_lock(episode: &Episode) -> Option<String> {
    Some(format!("service {}", IncidentId::of_group(episode.label("service")?)))
}
