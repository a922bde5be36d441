//! A run of an experiment, computed from its record.

use super::{Experiment, Stop, Undo, read, undo::ProcessId};
use crate::time;
use serde::{Deserialize, Serialize};
use slo_core::{
    Error,
    math::{PeriodBudget, Tally},
    model::Timestamp,
};

/// An entry of a run's record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunEntry {
    /// When it was written.
    #[serde(with = "time::millis")]
    pub at: Timestamp,
    /// What it says.
    #[serde(flatten)]
    pub event: RunEvent,
}

impl RunEntry {
    /// An entry that is written at `at`.
    #[must_use]
    pub const fn new(at: Timestamp, event: RunEvent) -> Self {
        Self { at, event }
    }
}

/// An event of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum RunEvent {
    /// The run began; nothing is injected yet.
    Begun {
        /// Its id.
        id: String,
        /// The text of its file.
        file: String,
        /// What was known of the SLO of each hypothesis, in their order.
        slos: Vec<KnownSlo>,
        /// The process that looks after it.
        controller: ProcessId,
    },
    /// The process that injects the fault and undoes it has started.
    Watched {
        /// The process.
        watchdog: ProcessId,
    },
    /// A part of the fault is about to be injected; written before it is.
    Injecting {
        /// What undoes it.
        undo: Undo,
    },
    /// All of the fault is injected.
    Injected,
    /// The guard looked.
    Looked {
        /// The events of each hypothesis' SLO since the fault was injected; `None` where there is no data.
        counts: Vec<Option<Counted>>,
    },
    /// Somebody asked to stop.
    Asked {
        /// Who.
        by: String,
    },
    /// The run stops: the fault is about to be undone.
    Stopping {
        /// Why.
        stop: Stop,
    },
    /// A part of the fault is undone, and a look has verified it.
    Undone {
        /// What undid it.
        undo: Undo,
    },
    /// A part of the fault could not be undone.
    NotUndone {
        /// What was to undo it.
        undo: Undo,
        /// Why.
        error: String,
    },
    /// What Prometheus knows of the time that the fault was in place.
    Explained {
        /// The events of each hypothesis' SLO until the fault was undone; `None` where there is no data.
        #[serde(default)]
        counts: Vec<Option<Counted>>,
        /// When the first alert of one of the SLOs fired.
        #[serde(default, with = "time::optional_millis", skip_serializing_if = "Option::is_none")]
        alerted: Option<Timestamp>,
        /// For each hypothesis, labels that bad events have and others do not, in words.
        labels: Vec<Vec<String>>,
    },
    /// The service burned its budget no faster than tolerated again.
    Recovered {
        /// Since when.
        #[serde(with = "time::millis")]
        since: Timestamp,
    },
    /// The service still burned its budget faster than tolerated when the time to recover was over.
    NotRecovered,
    /// The run is over.
    Ended,
}

/// What is known of an SLO before a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "whoever runs an experiment says all of it")]
pub struct KnownSlo {
    /// Its objective.
    pub objective: String,
    /// The events that are expected in a period.
    pub expected: u64,
    /// Its events in a time without a fault.
    pub usual: Counted,
    /// How long that time was, in seconds.
    pub seconds: f64,
}

/// Events of an SLO.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "events are good or bad")]
pub struct Counted {
    /// All of them.
    pub total: u64,
    /// The bad ones.
    pub bad: u64,
}

impl From<Tally> for Counted {
    fn from(tally: Tally) -> Self {
        Self { total: tally.total(), bad: tally.bad() }
    }
}

impl From<Counted> for Tally {
    fn from(counted: Counted) -> Self {
        Self::clamped(counted.total, counted.bad).0
    }
}

/// The id of a run: the name of its experiment, when it began, and the milliseconds of that second.
///
/// ```
/// let id = slo_ops::experiment::run_id("kill-a-replica", "2026-11-30T10:00:00.25Z".parse()?);
/// assert_eq!(id, "kill-a-replica-20261130T100000Z-250");
/// # Ok::<(), slo_ops::Error>(())
/// ```
#[must_use]
pub fn run_id(name: &str, began: Timestamp) -> String {
    let millis = began.as_millis();
    let time = Timestamp::from_seconds(millis.div_euclid(1_000)).to_string();
    let time: String = time.chars().filter(char::is_ascii_alphanumeric).collect();
    format!("{name}-{time}-{:03}", millis.rem_euclid(1_000))
}

