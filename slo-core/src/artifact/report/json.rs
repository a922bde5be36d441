//! A report as JSON.

use super::{Report, words};
use crate::replay::{FiredAlert, Priced};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(super) fn page(report: &Report) -> Value {
    let fired = |one: &FiredAlert| json!({"alert": one.alert, "severity": one.severity, "start": one.start.as_millis(), "end": one.end.as_millis()});
    let priced = |one: &Priced| json!({"start": one.start.as_millis(), "end": one.end.as_millis(), "total": one.tally.total(), "bad": one.tally.bad(), "budget_spent": one.price});
    let slos = report.slos.iter().map(|slo| {
        json!({
            "service": slo.service,
            "slo": slo.slo,
            "group": slo.group.iter().cloned().collect::<BTreeMap<String, String>>(),
            "description": slo.description,
            "objective": slo.objective.to_string(),
            "period": slo.period,
            "total": slo.seen.total(),
            "bad": slo.seen.bad(),
            "sli": slo.sli(),
            "met": words::met(slo.verdict()),
            "verdict": words::verdict(slo.verdict()),
            "budget_remaining": slo.remaining(),
            "coverage": slo.coverage,
            "incidents": slo.incidents.iter().map(|one| {
                let mut incident = priced(one);
                if let Some(fields) = incident.as_object_mut() {
                    let alerts = slo.alerts_of(one).into_iter().map(fired).collect();
                    fields.insert("alerts".to_owned(), alerts);
                }
                incident
            }).collect::<Vec<_>>(),
            "alerts": slo.alerts.iter().map(fired).collect::<Vec<_>>(),
            "days": slo.days.iter().map(priced).collect::<Vec<_>>(),
            "trend": slo.change.map(|change| json!({
                "before": {"total": change.before.total(), "bad": change.before.bad()},
                "difference": change.difference,
                "low": change.interval.low(),
                "high": change.interval.high(),
                "probability_worse": change.worse,
                "verdict": words::trend(slo.trend()),
            })),
            "policy": slo.policy.as_ref().map(|policy| policy.to_json(None)),
        })
    });
    let others = report.others.iter().map(|one| {
        json!({
            "service": one.service,
            "slo": one.slo,
            "groups": one.groups,
            "missed": one.missed,
            "total": one.seen.total(),
            "bad": one.seen.bad(),
        })
    });
    json!({
        "title": report.title,
        "zone": report.zone,
        "start": report.start.as_millis(),
        "end": report.end.as_millis(),
        "warnings": report.warnings,
        "slos": slos.collect::<Vec<_>>(),
        "other_groups": others.collect::<Vec<_>>(),
    })
}
