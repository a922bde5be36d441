//! The arithmetic of SLOs, in the order of the pipeline: counts, burn rates, budgets, alerts.

mod budget;
mod burn;
mod outage;
mod policy;
mod tally;
mod tracker;

pub use budget::{ErrorBudget, allowed_downtime, time_to_exhaustion};
pub use burn::BurnRate;
pub use outage::{Detection, detection};
pub use policy::firing;
pub use tally::Tally;
pub use tracker::{Tracker, WindowTally};
