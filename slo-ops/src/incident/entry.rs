//! What is written into the record of an incident.

use super::{Evidence, Message, Output, SendOutcome, StepInfo, StepOutcome, Target};
use crate::{
    alert::{Alert, DeliveryId, Source},
    time,
};
use serde::{Deserialize, Serialize};
use slo_core::model::Timestamp;

/// An entry of an incident's record: what happened, and when it was written down.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Entry {
    /// When it was written.
    #[serde(with = "time::millis")]
    pub at: Timestamp,
    /// The beginning of the episode it belongs to; deliveries belong to the incident as a whole.
    #[serde(default, with = "time::optional_millis", skip_serializing_if = "Option::is_none")]
    pub episode: Option<Timestamp>,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

impl Entry {
    /// An entry on the incident as a whole.
    #[must_use]
    pub const fn new(at: Timestamp, event: Event) -> Self {
        Self { at, episode: None, event }
    }

    /// An entry on the episode that began at `began`.
    #[must_use]
    pub const fn of(began: Timestamp, at: Timestamp, event: Event) -> Self {
        Self { at, episode: Some(began), event }
    }
}

/// What may happen in an incident.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// Alerts came in that had not come in like this before.
    Received {
        /// What identifies the delivery.
        delivery: DeliveryId,
        /// Who sent it.
        source: Source,
        /// What its sender calls the group.
        group_key: String,
        /// The alerts, those that are resolved among them.
        alerts: Vec<Alert>,
        /// How many more the group has.
        truncated: u64,
        /// Link to the sender.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        external_url: String,
    },
    /// A delivery came in again.
    Repeated {
        /// What identifies the delivery.
        delivery: DeliveryId,
    },
    /// The runbook that answers the episode.
    RunbookChosen {
        /// Its name.
        name: String,
        /// A hash of what it says; steps that were not begun are not run once it says something else.
        digest: String,
        /// Its steps.
        steps: Vec<StepInfo>,
    },
    /// No runbook answers the episode.
    NoRunbook {
        /// Why.
        reason: String,
    },
    /// Somebody is asked whether a step may run.
    ApprovalAsked {
        /// The place of the step in the runbook.
        step: usize,
        /// Until when an answer counts.
        #[serde(with = "time::millis")]
        until: Timestamp,
    },
    /// A step may run.
    Approved {
        /// The place of the step in the runbook.
        step: usize,
        /// Who says so.
        who: String,
    },
    /// A step may not run.
    Denied {
        /// The place of the step in the runbook.
        step: usize,
        /// Who says so.
        who: String,
    },
    /// What the counts say about whether the budget burns, before a step or after it.
    Evidence {
        /// The place of the step in the runbook.
        step: usize,
        /// What they say.
        evidence: Evidence,
    },
    /// A step begins; written before it does.
    StepStarted {
        /// The place of the step in the runbook.
        step: usize,
        /// Which attempt it is, from 1.
        attempt: u32,
    },
    /// A step has ended.
    StepEnded {
        /// The place of the step in the runbook.
        step: usize,
        /// Which attempt it was.
        attempt: u32,
        /// How it ended.
        outcome: StepOutcome,
        /// What it said.
        output: Output,
    },
    /// Nobody knows how a step ended: the process that ran it died.
    StepLost {
        /// The place of the step in the runbook.
        step: usize,
        /// Which attempt it was.
        attempt: u32,
    },
    /// A step is not run.
    StepSkipped {
        /// The place of the step in the runbook.
        step: usize,
        /// Why.
        reason: String,
    },
    /// A message is about to be sent; written before it is.
    Sending {
        /// To whom.
        target: Target,
        /// What it says.
        message: Message,
        /// Which attempt it is, from 1.
        attempt: u32,
    },
    /// What came of sending a message.
    Sent {
        /// To whom.
        target: Target,
        /// What it says.
        message: Message,
        /// Which attempt it was.
        attempt: u32,
        /// What came of it.
        outcome: SendOutcome,
    },
    /// Somebody takes care of it.
    Acknowledged {
        /// Who.
        who: String,
    },
    /// Users do not suffer any more, whatever is still to be mended.
    Mitigated {
        /// Who says so, or what.
        who: String,
    },
    /// Bad events began, as the counts tell afterwards.
    Began {
        /// When.
        #[serde(with = "time::millis")]
        time: Timestamp,
    },
    /// What the episode has cost an SLO so far.
    Spent {
        /// The SLO, as `service/slo`.
        slo: String,
        /// Events since it began.
        total: u64,
        /// Bad ones among them.
        bad: u64,
        /// The share of the period's error budget that they are.
        share: f64,
    },
    /// Somebody writes something down.
    Note {
        /// Who.
        who: String,
        /// What.
        text: String,
    },
}
