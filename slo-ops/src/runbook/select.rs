//! The choice of a runbook for an episode.

use super::{Runbook, Runbooks, When};
use crate::incident::Episode;
use slo_core::model::Notification;

/// The runbook that is chosen for an episode, or the reason why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Choice<'a> {
    /// The chosen runbook.
    Runbook(&'a Runbook),
    /// There is no runbook for the episode.
    None {
        /// Why.
        reason: String,
    },
}

impl<'a> Choice<'a> {
    /// Chooses the runbook for `episode`.
    ///
    /// The first alert that names a runbook decides. If no alert names one, the first runbook by name is
    /// chosen whose `when` matches one of the alerts. If the named runbook is not configured, none is chosen.
    #[must_use]
    pub fn of(episode: &Episode, runbooks: &'a Runbooks) -> Self {
        let alerts = episode.in_order();
        if let Some(name) = alerts.iter().find_map(|alert| alert.annotations.get(Notification::RESPONSE)) {
            return match runbooks.get(name) {
                Some(runbook) => Self::Runbook(runbook),
                None => Self::None { reason: format!("the runbook `{name}` is not configured") },
            };
        }
        let is_of_any = |when: &When| alerts.iter().any(|alert| when.is_of(alert));
        match runbooks.values().find(|runbook| runbook.when.as_ref().is_some_and(is_of_any)) {
            Some(runbook) => Self::Runbook(runbook),
            None => {
                Self::None { reason: "its alerts name no runbook, and no `when` matches them".to_owned() }
            }
        }
    }
}
