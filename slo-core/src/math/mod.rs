//! The arithmetic of SLOs, in the order of the pipeline: counts, burn rates, budgets, alerts.

mod budget;
mod budget_policy;
mod burn;
mod compose;
mod exclusions;
mod freshness;
mod histogram;
mod native_histogram;
mod outage;
mod policy;
mod probes;
mod slices;
mod sliding_count;
mod tally;
mod tracker;
mod verdict;

pub use budget::{
    Basis, ErrorBudget, allowed_downtime, incident_spend, rolling_exhaustion, time_to_exhaustion,
};
pub use budget_policy::{BudgetPolicy, Stage};
pub use burn::BurnRate;
pub use compose::{
    allocate_budget, allocate_product, common_cause, k_of_n, parallel, parallel_bounds, serial,
    serial_bounds, weighted_sli,
};
pub use exclusions::{Exclusions, Span};
pub use freshness::{Publication, stale_time};
pub use histogram::{AtMost, ClassicHistogram};
pub use native_histogram::NativeHistogram;
pub use outage::{Detection, Outage, SamplingDelay, undetected_spend};
pub use policy::firing;
pub use probes::{false_failure, missed_outage};
pub use slices::{EmptySlice, ratio_time_slices, slices_to_fire, time_slices, tolerable_seconds};
pub use sliding_count::SlidingCount;
pub use tally::Tally;
pub use tracker::{Tracker, WindowTally};
pub use verdict::{TallyRange, Verdict};
