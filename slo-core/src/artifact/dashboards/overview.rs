//! The overview of all SLOs.

use super::super::matcher::equals;
use super::{
    dashboard::{About, BROWSER, Dashboard, INCIDENT, OVERVIEW, datasource, finish, label_variable},
    links::{every_slo, link, path_to},
    panel::{BLUE, GREEN, Layout, ORANGE, Panel, RED},
    queries::{
        ONE, ZERO, any_slo, burns, coverage, each_kind, firing, firing_with, labels, last, lasts, number,
        period, shown, slo_labels,
    },
};
use crate::{
    Error,
    model::{Matcher, Ratio, Service},
    rules::Series,
};
use serde_json::json;
use std::collections::BTreeSet;

pub(super) fn dashboard(services: &[Service]) -> Result<Dashboard, Error> {
    let mut layout = Layout::default();
    layout.row("Now");
    let incident = path_to(INCIDENT);
    let alerting = |severity: Matcher| {
        firing_with(&[any_slo(), severity], &shown()).count_by(&slo_labels()).count_by(&[]).or_zero()
    };
    let quarter = Ratio::new(1, 4)?;
    let least_left = || last(Series::BudgetProjected, &shown()).min_by(&slo_labels());
    let stat = |title: &str, words: &str| Panel::stat(title, words, "short").linked("Incident", &incident);
    layout.add(
        4,
        4,
        stat("SLOs", "The number of SLOs that are recorded.")
            .now(&last(Series::Info, &shown()).count_by(&[]).or_zero())
            .thresholds(BLUE, &[]),
    );
    layout.add(
        4,
        4,
        stat("Overspent", "SLOs with no error budget left in the current period.")
            .now(&least_left().less_or_equal(ZERO).count_by(&[]).or_zero())
            .thresholds(GREEN, &[(1.0, RED)]),
    );
    layout.add(
        4,
        4,
        stat("Below a quarter", "SLOs with some error budget left, but less than a quarter.")
            .now(&least_left().greater(ZERO).less(number(quarter)).count_by(&[]).or_zero())
            .thresholds(GREEN, &[(1.0, ORANGE)]),
    );
    let [pages, tickets] = severities(services);
    layout.add(
        4,
        4,
        stat("Paging", "SLOs with a firing page.").now(&alerting(pages)).thresholds(GREEN, &[(1.0, RED)]),
    );
    layout.add(
        4,
        4,
        stat("Tickets", "SLOs with a firing ticket.")
            .now(&alerting(tickets))
            .thresholds(GREEN, &[(1.0, ORANGE)]),
    );
    layout.add(
        4,
        4,
        stat(
            "Little data",
            "SLOs with less than half of their period recorded: their numbers are not reliable yet.",
        )
        .now(&coverage(services).min_by(&slo_labels()).less(number(Ratio::HALF)).count_by(&[]).or_zero())
        .thresholds(GREEN, &[(1.0, BLUE)]),
    );
    layout.add(24, 10, table(services, &incident));
    curves(&mut layout, &incident);
    let about = About {
        uid: OVERVIEW.to_owned(),
        file: format!("{OVERVIEW}.json"),
        title: "SLO overview".to_owned(),
        words: "All service level objectives: budgets, burn rates and alerts.".to_owned(),
        from: "now-7d".to_owned(),
        refresh: "1m",
        zone: BROWSER,
        variables: variables(),
        annotations: vec![],
        links: vec![link("Incident", INCIDENT), every_slo()],
    };
    Ok(finish(about, layout))
}

/// The budgets left and the firing alerts, over time.
fn curves(layout: &mut Layout, incident: &str) {
    layout.add(
        12,
        9,
        Panel::time_series(
            "Error budget left",
            "The share of each SLO's budget for the whole period that is left, if no more events are bad.",
            "percentunit",
        )
        .over_time(&last(Series::BudgetProjected, &shown()), "{{service}}/{{slo}}")
        .with("max", json!(1))
        .thresholds("transparent", &[(0.0, RED)])
        .with_lines()
        .linked("Incident", incident),
    );
    layout.add(
        12,
        9,
        Panel::alerts("Alerts", "When alerts fired, by SLO and tier.")
            .over_time(
                &firing(&[&[any_slo()][..], &shown()].concat()).max_by(&labels([
                    "service",
                    "slo",
                    "burn_tier",
                    "severity",
                ])),
                "{{service}}/{{slo}} {{burn_tier}} ({{severity}})",
            )
            .linked("Incident", incident),
    );
}

/// The data source, the teams, and their services.
pub(super) fn variables() -> Vec<serde_json::Value> {
    let mut service = label_variable(
        "service",
        "Service",
        &format!("label_values({}{{team=~\"$team\"}}, service)", Series::Info),
    );
    // "All" means all services of the team, not any value.
    if let Some(fields) = service.as_object_mut() {
        fields.remove("allValue");
    }
    vec![
        datasource(),
        label_variable("team", "Team", &format!("label_values({}, team)", Series::Info)),
        service,
    ]
}

/// The matchers of the alerts that are pages, and of those that are tickets.
fn severities(services: &[Service]) -> [Matcher; 2] {
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
    [of(Severity::Page), of(Severity::Ticket)]
}

fn table(services: &[Service], incident: &str) -> Panel {
    let error_ratio = each_kind(
        services,
        |slo| Some(period(slo)),
        |period, shown| last(Series::ErrorRatio(*period), shown),
    );
    let of_each = slo_labels();
    let red_below_zero = json!({"mode": "absolute", "steps": [
        {"color": RED, "value": null}, {"color": ORANGE, "value": 0}, {"color": GREEN, "value": 0.25}]});
    let burning = json!({"mode": "absolute", "steps": [
        {"color": GREEN, "value": null}, {"color": ORANGE, "value": 1}, {"color": RED, "value": 6}]});
    Panel::table(
        "SLOs by time to exhaustion",
        "For each SLO, or its worst group: the objective, the share of good events in the period, the budget \
         left, the burn rate, and how long the budget lasts at that rate (no value if it is not burning). \
         The link \"SLOs\" leads to their pages.",
        "percentunit",
    )
    .rows(&lasts(services).min_by(&of_each))
    .rows(&last(Series::Objective, &shown()).sum_by(&of_each))
    .rows(&ONE.sub(error_ratio.max_by(&of_each)))
    .rows(&last(Series::BudgetProjected, &shown()).min_by(&of_each))
    .rows(&burns(services).max_by(&of_each))
    .rows(&coverage(services).min_by(&of_each))
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
    .linked("Incident", incident)
}
