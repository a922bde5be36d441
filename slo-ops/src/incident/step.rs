//! Steps of a runbook, as the record tells of them.

use crate::time;
use serde::{Deserialize, Serialize};
use slo_core::{
    math::Tally,
    model::{Objective, Timestamp, Window},
    stats::{Confidence, wilson},
};
use std::{collections::BTreeMap, fmt};

/// What a step is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StepKind {
    /// It looks, and changes nothing.
    Diagnose,
    /// It changes something.
    Remediate,
    /// It takes a remediation back that did not help.
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

/// A step, as the record knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StepInfo {
    /// What people call it.
    pub name: String,
    /// What it is for.
    pub kind: StepKind,
    /// Whether it may run a second time when nobody knows how the first one ended.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub repeatable: bool,
}

impl StepInfo {
    /// A step that runs once.
    #[must_use]
    pub fn new(name: impl Into<String>, kind: StepKind) -> Self {
        Self { name: name.into(), kind, repeatable: false }
    }

    /// The same step, which may run a second time when nobody knows how the first one ended.
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
    /// As it should.
    Succeeded,
    /// It says that it failed.
    Failed {
        /// What it says: `exit status 1`, or what could not be reached.
        reason: String,
    },
    /// It could not begin, and changed nothing.
    NotStarted {
        /// Why.
        reason: String,
    },
    /// It took too long and was stopped, with all that it had started.
    TimedOut,
}

impl StepOutcome {
    /// Whether it ended as it should.
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
            Self::NotStarted { reason } => write!(f, "could not begin: {reason}"),
            Self::TimedOut => f.write_str("timed out"),
        }
    }
}

/// What a step said, with its secrets taken out and cut to the length that is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Output {
    /// What it found, most important first: a line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<String>,
    /// What it wrote.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// What it wrote as errors.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub errors: String,
    /// SHA-256 of all that it wrote, as it was written.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub digest: String,
    /// Whether more was written than is kept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
}

/// Events over a window that has just ended, and the objective they are held against.
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
    /// Bad ones among them.
    pub bad: u64,
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
        }
    }

    /// How many times as fast as the budget allows bad events come; `None` without events.
    #[must_use]
    pub fn burn_rate(&self) -> Option<f64> {
        let ratio = Tally::new(self.total, self.bad).ok()?.error_ratio()?;
        Some(ratio / self.budget).filter(|rate| rate.is_finite())
    }

    /// Whether the budget burns faster than it may, beyond chance: the 95 % interval of the error ratio (Wilson's) lies
    /// above the budget. `None` without events.
    #[must_use]
    pub fn is_burning(&self) -> Option<bool> {
        let interval = wilson(Tally::new(self.total, self.bad).ok()?, Confidence::P95)?;
        Some(interval.low() > self.budget)
    }
}

/// What became of the question whether a step may run.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Approval {
    /// Nobody has answered.
    Asked {
        /// Until when an answer counts.
        until: Timestamp,
    },
    /// It may.
    Given {
        /// Who says so.
        who: String,
        /// When it was said.
        at: Timestamp,
    },
    /// It may not.
    Denied {
        /// Who says so.
        who: String,
    },
}

/// Where a step of an episode stands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StepState {
    /// It was not begun.
    Waiting,
    /// It runs.
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
        /// What it said.
        output: Output,
    },
    /// It is not run.
    Skipped {
        /// Why.
        reason: String,
    },
    /// The process that ran it died.
    Unknown {
        /// Which attempt it was.
        attempt: u32,
    },
}

impl StepState {
    /// What JSON and tables call it.
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

    /// Whether nothing more becomes of it.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::Ended { .. } | Self::Skipped { .. } | Self::Unknown { .. })
    }
}

/// A step of an episode's runbook, and where it stands.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct StepRun {
    /// What the step is.
    pub info: StepInfo,
    /// Where it stands.
    pub state: StepState,
    /// What became of the question whether it may run.
    pub approval: Option<Approval>,
    /// What was asked to run: the program and its arguments.
    pub command: Vec<String>,
    /// What the counts said last, before it or after it.
    pub evidence: Option<Evidence>,
    /// The values of its parameters when it was started last.
    pub values: BTreeMap<String, String>,
    /// When it was started, attempt by attempt.
    pub starts: Vec<Timestamp>,
}

impl StepRun {
    /// Whether it waits for somebody to say whether it may run.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.state == StepState::Waiting && matches!(self.approval, Some(Approval::Asked { .. }))
    }

    pub(super) const fn new(info: StepInfo) -> Self {
        Self {
            info,
            state: StepState::Waiting,
            approval: None,
            command: Vec::new(),
            evidence: None,
            values: BTreeMap::new(),
            starts: Vec::new(),
        }
    }

    pub(super) fn start(&mut self, attempt: u32, values: &BTreeMap<String, String>, at: Timestamp) {
        self.values.clone_from(values);
        self.state = StepState::Running { attempt, since: at };
        self.starts.push(at);
    }

    pub(super) fn end(&mut self, at: Timestamp, outcome: &StepOutcome, output: &Output) {
        let millis = self.starts.last().map_or(0, |start| at.millis_since(*start));
        self.state = StepState::Ended { at, millis, outcome: outcome.clone(), output: output.clone() };
    }
}
