//! An experiment before it runs: its SLOs, its plan, and what forbids it.

use super::{
    counts::Watched,
    folder::{Folder, Leftover, Lock},
    kept::{Kept, KeptLock},
};
use crate::{
    clock::now,
    fault::{own, targets},
    store::Store,
};
use slo_core::{
    math::Tally,
    model::{Service, Timestamp, Window},
};
use slo_ops::{
    Error,
    experiment::{Before, Counted, Experiment, KnownSlo, Plan, Run, RunEntry, RunEvent, Stop, read, run_id},
};
use slo_prometheus::AsyncClient;
use std::{path::PathBuf, sync::Arc, time::Duration};

/// Over how many looks the service must burn no faster than tolerated, to have recovered.
pub(super) const LOOKS_TO_RECOVER: usize = 3;
/// A fault should last for so many scrapes.
const LEAST_SCRAPES: u32 = 5;

/// Runs experiments on the SLOs of a Prometheus server.
#[derive(Debug)]
pub struct Laboratory {
    pub(super) file: String,
    pub(super) experiment: Experiment,
    pub(super) watched: Watched,
    pub(super) folder: Folder,
    pub(super) launcher: PathBuf,
    pub(super) kept: Option<Kept>,
}

/// An experiment that may begin, with its plan.
#[derive(Debug)]
pub struct Prepared<'a> {
    pub(super) laboratory: &'a Laboratory,
    /// What it will cost, and what forbids it.
    pub plan: Plan,
    /// Runs whose controllers had died. What was left of their faults is undone, or said to be left.
    pub leftovers: Vec<Leftover>,
    pub(super) before: Vec<Before>,
    pub(super) lag: Duration,
    pub(super) lock: Lock,
    pub(super) kept_lock: Option<KeptLock>,
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
    pub(super) fn tolerated(&self) -> Result<Vec<f64>, Error> {
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
    pub(super) fn lease(&self) -> Window {
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
}

/// What a run writes down of it.
pub(super) fn known(before: &Before) -> KnownSlo {
    KnownSlo {
        objective: before.budget.objective().to_string(),
        expected: before.budget.expected(),
        usual: Counted::from(before.usual),
        seconds: before.seconds,
    }
}
