//! The texts of reports.

use super::super::words::length;
use crate::{
    model::Timestamp,
    plain,
    replay::{FiredAlert, OtherGroups, PolicyStage, Priced, SloReview, Trend, Verdict},
};

/// Whether it has a section. There may be many groups, so a group has one only after an incident, a miss, or if a policy
/// says more about it than that releases go on.
pub(super) fn has_section(slo: &SloReview) -> bool {
    let is_held = slo.policy.as_ref().is_some_and(|policy| policy.stage != PolicyStage::Open);
    slo.group.is_empty() || !slo.incidents.is_empty() || slo.verdict() == Verdict::Missed || is_held
}

/// Whether it was met, if that is known.
pub(super) fn met(verdict: Verdict) -> Option<bool> {
    match verdict {
        Verdict::NoEvents | Verdict::TooLittleSeen => None,
        Verdict::Met => Some(true),
        Verdict::Missed => Some(false),
    }
}

pub(super) fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::NoEvents => "no events",
        Verdict::TooLittleSeen => "too little was seen",
        Verdict::Met => "yes",
        Verdict::Missed => "no",
    }
}

pub(super) fn trend(trend: Trend) -> &'static str {
    match trend {
        Trend::Unknown => "no earlier time to compare with",
        Trend::Worse => "worse",
        Trend::Better => "better",
        Trend::Same => "no difference shown",
    }
}

/// The alerts on an incident, and how soon they fired.
pub(super) fn told(slo: &SloReview, incident: &Priced) -> String {
    let alerts = slo.alerts_of(incident).into_iter();
    let told: Vec<String> = alerts.map(|alert| after(alert, incident.start)).collect();
    if told.is_empty() { "none".to_owned() } else { told.join("; ") }
}

/// `page: fast after 4 min`
fn after(alert: &FiredAlert, start: Timestamp) -> String {
    let name = format!("{}: {}", alert.severity, alert.alert);
    let when = if alert.start <= start {
        "before the incident".to_owned()
    } else {
        format!("after {}", length(alert.start.millis_since(start)))
    };
    format!("{} {when}", plain(&name))
}

/// The basis of the budget, and the SLO's own period.
pub(super) fn basis(slo: &SloReview) -> String {
    let span =
        slo.left.first().zip(slo.left.last()).map_or(0, |((start, _), (end, _))| end.millis_since(*start));
    format!("The budget is for the {} of this report; the period of the SLO is {}.", length(span), slo.period)
}

/// How long an incident lasted.
pub(super) fn lasted(slo: &SloReview, incident: &Priced) -> String {
    let is_over = slo.left.last().is_none_or(|(end, _)| incident.end < *end);
    let lasted = length(incident.end.millis_since(incident.start));
    if is_over { lasted } else { format!("{lasted}, ongoing") }
}

/// The sentence on groups that are only counted.
pub(super) fn others(one: &OtherGroups) -> String {
    format!(
        "{} other groups of {}/{} spent less budget; {} of them missed the objective.",
        one.groups, one.service, one.slo, one.missed
    )
}
