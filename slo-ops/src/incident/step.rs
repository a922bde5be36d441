//! Steps of a runbook, and their states in the record.

use crate::time;
use serde::{Deserialize, Serialize};
use slo_core::{
    math::Tally,
    model::{Objective, Timestamp, Window},
    stats::{Confidence, wilson},
};
use std::{collections::BTreeMap, fmt};

/// The kind of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StepKind {
    /// It only looks and changes nothing.
    Diagnose,
    /// It changes something.
    Remediate,
    /// It undoes a remediation that did not help.
    Undo,
}

impl fmt::Display for StepKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Diagnose => "diagnose",
            Self::Remediate => "remediate",
            Self::Undo => "undo",
        })
    }
}

/// The description of a step in the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StepInfo {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: StepKind,
    /// Whether it may run again if the outcome of an attempt is unknown.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub repeatable: bool,
}

impl StepInfo {
    /// A step that runs once.
    #[must_use]
    pub fn new(name: impl Into<String>, kind: StepKind) -> Self {
        Self { name: name.into(), kind, repeatable: false }
    }

    /// The same step, which may run again if the outcome of an attempt is unknown.
    #[must_use]
    pub fn repeatable(self) -> Self {
        Self { repeatable: true, ..self }
    }
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
#[non_exhaustive]
pub enum StepOutcome {
    /// It succeeded.
    Succeeded,
    /// It failed.
    Failed {
        /// Why: the exit status, or the error.
        reason: String,
    },
    /// It could not start, and changed nothing.
    NotStarted {
        /// Why.
        reason: String,
    },
    /// It took too long and was killed, with every process that it had started.
    TimedOut,
}

impl StepOutcome {
    /// Whether it succeeded.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        matches!(self, Self::Succeeded)
    }
}

impl fmt::Display for StepOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Succeeded => f.write_str("succeeded"),
            Self::Failed { reason } => write!(f, "failed: {reason}"),
            Self::NotStarted { reason } => write!(f, "could not start: {reason}"),
            Self::TimedOut => f.write_str("timed out"),
        }
    }
}

/// The output of a step, without secrets and cut to the length that is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Output {
    /// Its findings, most important first, one line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<String>,
    /// Its standard output.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// Its standard error output.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub errors: String,
    /// SHA-256 of its whole output, before redaction and cutting.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub digest: String,
    /// Whether the output was longer than the length that is kept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
}

/// The events of an SLO in a window, and the error budget to compare them with.
///
/// ```
/// use slo_core::{math::Tally, model::{Timestamp, Window}};
/// use slo_ops::incident::Evidence;
///
/// let now = Timestamp::from_seconds(1_795_415_240);
/// let of = |total, bad| -> Result<Evidence, slo_core::Error> {
///     Ok(Evidence::new(now, "checkout/availability", "99.9%".parse()?, Window::minutes(5), Tally::new(total, bad)?))
/// };
/// assert_eq!(of(3_000, 90)?.is_burning(), Some(true));
/// assert_eq!(of(3_000, 3)?.is_burning(), Some(false)); // as much as the budget allows
/// assert_eq!(of(0, 0)?.is_burning(), None);            // nobody knows
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Evidence {
    /// The end of the window.
    #[serde(with = "time::millis")]
    pub at: Timestamp,
    /// The SLO, as `service/slo`.
    pub slo: String,
    /// The share of events that may be bad.
    pub budget: f64,
    /// The length of the window in milliseconds.
    pub window: u64,
    /// Events in the window.
    pub total: u64,
    /// Bad events among them.
    pub bad: u64,
    /// The events and the bad events of the first tile of the window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<(u64, u64)>,
    /// Those of its worst tile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worst: Option<(u64, u64)>,
    /// Those of its latest tile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest: Option<(u64, u64)>,
}

impl Evidence {
    /// The events of `window`, which ended at `at`.
    #[must_use]
    pub fn new(at: Timestamp, slo: &str, objective: Objective, window: Window, events: Tally) -> Self {
        Self {
            at,
            slo: slo.to_owned(),
            budget: objective.budget().to_f64(),
            window: window.as_millis(),
            total: events.total(),
            bad: events.bad(),
            first: None,
            worst: None,
            latest: None,
        }
    }

