//! How all SLOs do.

use super::super::matcher::equals;
use super::{
    About, BROWSER, Dashboard, INCIDENT, OVERVIEW, datasource, every_slo, finish, label_variable, link,
    panel::{BLUE, GREEN, Layout, ORANGE, Panel, RED},
    path_to,
    queries::{SHOWN, burns, coverage, each_kind, lasts},
};
use crate::{
    model::{Service, Slo},
    rules::names,
};
use serde_json::json;
use std::collections::BTreeSet;

pub(super) fn dashboard(services: &[Service]) -> Dashboard {
    let mut layout = Layout::default();
    layout.row("Now");
    let pages = path_to(INCIDENT);
    let firing = |severity: &str| {
        format!(
            "count(count by (service, slo) (ALERTS{{alertstate=\"firing\",slo!=\"\",{severity},{SHOWN}}})) or vector(0)"
        )
    };
    let stat = |title: &str, words: &str| Panel::stat(title, words, "short").linked("Incident", &pages);
    layout.add(
        4,
        4,
        stat("SLOs", "How many SLOs are recorded.")
            .now(&format!("count({}{{{SHOWN}}}) or vector(0)", names::INFO))
            .thresholds(BLUE, &[]),
    );
    layout.add(
        4,
        4,
        stat("Overspent", "SLOs of whose error budget nothing is left in the current period.")
            .now(&format!(
                "count(min by (service, slo) ({}{{{SHOWN}}}) <= 0) or vector(0)",
                names::BUDGET_PROJECTED
            ))
            .thresholds(GREEN, &[(1.0, RED)]),
    );
    layout.add(
        4,
        4,
        stat(
            "Below a quarter",
            "SLOs of whose error budget less than a quarter is left, and more than nothing.",
        )
        .now(&format!(
            "count(min by (service, slo) ({}{{{SHOWN}}}) > 0 < 0.25) or vector(0)",
            names::BUDGET_PROJECTED
        ))
        .thresholds(GREEN, &[(1.0, ORANGE)]),
    );
    let severities = severities(services);
    layout.add(
        4,
        4,
        stat("Paging", "SLOs on which a page fires.")
            .now(&firing(&severities.0))
            .thresholds(GREEN, &[(1.0, RED)]),
    );
    layout.add(
        4,
        4,
        stat("Tickets", "SLOs on which a ticket fires.")
            .now(&firing(&severities.1))
            .thresholds(GREEN, &[(1.0, ORANGE)]),
    );
    layout.add(
        4,
        4,
        stat(
            "Not seen",
            "SLOs of whose period less than half has been recorded: what they say of it is not much yet.",
        )
        .now(&format!("count(min by (service, slo) ({}) < 0.5) or vector(0)", coverage(services)))
        .thresholds(GREEN, &[(1.0, BLUE)]),
    );
    layout.add(24, 10, table(services, &pages));
    curves(&mut layout, &pages);
    let about = About {
        uid: OVERVIEW.to_owned(),
        file: format!("{OVERVIEW}.json"),
        title: "SLO overview".to_owned(),
        words: "How all service level objectives do: budgets, burn rates and alerts.".to_owned(),
        from: "now-7d".to_owned(),
        refresh: "1m",
        zone: BROWSER,
        variables: variables(),
        annotations: vec![],
        links: vec![link("Incident", INCIDENT), every_slo()],
    };
    finish(about, layout)
}

/// What is left, and what fires, over time.
fn curves(layout: &mut Layout, pages: &str) {
    layout.add(
        12,
        9,
        Panel::time_series(
            "Error budget left",
            "The share of each SLO's budget that is left, of the whole period, where no event still to come is bad.",
            "percentunit",
        )
        .over_time(&format!("{}{{{SHOWN}}}", names::BUDGET_PROJECTED), "{{service}}/{{slo}}")
        .with("max", json!(1))
        .thresholds("transparent", &[(0.0, RED)])
        .with_lines()
        .linked("Incident", pages),
    );
    layout.add(
        12,
        9,
        Panel::alerts("Alerts", "When alerts fired, by SLO and tier.")
            .over_time(
                &format!(
                    "max by (service, slo, burn_tier, severity) (ALERTS{{alertstate=\"firing\",slo!=\"\",{SHOWN}}})"
                ),
                "{{service}}/{{slo}} {{burn_tier}} ({{severity}})",
            )
            .linked("Incident", pages),
    );
}

