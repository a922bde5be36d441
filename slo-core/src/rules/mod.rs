//! SLOs as Prometheus rules: events are counted exactly in tiles, and every window is a sum of tiles.
//!
//! A *tile* is the number of events in one short interval. Tiles of a stream partition time, so a
//! window of any length is a sum of tiles: weighted by events, mergeable, and its cost does not depend
//! on how many series the service has.

mod accuracy;
mod alert;
mod annotations;
#[cfg(feature = "calendar")]
mod calendar;
mod context;
mod count;
mod events;
mod explain;
mod generate;
mod metadata;
mod options;
mod plan;
mod record;
mod recorded;
mod rule;
mod series;
mod sloth;
mod status;

pub use alert::alert_labels;
pub use events::EventQueries;
pub use explain::{Explanation, RuleCost, TierExplanation, explain};
pub use generate::{check, generate, generate_with};
pub use options::{Backend, Naming, Options};
pub use plan::Plan;
pub use recorded::{Group, RecordedQueries};
pub use rule::{AlertKind, Rule, RuleGroup};
pub use series::{Series, SlothSeries, Span, Stream};
pub use status::{FiringAlert, Recorded, SloStatus, group_of};
