//! One alert of a delivery.

use super::{Fingerprint, LabelSet};
use crate::time;
use serde::{Deserialize, Serialize};
use slo_core::model::Timestamp;
use std::{collections::BTreeMap, fmt};

/// The status of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "an alert is firing or not")]
pub enum Status {
    /// It is firing.
    Firing,
    /// It is no longer firing.
    Resolved,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Firing => "firing",
            Self::Resolved => "resolved",
        })
    }
}

/// An alert: its identifying labels, its status, and when it began to fire.
///
/// ```
/// use slo_core::model::Timestamp;
/// use slo_ops::alert::{Alert, Status};
///
/// let labels = [("service", "checkout"), ("slo", "availability"), ("severity", "page")];
/// let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
/// let alert = Alert::new(Status::Firing, labels, Timestamp::from_seconds(1_795_415_240));
/// assert_eq!(alert.slo(), Some("checkout/availability".to_owned()));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Alert {
    /// Whether it is firing.
    pub status: Status,
    /// The labels that identify it.
    pub labels: LabelSet,
    /// Texts for people, which may change from one delivery to the next.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: LabelSet,
    /// When it began to fire.
    #[serde(with = "time::millis")]
    pub starts: Timestamp,
    /// When it stopped firing; `None` while it is firing.
    #[serde(default, with = "time::optional_millis", skip_serializing_if = "Option::is_none")]
    pub ends: Option<Timestamp>,
    /// Link to the expression of the rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generator_url: Option<String>,
}

impl Alert {
    /// An alert without annotations.
    #[must_use]
    pub const fn new(status: Status, labels: LabelSet, starts: Timestamp) -> Self {
        Self { status, labels, annotations: LabelSet::new(), starts, ends: None, generator_url: None }
    }

    /// Its fingerprint: a hash of its labels.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.labels)
    }

    /// The SLO that it belongs to, as `service/slo`, if its labels name one.
    #[must_use]
    pub fn slo(&self) -> Option<String> {
        Some(format!("{}/{}", self.labels.get("service")?, self.labels.get("slo")?))
    }

    /// Whether it fires.
    #[must_use]
    pub fn is_firing(&self) -> bool {
        self.status == Status::Firing
    }
}
