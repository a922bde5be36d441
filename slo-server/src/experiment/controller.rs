//! Runs an experiment from its plan to its finding.

use super::{
    counts::Watched,
    folder::{Folder, Leftover, Lock},
    kept::{Kept, KeptLock},
};
use crate::{
    clock::now,
    fault::{Held, Journal, own, restore, targets},
    store::Store,
};
use slo_core::{
    math::{PeriodBudget, Tally},
    model::{Service, Timestamp, Window},
};
use slo_ops::{
    Error,
    experiment::{
        Before, Counted, Experiment, Guard, KnownSlo, Plan, Ruling, Run, RunEntry, RunEvent, Stop, read,
        run_id,
    },
};
use slo_prometheus::AsyncClient;
use std::{path::PathBuf, sync::Arc, time::Duration};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until, timeout},
};

/// How long Prometheus may take to explain a run.
const TO_EXPLAIN: Duration = Duration::from_secs(5);
/// Over how many looks the service must burn no faster than tolerated, to have recovered.
const LOOKS_TO_RECOVER: usize = 3;
/// A fault should last for so many scrapes.
const LEAST_SCRAPES: u32 = 5;
/// How long injecting may take.
const TO_INJECT: Duration = Duration::from_secs(90);

/// Runs experiments on the SLOs of a Prometheus server.
#[derive(Debug)]
pub struct Laboratory {
    file: String,
    experiment: Experiment,
    watched: Watched,
    folder: Folder,
    launcher: PathBuf,
    kept: Option<Kept>,
}

/// An experiment that may begin, with its plan.
#[derive(Debug)]
pub struct Prepared<'a> {
    laboratory: &'a Laboratory,
    /// What it will cost, and what forbids it.
    pub plan: Plan,
    /// Runs whose controllers had died. What was left of their faults is undone, or said to be left.
    pub leftovers: Vec<Leftover>,
    before: Vec<Before>,
    lag: Duration,
    lock: Lock,
    kept_lock: Option<KeptLock>,
}