/// The data source, the teams, and their services.
pub(super) fn variables() -> Vec<serde_json::Value> {
    let mut service = label_variable(
        "service",
        "Service",
        &format!("label_values({}{{team=~\"$team\"}}, service)", names::INFO),
    );
    // All services are those of the team, not whatever there is.
    if let Some(fields) = service.as_object_mut() {
        fields.remove("allValue");
    }
    vec![
        datasource(),
        label_variable("team", "Team", &format!("label_values({}, team)", names::INFO)),
        service,
    ]
}

/// What the alerts that are pages and those that are tickets are known by.
fn severities(services: &[Service]) -> (String, String) {
    use crate::{model::Severity, rules::alert_labels};
    let of = |severity: Severity| {
        let slos = services.iter().flat_map(|service| service.slos().iter().map(move |slo| (service, slo)));
        let values = slos.flat_map(|(service, slo)| {
            let labels = alert_labels(service, slo, severity);
            labels.into_iter().filter(|(label, _)| label.as_str() == "severity").map(|(_, value)| value)
        });
        let values: BTreeSet<String> = values.collect();
        equals("severity", values)
    };
    (of(Severity::Page), of(Severity::Ticket))
}

fn table(services: &[Service], pages: &str) -> Panel {
    let period = |slo: &Slo| Some(names::period(slo.period()));
    let sli =
        each_kind(services, period, |period, shown| format!("{}{{{shown}}}", names::error_ratio(period)));
    let coverage = coverage(services);
    let burn = burns(services);
    let by = "sum by (service, slo)";
    let red_below_zero = json!({"mode": "absolute", "steps": [
        {"color": RED, "value": null}, {"color": ORANGE, "value": 0}, {"color": GREEN, "value": 0.25}]});
    let burning = json!({"mode": "absolute", "steps": [
        {"color": GREEN, "value": null}, {"color": ORANGE, "value": 1}, {"color": RED, "value": 6}]});
    Panel::table(
        "SLOs, those first whose budget is gone soonest",
        "For each SLO, or its worst group: the objective, the share of good events in the period, what is left of the \
         budget, how fast it burns, and how long it lasts at that rate (no value: it is not burning). The link \"SLOs\" leads to their pages.",
        "percentunit",
    )
    .rows(&format!("min by (service, slo) ({})", lasts(services)))
    .rows(&format!("{by} ({}{{{SHOWN}}})", names::OBJECTIVE))
    .rows(&format!("1 - max by (service, slo) ({sli})"))
    .rows(&format!("min by (service, slo) ({}{{{SHOWN}}})", names::BUDGET_PROJECTED))
    .rows(&format!("max by (service, slo) ({burn})"))
    .rows(&format!("min by (service, slo) ({coverage})"))
    .transformed("merge", &json!({}))
    .transformed(
        "organize",
        &json!({
            "excludeByName": {"Time": true},
            "indexByName": {"service": 0, "slo": 1, "Value #A": 2, "Value #D": 3, "Value #E": 4, "Value #C": 5, "Value #B": 6, "Value #F": 7},
            "renameByName": {"service": "Service", "slo": "SLO", "Value #A": "Lasts", "Value #B": "Objective", "Value #C": "SLI",
                "Value #D": "Budget left", "Value #E": "Burn rate", "Value #F": "Seen"},
        }),
    )
    .transformed("sortBy", &json!({"fields": {}, "sort": [{"field": "Lasts", "desc": false}]}))
    .of_field("Lasts", &[("unit", json!("dtdurations"))])
    .of_field("Objective", &[("decimals", json!(3))])
    .of_field("SLI", &[("decimals", json!(4))])
    .of_field("Budget left", &[("thresholds", red_below_zero)])
    .of_field("Burn rate", &[("unit", json!("none")), ("decimals", json!(2)), ("thresholds", burning)])
    .linked("Incident", pages)
}
