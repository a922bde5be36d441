//! The API: what pages show, as JSON, actions of people, deployments, and gates of releases.

pub(super) mod deployments;
pub(super) mod gates;
pub(super) mod incidents;
mod slos;

pub(super) use slos::{document, overview, report, slo};
