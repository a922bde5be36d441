//! The alerts that a runbook answers.

use super::Pattern;
use crate::incident::Episode;

/// The alerts that a runbook answers, of those that name no response themselves: all that is said must be so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct When {
    /// The SLO, as `service/slo`.
    pub slo: Option<String>,
    /// The label `severity`.
    pub severity: Option<String>,
    /// Labels, with what their values must be from end to end.
    pub labels: Vec<(String, Pattern)>,
}

impl When {
    pub(super) fn is_of(&self, episode: &Episode) -> bool {
        let label = |name: &str| episode.label(name).unwrap_or_default();
        let slo = format!("{}/{}", label("service"), label("slo"));
        self.slo.as_ref().is_none_or(|own| *own == slo)
            && self.severity.as_ref().is_none_or(|own| own == episode.severity())
            && self.labels.iter().all(|(name, pattern)| pattern.takes(label(name)))
    }
}
