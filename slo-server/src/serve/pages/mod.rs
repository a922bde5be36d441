//! Pages for people, made on the server.

mod assets;
mod charts;
mod events;
mod facts;
mod incidents;
mod layout;
mod overview;
mod reports;
mod slo;

pub(super) use assets::asset;
pub(super) use events::events;
pub(super) use facts::numbers;
pub(super) use incidents::{act, incident, incidents};
pub(super) use layout::missing;
pub(super) use overview::{filter_of, overview};
pub(super) use reports::{Asked, asked_report, report, reports};
pub(super) use slo::slo;
