//! What the rules of an SLO cost and when its alerts fire, as JSON.

use crate::{
    math::Detection,
    model::Ratio,
    rules::{Explanation, TierExplanation},
};
use serde_json::{Value, json};

/// An explanation as JSON.
///
/// `slo explain --format json` writes it. Exact numbers are decimal text, measurements are numbers, and what never happens is
/// `null`.
///
#[cfg_attr(feature = "spec", doc = "```")]
#[cfg_attr(not(feature = "spec"), doc = "```ignore")]
/// use slo_core::{artifact::explanation_json, rules::{Options, explain}};
///
/// let text = "{version: slo/v1, service: a, slos: [{name: b, objective: 99.9%, window: 30d,
///     sli: {events: {total: all_total, bad: failed_total}}}]}";
/// let service = slo_core::spec::parse(text)?.remove(0);
/// let json = explanation_json(&explain(&service, Options::default())?[0]);
/// assert_eq!((json["slo"].as_str(), json["alerts"][0]["factor"].as_str()), (Some("b"), Some("14.4")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn explanation_json(slo: &Explanation) -> Value {
    let rules = slo.rules.iter().map(|rule| {
        json!({
            "group": rule.group,
            "name": rule.name,
            "interval": rule.interval.to_string(),
            "samples": rule.samples,
            "samples_per_raw_series": rule.samples_per_raw_series,
            "delay_seconds": rule.delay.as_seconds().to_f64(),
        })
    });
    json!({
        "service": slo.service,
        "slo": slo.slo,
        "notes": slo.notes,
        "series": slo.series(),
        "samples_per_hour": slo.samples_per_hour(),
        "samples_per_hour_and_raw_series": slo.samples_per_hour_and_raw_series(),
        "rules": rules.collect::<Value>(),
        "alerts": slo.tiers.iter().map(alert).collect::<Value>(),
    })
}

fn alert(explained: &TierExplanation) -> Value {
    let tier = &explained.tier;
    // For outages of 100 %, 10 % and 1 %.
    let seconds = |what: fn(&Detection) -> Ratio| {
        explained.detection.map(|found| found.map(|detection| what(&detection).to_f64()))
    };
    json!({
        "burn_tier": tier.burn().as_str(),
        "severity": tier.severity().as_str(),
        "long": tier.long().to_string(),
        "short": tier.short().to_string(),
        "factor": explained.factor.to_string(),
        "threshold": explained.threshold.to_string(),
        "budget_spent_when_it_fires": tier.share().to_f64(),
        "fires_after_seconds": seconds(|detection| detection.fires_after),
        "resets_after_seconds": seconds(|detection| detection.resets_after),
        "delay_seconds": explained.delay.as_seconds().to_f64(),
        "one_failure_fires_below_events": explained.quiet_below,
        "fewest_bad_events": tier.fewest_bad(),
        "undetected_budget": explained.undetected.map(Ratio::to_f64),
    })
}
