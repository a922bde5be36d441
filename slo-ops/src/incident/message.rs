//! Messages to people, as the record tells of them.

use crate::time;
use serde::{Deserialize, Serialize};
use slo_core::model::Timestamp;
use std::{collections::BTreeSet, fmt};

/// Who is told.
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

/// What a message is about; each is sent once an episode and target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "message", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Message {
    /// Alerts fire.
    Opened,
    /// All diagnoses have ended.
    Diagnosed,
    /// A step asks whether it may run.
    ApprovalAsked {
        /// The place of the step in the runbook.
        step: usize,
    },
    /// Somebody takes care of it.
    Acknowledged,
    /// Users do not suffer any more.
    Mitigated,
    /// A remediation has ended, or its undoing.
    Remediated {
        /// The place of the step in the runbook.
        step: usize,
    },
    /// Nothing fires any more.
    Resolved,
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opened => f.write_str("opened"),
            Self::Diagnosed => f.write_str("diagnosed"),
            Self::ApprovalAsked { step } => write!(f, "approval asked for step {}", step + 1),
            Self::Acknowledged => f.write_str("acknowledged"),
            Self::Mitigated => f.write_str("mitigated"),
            Self::Remediated { step } => write!(f, "step {} has ended", step + 1),
            Self::Resolved => f.write_str("resolved"),
        }
    }
}

/// What came of sending a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
#[non_exhaustive]
pub enum SendOutcome {
    /// It was taken.
    Accepted {
        /// What its receiver calls it, where later messages must say so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reference: Option<String>,
    },
    /// It will never be taken.
    Refused {
        /// What the receiver says.
        reason: String,
    },
    /// It was not taken, and may be later.
    Failed {
        /// What went wrong.
        reason: String,
        /// When it is sent again.
        #[serde(with = "time::millis")]
        again: Timestamp,
        /// Whether it may have arrived all the same: nobody answered in time.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        may_have_arrived: bool,
    },
}

/// Where a message stands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MessageState {
    /// It is being sent, or the process that sent it died: then nobody knows whether it arrived.
    Sending,
    /// It was taken.
    Accepted {
        /// When.
        at: Timestamp,
        /// What its receiver calls it.
        reference: Option<String>,
    },
    /// It was not taken, and is sent again.
    Failed {
        /// What went wrong.
        reason: String,
        /// When it is sent again.
        again: Timestamp,
        /// Whether it may have arrived all the same.
        may_have_arrived: bool,
    },
    /// It will never be taken.
    Refused {
        /// What the receiver says.
        reason: String,
    },
}

/// A message, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sent {
    /// How often it was sent.
    pub attempts: u32,
    /// How often it was not taken, apart from attempts whose process died.
    pub failures: u32,
    /// Whether any of the attempts may have arrived without an answer.
    pub may_have_arrived: bool,
    /// When it was sent first.
    pub first: Timestamp,
    /// The steps that waited for an approval when it was sent last, so that it showed them.
    pub asked: BTreeSet<usize>,
    /// Where it stands.
    pub state: MessageState,
}
