//! A span: one operation of a request.

use serde::Serialize;
use std::{collections::BTreeMap, fmt};

/// One operation of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "callers make spans of their own formats")]
pub struct Span {
    /// The trace that it is of.
    pub trace: u128,
    /// Its id within the trace.
    pub id: u64,
    /// The span that it is part of; `None` for the whole request.
    pub parent: Option<u64>,
    /// What it does, and for which service.
    pub operation: Operation,
    /// When it began, in nanoseconds since the Unix epoch.
    pub start: u64,
    /// When it ended, in nanoseconds since the Unix epoch.
    pub end: u64,
    /// Whether it failed.
    pub failed: bool,
    /// Its attributes and those of its service, such as `service.version`.
    pub attributes: BTreeMap<String, String>,
}

/// An operation of a service.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[expect(clippy::exhaustive_structs, reason = "an operation is this")]
pub struct Operation {
    /// The service, of the attribute `service.name`.
    pub service: String,
    /// The name of the span, such as `GET /cart`.
    pub name: String,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.service, self.name)
    }
}
