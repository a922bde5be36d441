//! What is to be done about an incident, and what must be known to tell.

use super::Runbooks;
use crate::{
    alert::Alert,
    incident::{Counted, Entry, Episode, Message, Target},
};
use slo_core::model::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Work that runs, so that it is not begun a second time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Work {
    /// A step of the episode that began then.
    Step(Timestamp, usize),
    /// The counts are being asked for a step of the episode that began then.
    Look(Timestamp, usize),
    /// The counts are being asked what the episode that began then has cost.
    Account(Timestamp),
    /// A message on the episode that began then.
    Send(Timestamp, Target, Message),
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Action {
    /// Write an entry; nothing else happens.
    Record(Entry),
    /// Write that a step begins, and run it.
    Run {
        /// The beginning of its episode.
        began: Timestamp,
        /// Its place in the runbook.
        step: usize,
        /// Which attempt it is.
        attempt: u32,
    },
    /// Ask the counts whether the budget burns, and write down what they say.
    Look {
        /// The beginning of its episode.
        began: Timestamp,
        /// The step it is for.
        step: usize,
        /// The first event that counts; `None` for those of the last five minutes.
        since: Option<Timestamp>,
    },
    /// Ask the counts what the episode has cost and when it began to, and write down what they say.
    Account {
        /// The beginning of the episode.
        began: Timestamp,
    },
    /// Write that a message is about to be sent, and send it.
    Send {
        /// The beginning of its episode.
        began: Timestamp,
        /// To whom.
        target: Target,
        /// What.
        message: Message,
        /// Which attempt it is.
        attempt: u32,
        /// Whether it may have arrived before.
        may_repeat: bool,
    },
}

/// What is known besides the record.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "whoever runs incidents must say all of it")]
pub struct Situation<'a> {
    /// The time.
    pub now: Timestamp,
    /// What runs already.
    pub running: &'a BTreeSet<Work>,
    /// When steps were started, in all incidents, by the names of the runbook and the step.
    pub starts: &'a BTreeMap<(String, String), Vec<Timestamp>>,
    /// Who is told.
    pub targets: &'a [Target],
    /// What may answer.
    pub runbooks: &'a Runbooks,
    /// The SLOs whose counts can be asked, as `service/slo`.
    pub counted: &'a BTreeSet<String>,
}

impl Situation<'_> {
    /// Whether it can be asked what an episode has cost, and was not: it is asked once while it lasts, and once when it is over.
    pub(super) fn lacks_counts(&self, episode: &Episode) -> bool {
        let is_counted = |alert: &Alert| alert.slo().is_some_and(|slo| self.counted.contains(&slo));
        let wanted = if episode.is_open() { Counted::SoFar } else { Counted::Whole };
        episode.counted.is_none_or(|counted| counted < wanted) && episode.alerts.iter().any(is_counted)
    }
}

/// What is to be done now, and when there may be more.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Next {
    /// What is to be done now.
    pub actions: Vec<Action>,
    /// When to ask again, if nothing happens before.
    pub at: Option<Timestamp>,
}

impl Next {
    pub(super) fn wait(&mut self, until: Timestamp) {
        self.at = Some(self.at.map_or(until, |at| at.min(until)));
    }

    /// Whether nothing is left to be done until something happens.
    #[must_use]
    pub const fn is_settled(&self) -> bool {
        self.actions.is_empty() && self.at.is_none()
    }
}
