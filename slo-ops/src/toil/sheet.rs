//! What a team writes down about its weeks.

use slo_core::model::{CalendarPeriod, Window};
use std::collections::BTreeMap;

/// The weeks of a team: how long it worked, and what it did by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ToilSheet {
    /// At least two, distinct, oldest first.
    pub weeks: Vec<Week>,
}

/// A week of a team.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Week {
    /// Its name, such as `2026-W45` (ISO 8601).
    pub name: String,
    /// From its Monday to the next one.
    pub span: CalendarPeriod,
    /// The time that all people together worked.
    pub worked: Window,
    /// Work by hand by its name, besides the answers to alerts that are in the record.
    pub toil: BTreeMap<String, Window>,
}
