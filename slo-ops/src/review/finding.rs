//! What a review has found.

use super::{Check, Severity};
use crate::manifest::Object;
use serde::Serialize;
use slo_core::document::Position;
use std::fmt;

/// What a review has found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// What was looked for.
    pub check: Check,
    /// How bad it is.
    pub severity: Severity,
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// The object, or the SLO.
    pub object: String,
    /// Why, in numbers.
    pub why: String,
    /// How to mend it.
    pub mend: String,
    /// Why it is accepted, and until when; `None` if it counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted: Option<String>,
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct Place {
    /// The file, as it was named; empty for an SLO.
    pub file: String,
    /// The line, from 1; 0 if it is not known.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
}

impl Place {
    fn of(file: &str, position: Position) -> Self {
        Self { file: file.to_owned(), line: position.line, column: position.column }
    }
}

impl Finding {
    /// A finding about the field at `path` of an object.
    pub(super) fn of(
        check: Check,
        severity: Severity,
        (object, path): (&Object, &str),
        why: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        let place = Place::of(&object.file, object.place(path));
        Self {
            check,
            severity,
            place,
            object: object.to_string(),
            why: why.into(),
            mend: mend.into(),
            accepted: None,
        }
    }

    /// A finding about an SLO, whose spec has no places.
    pub(super) fn of_slo(
        check: Check,
        severity: Severity,
        slo: &str,
        why: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        let place = Place { file: String::new(), line: 0, column: 0 };
        Self {
            check,
            severity,
            place,
            object: format!("SLO {slo}"),
            why: why.into(),
            mend: mend.into(),
            accepted: None,
        }
    }
}

impl fmt::Display for Finding {
    /// Four lines: where and what, why, how to mend it, and why it is accepted.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.place.file.is_empty() {
            write!(f, "{}:{}:{}: ", self.place.file, self.place.line, self.place.column)?;
        }
        write!(
            f,
            "{}: {}: {}\n  {}\n  hint: {}",
            self.severity, self.object, self.check, self.why, self.mend
        )?;
        match &self.accepted {
            Some(accepted) => write!(f, "\n  accepted {accepted}"),
            None => Ok(()),
        }
    }
}
