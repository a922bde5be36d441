//! One alert of a delivery.

use super::{Fingerprint, LabelSet};
use crate::time;
use serde::{Deserialize, Serialize};
use slo_core::model::Timestamp;
use std::{collections::BTreeMap, fmt};

/// Whether an alert fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "an alert fires or does not")]
pub enum Status {
    /// It fires.
    Firing,
    /// It does not fire any more.
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

/// An alert as Alertmanager knows it: labels that identify it, and since when it fires.
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
    /// Whether it fires.
    pub status: Status,
    /// What identifies it.
    pub labels: LabelSet,
    /// What it tells people; values may change from one delivery to the next.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: LabelSet,
    /// Since when it fires.
    #[serde(with = "time::millis")]
    pub starts: Timestamp,
    /// Since when it does not fire any more; `None` while it fires.
    #[serde(default, with = "time::optional_millis", skip_serializing_if = "Option::is_none")]
    pub ends: Option<Timestamp>,
    /// Link to the rule's expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generator_url: Option<String>,
}

impl Alert {
    /// An alert without annotations.
    #[must_use]
    pub const fn new(status: Status, labels: LabelSet, starts: Timestamp) -> Self {
        Self { status, labels, annotations: LabelSet::new(), starts, ends: None, generator_url: None }
    }

    /// What identifies it: a hash of its labels.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.labels)
    }

    /// The SLO that it is about, as `service/slo`, where its labels say so.
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
