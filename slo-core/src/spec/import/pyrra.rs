//! Reads Pyrra's `ServiceLevelObjective`.

use super::{
    everything::Everything,
    foreign::Foreign,
    labels::{DESCRIPTIVE, labels, labels_of},
    report::Report,
    values::{is_true, metadata_and_spec, percentage, reachable},
};
use crate::{
    Error,
    document::{Fields, Node, Value, items, parsed, text},
    model::{
        AlertPolicy, BudgetAlert, EventCounters, HistogramKind, LabelName, Labels, LatencyHistogram, Name,
        Notification, Period, RESERVED_LABELS, Ratio, Selector, Severity, Sli, Slo, Tier, Window,
    },
    spec::{counter, selector, template::check_template},
};

pub(super) fn object(node: &Node, everything: &Everything<'_>, report: &mut Report) -> Vec<Foreign> {
    let Some((metadata, spec)) = metadata_and_spec(node, "{target: \"99.9\", …}", report) else {
        return Vec::new();
    };
    slo(&metadata, spec, everything, report).into_iter().collect()
}

fn slo(
    metadata: &Fields<'_>,
    spec: &Node,
    everything: &Everything<'_>,
    report: &mut Report,
) -> Option<Foreign> {
    let name: Option<Name> = metadata.parsed("name", "availability", &mut report.faults);
    let service = service(metadata, name.as_ref(), everything, report);
    let labels = prefixed(metadata, "labels", everything.defaults.service_label.as_deref(), report);
    let annotations = prefixed(metadata, "annotations", None, report);
    for text in annotations.values() {
        check_template(text, metadata.position, "metadata.annotations", &mut report.faults);
    }

    let known = ["target", "window", "description", "indicator", "alerting", "performanceOverAccuracy"];
    let fields = Fields::of(spec, "spec", &known, &mut report.faults)?;
    let objective = fields
        .required("target", "\"99.9\"", &mut report.faults)
        .and_then(|node| percentage(node, "spec.target", report));
    let window: Option<Window> = fields.parsed("window", "4w", &mut report.faults);
    let description = fields.text("description", &mut report.faults).unwrap_or_default();
    let indicator = fields
        .required("indicator", "{ratio: …}", &mut report.faults)
        .and_then(|node| indicator(node, "spec.indicator", report));
    report.lose_field(
        &fields,
        "performanceOverAccuracy",
        "tiles are both exact and cheap",
        "nothing needs to be done",
    );
    let alerting = match fields.optional("alerting") {
        Some(node) => alerting(node, "spec.alerting", report)?,
        None => Alerting::usual(),
    };
    let called = if alerting.name.is_some() { "" } else { " are named SLOErrorBudgetBurn, and" };
    report.change(
        fields.position,
        "spec",
        format!("Pyrra's alerts{called} fire as soon as both windows are above the threshold"),
        "nothing needs to be done: the short windows ignore outages that are over",
    );
    if alerting.absent {
        report.assume(
            fields.position,
            "spec",
            "Pyrra derives the delay of its absence alert from objective and period; here it is 10m",
            "to change the delay, write `alerting: {absent: {for: …}}`",
        );
    }
    if window.is_some_and(|window| window != FOUR_WEEKS) {
        report.change(
            fields.position,
            "spec.window",
            "Pyrra scales its alert windows with the period; here they are its windows for four weeks, or \
             the default windows if the period is shorter",
            "check `tiers`, and change them if necessary",
        );
    }
    let (sli, by) = indicator?;
    let policy = reachable(policy(window?), objective?, &fields, report)?;
    let slo = Slo::with_policy(name?, objective?, Period::Rolling(window?), sli, policy);
    let slo = report.told(fields.position, "spec", slo)?;
    let slo = report.told(fields.position, "spec.indicator", slo.grouped_by(by))?;
    let severity = |severity: &str| {
        let labels = [(LabelName::from_static("severity"), severity.to_owned())].into();
        Notification {
            labels,
            annotations: annotations.clone(),
            silent: alerting.silent,
            ..Notification::default()
        }
    };
    let absent = BudgetAlert::Absent { hold: Window::minutes(10), severity: Severity::Page };
    let mut slo = slo
        .with_description(description.trim())
        .with_labels(labels)
        .with_notification(Severity::Page, severity("critical"))
        .with_notification(Severity::Ticket, severity("warning"))
        .with_budget_alerts(alerting.absent.then_some(absent));
    if let Some(name) = alerting.name {
        slo = report.told(fields.position, "spec.alerting", slo.with_alert_name(name))?;
    }
    Some(Foreign {
        position: metadata.position,
        name: service?,
        labels: std::collections::BTreeMap::new(),
        slos: vec![(spec.position, slo)],
    })
}

