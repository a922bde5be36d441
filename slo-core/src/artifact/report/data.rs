//! The contents of a report.

use crate::{
    model::Timestamp,
    replay::{OtherGroups, SloReview},
};

/// A report on SLOs over a time, such as a month.
///
/// Not `non_exhaustive`, because its maker knows all of its fields.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "callers write all of it")]
pub struct Report {
    /// Its title, such as `2026-10`.
    pub title: String,
    /// The time zone of its days.
    pub zone: String,
    /// Its beginning.
    pub start: Timestamp,
    /// Its end; now, if the time is not over.
    pub end: Timestamp,
    /// The SLOs.
    pub slos: Vec<SloReview>,
    /// Groups of SLOs that are only counted.
    pub others: Vec<OtherGroups>,
    /// Warnings of the server, such as of a partial answer. With any warning, the report is incomplete.
    pub warnings: Vec<String>,
}
