//! Reads Sloth's `prometheus/v1`, its Kubernetes objects, and its catalogues of alert windows.
//!
//! It also reads slokit's additional keys: `period`, `sli.latency` and `alerting.windows`.

use super::{
    everything::Everything,
    foreign::Foreign,
    labels::{alert_labels, labels},
    report::Report,
    values::{is_true, metadata, percentage, reachable, warn_of_levels},
};
use crate::{
    Error,
    document::{Fields, Key, Node, Position, Value, items, text},
    model::{
        AlertPolicy, BurnTier, EventCounters, LabelName, Labels, Name, Notification, Objective, Period,
        Ratio, Rescaling, Severity, Sli, Slo, Tier, Window,
    },
    spec::{
        counter,
        query::{self, Kept},
        selector,
        template::check_template,
    },
};
use std::collections::{BTreeMap, BTreeSet};

/// How the keys are spelled.
struct Keys {
    error_query: &'static str,
    total_query: &'static str,
    error_ratio_query: &'static str,
    page_alert: &'static str,
    ticket_alert: &'static str,
    service_plugins: &'static str,
}

const SNAKE: Keys = Keys {
    error_query: "error_query",
    total_query: "total_query",
    error_ratio_query: "error_ratio_query",
    page_alert: "page_alert",
    ticket_alert: "ticket_alert",
    service_plugins: "slo_plugins",
};
const CAMEL: Keys = Keys {
    error_query: "errorQuery",
    total_query: "totalQuery",
    error_ratio_query: "errorRatioQuery",
    page_alert: "pageAlert",
    ticket_alert: "ticketAlert",
    service_plugins: "sloPlugins",
};

/// `version: prometheus/v1`
pub(super) fn document(node: &Node, everything: &Everything<'_>, report: &mut Report) -> Vec<Foreign> {
    let known = ["version", "service", "labels", "slos", SNAKE.service_plugins];
    let Some(fields) = Fields::of(node, "", &known, &mut report.faults) else { return Vec::new() };
    if let Some(version) = fields.optional("version")
        && let Some(other) =
            text(version, "version", &mut report.faults).filter(|text| *text != "prometheus/v1")
    {
        let error = Error::new(format!("`{other}` is not a supported version of Sloth's format"))
            .with_hint("write `version: prometheus/v1`");
        report.faults.add(version.position, "version", error);
    }
    service(&fields, &SNAKE, everything, report).into_iter().collect()
}

/// `kind: PrometheusServiceLevel`, or `AlertWindows`, which are read where they are used.
pub(super) fn object(node: &Node, everything: &Everything<'_>, report: &mut Report) -> Vec<Foreign> {
    let known = ["apiVersion", "kind", "metadata", "spec", "status"];
    let Some(fields) = Fields::of(node, "", &known, &mut report.faults) else { return Vec::new() };
    let kind = fields.required("kind", "PrometheusServiceLevel", &mut report.faults);
    let Some(spec) = fields.required("spec", "{…}", &mut report.faults) else { return Vec::new() };
    match kind.and_then(|kind| text(kind, "kind", &mut report.faults)) {
        Some("PrometheusServiceLevel") => {
            if let Some(metadata) = metadata(&fields, report) {
                report.lose_field(
                    &metadata,
                    "namespace",
                    "rules have no namespace",
                    "generate for the operator, and choose the namespace when you apply the objects",
                );
                lose_object_labels(&metadata, report);
            }
            let known = ["service", "labels", "slos", CAMEL.service_plugins];
            let Some(spec) = Fields::of(spec, "spec", &known, &mut report.faults) else { return Vec::new() };
            service(&spec, &CAMEL, everything, report).into_iter().collect()
        }
        Some("AlertWindows") => {
            catalogue(node, report);
            Vec::new()
        }
        Some(other) => {
            let error = Error::new(format!("`{other}` is not a kind of Sloth object"))
                .with_hint("use `PrometheusServiceLevel` or `AlertWindows`");
            report.faults.add(fields.position, "kind", error);
            Vec::new()
        }
        None => Vec::new(),
    }
}

