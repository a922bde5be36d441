//! Which runbook answers an episode.

use super::{Runbook, Runbooks, When};
use crate::incident::Episode;
use slo_core::model::Notification;

/// What answers an episode.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Choice<'a> {
    /// A runbook does.
    Runbook(&'a Runbook),
    /// None does.
    None {
        /// Why.
        reason: String,
    },
}

impl<'a> Choice<'a> {
    /// The runbook that the first of its alerts names which names one, or else the first runbook by name that is of any of its
    /// alerts. A name that is not configured is no reason to guess another.
    #[must_use]
    pub fn of(episode: &Episode, runbooks: &'a Runbooks) -> Self {
        let alerts = episode.in_order();
        if let Some(name) = alerts.iter().find_map(|alert| alert.annotations.get(Notification::RESPONSE)) {
            return match runbooks.get(name) {
                Some(runbook) => Self::Runbook(runbook),
                None => Self::None { reason: format!("the response `{name}` is not configured") },
            };
        }
        let is_of_any = |when: &When| alerts.iter().any(|alert| when.is_of(alert));
        match runbooks.values().find(|runbook| runbook.when.as_ref().is_some_and(is_of_any)) {
            Some(runbook) => Self::Runbook(runbook),
            None => Self::None {
                reason: "its alerts name no response, and none is configured for them".to_owned(),
            },
        }
    }
}
