//! One time that an alert fired.

use crate::alert::LabelSet;
use serde::Serialize;
use slo_core::model::{Timestamp, Window};
use std::fmt;

/// One time that an alert fired.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "callers make firings of their own sources")]
pub struct Firing {
    /// The labels of the alert.
    pub labels: LabelSet,
    /// When it began.
    pub began: Timestamp,
    /// When it ended, or the end of the history.
    pub ended: Timestamp,
    /// How many messages were sent about it, as far as the source knows.
    pub messages: u64,
    /// The share of a period's error budget that was spent while it fired, if the source knows.
    pub spent: Option<f64>,
}

impl Firing {
    /// The alert that it is of.
    #[must_use]
    pub fn key(&self) -> AlertKey {
        let label = |name: &str| self.labels.get(name).cloned().unwrap_or_default();
        let severity = label("severity");
        AlertKey {
            alert: label("alertname"),
            service: label("service"),
            slo: label("slo"),
            // A page is a page, whichever tier fired.
            severity: if severity.is_empty() { "none".to_owned() } else { severity },
        }
    }

    /// How long it fired.
    #[must_use]
    pub fn length(&self) -> std::time::Duration {
        std::time::Duration::from_millis(self.ended.millis_since(self.began))
    }

    /// Whether it began while `other` fired, or at most `within` before or after it began.
    pub(super) fn is_with(&self, other: &Self, within: Window) -> bool {
        other.began.before(within) <= self.began && self.began <= other.ended.max(other.began.after(within))
    }
}

/// What firings are counted by: the alert's name, its service and SLO, and its severity.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[non_exhaustive]
pub struct AlertKey {
    /// The label `alertname`.
    pub alert: String,
    /// The label `service`; empty if there is none.
    pub service: String,
    /// The label `slo`; empty if there is none.
    pub slo: String,
    /// The label `severity`; `none` if there is none.
    pub severity: String,
}

impl AlertKey {
    /// The SLO, as `service/slo`.
    #[must_use]
    pub fn of_slo(&self) -> Option<String> {
        (!self.slo.is_empty()).then(|| format!("{}/{}", self.service, self.slo))
    }

    /// Whether it interrupts somebody.
    pub(super) fn is_page(&self) -> bool {
        matches!(self.severity.as_str(), "page" | "critical")
    }
}

impl fmt::Display for AlertKey {
    /// Such as `SLOErrorBudgetBurn checkout/availability (page)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.alert)?;
        match (self.service.as_str(), self.slo.as_str()) {
            ("", "") => {}
            (service, "") => write!(f, " {service}")?,
            (service, slo) => write!(f, " {service}/{slo}")?,
        }
        write!(f, " ({})", self.severity)
    }
}
