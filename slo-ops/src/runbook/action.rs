//! Actions on an incident, and the facts that decide them.

use super::Runbooks;
use crate::{
    alert::Alert,
    incident::{Counted, Entry, Episode, Message, Target},
};
use slo_core::model::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Work in progress, which must not start a second time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Work {
    /// A step that runs, with the beginning of its episode.
    Step(Timestamp, usize),
    /// A query of the event counts for a step, with the beginning of its episode.
    Look(Timestamp, usize),
    /// A query for the cost of the episode that began at this time.
    Account(Timestamp),
    /// The summary of the episode that began at this time.
    Summarize(Timestamp),
    /// A message about the episode that began at this time.
    Send(Timestamp, Target, Message),
}

/// An action to take.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Action {
    /// Write an entry to the record; nothing else happens.
    Record(Entry),
    /// Record that a step starts, and run it.
    Run {
        /// The beginning of its episode.
        began: Timestamp,
        /// Its place in the runbook.
        step: usize,
        /// Which attempt it is.
        attempt: u32,
    },
    /// Query whether the error budget is burning, and record the event counts.
    Look {
        /// The beginning of its episode.
        began: Timestamp,
        /// The step it is for.
        step: usize,
        /// Events after this time count; `None` for those of the last five minutes.
        since: Option<Timestamp>,
    },
    /// Query the cost of the episode and the start of its bad events, and record both.
    Account {
        /// The beginning of the episode.
        began: Timestamp,
    },
    /// Write a summary of an episode that is over, and record it.
    Summarize {
        /// The beginning of the episode.
        began: Timestamp,
    },
    /// Record that a message is about to be sent, and send it.
    Send {
        /// The beginning of its episode.
        began: Timestamp,
        /// The receiver.
        target: Target,
        /// The message.
        message: Message,
        /// Which attempt it is.
        attempt: u32,
        /// Whether an earlier attempt may have arrived.
        may_repeat: bool,
    },
}

/// A start of a step in any incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a time, and what came of it")]
pub struct PastStart {
    /// When.
    pub at: Timestamp,
    /// Whether it helped; `None` if that is not known.
    pub helped: Option<bool>,
}

/// The facts besides the record that decide the next actions.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "every caller must set every field")]
pub struct Situation<'a> {
    /// The current time.
    pub now: Timestamp,
    /// The work in progress.
    pub running: &'a BTreeSet<Work>,
    /// The starts of steps in all incidents, by the names of the runbook and the step, oldest first.
    pub starts: &'a BTreeMap<(String, String), Vec<PastStart>>,
    /// The receivers of messages.
    pub targets: &'a [Target],
    /// The configured runbooks.
    pub runbooks: &'a Runbooks,
    /// The SLOs whose event counts can be queried, as `service/slo`.
    pub counted: &'a BTreeSet<String>,
    /// Whether episodes that are over are summarized.
    pub summarizes: bool,
}

impl Situation<'_> {
    /// Whether the cost of an episode is still to be queried: once while it lasts, and once when it is over.
    pub(super) fn lacks_counts(&self, episode: &Episode) -> bool {
        let is_counted = |alert: &Alert| alert.slo().is_some_and(|slo| self.counted.contains(&slo));
        let wanted = if episode.is_open() { Counted::SoFar } else { Counted::Whole };
        episode.counted.is_none_or(|counted| counted < wanted) && episode.alerts.iter().any(is_counted)
    }
}

/// The actions to take now, and when to ask again.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Next {
    /// The actions to take now.
    pub actions: Vec<Action>,
    /// When to ask again, unless something happens before.
    pub at: Option<Timestamp>,
}

impl Next {
    pub(super) fn wait(&mut self, until: Timestamp) {
        self.at = Some(self.at.map_or(until, |at| at.min(until)));
    }

    /// Whether there is nothing to do until something happens.
    #[must_use]
    pub const fn is_settled(&self) -> bool {
        self.actions.is_empty() && self.at.is_none()
    }
}
