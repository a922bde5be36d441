//! Backtests as JSON.

use super::BacktestPage;
use crate::model::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(super) fn page(page: &BacktestPage) -> Value {
    let slos = page.slos.iter().map(|slo| {
        json!({
            "service": slo.service,
            "slo": slo.slo,
            "group": slo.group.iter().cloned().collect::<BTreeMap<String, String>>(),
            "objective": slo.objective.to_string(),
            "period": slo.period,
            "start": slo.start.as_millis(),
            "end": slo.end.as_millis(),
            "step_seconds": slo.step_seconds,
            "coverage": slo.coverage,
            "total": slo.seen.total(),
            "bad": slo.seen.bad(),
            "pages": slo.pages,
            "false_pages": slo.false_pages,
            "tickets": slo.tickets,
            "precision": slo.precision,
            "recall": slo.recall,
            "alerts": slo.alerts.iter().map(|alert| json!({
                "burn_tier": alert.tier.burn().as_str(),
                "severity": alert.tier.severity().as_str(),
                "start": alert.start.as_millis(),
                "end": alert.end.map(Timestamp::as_millis),
            })).collect::<Vec<_>>(),
            "incidents": slo.incidents.iter().map(|one| json!({
                "start": one.start.as_millis(),
                "end": one.end.as_millis(),
                "total": one.tally.total(),
                "bad": one.tally.bad(),
                "excess": one.excess,
                "paged_after_seconds": one.seconds,
                "spent_by_then": one.spent,
            })).collect::<Vec<_>>(),
        })
    });
    json!({"zone": page.zone, "slos": slos.collect::<Vec<_>>()})
}