/// The period for which Pyrra defines its alert windows.
const FOUR_WEEKS: Window = Window::days(28);

/// Pyrra's alerts: burn rates of 14, 7, 2 and 1, over its windows for four weeks, or over our default windows
/// if the period is shorter.
fn policy(period: Window) -> Result<AlertPolicy, Error> {
    const FACTORS: [u128; 4] = [14, 7, 2, 1];
    let usual = AlertPolicy::for_period(period)?;
    let hours = Window::hours;
    let windows = if period < FOUR_WEEKS {
        usual.tiers().iter().map(|tier| [tier.long(), tier.short()]).collect()
    } else {
        vec![
            [hours(1), Window::minutes(5)],
            [hours(6), Window::minutes(30)],
            [hours(24), hours(2)],
            [hours(96), hours(6)],
        ]
    };
    let tiers = usual.tiers().iter().zip(windows).zip(FACTORS).map(|((tier, windows), factor)| {
        Tier::by_factor(tier.burn(), tier.severity(), Ratio::whole(factor), windows, period)
    });
    AlertPolicy::new(tiers.collect::<Result<_, _>>()?)
}

/// The service: the value of the service label, or else the namespace, because Pyrra has no services.
fn service(
    metadata: &Fields<'_>,
    name: Option<&Name>,
    everything: &Everything<'_>,
    report: &mut Report,
) -> Option<Name> {
    let label = everything.defaults.service_label.as_deref().and_then(|label| {
        let labels = metadata.optional("labels")?;
        labels.entry(label).or_else(|| labels.entry(&format!("{PREFIX}{label}")))
    });
    if let Some(node) = label {
        return parsed(node, "metadata.labels", &mut report.faults);
    }
    let service: Option<Name> = match metadata.optional("namespace") {
        Some(node) => parsed(node, "metadata.namespace", &mut report.faults),
        None => name.cloned(),
    };
    report.assume(
        metadata.position,
        "metadata",
        match &service {
            Some(service) => format!("Pyrra has no services; `{service}` is assumed"),
            None => "Pyrra has no services".to_owned(),
        },
        "pass `--service-label`, or rename `service` in the native form",
    );
    service
}

/// The entries that Pyrra copies to alerts: those with its prefix, which is removed.
fn prefixed(metadata: &Fields<'_>, name: &str, used: Option<&str>, report: &mut Report) -> Labels {
    let Some(node) = metadata.optional(name) else { return Labels::new() };
    let Value::Map(entries) = &node.value else { return labels(metadata, name, report) };
    let place = metadata.path(name);
    // The service label is not lost. If Pyrra copies it to alerts and the rules do not set it, it is a label,
    // too.
    let entries = entries.iter().filter(|(key, _)| {
        let bare = key.text.strip_prefix(PREFIX);
        let is_used = used.is_some_and(|used| key.text == used || bare == Some(used));
        !is_used || bare.is_some_and(|bare| !RESERVED_LABELS.contains(&bare))
    });
    let (own, others): (Vec<_>, Vec<_>) = entries.cloned().partition(|(key, _)| key.text.starts_with(PREFIX));
    if let Some((key, _)) = others.first() {
        report.lose(
            key.position,
            &place,
            format!(
                "`{}` and others without `{PREFIX}` are left out: they belong to the object, not to the SLO",
                key.text
            ),
            "add those that describe the SLO to its `labels`",
        );
    }
    let own = own.into_iter().map(|(mut key, value)| {
        key.text = key.text.split_off(PREFIX.len());
        (key, value)
    });
    let node = Node { position: node.position, value: Value::Map(own.collect()) };
    let reserved: &[&str] = if name == "labels" { &DESCRIPTIVE } else { &[] };
    labels_of(&node, &place, reserved, report)
}

const PREFIX: &str = "pyrra.dev/";

struct Alerting {
    silent: bool,
    absent: bool,
    name: Option<String>,
}

impl Alerting {
    const fn usual() -> Self {
        Self { silent: false, absent: true, name: None }
    }
}

