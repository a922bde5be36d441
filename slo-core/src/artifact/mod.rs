//! Artifacts: rule values as the text that other programs read.

mod operator;
mod prometheus;
mod yaml;

pub use operator::prometheus_rule;
pub use prometheus::rule_file;
