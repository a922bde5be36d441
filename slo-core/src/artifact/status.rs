//! The status of an SLO as JSON.

use crate::{
    model::{Service, Slo},
    rules::SloStatus,
};
use serde_json::{Value, json};

/// The status of an SLO, or of one of its groups, as JSON.
///
/// `slo status --format json` and the API of `slo serve` write it. Shares are shares of one, times are in seconds, and a
/// value that is not recorded is `null`.
///
#[cfg_attr(feature = "spec", doc = "```")]
#[cfg_attr(not(feature = "spec"), doc = "```ignore")]
/// use slo_core::{artifact::status_json, rules::Recorded};
///
/// let text = "{version: slo/v1, service: a, slos: [{name: b, objective: 99%, window: 30d,
///     sli: {events: {total: all_total, bad: failed_total}}}]}";
/// let service = slo_core::spec::parse(text)?.remove(0);
/// let slo = &service.slos()[0];
/// let status = &Recorded::of(&service, [], []).statuses(slo)[0];
/// let json = status_json(&service, slo, status);
/// assert_eq!((json["objective"].as_str(), json["sli"].is_null()), (Some("99%"), true));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn status_json(service: &Service, slo: &Slo, status: &SloStatus) -> Value {
    let windows = status.burn_rates.iter();
    let windows = windows.map(|(window, rate)| json!({"window": window.to_string(), "burn_rate": rate}));
    let firing = status.firing.iter();
    let firing = firing.map(|one| json!({"alert": one.alert, "severity": one.severity}));
    json!({
        "service": service.name().as_str(),
        "slo": slo.name().as_str(),
        "group": status.group,
        "objective": slo.objective().to_string(),
        "period": slo.period().to_string(),
        "sli": status.sli,
        "budget_remaining": status.budget_remaining,
        "projected_budget_remaining": status.budget_projected,
        "coverage": status.coverage,
        "time_to_exhaustion": status.time_to_exhaustion,
        "windows": windows.collect::<Value>(),
        "firing": firing.collect::<Value>(),
    })
}
