//! What is written into the record of an incident.

use super::{Evidence, Message, Output, SendOutcome, StepInfo, StepOutcome, Target};
use crate::{
    alert::{Alert, Delivery, DeliveryId, Source},
    time,
};
use serde::{Deserialize, Serialize};
use slo_core::model::Timestamp;
use std::{collections::BTreeMap, fmt};

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
        /// The program and its arguments, which run with these very words or not at all.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        command: Vec<String>,
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
        /// The values of its parameters.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        values: BTreeMap<String, String>,
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
    /// Nobody knows what the episode has cost.
    NotCounted {
        /// Why.
        reason: String,
    },
    /// It is over, whatever its sender says.
    Closed {
        /// Who says so.
        who: String,
    },
    /// Somebody writes something down.
    Note {
        /// Who.
        who: String,
        /// What.
        text: String,
    },
}

impl Event {
    /// The whole of a delivery that has not come in before.
    #[must_use]
    pub fn received(delivery: &Delivery) -> Self {
        Self::Received {
            delivery: delivery.id(),
            source: delivery.source,
            group_key: delivery.group_key.clone(),
            alerts: delivery.alerts.clone(),
            truncated: delivery.truncated,
            external_url: delivery.external_url.clone(),
        }
    }
}

impl Event {
    /// The place of the step that it is about.
    #[must_use]
    pub const fn step(&self) -> Option<usize> {
        match self {
            Self::ApprovalAsked { step, .. }
            | Self::Approved { step, .. }
            | Self::Denied { step, .. }
            | Self::Evidence { step, .. }
            | Self::StepStarted { step, .. }
            | Self::StepEnded { step, .. }
            | Self::StepLost { step, .. }
            | Self::StepSkipped { step, .. } => Some(*step),
            _ => None,
        }
    }
}

impl fmt::Display for Event {
    /// One sentence, as a timeline shows it. Texts of senders and people stand in it as they are.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Received { source, alerts, truncated, .. } => {
                let firing = alerts.iter().filter(|alert| alert.is_firing()).count();
                write!(f, "{source} sent {firing} firing and {} resolved alerts", alerts.len() - firing)?;
                if *truncated > 0 { write!(f, ", and left {truncated} out") } else { Ok(()) }
            }
            Self::Repeated { .. } => f.write_str("the same came in again"),
            Self::RunbookChosen { name, steps, .. } => {
                write!(f, "the runbook {name} answers, with {} steps", steps.len())
            }
            Self::NoRunbook { reason } => write!(f, "no runbook answers: {reason}"),
            Self::ApprovalAsked { step, until, command } => {
                write!(f, "step {} waits for an approval until {until}", step + 1)?;
                if command.is_empty() { Ok(()) } else { write!(f, ", to run {}", words(command)) }
            }
            Self::Approved { step, who } => write!(f, "{who} approved step {}", step + 1),
            Self::Denied { step, who } => write!(f, "{who} denied step {}", step + 1),
            Self::Evidence { step, evidence: Evidence { slo, total: 0, .. } } => {
                write!(f, "for step {}: no events of {slo} are counted yet", step + 1)
            }
            Self::Evidence { step, evidence: Evidence { slo, total, bad, .. } } => {
                write!(f, "for step {}: {bad} of {total} events of {slo} were bad", step + 1)
            }
            Self::StepStarted { step, attempt: 1, .. } => write!(f, "step {} began", step + 1),
            Self::StepStarted { step, attempt, .. } => {
                write!(f, "step {} began again, attempt {attempt}", step + 1)
            }
            Self::StepEnded { step, outcome, output, .. } => {
                write!(f, "step {} {outcome}", step + 1)?;
                output.findings.iter().try_for_each(|finding| write!(f, "; {finding}"))
            }
            Self::StepLost { step, .. } => {
                write!(f, "nobody knows how step {} ended: the process that ran it died", step + 1)
            }
            Self::StepSkipped { step, reason } => write!(f, "step {} is not run: {reason}", step + 1),
            Self::Sending { target, message, attempt: 1 } => write!(f, "telling {target}: {message}"),
            Self::Sending { target, message, attempt } => {
                write!(f, "telling {target}: {message}, attempt {attempt}")
            }
            Self::Sent { target, outcome: SendOutcome::Accepted { .. }, .. } => write!(f, "{target} took it"),
            Self::Sent { target, outcome: SendOutcome::Refused { reason }, .. } => {
                write!(f, "{target} refused it: {reason}")
            }
            Self::Sent { target, outcome: SendOutcome::Failed { reason, again, .. }, .. } => {
                write!(f, "{target} did not take it: {reason}; again at {again}")
            }
            Self::Acknowledged { who } => write!(f, "{who} takes care of it"),
            Self::Mitigated { who } => write!(f, "users do not suffer any more, says {who}"),
            Self::Began { time } => write!(f, "bad events began about {time}"),
            Self::Spent { slo, share, .. } => {
                write!(f, "{slo} has lost {:.1} % of its error budget", share * 100.0)
            }
            Self::NotCounted { reason } => write!(f, "nobody knows what it has cost: {reason}"),
            Self::Closed { who } => write!(f, "it is over, says {who}"),
            Self::Note { who, text } => write!(f, "{who} writes: {text}"),
        }
    }
}

/// A command as people read it: words that are more than one, or none, stand in quotes.
pub(crate) fn words(command: &[String]) -> String {
    let is_plain = |character: char| character.is_alphanumeric() || "/._-=:,+@%".contains(character);
    let word = |word: &String| {
        if word.is_empty() || !word.chars().all(is_plain) { format!("{word:?}") } else { word.clone() }
    };
    command.iter().map(word).collect::<Vec<_>>().join(" ")
}
