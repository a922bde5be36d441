//! What SLOs spend.

use slo_core::model::Timestamp;

/// What the SLOs of a service have spent of their error budgets.
pub trait Spending {
    /// The share of a period's budget that was spent in a time, by the SLO `service/slo`, or by that SLO of the service that spent
    /// most; `None` if that is not known.
    fn spent(&self, service: &str, slo: &str, from: Timestamp, to: Timestamp) -> Option<f64>;
}

/// Nothing is known of budgets.
impl Spending for () {
    fn spent(&self, _: &str, _: &str, _: Timestamp, _: Timestamp) -> Option<f64> {
        None
    }
}