/// Labels of the object itself say where it is used, not what it measures.
fn lose_object_labels(metadata: &Fields<'_>, report: &mut Report) {
    for name in ["labels", "annotations"] {
        report.lose_field(
            metadata,
            name,
            "they belong to the object, not to the SLO",
            "add those that describe the service to its `labels`",
        );
    }
}

fn service(
    fields: &Fields<'_>,
    keys: &Keys,
    everything: &Everything<'_>,
    report: &mut Report,
) -> Option<Foreign> {
    let name: Option<Name> = fields.parsed("service", "checkout", &mut report.faults);
    let labels = labels(fields, "labels", report);
    report.lose_field(fields, keys.service_plugins, NO_PLUGINS, PLUGIN_HINT);
    let windows = windows(fields, everything, report);
    let list = fields.required("slos", "[{name: availability, …}]", &mut report.faults)?;
    let written = items(list, &fields.path("slos"), &mut report.faults);
    let slos: Vec<_> = written
        .into_iter()
        .filter_map(|(place, node)| Some((node.position, slo(node, &place, keys, &windows, report)?)))
        .collect();
    Some(Foreign { position: fields.position, name: name?, labels, slos })
}

const NO_PLUGINS: &str = "Sloth's plugins are Go programs, which are not run";
const PLUGIN_HINT: &str = "use Sloth's own generator, or write the effect of the plugin by hand";

/// The period, and the tiers if a catalogue sets them.
struct Windows {
    period: Window,
    tiers: Option<Vec<Tier>>,
}

pub(super) const DEFAULT_PERIOD: Window = Window::days(30);

fn windows(fields: &Fields<'_>, everything: &Everything<'_>, report: &mut Report) -> Windows {
    let (message, hint) = match (everything.windows.as_slice(), everything.defaults.period) {
        ([], Some(period)) => return Windows { period, tiers: None },
        ([], None) if has_periods(fields) => return Windows { period: DEFAULT_PERIOD, tiers: None },
        ([], None) => (
            "Sloth takes the period from its command line; 30d is assumed",
            "pass `--period`, or change `window` in the native form",
        ),
        ([only], _) => match catalogue(only, &mut Report::default()) {
            Some(found) => return found,
            None => {
                ("the catalogue of alert windows has faults; a period of 30d is assumed", "fix them first")
            }
        },
        (_, _) => (
            "several catalogues of alert windows; a period of 30d and its default tiers are assumed",
            "pass only one catalogue",
        ),
    };
    report.assume(fields.position, &fields.place, message, hint);
    Windows { period: DEFAULT_PERIOD, tiers: None }
}

/// Whether every SLO sets its period.
fn has_periods(fields: &Fields<'_>) -> bool {
    match fields.optional("slos").map(|list| &list.value) {
        Some(Value::List(slos)) => slos.iter().all(|slo| slo.entry("period").is_some()),
        _ => false,
    }
}

/// `kind: AlertWindows`
fn catalogue(node: &Node, report: &mut Report) -> Option<Windows> {
    let known = ["apiVersion", "kind", "metadata", "spec"];
    let fields = Fields::of(node, "", &known, &mut report.faults)?;
    let spec = fields.required("spec", "{sloPeriod: 30d, …}", &mut report.faults)?;
    let spec = Fields::of(spec, "spec", &["sloPeriod", "page", "ticket"], &mut report.faults)?;
    let period: Option<Window> = spec.parsed("sloPeriod", "30d", &mut report.faults);
    let mut tiers = Vec::new();
    for (name, severity, burns) in [
        ("page", Severity::Page, [BurnTier::Fast, BurnTier::Medium]),
        ("ticket", Severity::Ticket, [BurnTier::Slow, BurnTier::Trickle]),
    ] {
        let node = spec.required(name, "{quick: …, slow: …}", &mut report.faults)?;
        let both = Fields::of(node, &spec.path(name), &["quick", "slow"], &mut report.faults)?;
        for (speed, burn) in ["quick", "slow"].into_iter().zip(burns) {
            let node = both.required(speed, "{errorBudgetPercent: 2, …}", &mut report.faults)?;
            tiers.push(window(node, &both.path(speed), burn, severity, period?, report)?);
        }
    }
    Some(Windows { period: period?, tiers: Some(tiers) })
}

