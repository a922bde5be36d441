//! Valid values: an SLO and its parts.
//!
//! A value is checked once, when it is created. Later stages do not check it again. Objectives, shares and
//! thresholds are exact: they are compared as integers and printed as decimals.
//!
//! *Which burn rates page us, and can they be reached at all?*
//!
//! ```
//! use slo_core::model::{AlertPolicy, Objective, Ratio, Window};
//!
//! let policy = AlertPolicy::for_period(Window::days(28))?;
//! let fast = &policy.tiers()[0];
//! let loose: Objective = "92%".parse()?;
//! assert_eq!(fast.threshold(loose)?.to_string(), "1.152"); // more than all requests: it never fires
//! assert!(!fast.is_reachable(loose, Ratio::ONE)?);
//! // Let it page when half of the requests fail, over longer windows.
//! assert_eq!(fast.with_windows_stretched(loose, Ratio::HALF)?.long(), "2h18m14s400ms".parse()?);
//! # Ok::<(), slo_core::Error>(())
//! ```

mod alerting;
#[cfg(feature = "calendar")]
mod calendar;
mod error_budget_policy;
mod event_pair;
mod exclusion;
mod labels;
pub mod metric;
mod name;
mod objective;
mod period;
mod query;
mod ratio;
mod selector;
mod service;
mod severity;
mod sli;
mod slices;
mod slo;
mod tier;
mod timestamp;
mod window;

pub use alerting::{AlertPolicy, BudgetAlert, Notification};
#[cfg(feature = "calendar")]
pub use calendar::{Calendar, CalendarPeriod, CalendarUnit};
pub use error_budget_policy::ErrorBudgetPolicy;
pub use event_pair::EventPair;
pub use exclusion::Exclusion;
#[cfg(feature = "spec")]
pub(crate) use labels::RESERVED_LABELS;
pub use labels::{LabelName, Labels};
pub use name::Name;
pub use objective::Objective;
pub use period::Period;
pub use query::{Counting, Query};
pub use ratio::Ratio;
pub use selector::{MatchOp, Matcher, Selector};
pub use service::Service;
#[cfg(feature = "spec")]
pub(crate) use service::check_scrape_interval;
pub use severity::{BurnTier, Severity};
pub use sli::{Bound, Comparison, EventCounters, Gauge, HistogramKind, LatencyHistogram, Sli};
pub use slices::{EmptySlice, TimeSlices};
pub use slo::Slo;
pub use tier::{Rescaling, Tier, TierDoubt};
pub use timestamp::Timestamp;
pub use window::Window;
