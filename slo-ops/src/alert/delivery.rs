//! What a sender of alerts delivers at once: a group of alerts.

use super::{Alert, DeliveryId, IncidentId, Status};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use slo_core::model::Timestamp;
use std::fmt;

/// Who sends alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Source {
    /// Prometheus' Alertmanager, or Mimir's.
    Alertmanager,
    /// Grafana's alerting, whose webhook has the same shape.
    Grafana,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Alertmanager => "Alertmanager",
            Self::Grafana => "Grafana",
        })
    }
}

/// A group of alerts, as a webhook delivers it.
///
/// ```
/// use slo_ops::alert::{Delivery, Source};
///
/// let body = r#"{"version": "4", "groupKey": "{}:{}", "status": "firing", "receiver": "slo", "truncatedAlerts": 0,
///     "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {}, "externalURL": "http://am:9093",
///     "alerts": [{"status": "firing", "labels": {"alertname": "SLOBurn"}, "annotations": {},
///         "startsAt": "2026-11-23T06:27:20.245Z", "endsAt": "0001-01-01T00:00:00Z"}]}"#;
/// let delivery = Delivery::parse(Source::Alertmanager, body.as_bytes())?;
/// assert_eq!(delivery.alerts[0].starts.as_millis(), 1_795_415_240_245);
/// assert_eq!(delivery.alerts[0].ends, None);
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivery {
    /// Who sent it.
    pub source: Source,
    /// What identifies the group at its sender: its route and the values of the labels it is grouped by.
    pub group_key: String,
    /// The alerts that were sent.
    pub alerts: Vec<Alert>,
    /// How many more the group has, which were not sent.
    pub truncated: u64,
    /// Link to the sender.
    pub external_url: String,
}

impl Delivery {
    /// What identifies it, however often it is sent.
    #[must_use]
    pub fn id(&self) -> DeliveryId {
        let mut alerts: Vec<_> = self
            .alerts
            .iter()
            .map(|alert| (alert.fingerprint().to_bytes(), alert.status, alert.starts.as_millis()))
            .collect();
        alerts.sort_unstable();
        let mut hash = Sha256::new();
        // The length first, so that no group key can look like one with alerts.
        hash.update((self.group_key.len() as u64).to_be_bytes());
        hash.update(&self.group_key);
        for (fingerprint, status, starts) in alerts {
            hash.update(fingerprint);
            hash.update([u8::from(status == Status::Firing)]);
            hash.update(starts.to_be_bytes());
        }
        hash.update(self.truncated.to_be_bytes());
        DeliveryId::new(hash)
    }

    /// The incident it belongs to.
    #[must_use]
    pub fn incident(&self) -> IncidentId {
        IncidentId::of_group(&self.group_key)
    }

    /// Since when the first of the alerts that fire does so; `None` where none fires.
    #[must_use]
    pub fn began(&self) -> Option<Timestamp> {
        self.alerts.iter().filter(|alert| alert.is_firing()).map(|alert| alert.starts).min()
    }

    /// Whether it says that the whole group is resolved: nothing fires, and no alert was left out.
    #[must_use]
    pub fn resolves_all(&self) -> bool {
        self.truncated == 0 && self.alerts.iter().all(|alert| !alert.is_firing())
    }
}