fn window(
    node: &Node,
    place: &str,
    burn: BurnTier,
    severity: Severity,
    period: Window,
    report: &mut Report,
) -> Option<Tier> {
    let known = ["errorBudgetPercent", "shortWindow", "longWindow"];
    let fields = Fields::of(node, place, &known, &mut report.faults)?;
    let spent = fields.required("errorBudgetPercent", "2", &mut report.faults)?;
    let share = text(spent, &fields.path("errorBudgetPercent"), &mut report.faults)?;
    let share = share.parse::<Ratio>().ok().and_then(|percent| percent.checked_div(Ratio::whole(100)));
    let short: Option<Window> = fields.parsed("shortWindow", "5m", &mut report.faults);
    let long: Option<Window> = fields.parsed("longWindow", "1h", &mut report.faults);
    let tier = match share {
        Some(share) => Tier::by_share(burn, severity, share, [long?, short?], period),
        None => Err(Error::new("not a percentage").with_hint("write a number such as 2")),
    };
    let tier = report.told(spent.position, place, tier)?;
    let factor = report.told(spent.position, place, tier.factor())?;
    if factor >= Ratio::ONE {
        return Some(tier);
    }
    let raised = Tier::by_factor(burn, severity, Ratio::ONE, [long?, short?], period);
    let raised = report.told(spent.position, place, raised)?;
    report.change(
        spent.position,
        place,
        format!(
            "{:.4}% in {} is a burn rate of {:.4}, which meets the objective; it is raised to 1",
            tier.share().to_f64() * 100.0,
            tier.long(),
            factor.to_f64()
        ),
        "nothing needs to be done: an alert on a service that meets its objective is noise",
    );
    Some(raised)
}

fn slo(node: &Node, place: &str, keys: &Keys, windows: &Windows, report: &mut Report) -> Option<Slo> {
    let known = ["name", "description", "objective", "period", "labels", "sli", "alerting", "plugins"];
    let fields = Fields::of(node, place, &known, &mut report.faults)?;
    let name: Option<Name> = fields.parsed("name", "availability", &mut report.faults);
    let description = fields.text("description", &mut report.faults).unwrap_or_default();
    let objective = fields
        .required("objective", "99.9", &mut report.faults)
        .and_then(|node| percentage(node, &fields.path("objective"), report));
    let own_labels = labels(&fields, "labels", report);
    report.lose_field(&fields, "plugins", NO_PLUGINS, PLUGIN_HINT);
    let sli = fields
        .required("sli", "{events: …}", &mut report.faults)
        .and_then(|node| sli(node, &fields.path("sli"), keys, report));
    let alerting = match fields.optional("alerting") {
        Some(node) => alerting(node, &fields.path("alerting"), keys, report)?,
        None => Alerting::default(),
    };
    let (sli, by) = sli?;
    let period = match fields.optional("period") {
        Some(_) => fields.parsed("period", "30d", &mut report.faults)?,
        None => windows.period,
    };
    let tiers = match alerting.windows {
        Some(windows) => Some(own_tiers(windows, &fields.path("alerting.windows"), period, report)?),
        None if period == windows.period => windows.tiers.clone(),
        None => None,
    };
    let policy = policy(&Windows { period, tiers }, objective?, &fields, report)?;
    let slo = Slo::with_policy(name?, objective?, Period::Rolling(period), sli, policy);
    let position = fields.optional("objective").map_or(fields.position, |node| node.position);
    let slo = report.told(position, &fields.path("objective"), slo)?;
    let slo = report.told(fields.position, place, slo.grouped_by(by))?;
    let slo = slo
        .with_description(description.trim())
        .with_labels(own_labels)
        .with_notification(Severity::Page, alerting.page)
        .with_notification(Severity::Ticket, alerting.ticket);
    match alerting.name {
        Some(name) => report.told(fields.position, &fields.path("alerting"), slo.with_alert_name(name)),
        None => Some(slo),
    }
}

