//! The arithmetic of SLOs, in the order of the pipeline: counts, burn rates, budgets, alerts.
//!
//! *How long until this outage pages, and what will it have cost by then?*
//!
//! ```
//! use slo_core::{math::{Outage, SamplingDelay}, model::{AlertPolicy, Window}};
//!
//! // A fifth of all requests fails, the objective is 99.9 %.
//! let outage = Outage::new("0.2".parse()?)?;
//! let fast = AlertPolicy::workbook().tiers()[0];
//! let page = outage.detection(&fast, "99.9%".parse()?)?.unwrap();
//! assert_eq!(page.fires_after.to_string(), "259.2"); // seconds
//! assert_eq!(page.spent.to_string(), "0.02"); // 2 % of the month's budget, as for every outage
//! // Scraped every 15 s and evaluated every 30 s, the page comes up to 45 s later.
//! let delay = SamplingDelay::new(Window::seconds(15), Window::seconds(30), None);
//! assert_eq!(delay.longest_seconds(), 45.0);
//! # Ok::<(), slo_core::Error>(())
//! ```
//!
//! | step | here |
//! |---|---|
//! | counts of events | [`Tally`]; [`TallyRange`] for counts that are only known within bounds |
//! | from other signals to counts | [`ClassicHistogram`], [`NativeHistogram`], [`time_slices`], [`stale_time`], [`missed_outage`] |
//! | from parts to the whole | [`serial`], [`parallel`], [`k_of_n`], [`common_cause`], [`weighted_sli`], [`allocate_budget`] |
//! | excluded times | [`Exclusions`] |
//! | how fast the budget is spent | [`BurnRate`] |
//! | what is left of the budget, and for how long | [`ErrorBudget`], [`time_to_exhaustion`], [`rolling_exhaustion`], [`PeriodBudget`] |
//! | stages of a budget policy | [`BudgetPolicy`] |
//! | when alerts fire | [`firing`], [`Outage`], [`SamplingDelay`], [`undetected_spend`], [`safe_exposure`] |
//! | the same, live | [`Tracker`], [`SlidingCount`] |

mod budget;
mod budget_policy;
mod burn;
mod compose;
mod exclusions;
mod firing;
mod freshness;
mod histogram;
mod native_histogram;
mod outage;
mod period_budget;
mod probes;
mod slices;
mod sliding_count;
mod tally;
mod tracker;
mod verdict;

pub use budget::{Basis, ErrorBudget, allowed_downtime, rolling_exhaustion, time_to_exhaustion};
pub use budget_policy::{BudgetPolicy, Stage};
pub use burn::BurnRate;
pub use compose::{
    allocate_budget, allocate_product, common_cause, k_of_n, parallel, parallel_bounds, serial,
    serial_bounds, weighted_sli,
};
pub use exclusions::{Exclusions, Span};
pub use firing::firing;
pub use freshness::{Publication, stale_time};
pub use histogram::{AtMost, ClassicHistogram};
pub use native_histogram::NativeHistogram;
pub use outage::{Detection, Outage, SamplingDelay, safe_exposure, undetected_spend};
pub use period_budget::PeriodBudget;
pub use probes::{false_failure, missed_outage};
pub use slices::{ratio_time_slices, slices_to_fire, time_slices, tolerable_seconds};
pub use sliding_count::SlidingCount;
pub use tally::Tally;
pub use tracker::{Tracker, WindowTally};
pub use verdict::{TallyRange, Verdict};
