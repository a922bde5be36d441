//! Reports: how SLOs did in a month, a quarter, or any other time.

mod html;
mod markdown;
mod words;

use crate::replay::{FiredAlert, OtherGroups, Priced, SloReview};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How SLOs did in a time. Not `non_exhaustive`: who makes a report knows all of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Such as `2026-10`.
    pub title: String,
    /// The time zone of its days.
    pub zone: String,
    /// Its beginning, in milliseconds since the Unix epoch.
    pub start: i64,
    /// Its end: now, where the time is not over.
    pub end: i64,
    /// The SLOs.
    pub slos: Vec<SloReview>,
    /// Groups of SLOs that are counted, not shown.
    pub others: Vec<OtherGroups>,
    /// What the server warned of, such as a partial answer: with any, the report is incomplete.
    pub warnings: Vec<String>,
}

impl Report {
    /// For people who read text.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        markdown::page(self)
    }

    /// A page of its own: no other file, no script, light and dark.
    #[must_use]
    pub fn to_html(&self) -> String {
        html::page(self)
    }

    /// For programs: shares of one, times in milliseconds since the Unix epoch, `null` where nothing is known.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let fired = |one: &FiredAlert| json!({"alert": one.alert, "severity": one.severity, "start": one.start, "end": one.end});
        let priced = |one: &Priced| json!({"start": one.start, "end": one.end, "total": one.tally.total(), "bad": one.tally.bad(), "budget_spent": one.price});
        let slos = self.slos.iter().map(|slo| {
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
            })
        });
        let others = self.others.iter().map(|one| {
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
            "title": self.title,
            "zone": self.zone,
            "start": self.start,
            "end": self.end,
            "warnings": self.warnings,
            "slos": slos.collect::<Vec<_>>(),
            "other_groups": others.collect::<Vec<_>>(),
        })
    }
}
