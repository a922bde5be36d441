//! The stages of an incident, from the times that its record holds.

use slo_core::model::Timestamp;
use std::fmt;

/// A stage of restoring a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// From the first bad events to the alert.
    Detect,
    /// From the alert to the first message that was accepted.
    Notify,
    /// From that message until somebody acknowledges the episode.
    Acknowledge,
    /// From that message until the last diagnosis has ended.
    Diagnose,
    /// From then until users are no longer affected.
    Mitigate,
    /// From then until no alert is firing.
    Resolve,
    /// From the alert until no alert is firing.
    Restore,
}

impl Stage {
    /// All of them, in the order of an incident.
    pub const ALL: [Self; 7] = [
        Self::Detect,
        Self::Notify,
        Self::Acknowledge,
        Self::Diagnose,
        Self::Mitigate,
        Self::Resolve,
        Self::Restore,
    ];

    /// Its name in JSON and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Detect => "detect",
            Self::Notify => "notify",
            Self::Acknowledge => "acknowledge",
            Self::Diagnose => "diagnose",
            Self::Mitigate => "mitigate",
            Self::Resolve => "resolve",
            Self::Restore => "restore",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The times of an episode from which its stages are computed.
///
/// ```
/// use slo_core::model::Timestamp;
/// use slo_ops::incident::{Moments, Stage};
///
/// let at = Timestamp::from_seconds;
/// let mut moments = Moments::new(at(100), at(115));
/// moments.notified = Some(at(116));
/// moments.diagnosed = Some(at(130));
/// moments.resolved = Some(at(400));
/// assert_eq!(moments.millis(Stage::Diagnose), Some(14_000));
/// assert_eq!(moments.millis(Stage::Restore), Some(300_000));
/// assert_eq!(moments.millis(Stage::Mitigate), None); // nobody said so
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Moments {
    /// Bad events began.
    pub bad_since: Option<Timestamp>,
    /// The first alert fired.
    pub firing: Timestamp,
    /// The first delivery was received.
    pub heard: Timestamp,
    /// The first message was accepted.
    pub notified: Option<Timestamp>,
    /// Somebody acknowledged the episode.
    pub acknowledged: Option<Timestamp>,
    /// The last diagnosis ended.
    pub diagnosed: Option<Timestamp>,
    /// Users were no longer affected.
    pub mitigated: Option<Timestamp>,
    /// The last alert stopped firing.
    pub resolved: Option<Timestamp>,
}

impl Moments {
    /// The times of an episode about which nothing else is known.
    #[must_use]
    pub const fn new(firing: Timestamp, heard: Timestamp) -> Self {
        Self {
            bad_since: None,
            firing,
            heard,
            notified: None,
            acknowledged: None,
            diagnosed: None,
            mitigated: None,
            resolved: None,
        }
    }

    /// How long a stage took, in milliseconds.
    ///
    /// It is `None` if the beginning or the end is unknown. It is 0 if the end comes first, as the clocks of
    /// two machines may differ.
    #[must_use]
    pub fn millis(&self, stage: Stage) -> Option<u64> {
        let (from, to) = match stage {
            Stage::Detect => (self.bad_since?, self.firing),
            Stage::Notify => (self.firing, self.notified?),
            Stage::Acknowledge => (self.notified?, self.acknowledged?),
            Stage::Diagnose => (self.notified?, self.diagnosed?),
            Stage::Mitigate => (self.diagnosed.or(self.acknowledged).or(self.notified)?, self.mitigated?),
            Stage::Resolve => (self.mitigated?, self.resolved?),
            Stage::Restore => (self.firing, self.resolved?),
        };
        Some(to.millis_since(from))
    }
}
