//! Names of the series and alerts that the rules produce.

use crate::model::{LabelName, Labels, MatchOp, Matcher, Selector, Service, Slo, Window};

/// The alert of a burn-rate tier.
pub const ERROR_BUDGET_BURN: &str = "SLOErrorBudgetBurn";
/// The alert of a budget of which nothing is left.
pub const ERROR_BUDGET_EXHAUSTED: &str = "SLOErrorBudgetExhausted";
/// The alert of a budget of which little is left.
pub const ERROR_BUDGET_LOW: &str = "SLOErrorBudgetLow";
/// The alert of events that nobody counts any more.
pub const EVENTS_ABSENT: &str = "SLOEventsAbsent";
/// Share of the period's error budget left, of the events seen; negative when overspent.
pub const BUDGET_REMAINING: &str = "slo:error_budget:remaining_ratio";
/// The same, with the part of the period that has not been seen yet taken as clean.
pub const BUDGET_PROJECTED: &str = "slo:error_budget:projected_remaining_ratio";
/// The objective, as a constant.
pub const OBJECTIVE: &str = "slo:objective:ratio";
/// What an SLO is about, as labels of a constant 1.
pub const INFO: &str = "slo_info";

/// All events per `tile`.
#[must_use]
pub fn total_tile(tile: Window) -> String {
    format!("slo:sli_total:increase{tile}")
}

/// Bad events per `tile`.
#[must_use]
pub fn bad_tile(tile: Window) -> String {
    format!("slo:sli_bad:increase{tile}")
}

/// Share of bad events over `window`.
#[must_use]
pub fn error_ratio(window: Window) -> String {
    format!("slo:sli_error:ratio{window}")
}

/// Burn rate over `window`.
#[must_use]
pub fn burn_rate(window: Window) -> String {
    format!("slo:burn_rate:ratio{window}")
}

/// Share of the tiles of `window` that were recorded.
#[must_use]
pub fn coverage(window: Window) -> String {
    format!("slo:sli_coverage:ratio{window}")
}

pub(super) const SERVICE: &str = "service";
pub(super) const SLO: &str = "slo";

/// The labels that every recorded series of an SLO carries.
pub(super) fn identity(service: &Service, slo: &Slo) -> Labels {
    Labels::from([
        (LabelName::from_static(SERVICE), service.name().to_string()),
        (LabelName::from_static(SLO), slo.name().to_string()),
    ])
}

/// Selects the series `metric` of one SLO.
pub(super) fn series(metric: String, service: &Service, slo: &Slo) -> Selector {
    identity(service, slo).into_iter().fold(Selector::composed(metric), |selector, (label, value)| {
        selector.with(Matcher { label, op: MatchOp::Equal, value })
    })
}
