//! How an event ended.

use super::{Circumstance, Class, Outcome};

/// How an event ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct End {
    pub(crate) outcome: Outcome,
    /// The class that the service has set, if any.
    pub(crate) class: Option<Class>,
    pub(crate) nanos: u64,
    pub(crate) circumstance: Circumstance,
}
