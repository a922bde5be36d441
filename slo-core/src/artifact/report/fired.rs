//! Alerts that fired.

use super::super::words::length;
use crate::plain;
use serde_json::{Value, json};

/// An alert, from when to when it fired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fired {
    /// The tier of its burn rate, such as `fast`, or its name.
    pub alert: String,
    /// The value of its label `severity`.
    pub severity: String,
    /// When it began to fire, in milliseconds since the Unix epoch.
    pub start: i64,
    /// When it ended, or the end of the report.
    pub end: i64,
}

impl Fired {
    /// `page: fast after 4 min`
    pub(super) fn after(&self, start: i64) -> String {
        let name = format!("{}: {}", self.severity, self.alert);
        let when = if self.start <= start {
            "before it".to_owned()
        } else {
            format!("after {}", length(self.start.abs_diff(start)))
        };
        format!("{} {when}", plain(&name))
    }

    pub(super) fn to_json(&self) -> Value {
        json!({"alert": self.alert, "severity": self.severity, "start": self.start, "end": self.end})
    }
}

/// Groups that are counted, in words.
pub(super) fn others(one: &super::Others) -> String {
    format!(
        "{} other groups of {}/{} spent less; {} of them missed the objective.",
        one.groups, one.service, one.slo, one.missed
    )
}
