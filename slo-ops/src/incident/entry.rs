//! Entries in the record of an incident.

use super::{Evidence, Message, Output, SendOutcome, StepInfo, StepOutcome, Target};
use crate::{
    Deployment,
    alert::{Alert, Delivery, DeliveryId, Source},
    time,
};
use serde::{Deserialize, Serialize};
use slo_core::model::Timestamp;
use std::{collections::BTreeMap, fmt};

/// An entry of an incident's record: an event, and when it was written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Entry {
    /// When it was written.
    #[serde(with = "time::millis")]
    pub at: Timestamp,
    /// The beginning of the episode it belongs to; deliveries belong to the incident as a whole.
    #[serde(default, with = "time::optional_millis", skip_serializing_if = "Option::is_none")]
    pub episode: Option<Timestamp>,
    /// The event.
    #[serde(flatten)]
    pub event: Event,
}

impl Entry {
    /// An entry about the incident as a whole.
    #[must_use]
    pub const fn new(at: Timestamp, event: Event) -> Self {
        Self { at, episode: None, event }
    }

    /// An entry about the episode that began at `began`.
    #[must_use]
    pub const fn of(began: Timestamp, at: Timestamp, event: Event) -> Self {
        Self { at, episode: Some(began), event }
    }
}

/// An event in an incident.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// A new delivery was received.
    Received {
        /// The id of the delivery.
        delivery: DeliveryId,
        /// The sender.
        source: Source,
        /// The key of the group at its sender.
        group_key: String,
        /// The alerts, firing and resolved.
        alerts: Vec<Alert>,
        /// How many more alerts the group has.
        truncated: u64,
        /// Link to the sender.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        external_url: String,
    },
    /// A delivery was received again.
    Repeated {
        /// The id of the delivery.
        delivery: DeliveryId,
    },
    /// A runbook was chosen for the episode.
    RunbookChosen {
        /// Its name.
        name: String,
        /// A hash of the runbook. If it is changed, the steps that have not started are skipped.
        digest: String,
        /// Its steps.
        steps: Vec<StepInfo>,
    },
    /// There is no runbook for the episode.
    NoRunbook {
        /// Why.
        reason: String,
    },
    /// Approval was requested for a step.
    ApprovalAsked {
        /// The place of the step in the runbook.
        step: usize,
        /// Until when an approval counts.
        #[serde(with = "time::millis")]
        until: Timestamp,
        /// The program and its arguments. It runs with exactly these or not at all.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        command: Vec<String>,
        /// Why somebody must approve it, although the runbook waives the approval.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// A step was approved.
    Approved {
        /// The place of the step in the runbook.
        step: usize,
        /// Who approved it.
        who: String,
    },
    /// A step was denied.
    Denied {
        /// The place of the step in the runbook.
        step: usize,
        /// Who denied it.
        who: String,
    },
    /// Event counts before or after a step, which show whether the error budget is burning.
    Evidence {
        /// The place of the step in the runbook.
        step: usize,
        /// The event counts.
        evidence: Evidence,
    },
    /// A step is about to start; written before it does.
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
        /// Its output.
        output: Output,
    },
    /// The outcome of a step is unknown: the process that ran it died.
    StepLost {
        /// The place of the step in the runbook.
        step: usize,
        /// Which attempt it was.
        attempt: u32,
    },
    /// A remediation did not help, as the event counts after it show.
    DidNotHelp {
        /// The place of the step in the runbook.
        step: usize,
        /// Whether a larger share of events is bad than in the worst tile before it.
        worse: bool,
    },
    /// A step was skipped.
    StepSkipped {
        /// The place of the step in the runbook.
        step: usize,
        /// Why.
        reason: String,
    },
    /// A message is about to be sent; written before it is.
    Sending {
        /// The receiver.
        target: Target,
        /// The message.
        message: Message,
        /// Which attempt it is, from 1.
        attempt: u32,
    },
    /// A message was accepted or refused, or sending it failed.
    Sent {
        /// The receiver.
        target: Target,
        /// The message.
        message: Message,
        /// Which attempt it was.
        attempt: u32,
        /// The outcome.
        outcome: SendOutcome,
    },
    /// Somebody acknowledged the episode.
    Acknowledged {
        /// Who.
        who: String,
    },
    /// Users are no longer affected, even if the cause is still to be repaired.
    Mitigated {
        /// The person or the step that reported it.
        who: String,
    },
    /// The start of the bad events, found in the event counts afterwards.
    Began {
        /// When.
        #[serde(with = "time::millis")]
        time: Timestamp,
    },
    /// The cost of the episode for an SLO so far.
    Spent {
        /// The SLO, as `service/slo`.
        slo: String,
        /// Events since it began.
        total: u64,
        /// Bad events among them.
        bad: u64,
        /// The share of the period's error budget that they have cost.
        share: f64,
    },
    /// The cost of the episode is unknown.
    NotCounted {
        /// Why.
        reason: String,
    },
    /// An experiment was running when the episode began, or a little before.
    Experiment {
        /// The id of its run.
        run: String,
        /// The fault, in words.
        fault: String,
        /// When the run began.
        #[serde(with = "time::millis")]
        began: Timestamp,
    },
    /// A version of the service went live a little before the episode began.
    Deployed {
        /// The deployment.
        deployment: Deployment,
    },
    /// A summary was written.
    Summarized {
        /// The text.
        text: String,
        /// The model that wrote it; `None` for the template.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        model: Option<String>,
        /// Why a model did not write it, although one is configured.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        refused: Option<String>,
    },
    /// Somebody closed the episode by hand.
    Closed {
        /// Who.
        who: String,
    },
    /// Somebody wrote a note.
    Note {
        /// Who.
        who: String,
        /// The note.
        text: String,
    },
}

