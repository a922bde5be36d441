//! Backtests of several SLOs as a value.

use super::SloBacktest;

/// Backtests of several SLOs. Not `non_exhaustive`: who makes a page knows all of it.
#[derive(Debug, Clone, PartialEq)]
pub struct BacktestPage {
    /// The time zone of what is shown.
    pub zone: String,
    /// The SLOs, and the groups of those that have groups.
    pub slos: Vec<SloBacktest>,
}