/// The tiers in an SLO of slokit: at most two for pages and two for tickets.
fn own_tiers(node: &Node, place: &str, period: Window, report: &mut Report) -> Option<Vec<Tier>> {
    let mut written = Vec::new();
    for (place, node) in items(node, place, &mut report.faults) {
        let known = ["severity", "long", "short", "factor"];
        let fields = Fields::of(node, &place, &known, &mut report.faults)?;
        let severity = fields.parsed::<Severity>("severity", "page", &mut report.faults);
        let long: Option<Window> = fields.parsed("long", "1h", &mut report.faults);
        let short: Option<Window> = fields.parsed("short", "5m", &mut report.faults);
        let factor: Option<Ratio> = fields.parsed("factor", "14.4", &mut report.faults);
        written.push((long?, short?, severity?, factor?, node.position, place));
    }
    // Tiers are named by the length of their windows, not by their order.
    written.sort_by_key(|(long, ..)| *long);
    let mut free = [vec![BurnTier::Medium, BurnTier::Fast], vec![BurnTier::Trickle, BurnTier::Slow]];
    let mut tiers = Vec::new();
    for (long, short, severity, factor, position, place) in written {
        let Some(burn) = free.get_mut(usize::from(severity == Severity::Ticket)).and_then(Vec::pop) else {
            let error =
                Error::new("a third window of this severity").with_hint("write at most two per severity");
            report.faults.add(position, &place, error);
            return None;
        };
        let tier = Tier::by_factor(burn, severity, factor, [long, short], period);
        tiers.push(report.told(position, &place, tier)?);
    }
    tiers.sort_by_key(Tier::burn);
    Some(tiers)
}

/// The alert policy. Tiers that can never fire are lowered; Sloth writes them unchanged.
fn policy(
    windows: &Windows,
    objective: Objective,
    fields: &Fields<'_>,
    report: &mut Report,
) -> Option<AlertPolicy> {
    let policy = match &windows.tiers {
        Some(tiers) => AlertPolicy::new(tiers.clone()),
        None if windows.period == FOUR_WEEKS => {
            report.change(
                fields.position,
                &fields.place,
                "Sloth's ticket over three days fires at a burn rate of 0.933, which meets the objective; \
                 here it fires at 1",
                "nothing needs to be done",
            );
            four_weeks()
        }
        None => AlertPolicy::for_period(windows.period),
    };
    reachable(policy, objective, fields, report)
}

/// The other period for which Sloth has windows.
const FOUR_WEEKS: Window = Window::days(28);

/// Sloth's alerts for four weeks: each spends the same share of the budget as over thirty days.
fn four_weeks() -> Result<AlertPolicy, Error> {
    let policy = AlertPolicy::workbook().rescaled(FOUR_WEEKS, Rescaling::KeepFraction)?;
    let within_budget = |tier: &Tier| {
        Ok(if tier.factor()? < Ratio::ONE {
            let windows = [tier.long(), tier.short()];
            Tier::by_factor(tier.burn(), tier.severity(), Ratio::ONE, windows, FOUR_WEEKS)?
        } else {
            *tier
        })
    };
    AlertPolicy::new(policy.tiers().iter().map(within_budget).collect::<Result<_, Error>>()?)
}

fn sli(node: &Node, place: &str, keys: &Keys, report: &mut Report) -> Option<(Sli, Vec<LabelName>)> {
    let fields = Fields::of(node, place, &["events", "raw", "latency", "plugin"], &mut report.faults)?;
    if let Some(plugin) = fields.optional("plugin") {
        let error = Error::new("the queries of an SLI plugin are not in the specification")
            .with_hint("write them out as `events`; `sloth generate` shows them");
        report.faults.add(plugin.position, &fields.path("plugin"), error);
        return None;
    }
    match (fields.optional("events"), fields.optional("raw"), fields.optional("latency")) {
        (Some(node), None, None) => events(node, &fields.path("events"), keys, report),
        (None, Some(node), None) => raw(node, &fields.path("raw"), keys, report),
        (None, None, Some(node)) => latency(node, &fields.path("latency"), report),
        _ => {
            let error = Error::new("exactly one SLI is needed").with_hint("write one of `events` and `raw`");
            report.faults.add(fields.position, place, error);
            None
        }
    }
}

