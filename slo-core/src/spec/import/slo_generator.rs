//! Reads slo-generator's `sre.google.com/v2`, for the backend Prometheus.

use super::{
    everything::Everything,
    foreign::Foreign,
    labels::{DESCRIPTIVE, labels_of},
    report::Report,
    values::{metadata_and_spec, reachable, share},
};
use crate::{
    Error,
    document::{Fields, Node, Value, items, parsed, text},
    model::{AlertPolicy, EventCounters, Labels, Name, Period, Selector, Sli, Slo, Window},
    spec::{
        counter,
        query::{self, Kept},
        selector,
    },
};

pub(super) fn object(node: &Node, everything: &Everything<'_>, report: &mut Report) -> Vec<Foreign> {
    let Some((metadata, spec)) = metadata_and_spec(node, "{backend: prometheus, …}", report) else {
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
    let known =
        ["description", "backend", "method", "exporters", "service_level_indicator", "goal", "frequency"];
    let fields = Fields::of(spec, "spec", &known, &mut report.faults)?;
    let backend = fields.required("backend", "prometheus", &mut report.faults)?;
    let name = text(backend, "spec.backend", &mut report.faults)?;
    if name != "prometheus" && !name.starts_with("prometheus/") {
        let error = Error::new(format!("the backend `{name}` is not Prometheus"))
            .with_hint("write the SLO for the backend `prometheus`; only its metrics can become rules");
        report.faults.add(backend.position, "spec.backend", error);
        return None;
    }
    let own = metadata.optional("labels");
    let service: Option<Name> = match own.and_then(|labels| labels.entry("service_name")) {
        Some(node) => parsed(node, "metadata.labels.service_name", &mut report.faults),
        None => metadata.parsed("name", "checkout-availability", &mut report.faults),
    };
    let name: Option<Name> = match own.and_then(|labels| labels.entry("slo_name")) {
        Some(node) => parsed(node, "metadata.labels.slo_name", &mut report.faults),
        None => metadata.parsed("name", "checkout-availability", &mut report.faults),
    };
    // In slo-generator, the feature is a part of an SLO's identity.
    let name = match own
        .and_then(|labels| labels.scalar("feature_name"))
        .zip(own.and_then(|labels| labels.scalar("slo_name")))
    {
        Some((feature, slo)) => {
            report.told(metadata.position, "metadata.labels", format!("{feature}-{slo}").parse())
        }
        None => name,
    };
    let labels = own.map_or_else(Labels::new, |node| others(node, report));
    let goal = fields
        .required("goal", "0.999", &mut report.faults)
        .and_then(|node| share(node, "spec.goal", report));
    let description = fields.text("description", &mut report.faults).unwrap_or_default();
    let sli = sli(&fields, report);
    for name in ["exporters", "frequency"] {
        report.lose_field(
            &fields,
            name,
            "the rules record the SLI in Prometheus",
            "nothing needs to be done",
        );
    }
    let period = everything.defaults.period.unwrap_or_else(|| {
        report.assume(
            fields.position,
            "spec",
            "slo-generator takes periods and alerts from its configuration; 30d and the Workbook's tiers are assumed",
            "pass `--period`, or change `window` in the native form",
        );
        PERIOD
    });
    let policy = reachable(AlertPolicy::for_period(period), goal?, &fields, report)?;
    let slo = Slo::with_policy(name?, goal?, Period::Rolling(period), sli?, policy);
    let slo = report.told(fields.position, "spec", slo)?;
    Some(Foreign {
        position: metadata.position,
        name: service?,
        labels: Labels::new(),
        slos: vec![(spec.position, slo.with_description(description.trim()).with_labels(labels))],
    })
}

const PERIOD: Window = Window::days(30);

/// The labels without those that name the service and the SLO.
fn others(node: &Node, report: &mut Report) -> Labels {
    let kept = match &node.value {
        Value::Map(entries) => {
            let names = ["service_name", "slo_name"];
            let kept = entries.iter().filter(|(key, _)| !names.contains(&key.text.as_str()));
            Node { position: node.position, value: Value::Map(kept.cloned().collect()) }
        }
        _ => node.clone(),
    };
    labels_of(&kept, "metadata.labels", &DESCRIPTIVE, report)
}

fn sli(spec: &Fields<'_>, report: &mut Report) -> Option<Sli> {
    let method = spec.required("method", "good_bad_ratio", &mut report.faults)?;
    let node = spec.required("service_level_indicator", "{filter_good: …}", &mut report.faults)?;
    let place = "spec.service_level_indicator";
    let known = ["filter_good", "filter_bad", "filter_valid", "expression", "threshold_bucket", "operators"];
    let fields = Fields::of(node, place, &known, &mut report.faults)?;
    check_operators(&fields, report);
    match text(method, "spec.method", &mut report.faults)? {
        "good_bad_ratio" => good_bad_ratio(&fields, report),
        "distribution_cut" => distribution_cut(&fields, report),
        "query_sli" => query_sli(&fields, report),
        other => {
            let error = Error::new(format!("`{other}` is not a Prometheus method of slo-generator"))
                .with_hint("use `good_bad_ratio`, `distribution_cut` or `query_sli`");
            report.faults.add(method.position, "spec.method", error);
            None
        }
    }
}

/// Checks that the operators sum increases, which is slo-generator's default, or rates.
fn check_operators(fields: &Fields<'_>, report: &mut Report) {
    let Some(node) = fields.optional("operators") else { return };
    let place = fields.path("operators");
    let written = items(node, &place, &mut report.faults);
    let names: Vec<_> =
        written.into_iter().filter_map(|(place, node)| text(node, &place, &mut report.faults)).collect();
    if !matches!(names.as_slice(), ["increase" | "rate", "sum"]) {
        let error = Error::new(format!("the operators `{}` do not count events", names.join(", ")))
            .with_hint("write `[increase, sum]`, or the whole query with `query_sli`");
        report.faults.add(node.position, &place, error);
    }
}

fn good_bad_ratio(fields: &Fields<'_>, report: &mut Report) -> Option<Sli> {
    let [good, bad, valid] = ["filter_good", "filter_bad", "filter_valid"]
        .map(|name| fields.optional(name).map(|_| filter(fields, name, report)));
    let counters = match (good, bad, valid) {
        (Some(good), None, Some(total)) => return Some(counter::total_good(total?, good?)),
        (Some(good), Some(bad), None) => EventCounters::GoodBad { good: good?, bad: bad? },
        (None, Some(bad), Some(total)) => EventCounters::TotalBad { total: total?, bad: bad? },
        _ => {
            let error = Error::new("two filters are needed")
                .with_hint("write `filter_good` and either `filter_bad` or `filter_valid`");
            report.faults.add(fields.position, &fields.place, error);
            return None;
        }
    };
    Some(Sli::Events(counters))
}

/// A selector, with or without slo-generator's window placeholder.
fn filter(fields: &Fields<'_>, name: &str, report: &mut Report) -> Option<Selector> {
    let node = fields.required(name, "requests_total{code=\"200\"}", &mut report.faults)?;
    let place = fields.path(name);
    let text = text(node, &place, &mut report.faults)?.trim();
    let text = text.strip_suffix("[window]").unwrap_or(text);
    report.told(node.position, &place, selector::selector(text))
}

fn distribution_cut(fields: &Fields<'_>, report: &mut Report) -> Option<Sli> {
    let bucket = filter(fields, "expression", report);
    let bound = fields.required("threshold_bucket", "0.25", &mut report.faults)?;
    let bound = text(bound, &fields.path("threshold_bucket"), &mut report.faults)?;
    let bucket = bucket?;
    let Some(base) = bucket.metric().strip_suffix("_bucket") else {
        let error = Error::new(format!("`{}` is not the bucket series of a histogram", bucket.metric()))
            .with_hint("write the series that ends in `_bucket`");
        report.faults.add(fields.position, &fields.path("expression"), error);
        return None;
    };
    let matchers: Vec<String> = bucket.matchers().iter().map(ToString::to_string).collect();
    let (matchers, separator) = (matchers.join(","), if matchers.is_empty() { "" } else { "," });
    let total = selector::selector(&format!("{base}_count{{{matchers}}}"));
    let good = selector::selector(&format!("{base}_bucket{{{matchers}{separator}le=\"{bound}\"}}"));
    let total = report.told(fields.position, &fields.place, total);
    let good = report.told(fields.position, &fields.place, good);
    Some(counter::total_good(total?, good?))
}

/// Reads a query of the share of good events.
fn query_sli(fields: &Fields<'_>, report: &mut Report) -> Option<Sli> {
    let node = fields.required("expression", "sum(…[window]) / sum(…[window])", &mut report.faults)?;
    let place = fields.path("expression");
    let written = text(node, &place, &mut report.faults)?.replace("[window", "[{{.window}}");
    let bad = format!("1 - ({})", written.trim());
    if query::kept(&bad).is_some_and(|kept| kept == Kept::Unknown || !kept.names().is_empty()) {
        let error = Error::new("the query may return several series, and slo-generator uses only the first")
            .with_hint("wrap both sides of a division in `sum(…)`, or a series of shares in `avg(…)`");
        report.faults.add(node.position, &place, error);
        return None;
    }
    if let Some(sli) = counter::ratio_of_events(&bad, &[]) {
        return Some(sli);
    }
    let ratio = report.told(node.position, &place, query::ratio(&bad))?;
    report.change(
        node.position,
        &place,
        "the number of events is not known: over long windows, the ratio is the mean of its tiles",
        "use `good_bad_ratio` with its two filters, if the events have counters",
    );
    Some(Sli::Ratio(ratio))
}
