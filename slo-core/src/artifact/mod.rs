//! Artifacts: rule values as the text that other programs read.

mod prometheus;
mod yaml;

pub use prometheus::rule_file;
