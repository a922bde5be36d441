//! What happens during an incident.

use super::{
    About, BROWSER, Dashboard, INCIDENT, OVERVIEW, every_slo, finish, link,
    overview::variables,
    panel::{GREEN, Layout, ORANGE, Panel, RED},
    path_to,
    queries::{SHOWN, each_kind, join_labels, lasts, long, since},
};
use crate::{
    model::{LabelName, Service, Slo, Window},
    rules::names,
};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

pub(super) fn dashboard(services: &[Service]) -> Dashboard {
    let overview = path_to(OVERVIEW);
    let firing = firing(SHOWN);
    let identity = Identity::of(services);
    let mut layout = Layout::default();
    layout.row("Now");
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
                &format!("max by ({}, burn_tier, severity) ({firing})", identity.labels()),
                &format!("{} {{{{burn_tier}}}} ({{{{severity}}}})", identity.legend()),
            )
            .linked("Overview", &overview),
    );
    layout.add(24, 8, alerts(services, &identity, &overview));
    what_burns(&mut layout, services, &identity, &overview);
    let about = About {
        uid: INCIDENT.to_owned(),
        file: format!("{INCIDENT}.json"),
        title: "SLO incident".to_owned(),
        words: "What fires, since when, and what it has cost.".to_owned(),
        from: "now-6h".to_owned(),
        refresh: "10s",
        zone: BROWSER,
        variables: variables(),
        annotations: vec![],
        links: vec![link("Overview", OVERVIEW), every_slo()],
    };
    finish(about, layout)
}

fn firing(shown: &str) -> String {
    format!("ALERTS{{alertstate=\"firing\",slo!=\"\",{shown}}}")
}

/// What is recorded of the groups on which an alert fires.
fn of_what_fires(services: &[Service], name: &str) -> String {
    let labels = |slo: &Slo| Some(join_labels(slo));
    each_kind(services, labels, |labels, shown| {
        format!("{name}{{{shown}}} and on ({labels}) {}", firing(shown))
    })
}

/// What tells the alerts of SLOs and groups apart. A label that one does not have is empty.
struct Identity<'a>(Vec<&'a str>);

impl<'a> Identity<'a> {
    fn of(services: &'a [Service]) -> Self {
        let slos = services.iter().flat_map(Service::slos);
        let groups: BTreeSet<&str> = slos.flat_map(Slo::by).map(LabelName::as_str).collect();
        Self(["service", "slo"].into_iter().chain(groups).collect())
    }

    fn labels(&self) -> String {
        self.0.join(", ")
    }

    fn legend(&self) -> String {
        let groups = self.0.iter().skip(2);
        groups.fold("{{service}}/{{slo}}".to_owned(), |legend, label| format!("{legend} {{{{{label}}}}}"))
    }
}

/// How fast, and whether it gets better.
fn what_burns(layout: &mut Layout, services: &[Service], identity: &Identity<'_>, overview: &str) {
    let legend = identity.legend();
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
        burn = burn
            .over_time(&of_what_fires(services, &names::burn_rate(*window)), &format!("{legend} {window}"));
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
        errors = errors
            .over_time(&of_what_fires(services, &names::error_ratio(window)), &format!("{legend} {window}"));
    }
    layout.add(12, 9, errors.with("min", json!(0)).linked("Overview", overview));
}

/// What fires, since when, and the budget that it has spent.
fn alerts(services: &[Service], identity: &Identity<'_>, overview: &str) -> Panel {
    let alert = format!("alertname, burn_tier, severity, {}", identity.labels());
    // All rows have the same labels: those of an alert, whose own value is 1.
    let of_alert = |worst: &str, what: &dyn Fn(Window, &str) -> String| {
        let kind = |slo: &Slo| Some((join_labels(slo), long(slo)?));
        let joined = each_kind(services, kind, |(labels, window), shown| {
            let what = what(*window, shown);
            format!("{} * on ({labels}) group_left () {worst} by ({labels}) ({what})", firing(shown))
        });
        format!("max by ({alert}) ({joined})")
    };
    let left = |shown: &str| format!("{}{{{shown}}}", names::BUDGET_PROJECTED);
    let columns = identity.0.iter().copied().chain([
        "alertname",
        "burn_tier",
        "severity",
        "Value #A",
        "Value #D",
        "Value #B",
        "Value #C",
    ]);
    let order: Map<String, Value> =
        columns.enumerate().map(|(place, column)| (column.to_owned(), json!(place))).collect();
    Panel::table(
        "What fires",
        "Each alert with the time since it is active; of its SLO, or group, the burn rate, what a day at most has spent of the \
         budget, and what is left.",
        "percentunit",
    )
    .rows(&format!("time() - max by ({alert}) ({})", since(&format!("slo!=\"\",{SHOWN}"))))
    // What was spent since is the difference of what was left then, a day at most.
    .rows(&of_alert("max", &|_, shown| format!("max_over_time({0}[1d]) - {0}", left(shown))))
    .rows(&of_alert("min", &|_, shown| left(shown)))
    .rows(&of_alert("max", &|long, shown| format!("{}{{{shown}}}", names::burn_rate(long))))
    .transformed("merge", &json!({}))
    .transformed(
        "organize",
        &json!({
            "excludeByName": {"Time": true},
            "indexByName": order,
            "renameByName": {"service": "Service", "slo": "SLO", "alertname": "Alert", "burn_tier": "Tier", "severity": "Severity",
                "Value #A": "Active for", "Value #B": "Spent in a day", "Value #C": "Budget left", "Value #D": "Burn rate"},
        }),
    )
    .transformed("sortBy", &json!({"fields": {}, "sort": [{"field": "Active for", "desc": true}]}))
    .of_field("Active for", &[("unit", json!("dtdurations"))])
    .of_field("Burn rate", &[("unit", json!("none")), ("decimals", json!(1))])
    .linked("Overview", overview)
}
