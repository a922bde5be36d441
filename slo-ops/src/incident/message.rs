//! Messages to people, and their states in the record.

use crate::time;
use serde::{Deserialize, Serialize};
use slo_core::model::Timestamp;
use std::{collections::BTreeSet, fmt};

/// A receiver of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Target {
    /// `PagerDuty`'s Events API v2.
    #[serde(rename = "pagerduty")]
    PagerDuty,
    /// Slack.
    Slack,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PagerDuty => "PagerDuty",
            Self::Slack => "Slack",
        })
    }
}

/// The subject of a message; each is sent once for each episode and receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "message", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Message {
    /// Alerts are firing.
    Opened,
    /// All diagnoses have ended.
    Diagnosed,
    /// A step waits for approval.
    ApprovalAsked {
        /// The place of the step in the runbook.
        step: usize,
    },
    /// Somebody acknowledged the episode.
    Acknowledged,
    /// Users are no longer affected.
    Mitigated,
    /// A remediation or an undo step has ended.
    Remediated {
        /// The place of the step in the runbook.
        step: usize,
    },
    /// No alert is firing any more.
    Resolved,
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opened => f.write_str("opened"),
            Self::Diagnosed => f.write_str("diagnosed"),
            Self::ApprovalAsked { step } => write!(f, "approval requested for step {}", step + 1),
            Self::Acknowledged => f.write_str("acknowledged"),
            Self::Mitigated => f.write_str("mitigated"),
            Self::Remediated { step } => write!(f, "step {} has ended", step + 1),
            Self::Resolved => f.write_str("resolved"),
        }
    }
}

/// The outcome of sending a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
#[non_exhaustive]
pub enum SendOutcome {
    /// It was accepted.
    Accepted {
        /// The receiver's reference to it, if later messages need one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reference: Option<String>,
    },
    /// It was refused for good, and is not sent again.
    Refused {
        /// Why.
        reason: String,
    },
    /// It failed, and is sent again later.
    Failed {
        /// What went wrong.
        reason: String,
        /// When it is sent again.
        #[serde(with = "time::millis")]
        again: Timestamp,
        /// Whether it may have arrived anyway, because there was no answer in time.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        may_have_arrived: bool,
    },
}

/// The state of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MessageState {
    /// It is being sent. If the process that sent it died, it is unknown whether it arrived.
    Sending,
    /// It was accepted.
    Accepted {
        /// When.
        at: Timestamp,
        /// The receiver's reference to it.
        reference: Option<String>,
    },
    /// It failed, and is sent again later.
    Failed {
        /// What went wrong.
        reason: String,
        /// When it is sent again.
        again: Timestamp,
        /// Whether it may have arrived anyway.
        may_have_arrived: bool,
    },
    /// It was refused for good, and is not sent again.
    Refused {
        /// Why.
        reason: String,
    },
}

/// A message that was sent, and its state.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sent {
    /// How often it was sent.
    pub attempts: u32,
    /// How often sending it failed, not counting attempts whose process died.
    pub failures: u32,
    /// Whether any of the attempts may have arrived although there was no answer.
    pub may_have_arrived: bool,
    /// When it was sent first.
    pub first: Timestamp,
    /// The steps that waited for approval when it was last sent, so that it showed them.
    pub asked: BTreeSet<usize>,
    /// Its state.
    pub state: MessageState,
}