/// Reads slokit's latency SLI: the base name of a histogram, matchers without braces, and a bucket in
/// seconds.
fn latency(node: &Node, place: &str, report: &mut Report) -> Option<(Sli, Vec<LabelName>)> {
    let known = ["histogram_metric", "threshold", "selector"];
    let fields = Fields::of(node, place, &known, &mut report.faults)?;
    let metric = fields.required("histogram_metric", "http_request_duration_seconds", &mut report.faults)?;
    let metric = text(metric, &fields.path("histogram_metric"), &mut report.faults)?;
    let matchers = fields.text("selector", &mut report.faults).unwrap_or_default();
    let bound = fields.required("threshold", "\"0.3\"", &mut report.faults)?;
    let bound = text(bound, &fields.path("threshold"), &mut report.faults)?;
    let separator = if matchers.trim().is_empty() { "" } else { "," };
    let total = selector::selector(&format!("{metric}_count{{{matchers}}}"));
    let good = selector::selector(&format!("{metric}_bucket{{{matchers}{separator}le=\"{bound}\"}}"));
    let total = report.told(node.position, place, total);
    let good = report.told(node.position, place, good);
    Some((counter::total_good(total?, good?), Vec::new()))
}

fn events(node: &Node, place: &str, keys: &Keys, report: &mut Report) -> Option<(Sli, Vec<LabelName>)> {
    let fields = Fields::of(node, place, &[keys.error_query, keys.total_query], &mut report.faults)?;
    let [bad, total] = [keys.error_query, keys.total_query].map(|name| {
        let node = fields.required(name, "sum(rate(…[{{.window}}]))", &mut report.faults)?;
        Some((node, fields.path(name), text(node, &fields.path(name), &mut report.faults)?))
    });
    let (bad, total) = (bad?, total?);
    let guarded = counter::without_guard_of_division(total.2);
    if guarded.is_some() {
        report.lose(
            total.0.position,
            &total.1,
            "`> 0` and `or vector(…)` are left out: they guard a division by zero, which tiles do not need",
            "remove them",
        );
    }
    let total = (total.0, total.1, guarded.as_deref().unwrap_or(total.2));
    let by = groups([total.2, bad.2], fields.position, place, report)?;
    if let (Some(one), Some(other)) = (query::counting(total.2), query::counting(bad.2))
        && one != other
    {
        report.change(
            fields.position,
            place,
            "one query counts per second and the other per window, and Sloth divides them as they are; here \
             both count events",
            "use `rate` in both",
        );
    }
    let [bad, total] = [bad, total]
        .map(|(node, place, text)| report.told(node.position, &place, counter::counter(text, &by)));
    let counters = EventCounters::TotalBad { total: total?, bad: bad? };
    let sli = report.told(fields.position, place, counter::events(counters, &by))?;
    warn_of_levels(&sli, fields.position, place, report);
    Some((sli, by))
}

fn raw(node: &Node, place: &str, keys: &Keys, report: &mut Report) -> Option<(Sli, Vec<LabelName>)> {
    let fields = Fields::of(node, place, &[keys.error_ratio_query], &mut report.faults)?;
    let name = keys.error_ratio_query;
    let node = fields.required(name, "…[{{.window}}]…", &mut report.faults)?;
    let (place, written) = (fields.path(name), text(node, &fields.path(name), &mut report.faults)?);
    let by = groups([written, written], node.position, &place, report)?;
    if let Some(sli) = counter::ratio_of_events(written, &by) {
        return Some((sli, by));
    }
    let ratio = report.told(node.position, &place, query::ratio(written))?;
    report.change(
        node.position,
        &place,
        "the number of events is not known: over long windows, the ratio is the mean of its tiles",
        "write the queries of bad and of all events as `events`, if there are any",
    );
    Some((Sli::Ratio(ratio), by))
}

