//! Alerts as they come in, and their ids.

#[expect(clippy::module_inception, reason = "the module of alerts holds the alert")]
mod alert;
mod delivery;
mod fingerprint;
mod identity;
mod problem;
mod webhook;

pub use alert::{Alert, Status};
pub use delivery::{Delivery, Source};
pub use fingerprint::{Fingerprint, LabelSet};
pub use identity::{DeliveryId, EpisodeId, IncidentId};