/// A run of an experiment. It is a function of its record.
///
/// ```
/// use slo_ops::experiment::{Run, RunEntry};
///
/// let record = r#"
/// {"at": 1790000000000, "event": "begun", "id": "x-1", "file": "{version: slo-experiment/v1, name: x, hypothesis: [{slo: a/b,
///  tolerated_burn_rate: 10}], fault: {stop: {pid_file: a.pid}}, limits: {spend: 1%, duration: 1m}}",
///  "slos": [{"objective": "99%", "expected": 1000, "usual": {"total": 10, "bad": 0}, "seconds": 60}],
///  "controller": {"pid": 7, "started": 1, "boot": "b"}}"#.replace('\n', "");
/// let undo = r#""undo": {"undo": "continue", "process": {"pid": 8, "started": 1, "boot": "b"}}}"#;
/// let entries = [
///     record,
///     format!(r#"{{"at": 1790000001000, "event": "injecting", {undo}"#),
///     format!(r#"{{"at": 1790000002000, "event": "undone", {undo}"#),
/// ];
/// let entries: Vec<RunEntry> = entries.iter().map(|line| serde_json::from_str(line)).collect::<Result<_, _>>()?;
/// assert_eq!(Run::of(&entries[..2])?.to_undo().len(), 1);
/// assert!(Run::of(&entries)?.to_undo().is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Run {
    /// Its id.
    pub id: String,
    /// The experiment.
    pub experiment: Experiment,
    /// When it began.
    pub began: Timestamp,
    /// What was known of the SLO of each hypothesis.
    pub slos: Vec<KnownSlo>,
    /// The process that looks after it.
    pub controller: ProcessId,
    /// The process that injects the fault and undoes it.
    pub watchdog: Option<ProcessId>,
    /// When the first part of the fault was about to be injected.
    pub injecting: Option<Timestamp>,
    /// When all of the fault was injected.
    pub injected: Option<Timestamp>,
    /// The events of each hypothesis' SLO since its first part was, at each look.
    pub looks: Vec<(Timestamp, Vec<Option<Counted>>)>,
    /// Who asked to stop.
    pub asked: Option<String>,
    /// When it stopped, and why.
    pub stop: Option<(Timestamp, Stop)>,
    /// What undoes each part of the fault, and how far that is.
    pub undos: Vec<(Undo, UndoState)>,
    /// When the first alert of one of the SLOs fired.
    pub alerted: Option<Timestamp>,
    /// For each hypothesis, labels that bad events had and others did not, in words.
    pub labels: Vec<Vec<String>>,
    /// The events of each hypothesis' SLO until the fault was undone.
    pub counts_in_the_end: Vec<Option<Counted>>,
    /// When the service had recovered.
    pub recovered: Option<Timestamp>,
    /// Whether it had not when the time for that was over.
    pub has_not_recovered: bool,
    /// When the run was over.
    pub ended: Option<Timestamp>,
}

/// How far a part of a fault is undone.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum UndoState {
    /// It may be in place.
    Open,
    /// It is undone, which was verified at that time.
    Done(Timestamp),
    /// It could not be undone so far.
    Failed(String),
}

