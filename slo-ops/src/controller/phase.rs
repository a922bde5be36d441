//! Taking over from another tool, without a gap in alerting.

use slo_core::model::{Timestamp, Window};

/// What of our rules is written while another tool's rules for the same object are there.
///
/// First our rules only record, so that nobody is paged twice and no alert fires because its windows are still empty. Once the
/// longest window of the alerts is recorded, our alerts join those of the other tool. When Prometheus has surely loaded them, the
/// other tool's rules go. So at every moment somebody alerts.
///
/// ```
/// use slo_core::model::{Timestamp, Window};
/// use slo_ops::controller::{OwnRule, Phase};
///
/// let (begin, days) = (Timestamp::from_seconds(0), Window::days(3));
/// assert_eq!(Phase::of(begin, true, None, true, days), Phase::Recording { since: begin });
/// let rule = OwnRule { recording_since: Some(begin), alerting_since: None };
/// let later = begin.after(days);
/// assert_eq!(Phase::of(later, true, Some(&rule), true, days), Phase::Both { since: later });
/// let rule = OwnRule { alerting_since: Some(later), ..rule };
/// assert_eq!(Phase::of(later.after(Phase::LOADED), true, Some(&rule), true, days), Phase::Replacing { since: later });
/// assert_eq!(Phase::of(later, false, Some(&rule), true, days), Phase::Alone);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// There are no other rules: ours are complete.
    Alone,
    /// Ours record, and the other tool alerts.
    Recording {
        /// When ours began.
        since: Timestamp,
    },
    /// Both alert.
    Both {
        /// When our alerts were written.
        since: Timestamp,
    },
    /// Both alert, and the other tool's rules are to be deleted.
    Replacing {
        /// When our alerts were written.
        since: Timestamp,
    },
}

/// What the annotations of our `PrometheusRule` say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "callers make it of annotations")]
pub struct OwnRule {
    /// Since when it has recorded beside another tool's rules.
    pub recording_since: Option<Timestamp>,
    /// Since when it has also alerted beside them.
    pub alerting_since: Option<Timestamp>,
}

impl Phase {
    /// How long it takes at most until Prometheus evaluates what was written: the operator writes the file, the kubelet mounts it
    /// within two minutes, Prometheus reloads, and the slowest group is evaluated every two minutes.
    pub const LOADED: Window = Window::minutes(10);

    /// The phase at `now`. `takes_over` says whether the other tool's rules may be deleted, and `longest` is the longest window of
    /// the alerts.
    #[must_use]
    pub fn of(
        now: Timestamp,
        has_other: bool,
        own: Option<&OwnRule>,
        takes_over: bool,
        longest: Window,
    ) -> Self {
        if !has_other {
            return Self::Alone;
        }
        let is_over = |since: Timestamp, time: Window| takes_over && now >= since.after(time);
        match own {
            None => Self::Recording { since: now },
            Some(OwnRule { alerting_since: Some(since), .. }) => {
                if is_over(*since, Self::LOADED) {
                    Self::Replacing { since: *since }
                } else {
                    Self::Both { since: *since }
                }
            }
            Some(OwnRule { recording_since: Some(since), .. }) => {
                if is_over(*since, longest) {
                    Self::Both { since: now }
                } else {
                    Self::Recording { since: *since }
                }
            }
            // The other tool came back: our alerts stay.
            Some(_) => Self::Both { since: now },
        }
    }

    /// Whether our alerts are written.
    #[must_use]
    pub const fn alerts(self) -> bool {
        !matches!(self, Self::Recording { .. })
    }

    /// When it ends by itself, if `takes_over`.
    #[must_use]
    pub fn ends(self, longest: Window) -> Option<Timestamp> {
        match self {
            Self::Recording { since } => Some(since.after(longest)),
            Self::Both { since } => Some(since.after(Self::LOADED)),
            Self::Alone | Self::Replacing { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Window = Window::days(3);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn nothing_is_deleted_without_leave() {
        let far = at(10 * 86_400);
        let recording = OwnRule { recording_since: Some(at(0)), alerting_since: None };
        let phase = Phase::of(far, true, Some(&recording), false, LONGEST);
        assert_eq!((phase, phase.alerts()), (Phase::Recording { since: at(0) }, false));
        let alerting = OwnRule { recording_since: None, alerting_since: Some(at(0)) };
        assert_eq!(Phase::of(far, true, Some(&alerting), false, LONGEST), Phase::Both { since: at(0) });
    }

    #[test]
    fn a_deletion_that_fails_is_tried_again() {
        // The annotation stays until the other rules are gone.
        let alerting = OwnRule { recording_since: None, alerting_since: Some(at(0)) };
        for later in [600, 601, 6_000] {
            assert_eq!(
                Phase::of(at(later), true, Some(&alerting), true, LONGEST),
                Phase::Replacing { since: at(0) }
            );
        }
        assert_eq!(Phase::of(at(599), true, Some(&alerting), true, LONGEST), Phase::Both { since: at(0) });
    }

    #[test]
    fn a_tool_that_comes_back_does_not_silence_ours() {
        let phase = Phase::of(at(5), true, Some(&OwnRule::default()), true, LONGEST);
        assert_eq!((phase, phase.alerts()), (Phase::Both { since: at(5) }, true));
    }
}