    /// The same events, with those of their first, worst and latest tile.
    #[must_use]
    pub fn with_tiles(mut self, tiles: &[Tally]) -> Self {
        let counts = |tile: Tally| (tile.total(), tile.bad());
        let worst = tiles.iter().copied().fold(Tally::EMPTY, |worst, tile| {
            if tile.error_ratio() > worst.error_ratio() { tile } else { worst }
        });
        self.first = tiles.first().copied().map(counts);
        self.worst = Some(counts(worst)).filter(|_| !tiles.is_empty());
        self.latest = tiles.last().copied().map(counts);
        self
    }

    /// Whether the budget was still burning in the latest tile, as [`is_burning`](Self::is_burning) says it of the window.
    #[must_use]
    pub fn is_burning_lately(&self) -> Option<bool> {
        let (total, bad) = self.latest.unwrap_or((self.total, self.bad));
        let interval = wilson(Tally::new(total, bad).ok()?, Confidence::P95)?;
        Some(interval.low() > self.budget)
    }

    /// Whether the share of bad events is larger than it was in the worst tile of `before`, beyond chance: the 99 % interval
    /// (Wilson's) lies above that share.
    ///
    /// A window may hold calm minutes from before the outage, so the worst tile stands for it. The first tile of these events does
    /// not count: what was restarted may need a moment. Events of another SLO say nothing.
    ///
    /// ```
    /// use slo_core::{math::Tally, model::{Timestamp, Window}};
    /// use slo_ops::incident::Evidence;
    ///
    /// // Tiles of a thousand events each.
    /// let of = |bad: &[u64]| -> Result<Evidence, slo_core::Error> {
    ///     let tiles = bad.iter().map(|bad| Tally::new(1_000, *bad)).collect::<Result<Vec<_>, _>>()?;
    ///     let all = Tally::new(1_000 * bad.len() as u64, bad.iter().sum())?;
    ///     Ok(Evidence::new(Timestamp::EPOCH, "a/b", "99.9%".parse()?, Window::minutes(5), all).with_tiles(&tiles))
    /// };
    /// let before = of(&[0, 0, 10, 290, 280])?;
    /// assert!(!of(&[290, 300])?.is_worse_than(&before)); // the outage goes on as it was
    /// assert!(of(&[600, 600])?.is_worse_than(&before));
    /// assert!(!of(&[600])?.is_worse_than(&before)); // it may still be starting
    /// assert!(!of(&[900, 0])?.is_worse_than(&before)); // it was
    /// # Ok::<(), slo_core::Error>(())
    /// ```
    #[must_use]
    pub fn is_worse_than(&self, before: &Self) -> bool {
        let (total, bad) = before.worst.unwrap_or((before.total, before.bad));
        let before_share = Tally::new(total, bad).ok().and_then(Tally::error_ratio);
        let (first, first_bad) = self.first.unwrap_or_default();
        let later = Tally::new(self.total.saturating_sub(first), self.bad.saturating_sub(first_bad)).ok();
        let later = later.and_then(|later| wilson(later, Confidence::P99));
        self.slo == before.slo && later.zip(before_share).is_some_and(|(later, before)| later.low() > before)
    }

    /// The burn rate: the error ratio divided by the budget; `None` without events.
    #[must_use]
    pub fn burn_rate(&self) -> Option<f64> {
        let ratio = Tally::new(self.total, self.bad).ok()?.error_ratio()?;
        Some(ratio / self.budget).filter(|rate| rate.is_finite())
    }

    /// Whether the error budget is burning too fast, beyond chance.
    ///
    /// It is if the 95 % interval of the error ratio (Wilson's) lies above the budget. `None` without events.
    #[must_use]
    pub fn is_burning(&self) -> Option<bool> {
        let interval = wilson(Tally::new(self.total, self.bad).ok()?, Confidence::P95)?;
        Some(interval.low() > self.budget)
    }
}

/// The state of the approval of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Approval {
    /// It was requested, and nobody has answered.
    Asked {
        /// Until when an approval counts.
        until: Timestamp,
    },
    /// The step was approved.
    Given {
        /// Who approved it.
        who: String,
        /// When.
        at: Timestamp,
    },
    /// The step was denied.
    Denied {
        /// Who denied it.
        who: String,
    },
}