impl Run {
    /// The run that a record describes.
    ///
    /// # Errors
    /// A record without a beginning, or with an experiment that this version cannot read.
    pub fn of<'a>(record: impl IntoIterator<Item = &'a RunEntry>) -> Result<Self, Error> {
        let mut record = record.into_iter();
        let Some(RunEntry { at, event: RunEvent::Begun { id, file, slos, controller } }) = record.next()
        else {
            return Err(Error::new("the record of a run begins with the run"));
        };
        let experiment = read(file).map_err(|faults| Error::new(faults.to_string()))?;
        if experiment.hypotheses.len() != slos.len() {
            return Err(Error::new("the record of a run knows other SLOs than its experiment"));
        }
        let mut run = Self {
            id: id.clone(),
            experiment,
            began: *at,
            slos: slos.clone(),
            controller: controller.clone(),
            watchdog: None,
            injecting: None,
            injected: None,
            looks: Vec::new(),
            asked: None,
            stop: None,
            undos: Vec::new(),
            alerted: None,
            labels: Vec::new(),
            counts_in_the_end: Vec::new(),
            recovered: None,
            has_not_recovered: false,
            ended: None,
        };
        for entry in record {
            run.apply(entry);
        }
        Ok(run)
    }

    /// Applies the next entry.
    pub fn apply(&mut self, entry: &RunEntry) {
        let at = entry.at;
        match &entry.event {
            RunEvent::Watched { watchdog } => self.watchdog = Some(watchdog.clone()),
            RunEvent::Injecting { undo } => {
                self.injecting = self.injecting.or(Some(at));
                self.undos.push((undo.clone(), UndoState::Open));
            }
            RunEvent::Injected => {
                self.injecting = self.injecting.or(Some(at));
                self.injected = Some(at);
            }
            // A look after the stop is not about the fault alone.
            RunEvent::Looked { counts } if self.stop.is_none() => self.looks.push((at, counts.clone())),
            RunEvent::Begun { .. } | RunEvent::Looked { .. } => {}
            RunEvent::Asked { by } => self.asked = Some(by.clone()),
            // The first one counts: others only noticed later.
            RunEvent::Stopping { stop } => self.stop = self.stop.take().or_else(|| Some((at, stop.clone()))),
            RunEvent::Undone { undo } => self.set(undo, &UndoState::Done(at)),
            RunEvent::NotUndone { undo, error } => self.set(undo, &UndoState::Failed(error.clone())),
            RunEvent::Explained { counts, alerted, labels } => {
                (self.alerted, self.labels) = (*alerted, labels.clone());
                self.counts_in_the_end.clone_from(counts);
            }
            RunEvent::Recovered { since } => self.recovered = Some(*since),
            RunEvent::NotRecovered => self.has_not_recovered = true,
            RunEvent::Ended => self.ended = Some(at),
        }
    }

    fn set(&mut self, undo: &Undo, state: &UndoState) {
        for (own, before) in &mut self.undos {
            if own == undo && !matches!(before, UndoState::Done(_)) {
                *before = state.clone();
            }
        }
    }

    /// What is not known to be undone, last injected first. It does not hold what nobody can do anything about but wait, once
    /// that has been waited for.
    #[must_use]
    pub fn to_undo(&self) -> Vec<Undo> {
        let is_open = |(undo, state): &&(Undo, UndoState)| match state {
            UndoState::Open => true,
            UndoState::Done(_) => false,
            UndoState::Failed(_) => !undo.only_waits(),
        };
        self.undos.iter().rev().filter(is_open).map(|(undo, _)| undo.clone()).collect()
    }

    /// The time that its fault may have had an effect; `None` before it was injected. `now` is the end while it goes on.
    #[must_use]
    pub fn disturbed(&self, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
        let from = self.injecting?;
        let undone = self.restored().or(self.stop.as_ref().map(|(at, _)| *at));
        let to = self.recovered.or_else(|| undone.map(|at| at.after(self.experiment.recovery)));
        Some((from, to.map_or(now, |to| to.min(self.ended.unwrap_or(now)).max(from))))
    }

    /// When all of the fault was undone; `None` if some of it may be in place, or if nothing was injected.
    #[must_use]
    pub fn restored(&self) -> Option<Timestamp> {
        let times = self.undos.iter().map(|(_, state)| match state {
            UndoState::Done(at) => Some(*at),
            _ => None,
        });
        times.collect::<Option<Vec<_>>>()?.into_iter().max()
    }

    /// The budget of each hypothesis' SLO.
    ///
    /// # Errors
    /// An objective that this version cannot read, or no expected events.
    pub fn budgets(&self) -> Result<Vec<PeriodBudget>, Error> {
        self.slos.iter().map(|slo| PeriodBudget::new(slo.objective.parse()?, slo.expected)).collect()
    }

    /// The events of each hypothesis' SLO since the fault was injected, as far as they are known.
    #[must_use]
    pub fn counts(&self) -> Vec<Tally> {
        let of = |index: usize| {
            let last = self.looks.iter().rev().find_map(|(_, counts)| counts.get(index).copied().flatten());
            last.map_or(Tally::EMPTY, Tally::from)
        };
        (0..self.slos.len()).map(of).collect()
    }

    /// How far it is, in a word.
    #[must_use]
    pub fn state(&self) -> &'static str {
        match (&self.ended, &self.stop, &self.injected) {
            _ if self.undos.iter().any(|(_, state)| matches!(state, UndoState::Failed(_))) => "not undone",
            (Some(_), ..) => "ended",
            (_, Some(_), _) if self.to_undo().is_empty() => "recovering",
            (_, Some(_), _) => "stopping",
            (_, _, Some(_)) => "running",
            _ => "beginning",
        }
    }
}
