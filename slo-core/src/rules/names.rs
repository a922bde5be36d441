//! Names of the series and alerts that the rules produce.

use crate::model::{LabelName, Labels, MatchOp, Matcher, Period, Service, Slo, Window};
use std::{fmt, sync::Arc};

/// The alert of a burn-rate tier.
pub const ERROR_BUDGET_BURN: &str = "SLOErrorBudgetBurn";
/// The alert of a budget of which nothing is left.
pub const ERROR_BUDGET_EXHAUSTED: &str = "SLOErrorBudgetExhausted";
/// The alert of a budget of which little is left.
pub const ERROR_BUDGET_LOW: &str = "SLOErrorBudgetLow";
/// The alert of events that nobody counts any more.
pub const EVENTS_ABSENT: &str = "SLOEventsAbsent";
/// The alert of counters that contradict each other.
pub const COUNTERS_DISAGREE: &str = "SLOCountersDisagree";
/// Share of the period's error budget left, of the events seen; negative when overspent.
pub const BUDGET_REMAINING: &str = "slo:error_budget:remaining_ratio";
/// The same of the budget of the whole period, of whose part still to come no event is bad.
pub const BUDGET_PROJECTED: &str = "slo:error_budget:projected_remaining_ratio";
/// The objective, as a constant.
pub const OBJECTIVE: &str = "slo:objective:ratio";
/// What an SLO is about, as labels of a constant 1.
pub const INFO: &str = "slo_info";

/// When the current calendar period began, in seconds since the Unix epoch.
pub const PERIOD_START: &str = "slo:calendar_period:start_seconds";
/// When the current calendar period ends, in seconds since the Unix epoch.
pub const PERIOD_END: &str = "slo:calendar_period:end_seconds";

/// How the names of series call a period: `30d`, or `_month` for one of the calendar.
///
/// ```
/// use slo_core::{model::{Period, Window}, rules::names};
///
/// let month = names::period(&Period::Rolling(Window::days(30)));
/// assert_eq!(names::error_ratio(month), "slo:sli_error:ratio30d");
/// ```
#[must_use]
pub fn period(period: &Period) -> String {
    match period {
        Period::Rolling(window) => window.to_string(),
        #[cfg(feature = "calendar")]
        Period::Calendar(calendar) => format!("_{}", calendar.unit()),
    }
}

/// All events per `tile`, where the SLO judges something made of them: time slices.
#[must_use]
pub fn events_tile(tile: Window) -> String {
    format!("slo:events_total:increase{tile}")
}

/// Bad events per `tile`, where the SLO judges something made of them.
#[must_use]
pub fn bad_events_tile(tile: Window) -> String {
    format!("slo:events_bad:increase{tile}")
}

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

/// Share of bad events over `window`, or over what [`period`] calls a period.
#[must_use]
pub fn error_ratio(window: impl fmt::Display) -> String {
    format!("slo:sli_error:ratio{window}")
}

/// Burn rate over `window`.
#[must_use]
pub fn burn_rate(window: impl fmt::Display) -> String {
    format!("slo:burn_rate:ratio{window}")
}

/// Share of the tiles of `window` that were recorded.
#[must_use]
pub fn coverage(window: impl fmt::Display) -> String {
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

/// The matchers that select the series of one SLO.
pub(super) fn selecting(service: &Service, slo: &Slo) -> Arc<[Matcher]> {
    let identity = identity(service, slo).into_iter();
    identity.map(|(label, value)| Matcher { label, op: MatchOp::Equal, value }).collect()
}
