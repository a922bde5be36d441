//! A run of an experiment, from the fault to the recovery.

use super::laboratory::{LOOKS_TO_RECOVER, Laboratory, Prepared, known};
use crate::{
    clock::now,
    fault::{Held, Journal, own, restore},
};
use slo_core::{
    math::{PeriodBudget, Tally},
    model::{Timestamp, Window},
};
use slo_ops::{
    Error,
    experiment::{Before, Counted, Guard, Ruling, Run, RunEntry, RunEvent, Stop, run_id},
};
use std::time::Duration;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until, timeout},
};

/// How long Prometheus may take to explain a run.
const TO_EXPLAIN: Duration = Duration::from_secs(5);
/// How long injecting may take.
const TO_INJECT: Duration = Duration::from_secs(90);

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

impl Prepared<'_> {
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