/// The labels that both queries keep; Sloth records one series per combination of their values. Sloth judges
/// each series separately, so series without known labels cannot be carried over: their sum is a different
/// number.
fn groups(
    queries: [&str; 2],
    position: Position,
    place: &str,
    report: &mut Report,
) -> Option<Vec<LabelName>> {
    let [Some(one), Some(other)] = queries.map(query::kept) else {
        // Faults of a query are reported where it is read.
        return Some(Vec::new());
    };
    let error = match (&one, &other) {
        (Kept::Nothing, kept) | (kept, Kept::Nothing) if *kept != Kept::Unknown => return Some(kept.names()),
        (one, other) if one == other && *one != Kept::Unknown => return Some(one.names()),
        (Kept::Labels(one), Kept::Labels(other)) => {
            let list = |labels: &BTreeSet<String>| match labels.iter().cloned().collect::<Vec<_>>().join(", ")
            {
                none if none.is_empty() => "no label".to_owned(),
                labels => format!("`{labels}`"),
            };
            Error::new(format!(
                "the queries keep different labels, {} and {}: Prometheus cannot match their series",
                list(one),
                list(other)
            ))
            .with_hint("write `sum by (…)` with the same labels in both")
        }
        _ => Error::new(
            "the query keeps the labels of its series, and Sloth judges each of these series separately",
        )
        .with_hint("write `sum by (…) (…)` for one budget per group, or `sum(…)` for one budget"),
    };
    report.faults.add(position, place, error);
    None
}

#[derive(Default)]
struct Alerting<'a> {
    name: Option<String>,
    // Slokit's.
    windows: Option<&'a Node>,
    page: Notification,
    ticket: Notification,
}

fn alerting<'a>(node: &'a Node, place: &str, keys: &Keys, report: &mut Report) -> Option<Alerting<'a>> {
    let known = ["name", "labels", "annotations", "windows", keys.page_alert, keys.ticket_alert];
    let fields = Fields::of(node, place, &known, &mut report.faults)?;
    let name = fields.text("name", &mut report.faults).map(str::to_owned);
    let (shared, texts) = (alert_labels(&fields, "labels", report), annotations(&fields, report));
    let [page, ticket] = [keys.page_alert, keys.ticket_alert].map(|name| {
        let mut notification =
            Notification { labels: shared.clone(), annotations: texts.clone(), ..Notification::default() };
        let Some(node) = fields.optional(name) else { return notification };
        let known = ["disable", "labels", "annotations"];
        let Some(own) = Fields::of(node, &fields.path(name), &known, &mut report.faults) else {
            return notification;
        };
        notification.silent = is_true(&own, "disable", report);
        notification.labels.extend(alert_labels(&own, "labels", report));
        notification.annotations.extend(annotations(&own, report));
        notification
    });
    Some(Alerting { name, windows: fields.optional("windows"), page, ticket })
}

fn annotations(fields: &Fields<'_>, report: &mut Report) -> BTreeMap<LabelName, String> {
    let Some(node) = fields.optional("annotations") else { return Labels::new() };
    let place = fields.path("annotations");
    let Value::Map(entries) = &node.value else {
        let error = Error::new(format!("expected annotations, found {}", node.kind()));
        report.faults.add(node.position, &place, error.with_hint("write `{summary: …}`"));
        return Labels::new();
    };
    let read = |(key, value): &(Key, Node)| {
        let text = text(value, &place, &mut report.faults)?;
        check_template(text, value.position, &place, &mut report.faults);
        if text.contains("$labels.sloth_") {
            report.change(
                value.position,
                &place,
                "the template uses labels that only exist with Sloth's names",
                "generate with `--naming sloth`, or write `$labels.service` and `$labels.slo`",
            );
        }
        Some((report.told(key.position, &place, LabelName::of_annotation(&key.text))?, text.to_owned()))
    };
    entries.iter().filter_map(read).collect()
}
