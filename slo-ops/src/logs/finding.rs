//! Findings: templates whose lines the time before does not explain.

use super::{record::Level, template::TemplateId};
use crate::time;
use serde::{Serialize, Serializer};
use slo_core::model::Timestamp;
use std::fmt;

/// What is unusual about a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Change {
    /// It had no line before.
    New,
    /// It has more lines than before.
    Swollen,
    /// It has fewer lines than before, or none.
    Vanished,
}

impl Change {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Swollen => "swollen",
            Self::Vanished => "vanished",
        }
    }
}

/// A template whose lines in a window are unusual.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LogFinding {
    /// What is unusual.
    pub change: Change,
    /// The template.
    pub template: TemplateId,
    /// Its words, with `<*>` for those that vary.
    pub text: String,
    /// The worst level of its lines.
    pub level: Option<Level>,
    /// Its first line.
    pub example: String,
    /// Its lines in the window.
    pub lines: u64,
    /// The lines that were to be expected.
    pub expected: f64,
    /// The most lines in a window of the same length before; the fewest, of a template that vanished.
    pub extreme_before: u64,
    /// The time of its first line in the window.
    #[serde(serialize_with = "optional_time")]
    pub since: Option<Timestamp>,
    /// The probability of any finding as clear as this in a window of a quiet log, at most.
    pub p: f64,
    /// Whether `p` is below the probability of a false alarm that was asked for.
    pub significant: bool,
}

impl fmt::Display for LogFinding {
    /// Such as `new error, 12 lines since 2026-12-01T10:00:00Z: connection to <ip> refused`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.change.as_str())?;
        if let Some(level) = self.level {
            write!(f, " {level}")?;
        }
        match self.change {
            Change::New => write!(f, ", {} line{}", self.lines, if self.lines == 1 { "" } else { "s" })?,
            Change::Swollen | Change::Vanished => {
                write!(
                    f,
                    ", {} line{} where {:.0} were expected",
                    self.lines,
                    if self.lines == 1 { "" } else { "s" },
                    self.expected
                )?;
            }
        }
        if let Some(since) = self.since.filter(|_| self.change == Change::New) {
            write!(f, " since {since}")?;
        }
        write!(f, ": {}", self.text)
    }
}

/// What is unusual about a window of a log.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LogFindings {
    /// The beginning of the window, where the baseline ends.
    #[serde(serialize_with = "time::text")]
    pub from: Timestamp,
    /// The end of the window.
    #[serde(serialize_with = "time::text")]
    pub to: Timestamp,
    /// The beginning of the baseline.
    #[serde(serialize_with = "time::text")]
    pub baseline: Timestamp,
    /// How many windows the baseline has.
    pub windows: u64,
    /// The lines in the window.
    pub lines: u64,
    /// How many times as many lines as before the usual templates have: 1 if traffic is as before.
    pub traffic: f64,
    /// How many templates were compared.
    pub compared: u64,
    /// The findings: significant ones first, then the worst levels, then those with most lines.
    pub findings: Vec<LogFinding>,
}

#[expect(clippy::ref_option, reason = "serde calls it")]
fn optional_time<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => serializer.collect_str(time),
        None => serializer.serialize_none(),
    }
}
