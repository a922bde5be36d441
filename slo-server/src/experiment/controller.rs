//! Runs an experiment from its plan to its finding.

use super::{
    counts::Watched,
    folder::{Folder, Leftover, Lock},
    kept::Kept,
};
use crate::{
    clock::now,
    fault::{Held, Journal, own, restore},
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
    lock: Option<Lock>,
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
        Plan::of(&self.experiment, &self.before().await?)
    }

    /// Judges a fault that something else injected at `from` and undid at `to`. The result is the run that it would have been.
    ///
    /// # Errors
    /// A server that does not answer, an SLO without events, or a time without length.
    pub async fn judge(&self, from: Timestamp, to: Timestamp) -> Result<Run, Error> {
        let every = self.experiment.guard.every;
        let count = usize::try_from(to.millis_since(from).div_ceil(every.as_millis())).unwrap_or(usize::MAX);
        if count == 0 {
            return Err(Error::new(format!("there is no time between {from} and {to}")));
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
        record.push(RunEntry::new(to, RunEvent::Stopping { stop: Stop::Done }));
        let explained = RunEvent::Explained {
            alerted: self.watched.alerted(from, to).await?,
            labels: self.watched.labels(from, to).await?,
        };
        record.push(RunEntry::new(to, explained));
        Run::of(&record)
    }

    /// Prepares a run: no other may be going on, and what others have left is undone. Then it is planned.
    ///
    /// # Errors
    /// Another run, a server that does not answer, or a folder that cannot be written to.
    pub async fn prepare(&self) -> Result<Prepared<'_>, Error> {
        let lock = self.folder.lock()?;
        let leftovers = self.folder.clean_up_locked().await?;
        if let Some(kept) = &self.kept {
            kept.lock().await?;
            for record in self.folder.records()? {
                kept.keep(&Run::of(&record)?, record).await?;
            }
        }
        let before = self.before().await?;
        let plan = Plan::of(&self.experiment, &before)?;
        Ok(Prepared { laboratory: self, plan, leftovers, before, lock: Some(lock) })
    }

    /// What is known of the SLOs from the time without an experiment.
    async fn before(&self) -> Result<Vec<Before>, Error> {
        let runs = self.folder.runs()?;
        let fault = |run: &Run| Some((run.injected?, run.recovered.or(run.ended).unwrap_or_else(now)));
        let faults: Vec<_> = runs.iter().filter_map(fault).collect();
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
        mut self,
        mut asked: mpsc::Receiver<String>,
        progress: &mut (dyn FnMut(Progress<'_>) + Send),
    ) -> Result<Run, Error> {
        let began = now();
        let laboratory = self.laboratory;
        let id = run_id(&laboratory.experiment.name, began);
        let slos = self.before.iter().map(known).collect();
        let begun =
            RunEvent::Begun { id: id.clone(), file: laboratory.file.clone(), slos, controller: own() };
        let mut journal = Journal::create(laboratory.folder.path(), &id, &RunEntry::new(began, begun))?;
        let run = journal.run()?;
        if let Some(kept) = &laboratory.kept
            && let Err(error) = kept.keep(&run, journal.entries()?).await
        {
            journal.write(RunEvent::Stopping { stop: Stop::Failed { error: error.to_string() } })?;
            journal.write(RunEvent::Ended)?;
            return Err(error);
        }
        let mut going = Going { laboratory, journal, run, progress };
        let budgets: Vec<PeriodBudget> = self.before.iter().map(|before| before.budget).collect();
        let rates: Vec<f64> = self.before.iter().map(rate).collect();
        let ended = going.go(&budgets, &rates, &mut asked).await;
        if let Some(kept) = &laboratory.kept {
            if let Err(error) = kept.keep(&going.run, going.journal.entries()?).await {
                (going.progress)(Progress::NotKept(&error));
            }
            kept.unlock().await;
        }
        drop(self.lock.take());
        ended.map(|()| going.run)
    }
}

fn known(before: &Before) -> KnownSlo {
    KnownSlo {
        objective: before.budget.objective().to_string(),
        expected: before.budget.expected(),
        usual: Counted::from(before.usual),
        seconds: before.seconds,
    }
}

fn rate(before: &Before) -> f64 {
    if before.seconds > 0.0 { before.usual.total() as f64 / before.seconds } else { 0.0 }
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
        asked: &mut mpsc::Receiver<String>,
    ) -> Result<(), Error> {
        let lease = self.laboratory.lease();
        let failed = |error: &Error| Stop::Failed { error: error.to_string() };
        let held = Held::begin(&self.laboratory.launcher, self.journal.path(), lease);
        let (held, stop) = match held {
            Err(error) => (None, failed(&error)),
            Ok(mut held) => {
                let injected = tokio::select! {
                    injected = held.injected() => injected.map_err(|error| failed(&error)),
                    Some(by) = asked.recv() => Err(self.asked_by(by)),
                };
                let stop = match injected {
                    Err(stop) => stop,
                    Ok(()) => match self.watch(&mut held, budgets, rates, asked).await {
                        Ok(stop) => stop,
                        Err(error) => failed(&error),
                    },
                };
                (Some(held), stop)
            }
        };
        // The fault is undone whether or not this can be written.
        let _full = self.write(RunEvent::Stopping { stop });
        (self.progress)(Progress::Stopping(&self.run));
        let is_undone = match held {
            Some(held) => held.undo().await,
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
        self.explain().await;
        self.write(RunEvent::Ended)
    }

    /// Looks until the guard, a person or the watchdog stops the run.
    async fn watch(
        &mut self,
        held: &mut Held,
        budgets: &[PeriodBudget],
        rates: &[f64],
        asked: &mut mpsc::Receiver<String>,
    ) -> Result<Stop, Error> {
        self.catch_up()?;
        self.keep().await?;
        (self.progress)(Progress::Injected(&self.run));
        let experiment = &self.laboratory.experiment;
        let every = experiment.guard.every;
        let (start, began) = (self.run.injected.unwrap_or_else(now), Instant::now());
        let lag = self.laboratory.watched.lag(every).await;
        let mut guard = Guard::new(experiment, budgets, start)?.expecting(rates, lag);
        for look in 1_u32.. {
            let due = began + every.as_duration().saturating_mul(look);
            tokio::select! {
                () = sleep_until(due) => {}
                Some(by) = asked.recv() => return Ok(self.asked_by(by)),
                error = held.failure() => return Ok(Stop::Failed { error: error.to_string() }),
            }
            let counts = self.look(start, every, usize::try_from(look).unwrap_or(usize::MAX)).await;
            let told = counts.iter().map(|count| count.map(Counted::from)).collect();
            self.write(RunEvent::Looked { counts: told })?;
            (self.progress)(Progress::Looked(&self.run));
            if let Ruling::Stop(stop) = guard.look(now(), &counts) {
                return Ok(stop);
            }
            if let Some(kept) = &self.laboratory.kept {
                kept.lock().await?;
            }
            if !held.renew().await {
                return Ok(Stop::Failed { error: held.failure().await.to_string() });
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
    async fn explain(&mut self) {
        let (Some(from), Some((to, _))) = (self.run.injected, self.run.stop.clone()) else { return };
        let watched = &self.laboratory.watched;
        let ask =
            async { Ok::<_, Error>((watched.alerted(from, to).await?, watched.labels(from, to).await?)) };
        if let Ok(Ok((alerted, labels))) = timeout(TO_EXPLAIN, ask).await {
            let _full = self.write(RunEvent::Explained { alerted, labels });
        }
    }

    /// Looks until the service burns no faster than tolerated, or the time for that is over.
    async fn recover(&mut self, asked: &mut mpsc::Receiver<String>) -> Result<(), Error> {
        let experiment = &self.laboratory.experiment;
        let every = experiment.guard.every;
        let (start, began) = (now(), Instant::now());
        let deadline = began + experiment.recovery.as_duration();
        let tolerated: Vec<f64> = experiment
            .hypotheses
            .iter()
            .zip(self.run.budgets()?)
            .map(|(hypothesis, budget)| hypothesis.error_ratio(budget.objective()))
            .collect::<Result<_, _>>()?;
        let mut look = LOOKS_TO_RECOVER;
        loop {
            let due = began + every.as_duration().saturating_mul(u32::try_from(look).unwrap_or(u32::MAX));
            if due > deadline + Duration::from_millis(1) {
                return Ok(());
            }
            tokio::select! {
                () = sleep_until(due) => {}
                Some(_) = asked.recv() => return Ok(()),
            }
            let from = start.after_steps(every, look - LOOKS_TO_RECOVER);
            let counts = self.look(from, every, LOOKS_TO_RECOVER).await;
            let is_well = |(count, tolerated): (&Option<Tally>, &f64)| {
                count.and_then(Tally::error_ratio).is_some_and(|ratio| ratio <= *tolerated)
            };
            if counts.iter().zip(&tolerated).all(is_well) {
                return self.write(RunEvent::Recovered { since: from });
            }
            look += 1;
        }
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