/// The state of a step of an episode.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StepState {
    /// It has not started.
    Waiting,
    /// It is running.
    Running {
        /// Which attempt it is.
        attempt: u32,
        /// Since when.
        since: Timestamp,
    },
    /// It has ended.
    Ended {
        /// When.
        at: Timestamp,
        /// How long it took, in milliseconds.
        millis: u64,
        /// How it ended.
        outcome: StepOutcome,
        /// Its output.
        output: Output,
    },
    /// It was skipped.
    Skipped {
        /// Why.
        reason: String,
    },
    /// Its outcome is unknown: the process that ran it died.
    Unknown {
        /// Which attempt it was.
        attempt: u32,
    },
}

impl StepState {
    /// Its name in JSON and tables.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running { .. } => "running",
            Self::Ended { outcome: StepOutcome::Succeeded, .. } => "succeeded",
            Self::Ended { outcome: StepOutcome::Failed { .. } | StepOutcome::NotStarted { .. }, .. } => {
                "failed"
            }
            Self::Ended { outcome: StepOutcome::TimedOut, .. } => "timed_out",
            Self::Skipped { .. } => "skipped",
            Self::Unknown { .. } => "unknown",
        }
    }

    /// Whether it ended, was skipped, or is unknown.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::Ended { .. } | Self::Skipped { .. } | Self::Unknown { .. })
    }
}

/// A step of an episode's runbook, and its state.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct StepRun {
    /// The description of the step.
    pub info: StepInfo,
    /// Its state.
    pub state: StepState,
    /// The state of its approval.
    pub approval: Option<Approval>,
    /// The command that approval was requested for: the program and its arguments.
    pub command: Vec<String>,
    /// Why approval was requested, although the runbook waives it.
    pub reason: Option<String>,
    /// The latest event counts, from before or after it.
    pub evidence: Option<Evidence>,
    /// The latest event counts from before it was started last.
    pub before: Option<Evidence>,
    /// Whether it helped, as far as the event counts, or its own failure, have shown it. Of remediations.
    pub helped: Option<bool>,
    /// The values of its parameters when it was started last.
    pub values: BTreeMap<String, String>,
    /// When it was started, attempt by attempt.
    pub starts: Vec<Timestamp>,
}

impl StepRun {
    /// Whether it waits for approval.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.state == StepState::Waiting && matches!(self.approval, Some(Approval::Asked { .. }))
    }

    /// What it waits for, as people read it; `None` if it waits only for the step before it.
    #[must_use]
    pub fn waits_for(&self) -> Option<String> {
        match (&self.state, &self.approval) {
            (StepState::Waiting, Some(Approval::Asked { .. })) => Some(match &self.reason {
                Some(reason) => format!("waits for approval: {reason}"),
                None => "waits for approval".to_owned(),
            }),
            (StepState::Waiting, Some(Approval::Given { who, .. })) => {
                Some(format!("{who} approved it, and it runs once the event counts show that it is needed"))
            }
            _ => None,
        }
    }

    pub(super) const fn new(info: StepInfo) -> Self {
        Self {
            info,
            state: StepState::Waiting,
            approval: None,
            command: Vec::new(),
            reason: None,
            evidence: None,
            before: None,
            helped: None,
            values: BTreeMap::new(),
            starts: Vec::new(),
        }
    }

    pub(super) fn start(&mut self, attempt: u32, values: &BTreeMap<String, String>, at: Timestamp) {
        self.values.clone_from(values);
        self.before.clone_from(&self.evidence);
        self.helped = None;
        self.state = StepState::Running { attempt, since: at };
        self.starts.push(at);
    }

    pub(super) fn end(&mut self, at: Timestamp, outcome: &StepOutcome, output: &Output) {
        let millis = self.starts.last().map_or(0, |start| at.millis_since(*start));
        self.state = StepState::Ended { at, millis, outcome: outcome.clone(), output: output.clone() };
        if self.info.kind == StepKind::Remediate
            && matches!(outcome, StepOutcome::Failed { .. } | StepOutcome::TimedOut)
        {
            self.helped = Some(false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_it_waits_for() {
        let mut run = StepRun::new(StepInfo::new("restart", StepKind::Remediate));
        assert_eq!(run.waits_for(), None);
        let at = Timestamp::from_seconds(1_795_415_255);
        run.approval = Some(Approval::Asked { until: at });
        assert_eq!(run.waits_for().as_deref(), Some("waits for approval"));
        run.approval = Some(Approval::Given { who: "Ada".to_owned(), at });
        assert!(run.waits_for().is_some_and(|text| text.starts_with("Ada approved it, and it runs once")));
        run.start(1, &BTreeMap::new(), at);
        assert_eq!(run.waits_for(), None);
    }
}
