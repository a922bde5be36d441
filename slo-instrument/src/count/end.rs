//! How an event ended.

use super::{Circumstance, Class, Outcome};

/// How an event ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct End {
    pub(crate) outcome: Outcome,
    /// What it counts as, where somebody has said so.
    pub(crate) class: Option<Class>,
    pub(crate) nanos: u64,
    pub(crate) circumstance: Circumstance,
}
