//! Dynatrace: SLOs as its two kinds, budgets as metric lines, deployments and incidents as events.
//!
//! Its limits are those of its documentation. A PromQL selector has no metric there, so a mapping says which metrics an SLO
//! counts.

mod event;
mod lines;
mod mapping;
mod slo;
mod terraform;

pub use event::{deployment_event, error_event};
pub use lines::{batches, metric_lines};
pub use mapping::{DynatraceMapping, Mapped, read_mapping};
pub use slo::{DynatraceSlo, classic_slo, platform_slo};
