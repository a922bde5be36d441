//! Artifacts: rule values as the text that other programs read.

mod operator;
mod prometheus;
mod yaml;

pub use operator::prometheus_rules;
pub use prometheus::rule_file;
