//! The conditions that match alerts to a runbook.

use super::Pattern;
use crate::alert::Alert;

/// Conditions for the alerts that a runbook is for; all of them must hold.
///
/// They apply to alerts that name no runbook themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct When {
    /// The SLO, as `service/slo`.
    pub slo: Option<String>,
    /// The label `severity`.
    pub severity: Option<String>,
    /// Labels, each with a pattern that the whole value must match.
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