fn alerting(node: &Node, place: &str, report: &mut Report) -> Option<Alerting> {
    let known = ["disabled", "burnrates", "absent", "name", "absentName", "severities"];
    let fields = Fields::of(node, place, &known, &mut report.faults)?;
    let off = is_true(&fields, "disabled", report);
    let mut on = |name: &str| fields.optional(name).is_none() || is_true(&fields, name, report);
    let (burnrates, absent) = (on("burnrates"), on("absent"));
    report.lose_field(
        &fields,
        "absentName",
        "the absence alert is always named SLOEventsAbsent",
        "route by the label `severity` instead",
    );
    report.lose_field(
        &fields,
        "severities",
        "pages are `critical` and tickets `warning`",
        "write the labels of `page` and `ticket` in the native form",
    );
    let name = fields.text("name", &mut report.faults).map(str::to_owned);
    Some(Alerting { silent: off || !burnrates, absent: absent && !off, name })
}

type Indicator = (Sli, Vec<LabelName>);

const KINDS: [&str; 6] = ["ratio", "latency", "latencyNative", "latency_native", "bool_gauge", "boolGauge"];

fn indicator(node: &Node, place: &str, report: &mut Report) -> Option<Indicator> {
    let fields = Fields::of(node, place, &KINDS, &mut report.faults)?;
    let mut found = KINDS.into_iter().filter_map(|kind| Some((kind, fields.optional(kind)?)));
    let (Some((kind, node)), None) = (found.next(), found.next()) else {
        let error = Error::new("exactly one indicator is needed")
            .with_hint("write one of `ratio`, `latency`, `latencyNative` and `bool_gauge`");
        report.faults.add(fields.position, place, error);
        return None;
    };
    let place = fields.path(kind);
    match kind {
        "ratio" => {
            let fields = Fields::of(node, &place, &["errors", "total", "grouping"], &mut report.faults)?;
            let (bad, total) = (metric(&fields, "errors", report), metric(&fields, "total", report));
            let by = grouping(&fields, report);
            Some((Sli::Events(EventCounters::TotalBad { total: total?, bad: bad? }), by))
        }
        "latency" => {
            let fields = Fields::of(node, &place, &["success", "total", "grouping"], &mut report.faults)?;
            let (good, total) = (metric(&fields, "success", report), metric(&fields, "total", report));
            let by = grouping(&fields, report);
            Some((counter::total_good(total?, good?), by))
        }
        "latencyNative" | "latency_native" => {
            let fields = Fields::of(node, &place, &["latency", "total", "grouping"], &mut report.faults)?;
            let total = metric(&fields, "total", report);
            let threshold: Option<Window> = fields.parsed("latency", "200ms", &mut report.faults);
            let by = grouping(&fields, report);
            let latency = LatencyHistogram::new(total?, threshold?);
            let latency = report.told(node.position, &place, latency)?;
            Some((Sli::Latency(latency.of_kind(HistogramKind::Native)), by))
        }
        _ => {
            let fields = Fields::of(node, &place, &["metric", "grouping"], &mut report.faults)?;
            let gauge = selector(&fields, report);
            let by = grouping(&fields, report);
            Some((Sli::Probe(gauge?), by))
        }
    }
}

/// `name: {metric: selector}`
fn metric(fields: &Fields<'_>, name: &str, report: &mut Report) -> Option<Selector> {
    let node = fields.required(name, "{metric: requests_total}", &mut report.faults)?;
    let inner = Fields::of(node, &fields.path(name), &["metric"], &mut report.faults)?;
    selector(&inner, report)
}

fn selector(fields: &Fields<'_>, report: &mut Report) -> Option<Selector> {
    let node = fields.required("metric", "requests_total", &mut report.faults)?;
    let place = fields.path("metric");
    let text = text(node, &place, &mut report.faults)?;
    report.told(node.position, &place, selector::selector(text))
}

fn grouping(fields: &Fields<'_>, report: &mut Report) -> Vec<LabelName> {
    match fields.optional("grouping") {
        Some(node @ Node { value: Value::List(_), .. }) => {
            items(node, &fields.path("grouping"), &mut report.faults)
                .into_iter()
                .filter_map(|(place, node)| parsed(node, &place, &mut report.faults))
                .collect()
        }
        Some(node) => {
            let place = fields.path("grouping");
            parsed(node, &place, &mut report.faults).into_iter().collect()
        }
        None => Vec::new(),
    }
}
