//! The alerts that a runbook answers.

use super::Pattern;
use crate::alert::Alert;

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
    pub(super) fn is_of(&self, alert: &Alert) -> bool {
        let label = |name: &str| alert.labels.get(name).map_or("", String::as_str);
        self.slo.as_ref().is_none_or(|own| alert.slo().as_ref() == Some(own))
            && self.severity.as_ref().is_none_or(|own| own == label("severity"))
            && self.labels.iter().all(|(name, pattern)| pattern.takes(label(name)))
    }
}
