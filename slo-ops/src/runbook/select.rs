//! Which runbook answers an episode.

use super::{Runbook, Runbooks};
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
    /// The runbook that the alerts name, or the first one by name whose [`When`] they are of. A name that is not configured is
    /// no reason to guess another.
    #[must_use]
    pub fn of(episode: &Episode, runbooks: &'a Runbooks) -> Self {
        let mut named =
            episode.alerts.iter().filter_map(|alert| alert.annotations.get(Notification::RESPONSE));
        if let Some(name) = named.next() {
            if named.any(|other| other != name) {
                return Self::None { reason: "its alerts name different responses".to_owned() };
            }
            return match runbooks.get(name) {
                Some(runbook) => Self::Runbook(runbook),
                None => Self::None { reason: format!("the response `{name}` is not configured") },
            };
        }
        let found =
            runbooks.values().find(|runbook| runbook.when.as_ref().is_some_and(|when| when.is_of(episode)));
        match found {
            Some(runbook) => Self::Runbook(runbook),
            None => Self::None {
                reason: "its alerts name no response, and none is configured for them".to_owned(),
            },
        }
    }
}
