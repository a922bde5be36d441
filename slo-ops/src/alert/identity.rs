//! Ids of incidents, deliveries and episodes.

use crate::hex;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};
use slo_core::{Error, model::Timestamp};
use std::{fmt, str::FromStr};

/// A SHA-256, shown and stored as 64 hexadecimal digits.
macro_rules! digest_id {
    ($(#[$docs:meta])* $name:ident, $what:literal) => {
        $(#[$docs])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 32]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                let bytes = hex::decode(text).and_then(|bytes| bytes.try_into().ok());
                bytes.map(Self).ok_or_else(|| {
                    Error::new(format!("`{text}` is not {} id", $what))
                        .with_hint("write its 64 hexadecimal digits")
                })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    };
}

digest_id! {
    /// The id of an incident: the SHA-256 of Alertmanager's `groupKey` for a group of alerts.
    ///
    /// Alertmanager sends the same text to `PagerDuty` as the `dedup_key` of the group. Events with this key
    /// add to the same `PagerDuty` alert, or resolve it.
    ///
    /// ```
    /// use slo_ops::alert::IncidentId;
    ///
    /// let incident = IncidentId::of_group(r#"{}:{service="checkout", slo="checkout-availability"}"#);
    /// assert_eq!(incident.to_string(), "8f6a0b058419c489987c81e0bb252d2abaca24141c2565b7a5aa4cb4a5355dc9");
    /// ```
    IncidentId, "an incident"
}

impl IncidentId {
    /// The incident of a group of alerts.
    #[must_use]
    pub fn of_group(group_key: &str) -> Self {
        Self(Sha256::digest(group_key).into())
    }
}

digest_id! {
    /// The id of a delivery, which stays the same when it is sent again.
    ///
    /// It depends on the group, and on the labels, status and beginning of each alert. Annotations, the end
    /// and the link of an alert are not part of it, since they change when a delivery is sent again.
    DeliveryId, "a delivery"
}

impl DeliveryId {
    /// The id with the digest of `hash`.
    pub(super) fn new(hash: Sha256) -> Self {
        Self(hash.finalize().into())
    }
}

/// The id of an episode: its incident, and when its first alert began to fire.
///
/// If a group of alerts fires again after it was resolved, it is the same incident, but a new episode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct EpisodeId {
    /// The incident.
    pub incident: IncidentId,
    /// When its first alert began to fire.
    pub began: Timestamp,
}

impl EpisodeId {
    /// The episode of `incident` that began at `began`.
    #[must_use]
    pub const fn new(incident: IncidentId, began: Timestamp) -> Self {
        Self { incident, began }
    }
}

impl fmt::Display for EpisodeId {
    /// The incident, a hyphen, and the beginning in milliseconds since the Unix epoch.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.incident, self.began.as_millis())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_they_are_written() {
        let incident = IncidentId::of_group("{}:{}");
        assert_eq!(incident.to_string().parse(), Ok(incident));
        for text in ["", "8f", &"g".repeat(64), &incident.to_string().to_uppercase()] {
            assert!(text.parse::<IncidentId>().is_err(), "{text}");
        }
    }
}
