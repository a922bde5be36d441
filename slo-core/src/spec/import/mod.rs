//! Reads specifications of other tools as models, and reports what was lost or changed.

mod everything;
mod foreign;
mod format;
mod labels;
mod openslo;
mod openslo_alerts;
mod openslo_metrics;
mod pyrra;
mod read;
mod report;
mod slo_generator;
mod sloth;
mod values;

pub use read::{Document, holds_specification, read, read_with};
pub use report::{Loss, LossKind};
