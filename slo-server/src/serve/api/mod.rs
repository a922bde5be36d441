//! The API: what pages show, as JSON, and actions of people.

pub(super) mod incidents;
mod slos;

pub(super) use slos::{document, overview, report, slo};