/// What an experiment tells while it runs.
#[derive(Debug)]
#[non_exhaustive]
pub enum Progress<'a> {
    /// All of the fault is injected.
    Injected(&'a Run),
    /// The guard looked.
    Looked(&'a Run),
    /// The fault is about to be undone.
    Stopping(&'a Run),
    /// The fault is undone; what follows is the recovery.
    Restored(&'a Run),
    /// The end of the run could not be written to the record of incidents; the next run does so.
    NotKept(&'a Error),
}

impl Laboratory {
    /// The experiment in the text of a file, on the SLOs in `services` that `client` knows the events of. Its journal is in
    /// `folder`. `launcher` is a binary that calls [`hold`](crate::fault::hold) and [`press`](crate::fault::press).
    ///
    /// # Errors
    /// An SLO that is in none of the specs, or whose SLI counts no events.
    pub fn new(
        file: &str,
        services: &[Service],
        client: AsyncClient,
        folder: Folder,
        launcher: PathBuf,
    ) -> Result<Self, Error> {
        let experiment = read(file).map_err(|faults| Error::new(faults.to_string()))?;
        let watched = Watched::new(client, services, &experiment)?;
        Ok(Self { file: file.to_owned(), experiment, watched, folder, launcher, kept: None })
    }

    /// The same, which also keeps the record of its run in `store`, so that incidents say that it was running.
    #[must_use]
    pub fn recording_in(mut self, store: Arc<dyn Store>) -> Self {
        self.kept = Some(Kept::new(store));
        self
    }

    /// The experiment.
    #[must_use]
    pub const fn experiment(&self) -> &Experiment {
        &self.experiment
    }

    /// Plans the experiment.
    ///
    /// # Errors
    /// A server that does not answer, or an SLO without events.
    pub async fn plan(&self) -> Result<Plan, Error> {
        Ok(self.planned(&self.before().await?).await?.0)
    }

    /// Judges a fault that something else injected at `from` and undid at `to`, because of `stop`. The result is the run that it would have been.
    ///
    /// # Errors
    /// A server that does not answer, an SLO without events, or a time without length.
    pub async fn judge(&self, from: Timestamp, to: Timestamp, stop: Stop) -> Result<Run, Error> {
        let every = self.experiment.guard.every;
        let count = usize::try_from(to.millis_since(from) / every.as_millis()).unwrap_or(usize::MAX);
        if count == 0 {
            return Err(Error::new(format!("there is no look of {every} between {from} and {to}"))
                .with_hint("write a shorter `every` in `guard`"));
        }
        let before = self.watched.before(every, from, &[]).await?;
        let slos = before.iter().map(known).collect();
        let id = run_id(&self.experiment.name, from);
        let begun = RunEvent::Begun { id, file: self.file.clone(), slos, controller: own() };
        let mut record = vec![RunEntry::new(from, begun), RunEntry::new(from, RunEvent::Injected)];
        for (index, counts) in (1..).zip(self.watched.course(from, every, count).await?) {
            let counts = counts.into_iter().map(|count| count.map(Counted::from)).collect();
            let at = from.after_steps(every, index).min(to);
            record.push(RunEntry::new(at, RunEvent::Looked { counts }));
        }
        record.push(RunEntry::new(to, RunEvent::Stopping { stop }));
        let explained = RunEvent::Explained {
            counts: Vec::new(),
            alerted: self.watched.alerted(from, to).await?,
            labels: self.watched.labels(from, to).await?,
        };
        record.push(RunEntry::new(to, explained));
        record.extend(self.recovery(to, now()).await?.map(|event| RunEntry::new(to, event)));
        Run::of(&record)
    }

    /// Whether the service recovered after `from`, by what is known at `at`; `None` if that does not tell.
    async fn recovery(&self, from: Timestamp, at: Timestamp) -> Result<Option<RunEvent>, Error> {
        let every = self.experiment.guard.every;
        let looks = |until: u64| usize::try_from(until / every.as_millis()).unwrap_or(usize::MAX);
        let allowed = looks(self.experiment.recovery.as_millis()).max(LOOKS_TO_RECOVER);
        let known = looks(at.millis_since(from)).min(allowed);
        if known < LOOKS_TO_RECOVER {
            return Ok(None);
        }
        let course = self.watched.course(from, every, known).await?;
        let tolerated = self.tolerated()?;
        let ratio = |slo: usize, first: usize| {
            let at = |index: usize| course.get(index)?.get(slo).copied().flatten();
            let before = first.checked_sub(1).map_or(Some(Tally::EMPTY), at)?;
            at(first + LOOKS_TO_RECOVER - 1)?.since(before).ok()?.error_ratio()
        };
        let mut is_ill = false;
        for first in 0..=known - LOOKS_TO_RECOVER {
            let ratios =
                || tolerated.iter().enumerate().map(|(slo, tolerated)| (ratio(slo, first), *tolerated));
            if ratios().all(|(ratio, tolerated)| ratio.is_some_and(|ratio| ratio <= tolerated)) {
                return Ok(Some(RunEvent::Recovered { since: from.after_steps(every, first) }));
            }
            is_ill = ratios().any(|(ratio, tolerated)| ratio.is_some_and(|ratio| ratio > tolerated));
        }
        Ok((is_ill && known == allowed).then_some(RunEvent::NotRecovered))
    }

    /// The error ratio that each hypothesis tolerates.
    fn tolerated(&self) -> Result<Vec<f64>, Error> {
        let hypotheses = self.experiment.hypotheses.iter().zip(self.watched.objectives());
        hypotheses.map(|(hypothesis, objective)| hypothesis.error_ratio(objective)).collect()
    }

    /// Prepares a run: no other may be going on, and what others have left is undone. Then it is planned.
    ///
    /// # Errors
    /// Another run, a server that does not answer, or a folder that cannot be written to.
    pub async fn prepare(&self) -> Result<Prepared<'_>, Error> {
        let lock = self.folder.lock()?;
        let leftovers = self.folder.clean_up_locked().await?;
        if let Some(kept) = &self.kept {
            // What the record may have missed: the end of the last run, and what others have left.
            let journals = self.folder.journals()?.all;
            let last = journals.last().map(|(_, run)| run.id.clone());
            for (journal, run) in &journals {
                let is_leftover = leftovers.iter().any(|leftover| leftover.run.id == run.id);
                if is_leftover || last.as_ref() == Some(&run.id) {
                    kept.keep(run, journal.entries()?).await?;
                }
            }
        }
        let before = self.before().await?;
        let (plan, lag) = self.planned(&before).await?;
        let kept_lock = match &self.kept {
            Some(kept) if plan.may_begin() => Some(kept.lock().await?),
            _ => None,
        };
        Ok(Prepared { laboratory: self, plan, leftovers, before, lag, lock, kept_lock })
    }

    /// The plan, with what the fault would hit, and how late events are known.
    async fn planned(&self, before: &[Before]) -> Result<(Plan, Duration), Error> {
        let mut plan = Plan::of(&self.experiment, before)?;
        match targets(&self.experiment).await {
            Ok(found) => plan.targets = found,
            Err(error) => plan.obstacles.push(error.to_string()),
        }
        let missing = self.watched.missing().await?;
        plan.warnings
            .extend(missing.iter().map(|name| format!("there is no series of `{name}`: is that its name?")));
        let gap = self.watched.scrape_gap().await;
        let duration = self.experiment.limits.duration;
        if gap * LEAST_SCRAPES > duration.as_duration() {
            plan.warnings.push(format!(
                "Prometheus scrapes every {:.0} s, so events of {duration} are hard to tell from those before: let the fault last longer",
                gap.as_secs_f64()
            ));
        }
        // A scrape may take its time.
        Ok((plan, gap.mul_f64(1.5) + self.experiment.guard.every.as_duration()))
    }

    /// What is known of the SLOs from the time without an experiment.
    async fn before(&self) -> Result<Vec<Before>, Error> {
        let journals = self.folder.journals()?.all;
        let faults: Vec<_> = journals.iter().filter_map(|(_, run)| run.disturbed(now())).collect();
        self.watched.before(self.experiment.guard.every, now(), &faults).await
    }

    /// How long the fault lasts without news from this process: a look more than the guard does without data.
    fn lease(&self) -> Window {
        let guard = &self.experiment.guard;
        let looks = u64::from(guard.looks_without_data).saturating_add(1);
        Window::from_millis(guard.every.as_millis().saturating_mul(looks)).unwrap_or(guard.every)
    }
}

impl Prepared<'_> {
    /// Whether nothing forbids the run.
    #[must_use]
    pub fn may_begin(&self) -> bool {
        self.plan.may_begin() && self.leftovers.iter().all(|leftover| leftover.left.is_empty())
    }

    /// Runs the experiment, whatever its plan says. Words from `asked` stop it: each says who asks. It tells `progress` how far
    /// it is. The fault is undone before this returns, even if it returns an error; if this process dies, its watchdog undoes it.
    ///
    /// # Errors
    /// A journal that cannot be written before anything is injected. Every other failure ends the run, and is in its record.
    pub async fn run(
        self,
        mut asked: mpsc::Receiver<String>,
        progress: &mut (dyn FnMut(Progress<'_>) + Send),
    ) -> Result<Run, Error> {
        let Self { laboratory, before, lag, lock, kept_lock, .. } = self;
        let began = now();
        let id = run_id(&laboratory.experiment.name, began);
        let slos = before.iter().map(known).collect();
        let begun =
            RunEvent::Begun { id: id.clone(), file: laboratory.file.clone(), slos, controller: own() };
        let journal = Journal::create(laboratory.folder.path(), &id, &RunEntry::new(began, begun))?;
        let run = journal.run()?;
        let mut going = Going { laboratory, journal, run, progress };
        let budgets: Vec<PeriodBudget> = before.iter().map(|before| before.budget).collect();
        let rates: Vec<f64> = before.iter().map(Before::events_per_second).collect();
        let ended = match going.keep().await {
            Ok(()) => going.go(&budgets, &rates, lag, &mut asked).await,
            Err(error) => {
                // Nothing is injected.
                going.write(RunEvent::Stopping { stop: failed(&error) })?;
                going.write(RunEvent::Ended)?;
                Err(error)
            }
        };
        if let Some(kept) = &laboratory.kept {
            if let Err(error) = going.keep().await {
                (going.progress)(Progress::NotKept(&error));
            }
            if let Some(kept_lock) = kept_lock {
                kept.unlock(kept_lock).await;
            }
        }
        drop(lock);
        ended.map(|()| going.run)
    }
}

fn failed(error: &Error) -> Stop {
    Stop::Failed { error: error.to_string() }
}

fn known(before: &Before) -> KnownSlo {
    KnownSlo {
        objective: before.budget.objective().to_string(),
        expected: before.budget.expected(),
        usual: Counted::from(before.usual),
        seconds: before.seconds,
    }
}

/// A run that is going on.
struct Going<'a> {
    laboratory: &'a Laboratory,
    journal: Journal,
    run: Run,
    progress: &'a mut (dyn FnMut(Progress<'_>) + Send),
}

impl Going<'_> {
    async fn go(
        &mut self,
        budgets: &[PeriodBudget],
        rates: &[f64],
        lag: Duration,
        asked: &mut mpsc::Receiver<String>,
    ) -> Result<(), Error> {
        let start = now();
        let experiment = &self.laboratory.experiment;
        let guard = Guard::new(experiment, budgets, start)?.expecting(rates, lag);
        let held = Held::begin(&self.laboratory.launcher, self.journal.path(), self.laboratory.lease());
        let (mut held, stop) = match held {
            Err(error) => (None, failed(&error)),
            Ok(mut held) => {
                let stop = self.watch(&mut held, guard, start, asked).await;
                (Some(held), stop.unwrap_or_else(|error| failed(&error)))
            }
        };
        if let Some(held) = &mut held {
            held.undo().await;
        }
        // The fault is undone whether or not this can be written.
        let _full = self.write(RunEvent::Stopping { stop });
        (self.progress)(Progress::Stopping(&self.run));
        let is_undone = match held {
            Some(held) => held.undone().await,
            None => false,
        };
        if !is_undone {
            restore(&mut self.journal).await?;
        }
        self.catch_up()?;
        if self.run.injected.is_some() && self.run.to_undo().is_empty() {
            (self.progress)(Progress::Restored(&self.run));
            // An alert that comes now was about it.
            let _later = self.keep().await;
            self.recover(asked).await?;
        }
        self.explain(start, lag).await;
        self.write(RunEvent::Ended)
    }

    /// Lets the watchdog inject the fault, and looks until the guard, a person or the watchdog stops the run.
    async fn watch(
        &mut self,
        held: &mut Held,
        mut guard: Guard,
        start: Timestamp,
        asked: &mut mpsc::Receiver<String>,
    ) -> Result<Stop, Error> {
        held.go().await;
        let every = self.laboratory.experiment.guard.every;
        let began = Instant::now();
        let mut is_injected = false;
        for look in 1_u32.. {
            let due = began + every.as_duration().saturating_mul(look);
            while Instant::now() < due {
                tokio::select! {
                    () = sleep_until(due) => {}
                    Some(by) = asked.recv() => return Ok(self.asked_by(by)),
                    told = held.injected() => {
                        told?;
                        is_injected = true;
                        self.catch_up()?;
                        self.keep().await?;
                        (self.progress)(Progress::Injected(&self.run));
                    }
                }
            }
            if !is_injected && began.elapsed() > TO_INJECT {
                return Err(Error::new(format!("injecting it takes longer than {} s", TO_INJECT.as_secs())));
            }
            let count = usize::try_from(look).unwrap_or(usize::MAX);
            let counts = tokio::select! {
                counts = self.look(start, every, count) => Ok(counts),
                Some(by) = asked.recv() => Err(by),
            };
            let counts = match counts {
                Ok(counts) => counts,
                Err(by) => return Ok(self.asked_by(by)),
            };
            let told = counts.iter().map(|count| count.map(Counted::from)).collect();
            self.write(RunEvent::Looked { counts: told })?;
            (self.progress)(Progress::Looked(&self.run));
            // The clock of the machine may be set meanwhile.
            let passed = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            let at = Timestamp::from_millis(start.as_millis().saturating_add_unsigned(passed));
            if let Ruling::Stop(stop) = guard.look(at, &counts) {
                return Ok(stop);
            }
            if let Some(kept) = &self.laboratory.kept {
                kept.check().await?;
            }
            if !held.renew().await {
                held.injected().await?;
            }
        }
        Ok(Stop::Done)
    }

    /// The events since `start`. A server that takes longer than until the next look is as good as no data.
    async fn look(&self, start: Timestamp, every: Window, count: usize) -> Vec<Option<Tally>> {
        let found = timeout(every.as_duration(), self.laboratory.watched.since(start, every, count)).await;
        found.unwrap_or_else(|_| vec![None; self.laboratory.experiment.hypotheses.len()])
    }

    /// Writes down what Prometheus knows of the time that the fault was in place, if it answers.
    async fn explain(&mut self, start: Timestamp, lag: Duration) {
        let (Some(from), Some(to)) = (self.run.injecting, self.run.restored()) else { return };
        let (laboratory, at) = (self.laboratory, now());
        let every = laboratory.experiment.guard.every;
        // What happened until the fault was undone is known a little later.
        let lag =
            Window::from_millis(u64::try_from(lag.as_millis()).unwrap_or(u64::MAX).max(1)).unwrap_or(every);
        let known = to.after(lag).min(at).millis_since(start) / every.as_millis();
        let ask = async {
            let count = usize::try_from(known).unwrap_or(usize::MAX);
            let counts = if count > 0 { self.look(start, every, count).await } else { Vec::new() };
            let counts = counts.into_iter().map(|count| count.map(Counted::from)).collect();
            let alerted = laboratory.watched.alerted(from, at).await?;
            let labels = laboratory.watched.labels(from, to).await?;
            Ok::<_, Error>(RunEvent::Explained { counts, alerted, labels })
        };
        if let Ok(Ok(explained)) = timeout(TO_EXPLAIN, ask).await {
            let _full = self.write(explained);
        }
    }

    /// Looks until the service burns no faster than tolerated, or the time for that is over.
    async fn recover(&mut self, asked: &mut mpsc::Receiver<String>) -> Result<(), Error> {
        let experiment = &self.laboratory.experiment;
        let every = experiment.guard.every;
        let (start, began) = (now(), Instant::now());
        let deadline = began + experiment.recovery.as_duration();
        let tolerated = self.laboratory.tolerated()?;
        for look in LOOKS_TO_RECOVER.. {
            let due = began + every.as_duration().saturating_mul(u32::try_from(look).unwrap_or(u32::MAX));
            let from = start.after_steps(every, look - LOOKS_TO_RECOVER);
            let found = async {
                sleep_until(due).await;
                self.look(from, every, LOOKS_TO_RECOVER).await
            };
            let counts = tokio::select! {
                counts = found => counts,
                Some(_) = asked.recv() => return Ok(()),
            };
            let ratios = || counts.iter().map(|count| count.and_then(Tally::error_ratio)).zip(&tolerated);
            if ratios().all(|(ratio, tolerated)| ratio.is_some_and(|ratio| ratio <= *tolerated)) {
                return self.write(RunEvent::Recovered { since: from });
            }
            if due + every.as_duration() > deadline {
                // Without data, nobody knows.
                let is_ill = ratios().any(|(ratio, tolerated)| ratio.is_some_and(|ratio| ratio > *tolerated));
                return if is_ill { self.write(RunEvent::NotRecovered) } else { Ok(()) };
            }
        }
        Ok(())
    }

    /// Why it stops if somebody asks: a person who used `abort` has written their name into the journal.
    fn asked_by(&mut self, signal: String) -> Stop {
        let _unreadable = self.catch_up();
        Stop::Asked { by: self.run.asked.clone().unwrap_or(signal) }
    }

    fn write(&mut self, event: RunEvent) -> Result<(), Error> {
        let entry = RunEntry::new(now(), event);
        self.run.apply(&entry);
        self.journal.append(&entry)
    }

    /// Keeps the record as it is now.
    async fn keep(&self) -> Result<(), Error> {
        match &self.laboratory.kept {
            Some(kept) => kept.keep(&self.run, self.journal.entries()?).await,
            None => Ok(()),
        }
    }

    /// Reads what the watchdog has written.
    fn catch_up(&mut self) -> Result<(), Error> {
        self.run = self.journal.run()?;
        Ok(())
    }
}
