//! The dashboard for an incident.

use super::{
    dashboard::{About, BROWSER, Dashboard, INCIDENT, OVERVIEW, finish},
    links::{every_slo, link, path_to},
    overview::variables,
    panel::{GREEN, Layout, ORANGE, Panel, RED},
    queries::{
        any_slo, each_kind, firing, join_labels, labels, last, lasts, long, select, shown, since, slo_labels,
    },
};
use crate::{
    model::{LabelName, Matcher, Service, Slo, Window},
    promql::{BinaryOp, Expr, Matching, Range, RangeFunction},
    rules::Series,
};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

pub(super) fn dashboard(services: &[Service]) -> Dashboard {
    let overview = path_to(OVERVIEW);
    let any = of_slos(&shown());
    let identity = Identity::of(services);
    let mut layout = Layout::default();
    layout.row("Now");
    layout.add(
        4,
        5,
        Panel::stat("SLOs with alerts", "The number of SLOs with a firing alert.", "short")
            .now(&firing(&any).count_by(&slo_labels()).count_by(&[]).or_zero())
            .thresholds(GREEN, &[(1.0, RED)])
            .linked("Overview", &overview),
    );
    layout.add(
        4,
        5,
        Panel::stat("Firing for", "How long the oldest firing alert has been active.", "dtdurations")
            .now(&Expr::time().sub(since(&any).min_by(&[])))
            .thresholds(ORANGE, &[(3_600.0, RED)])
            .with("noValue", json!("no alert is firing"))
            .linked("Overview", &overview),
    );
    layout.add(
        4,
        5,
        Panel::stat(
            "Budget exhausted in",
            "The shortest time until a budget is exhausted, at the current burn rates.",
            "dtdurations",
        )
        .now(&lasts(services).min_by(&[]))
        .thresholds(RED, &[(86_400.0, ORANGE), (604_800.0, GREEN)])
        .with("noValue", json!("no budget is burning"))
        .linked("Overview", &overview),
    );
    layout.add(
        12,
        5,
        Panel::alerts(
            "Stages",
            "When each tier started and stopped firing; the first start is the detection.",
        )
        .over_time(
            &firing(&any).max_by(&[identity.labels(), labels(["burn_tier", "severity"]).into()].concat()),
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
        words: "The firing alerts, how long they have been active, and the budget spent.".to_owned(),
        from: "now-6h".to_owned(),
        refresh: "10s",
        zone: BROWSER,
        variables: variables(),
        annotations: vec![],
        links: vec![link("Overview", OVERVIEW), every_slo()],
    };
    finish(about, layout)
}

/// Matchers of alerts on SLOs.
fn of_slos(shown: &[Matcher]) -> Vec<Matcher> {
    [&[any_slo()], shown].concat()
}

/// A recorded series of the groups with a firing alert.
fn of_what_fires(services: &[Service], series: Series) -> Expr {
    let labels = |slo: &Slo| Some(join_labels(slo));
    each_kind(services, labels, |labels, shown| {
        last(series, shown).binary(BinaryOp::And, Matching::On(labels.clone()), firing(&of_slos(shown)))
    })
}

/// The labels that identify the alerts of SLOs and groups. A missing label is empty.
struct Identity(Vec<LabelName>);

impl Identity {
    fn of(services: &[Service]) -> Self {
        let slos = services.iter().flat_map(Service::slos);
        let groups: BTreeSet<LabelName> = slos.flat_map(Slo::by).cloned().collect();
        Self(slo_labels().into_iter().chain(groups).collect())
    }

    fn labels(&self) -> Vec<LabelName> {
        self.0.clone()
    }

    fn legend(&self) -> String {
        let groups = self.0.iter().skip(2);
        groups.fold("{{service}}/{{slo}}".to_owned(), |legend, label| format!("{legend} {{{{{label}}}}}"))
    }
}

/// The burn rates and bad events of SLOs with firing alerts.
fn what_burns(layout: &mut Layout, services: &[Service], identity: &Identity, overview: &str) {
    let legend = identity.legend();
    layout.row("Burning budgets");
    let windows: BTreeSet<Window> = services
        .iter()
        .flat_map(Service::slos)
        .filter_map(|slo| slo.policy().tiers().first())
        .flat_map(|tier| [tier.short(), tier.long()])
        .collect();
    let mut burn = Panel::time_series(
        "Burn rate of SLOs with alerts",
        "How many times faster than allowed the budgets are spent, over the windows of the fastest alerts.",
        "none",
    );
    for window in &windows {
        burn = burn.over_time(
            &of_what_fires(services, Series::BurnRate((*window).into())),
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
        "Share of bad events of SLOs with alerts",
        "Over the shortest window, to see whether it gets better.",
        "percentunit",
    );
    let shortest: BTreeSet<Window> = services
        .iter()
        .flat_map(Service::slos)
        .filter_map(|slo| slo.policy().windows().first().copied())
        .collect();
    for window in shortest {
        errors = errors.over_time(
            &of_what_fires(services, Series::ErrorRatio(window.into())),
            &format!("{legend} {window}"),
        );
    }
    layout.add(12, 9, errors.with("min", json!(0)).linked("Overview", overview));
}

/// A query of an SLO to join to its alerts, from its long window, its matchers and its labels.
type Joined<'a> = &'a dyn Fn(Window, &[Matcher], &[LabelName]) -> Expr;

/// The firing alerts, how long they have been active, and the budget spent.
fn alerts(services: &[Service], identity: &Identity, overview: &str) -> Panel {
    let alert = [labels(["alertname", "burn_tier", "severity"]).into(), identity.labels()].concat();
    // All rows have the same labels: those of an alert, whose own value is 1.
    let of_alert = |what: Joined<'_>| {
        let kind = |slo: &Slo| Some((join_labels(slo), long(slo)?));
        let joined = each_kind(services, kind, |(labels, window), shown| {
            let matching = Matching::OnManyToOne(labels.clone());
            firing(&of_slos(shown)).binary(BinaryOp::Multiply, matching, what(*window, shown, labels))
        });
        joined.max_by(&alert)
    };
    let left = |shown: &[Matcher]| last(Series::BudgetProjected, shown);
    let most_left = |shown: &[Matcher]| {
        let left = select(Series::BudgetProjected, shown);
        Range::new(left, Window::days(1)).apply(RangeFunction::MaxOverTime)
    };
    let columns = identity.0.iter().map(LabelName::as_str).chain([
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
        "Firing alerts",
        "Each alert, how long it has been active, and for its SLO or group: the burn rate, the budget spent \
         in the last day, and the budget left.",
        "percentunit",
    )
    .rows(&Expr::time().sub(since(&of_slos(&shown())).max_by(&alert)))
    // The budget spent is the most that was left in the last day, minus what is left now.
    .rows(&of_alert(&|_, shown, of_slo| most_left(shown).sub(left(shown)).max_by(of_slo)))
    .rows(&of_alert(&|_, shown, of_slo| left(shown).min_by(of_slo)))
    .rows(&of_alert(&|long, shown, of_slo| last(Series::BurnRate(long.into()), shown).max_by(of_slo)))
    .transformed("merge", &json!({}))
    .transformed(
        "organize",
        &json!({
            "excludeByName": {"Time": true},
            "indexByName": order,
            "renameByName": {"service": "Service", "slo": "SLO", "alertname": "Alert", "burn_tier": "Tier", "severity": "Severity",
                "Value #A": "Active for", "Value #B": "Spent in the last day", "Value #C": "Budget left", "Value #D": "Burn rate"},
        }),
    )
    .transformed("sortBy", &json!({"fields": {}, "sort": [{"field": "Active for", "desc": true}]}))
    .of_field("Active for", &[("unit", json!("dtdurations"))])
    .of_field("Burn rate", &[("unit", json!("none")), ("decimals", json!(1))])
    .linked("Overview", overview)
}
