//! A delivery: a group of alerts that a sender delivers at once.

use super::{Alert, DeliveryId, IncidentId, Status};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use slo_core::model::Timestamp;
use std::fmt;

/// A sender of alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Source {
    /// Prometheus' Alertmanager, or Mimir's.
    Alertmanager,
    /// Grafana's alerting, whose webhook has the same shape.
    Grafana,
    /// Dynatrace, whose problem notifications have a payload that its users write.
    Dynatrace,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Alertmanager => "Alertmanager",
            Self::Grafana => "Grafana",
            Self::Dynatrace => "Dynatrace",
        })
    }
}

/// A delivery: a group of alerts from a webhook.
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
    /// The sender.
    pub source: Source,
    /// The key of the group at its sender: the route and the values of the grouping labels.
    pub group_key: String,
    /// The alerts that were sent.
    pub alerts: Vec<Alert>,
    /// How many more alerts the group has that were not sent.
    pub truncated: u64,
    /// Link to the sender.
    pub external_url: String,
}

impl Delivery {
    /// Its id, which stays the same when it is sent again.
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

    /// When the first of its firing alerts began to fire; `None` if no alert is firing.
    #[must_use]
    pub fn began(&self) -> Option<Timestamp> {
        self.alerts.iter().filter(|alert| alert.is_firing()).map(|alert| alert.starts).min()
    }

    /// Whether it resolves the whole group: no alert is firing, and none was left out.
    #[must_use]
    pub fn resolves_all(&self) -> bool {
        self.truncated == 0 && self.alerts.iter().all(|alert| !alert.is_firing())
    }
}
