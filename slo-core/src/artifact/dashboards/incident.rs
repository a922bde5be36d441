//! What happens during an incident.

use super::{
    About, BROWSER, Dashboard, INCIDENT, OVERVIEW, datasource, every_slo, finish, label_variable, link,
    panel::{GREEN, Layout, ORANGE, Panel, RED},
    path_to,
    queries::{SHOWN, burns, lasts, since},
};
use crate::{
    model::{LabelName, Service, Slo, Window},
    rules::names,
};
use serde_json::json;
use std::collections::BTreeSet;

pub(super) fn dashboard(services: &[Service]) -> Dashboard {
    let overview = path_to(OVERVIEW);
    let firing = format!("ALERTS{{alertstate=\"firing\",slo!=\"\",{SHOWN}}}");
    let mut layout = Layout::default();
    layout.add(
        4,
        5,
        Panel::stat("SLOs with alerts", "SLOs on which an alert fires.", "short")
            .now(&format!("count(count by (service, slo) ({firing})) or vector(0)"))
            .thresholds(GREEN, &[(1.0, RED)])
            .linked("Overview", &overview),
    );
    layout.add(
        4,
        5,
        Panel::stat("For", "How long the alert that fires longest has been active.", "dtdurations")
            .now(&format!("time() - min({})", since(&format!("slo!=\"\",{SHOWN}"))))
            .thresholds(ORANGE, &[(3_600.0, RED)])
            .with("noValue", json!("nothing fires"))
            .linked("Overview", &overview),
    );
    layout.add(
        4,
        5,
        Panel::stat(
            "Budget gone in",
            "How long the shortest budget lasts at the burn rate of now, of the SLOs that burn.",
            "dtdurations",
        )
        .now(&format!("min({})", lasts(services)))
        .thresholds(RED, &[(86_400.0, ORANGE), (604_800.0, GREEN)])
        .with("noValue", json!("nothing burns"))
        .linked("Overview", &overview),
    );
    layout.add(
        12,
        5,
        Panel::alerts("Stages", "When each tier began to fire and ended: the first one is the detection.")
            .over_time(
                &format!("max by (service, slo, burn_tier, severity) ({firing})"),
                "{{service}}/{{slo}} {{burn_tier}} ({{severity}})",
            )
            .linked("Overview", &overview),
    );
    layout.add(24, 8, alerts(services, &overview));
    what_burns(&mut layout, services, &overview);
    let about = About {
        uid: INCIDENT.to_owned(),
        file: format!("{INCIDENT}.json"),
        title: "SLO incident".to_owned(),
        words: "What fires, since when, and what it has cost.".to_owned(),
        from: "now-6h".to_owned(),
        refresh: "10s",
        zone: BROWSER,
        variables: vec![
            datasource(),
            label_variable("service", "Service", &format!("label_values({}, service)", names::INFO)),
        ],
        annotations: vec![],
        links: vec![link("Overview", OVERVIEW), every_slo()],
    };
    finish(about, layout)
}

/// How fast, and whether it gets better.
fn what_burns(layout: &mut Layout, services: &[Service], overview: &str) {
    let burning = format!("on (service, slo) ALERTS{{alertstate=\"firing\",slo!=\"\",{SHOWN}}}");
    // A label that a series does not have is empty.
    let labels: BTreeSet<&LabelName> = services.iter().flat_map(Service::slos).flat_map(Slo::by).collect();
    let legend = labels
        .iter()
        .fold("{{service}}/{{slo}}".to_owned(), |legend, label| format!("{legend} {{{{{label}}}}}"));
    layout.row("What burns");
    let windows: BTreeSet<Window> = services
        .iter()
        .flat_map(Service::slos)
        .filter_map(|slo| slo.policy().tiers().first())
        .flat_map(|tier| [tier.short(), tier.long()])
        .collect();
    let mut burn = Panel::time_series(
        "Burn rate of what fires",
        "How many times faster than allowed the budgets are spent, over the windows of the fastest alerts.",
        "none",
    );
    for window in &windows {
        burn = burn.over_time(
            &format!("{}{{{SHOWN}}} and {burning}", names::burn_rate(window)),
            &format!("{legend} {window}"),
        );
    }
    layout.add(
        12,
        9,
        burn.custom("scaleDistribution", json!({"type": "symlog", "log": 10, "linearThreshold": 1}))
            .thresholds("transparent", &[(1.0, ORANGE)])
            .with_lines()
            .linked("Overview", overview),
    );
    let mut errors = Panel::time_series(
        "Share of bad events of what fires",
        "Over the shortest window: whether it gets better.",
        "percentunit",
    );
    let shortest: BTreeSet<Window> = services
        .iter()
        .flat_map(Service::slos)
        .filter_map(|slo| slo.policy().windows().first().copied())
        .collect();
    for window in shortest {
        errors = errors.over_time(
            &format!("{}{{{SHOWN}}} and {burning}", names::error_ratio(window)),
            &format!("{legend} {window}"),
        );
    }
    layout.add(12, 9, errors.with("min", json!(0)).linked("Overview", overview));
}

/// What fires, since when, and the budget that it has spent.
fn alerts(services: &[Service], overview: &str) -> Panel {
    let since = since(&format!("slo!=\"\",{SHOWN}"));
    let firing = format!("ALERTS{{alertstate=\"firing\",slo!=\"\",{SHOWN}}}");
    let of_those = "service, slo";
    // What was spent since is the difference of what was left then, a day at most.
    let spent = format!(
        "max_over_time({left}{{{SHOWN}}}[1d]) - {left}{{{SHOWN}}} and on ({of_those}) {firing}",
        left = names::BUDGET_PROJECTED
    );
    Panel::table(
        "What fires",
        "Each alert with the time since it is active, of several groups the longest; of its SLO, the burn rate, what a day at most has spent of the budget, \
         and what is left.",
        "percentunit",
    )
    .rows(&format!("time() - min by (alertname, burn_tier, severity, service, slo) ({since})"))
    .rows(&format!("max by (service, slo) ({spent})"))
    .rows(&format!("min by (service, slo) ({}{{{SHOWN}}} and on ({of_those}) {firing})", names::BUDGET_PROJECTED))
    .rows(&format!("max by (service, slo) ({} and on ({of_those}) {firing})", burns(services)))
    .transformed("merge", &json!({}))
    .transformed(
        "organize",
        &json!({
            "excludeByName": {"Time": true},
            "indexByName": {"service": 0, "slo": 1, "alertname": 2, "burn_tier": 3, "severity": 4, "Value #A": 5, "Value #D": 6, "Value #B": 7, "Value #C": 8},
            "renameByName": {"service": "Service", "slo": "SLO", "alertname": "Alert", "burn_tier": "Tier", "severity": "Severity",
                "Value #A": "Active for", "Value #B": "Spent in a day", "Value #C": "Budget left", "Value #D": "Burn rate"},
        }),
    )
    .transformed("sortBy", &json!({"fields": {}, "sort": [{"field": "Active for", "desc": true}]}))
    .of_field("Active for", &[("unit", json!("dtdurations"))])
    .of_field("Burn rate", &[("unit", json!("none")), ("decimals", json!(1))])
    .linked("Overview", overview)
}
