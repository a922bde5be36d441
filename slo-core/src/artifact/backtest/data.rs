//! The backtests of several SLOs.

use super::SloBacktest;

/// The backtests of several SLOs.
///
/// Not `non_exhaustive`, because its maker knows all of its fields.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "callers write all of it")]
pub struct BacktestPage {
    /// The time zone of the times on the page.
    pub zone: String,
    /// The SLOs, or each group of an SLO with groups.
    pub slos: Vec<SloBacktest>,
}