impl Event {
    /// The event that records a delivery that was not received before.
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
    /// The place of its step in the runbook, if it is about one.
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
            | Self::DidNotHelp { step, .. }
            | Self::StepSkipped { step, .. } => Some(*step),
            _ => None,
        }
    }
}

impl fmt::Display for Event {
    /// One sentence, as a timeline shows it. Texts from senders and people are neither redacted nor escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Received { source, alerts, truncated, .. } => {
                let firing = alerts.iter().filter(|alert| alert.is_firing()).count();
                write!(f, "{source} sent {firing} firing and {} resolved alerts", alerts.len() - firing)?;
                if *truncated > 0 { write!(f, ", and left out {truncated} more") } else { Ok(()) }
            }
            Self::Repeated { .. } => f.write_str("the same delivery came in again"),
            Self::RunbookChosen { name, steps, .. } => {
                write!(f, "the runbook {name} was chosen, steps: {}", steps.len())
            }
            Self::NoRunbook { reason } => write!(f, "no runbook was chosen: {reason}"),
            Self::ApprovalAsked { step, until, command, reason } => {
                write!(f, "step {} waits for approval until {until}", step + 1)?;
                if !command.is_empty() {
                    write!(f, ", to run {}", command_line(command))?;
                }
                reason.iter().try_for_each(|reason| write!(f, ": {reason}"))
            }
            Self::Approved { step, who } => write!(f, "{who} approved step {}", step + 1),
            Self::Denied { step, who } => write!(f, "{who} denied step {}", step + 1),
            Self::Evidence { step, evidence: Evidence { slo, total: 0, .. } } => {
                write!(f, "evidence for step {}: {slo} has no events yet", step + 1)
            }
            Self::Evidence { step, evidence: Evidence { slo, total, bad, .. } } => {
                write!(f, "evidence for step {}: {bad} of {total} events of {slo} were bad", step + 1)
            }
            Self::StepStarted { step, attempt: 1, .. } => write!(f, "step {} started", step + 1),
            Self::StepStarted { step, attempt, .. } => {
                write!(f, "step {} started again, attempt {attempt}", step + 1)
            }
            Self::StepEnded { step, outcome, output, .. } => {
                write!(f, "step {} {outcome}", step + 1)?;
                output.findings.iter().try_for_each(|finding| write!(f, "; {finding}"))
            }
            Self::StepLost { step, .. } => {
                write!(f, "the outcome of step {} is unknown: the process that ran it died", step + 1)
            }
            Self::DidNotHelp { step, worse: true } => {
                write!(
                    f,
                    "step {} made it worse: a larger share of events is bad than in the worst minute before it",
                    step + 1
                )
            }
            Self::DidNotHelp { step, worse: false } => {
                write!(f, "step {} did not help: the budget is still burning", step + 1)
            }
            Self::StepSkipped { step, reason } => write!(f, "step {} was skipped: {reason}", step + 1),
            Self::Sending { target, message, attempt: 1 } => write!(f, "sending to {target}: {message}"),
            Self::Sending { target, message, attempt } => {
                write!(f, "sending to {target}: {message}, attempt {attempt}")
            }
            Self::Sent { target, outcome: SendOutcome::Accepted { .. }, .. } => {
                write!(f, "{target} accepted it")
            }
            Self::Sent { target, outcome: SendOutcome::Refused { reason }, .. } => {
                write!(f, "{target} refused it: {reason}")
            }
            Self::Sent { target, outcome: SendOutcome::Failed { reason, again, .. }, .. } => {
                write!(f, "sending to {target} failed: {reason}; next attempt at {again}")
            }
            Self::Acknowledged { who } => write!(f, "{who} acknowledged the episode"),
            Self::Mitigated { who } => write!(f, "{who} reported that users are no longer affected"),
            Self::Began { time } => write!(f, "bad events began at about {time}"),
            Self::Spent { slo, share, .. } => {
                write!(f, "the episode has cost {slo} {:.1} % of its error budget", share * 100.0)
            }
            Self::NotCounted { reason } => write!(f, "the cost of the episode is unknown: {reason}"),
            Self::Experiment { run, fault, began } => {
                write!(f, "an experiment was running since {began}: {fault} ({run})")
            }
            Self::Deployed { deployment } => deployment.fmt(f),
            Self::Summarized { model: Some(model), .. } => write!(f, "{model} wrote a summary"),
            Self::Summarized { refused: Some(refused), .. } => {
                write!(f, "the template wrote a summary, not the model: {refused}")
            }
            Self::Summarized { .. } => f.write_str("the template wrote a summary"),
            Self::Closed { who } => write!(f, "{who} closed the episode"),
            Self::Note { who, text } => write!(f, "{who} writes: {text}"),
        }
    }
}

/// A command as people read it: arguments that are empty or have special characters are quoted.
///
/// ```
/// use slo_ops::incident::command_line;
///
/// assert_eq!(command_line(&["restart".to_owned(), "pool one".to_owned()]), "restart \"pool one\"");
/// ```
#[must_use]
pub fn command_line(command: &[String]) -> String {
    let is_plain = |character: char| character.is_alphanumeric() || "/._-=:,+@%".contains(character);
    let word = |word: &String| {
        if word.is_empty() || !word.chars().all(is_plain) { format!("{word:?}") } else { word.clone() }
    };
    command.iter().map(word).collect::<Vec<_>>().join(" ")
}
