//! A report as a value.

use crate::{
    model::Timestamp,
    replay::{OtherGroups, SloReview},
};

/// How SLOs did in a time. Not `non_exhaustive`: who makes a report knows all of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Such as `2026-10`.
    pub title: String,
    /// The time zone of its days.
    pub zone: String,
    /// Its beginning.
    pub start: Timestamp,
    /// Its end: now, where the time is not over.
    pub end: Timestamp,
    /// The SLOs.
    pub slos: Vec<SloReview>,
    /// Groups of SLOs that are counted, not shown.
    pub others: Vec<OtherGroups>,
    /// What the server warned of, such as a partial answer: with any, the report is incomplete.
    pub warnings: Vec<String>,
}
