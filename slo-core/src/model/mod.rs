//! Valid values: an SLO and its parts, each with one fallible door.
//!
//! A value of this module is valid; nothing downstream checks it again.

mod alerting;
#[cfg(feature = "calendar")]
mod calendar;
mod labels;
pub mod metric;
mod name;
mod objective;
mod ratio;
mod selector;
mod sli;
mod slo;
mod tier;
mod window;

pub use alerting::{AlertPolicy, Notification};
#[cfg(feature = "calendar")]
pub use calendar::{Calendar, CalendarPeriod, CalendarUnit};
pub use labels::{LabelName, Labels};
pub use name::Name;
pub use objective::Objective;
pub use ratio::Ratio;
pub use selector::{MatchOp, Matcher, Selector};
pub use sli::{EventCounters, LatencyHistogram, Sli};
#[cfg(feature = "spec")]
pub(crate) use slo::check_scrape_interval;
pub use slo::{Service, Slo};
pub use tier::{BurnTier, Rescaling, Severity, Tier, TierDoubt};
pub use window::{Period, Window};
