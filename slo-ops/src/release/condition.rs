//! In what condition a release is, and why.

use super::{Manager, Revision, RevisionStatus};
use serde::Serialize;
use slo_core::model::Timestamp;
use std::fmt;

/// In what condition a release is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "condition", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Condition {
    /// Its last revision is live.
    Live,
    /// Its last revision was not completed. The one before stays `deployed` for Helm, but what was applied stays, too.
    Failed {
        /// Why.
        cause: Cause,
        /// What Helm says.
        message: String,
    },
    /// Kubernetes works on its last revision, within the time that the Deployment allows.
    Progressing,
    /// Its last revision is neither done nor failed: something works on it, or has died.
    Stuck {
        /// For how long, in seconds, if that is known.
        seconds: Option<u64>,
    },
    /// It was removed, and its history is kept.
    Removed,
}

/// Why a revision was not completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Cause {
    /// Its pods, or other objects, were not ready in time.
    Timeout,
    /// A field that cannot be changed is to be changed.
    ImmutableField,
    /// A hook failed.
    Hook,
    /// Whoever ran Helm ended it.
    Cancelled,
    /// Kubernetes refused an object.
    Refused,
    /// Something else.
    Other,
}

impl Cause {
    /// The cause in Helm's words, of versions 3 and 4.
    ///
    /// ```
    /// use slo_ops::release::Cause;
    ///
    /// assert_eq!(Cause::of("Upgrade \"api\" failed: context deadline exceeded"), Cause::Timeout);
    /// ```
    #[must_use]
    pub fn of(message: &str) -> Self {
        let has = |words: &[&str]| words.iter().any(|word| message.contains(word));
        if has(&[
            "hooks failed",
            "hook failed",
            "pre-upgrade hook",
            "post-upgrade hook",
            "pre-install hook",
            "post-install hook",
        ]) {
            Self::Hook
        } else if has(&[
            "field is immutable",
            "updates to statefulset spec for fields other than",
            "cannot change roleRef",
            "may not change once set",
        ]) {
            Self::ImmutableField
        } else if has(&["context canceled", "has been cancelled"]) {
            Self::Cancelled
        } else if has(&["context deadline exceeded", "timed out waiting", "not ready"]) {
            Self::Timeout
        } else if has(&[
            "cannot patch",
            "apply failed",
            "is invalid",
            "is forbidden",
            "admission webhook",
            "create: failed to create",
        ]) {
            Self::Refused
        } else {
            Self::Other
        }
    }

    /// What it means, and what to do.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Timeout => {
                "objects were not ready in time. The new pods may still run beside the old ones. Look at their events and logs: kubectl describe pod"
            }
            Self::ImmutableField => {
                "Kubernetes does not change this field. Take the change back, or delete the object and install it again"
            }
            Self::Hook => {
                "a hook failed. Look at the logs of its job before you try again: what it has done so far stays"
            }
            Self::Cancelled => {
                "whoever ran Helm ended it, such as a pipeline that was cancelled. What was applied so far stays"
            }
            Self::Refused => "Kubernetes refused an object. Objects before it may have been changed",
            Self::Other => "what was applied so far stays",
        }
    }
}

impl Condition {
    /// The condition after these revisions; `None` if there are none.
    #[must_use]
    pub fn of(manager: Manager, revisions: &[Revision], now: Timestamp) -> Option<Self> {
        let last = revisions.last()?;
        Some(match last.status {
            RevisionStatus::Deployed => Self::Live,
            status if manager == Manager::Kubernetes && status.is_pending() => Self::Progressing,
            RevisionStatus::Uninstalled => Self::Removed,
            status if status.is_pending() => {
                Self::Stuck { seconds: last.at.map(|at| now.millis_since(at) / 1_000) }
            }
            RevisionStatus::Failed => {
                Self::Failed { cause: Cause::of(&last.description), message: last.description.clone() }
            }
            // A last revision that is superseded, or unknown: an older one was made live by other means.
            _ => Self::Failed { cause: Cause::Other, message: last.description.clone() },
        })
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Timeout => "timeout",
            Self::ImmutableField => "immutable field",
            Self::Hook => "failed hook",
            Self::Cancelled => "cancelled",
            Self::Refused => "refused by Kubernetes",
            Self::Other => "failed",
        })
    }
}
