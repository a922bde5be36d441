//! SLOs as Prometheus rules: exact event counts in tiles, and everything else a sum of tiles.
//!
//! A *tile* is the number of events in one short interval. Tiles of a stream partition time, so a
//! window of any length is a sum of tiles: weighted by events, mergeable, and its cost does not depend
//! on how many series the service has.

mod accuracy;
mod alerting;
#[cfg(feature = "calendar")]
mod calendar;
mod events;
mod explain;
mod generate;
mod group;
mod metadata;
pub mod names;
mod options;
mod plan;
mod recording;
mod sloth;
mod tiles;

pub use alerting::alert_labels;
pub use events::EventQueries;
pub use explain::{Explanation, RuleCost, TierExplanation, explain};
pub use generate::{check, generate, generate_with};
pub use group::{Rule, RuleGroup};
pub use options::{Backend, Naming, Options};
pub use plan::Plan;
