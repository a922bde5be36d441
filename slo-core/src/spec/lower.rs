//! From a tree of text to models: the one place that validates.

use super::{
    fields::{Faults, Fields, items, parsed, text},
    query,
    tree::{Node, Position, Value},
};
use crate::{
    Error,
    model::{
        AlertPolicy, BudgetAlerts, EventCounters, LabelName, Labels, LatencyHistogram, Name, Notification,
        Objective, Period, Ratio, Selector, Service, Severity, Sli, Slo, Window, check_scrape_interval,
    },
};
use std::collections::BTreeSet;

pub(super) fn services(documents: &[Node], faults: &mut Faults) -> Vec<Service> {
    if documents.iter().all(Node::is_nothing) {
        let start = documents.first().map_or(Position { line: 1, column: 1 }, |node| node.position);
        faults.add(start, "", Error::new("the document is empty").with_hint("begin with `version: slo/v1`"));
        return Vec::new();
    }
    let mut names = BTreeSet::new();
    let mut services = Vec::new();
    for document in documents.iter().filter(|document| !document.is_nothing()) {
        if let Some(service) = service(document, faults) {
            if !names.insert(service.name().clone()) {
                let error = Error::new(format!("service `{}` is written twice", service.name()))
                    .with_hint("put its SLOs into one document");
                faults.add(document.position, "service", error);
            }
            services.push(service);
        }
    }
    services
}

const DEFAULT_SCRAPE_INTERVAL: &str = "15s";

fn service(node: &Node, faults: &mut Faults) -> Option<Service> {
    if let Value::Map(entries) = &node.value
        && let Some((key, _)) = entries.iter().find(|(key, _)| key.text == "apiVersion")
    {
        let error = Error::new("a Kubernetes or OpenSLO object, which this version does not read")
            .with_hint("write the SLO in the native format, which begins with `version: slo/v1`");
        faults.add(key.position, "", error);
        return None;
    }
    let fields = Fields::of(node, "", &["version", "service", "scrape_interval", "labels", "slos"], faults)?;
    if let Some(version) = fields.required("version", "slo/v1", faults)
        && let Some(text) = text(version, "version", faults)
        && text != "slo/v1"
    {
        let error = Error::new(format!("`{text}` is not a version this program reads"))
            .with_hint("write `version: slo/v1`");
        faults.add(version.position, "version", error);
    }
    let name: Option<Name> = fields.parsed("service", "checkout", faults);
    let interval: Option<Window> = match fields.optional("scrape_interval") {
        Some(node) => parsed(node, "scrape_interval", faults),
        None => DEFAULT_SCRAPE_INTERVAL.parse().ok(),
    };
    let labels = labels(&fields, "labels", &["severity", "objective", "period"], faults);
    let list = fields.required("slos", "[{name: availability, …}]", faults)?;
    let written = items(list, "slos", faults);
    if written.is_empty() && matches!(list.value, Value::List(_)) {
        let error = Error::new("no SLO").with_hint("add an item that begins with `- name: availability`");
        faults.add(list.position, "slos", error);
    }
    let (mut names, mut slos, mut policies) = (BTreeSet::new(), Vec::new(), Vec::new());
    for (place, node) in &written {
        let Some(lowered) = slo(node, place, faults) else { continue };
        if let Some((name, position)) = lowered.name
            && !names.insert(name.clone())
        {
            let error = Error::new(format!("`{name}` names two SLOs")).with_hint("rename one of them");
            faults.add(position, &format!("{place}.name"), error);
        }
        slos.extend(lowered.slo);
        policies.extend(lowered.policy);
    }
    if let Some(Err(error)) = interval.map(|interval| check_scrape_interval(interval, policies.iter())) {
        let (place, position) = match fields.optional("scrape_interval") {
            Some(node) => ("scrape_interval", node.position),
            None => ("", fields.position),
        };
        faults.add(position, place, error);
    }
    // What `Service::new` refuses has been told above, with its position.
    Service::new(name?, interval?, slos).ok().map(|service| service.with_labels(labels))
}

const SLO_KEYS: [&str; 6] = ["name", "description", "objective", "window", "sli", "alerting"];

/// What could be made of an SLO; every part stands for itself, so that each is checked whatever the others
/// are.
struct Lowered {
    slo: Option<Slo>,
    name: Option<(Name, Position)>,
    policy: Option<AlertPolicy>,
}

fn slo(node: &Node, place: &str, faults: &mut Faults) -> Option<Lowered> {
    let fields = Fields::of(node, place, &SLO_KEYS, faults)?;
    let blame = |name: &str| fields.optional(name).map_or(fields.position, |node| node.position);
    let name: Option<Name> = fields.parsed("name", "availability", faults);
    let description = fields.text("description", faults);
    let objective: Option<Objective> = fields.parsed("objective", "99.9%", faults);
    let window: Option<Window> = fields.parsed("window", "30d", faults);
    let policy = window.and_then(|window| match AlertPolicy::for_period(window) {
        Ok(policy) => Some(policy),
        Err(error) => {
            faults.add(blame("window"), &fields.path("window"), error);
            None
        }
    });
    let sli = fields
        .required("sli", "{events: {total: …, bad: …}}", faults)
        .and_then(|node| sli(node, &fields.path("sli"), faults));
    let alerting = match fields.optional("alerting") {
        Some(node) => alerting(node, &fields.path("alerting"), faults),
        None => Alerting::default(),
    };
    if let (Some(objective), Some(policy)) = (objective, &policy)
        && let Err(error) = policy.check_reachable(objective)
    {
        faults.add(blame("objective"), &fields.path("objective"), error);
    }
    let whole = || {
        // What `Slo::new` refuses has been told above, with its position.
        let slo = Slo::new(name.clone()?, objective?, Period::Rolling(window?), sli?).ok()?;
        let slo = slo
            .with_description(description.unwrap_or_default())
            .with_notification(Severity::Page, alerting.page)
            .with_notification(Severity::Ticket, alerting.ticket)
            .with_budget_alerts(alerting.budget);
        Some(if alerting.guard { slo.with_low_traffic_guard() } else { slo })
    };
    let slo = whole();
    Some(Lowered { slo, name: name.map(|name| (name, blame("name"))), policy })
}

fn sli(node: &Node, place: &str, faults: &mut Faults) -> Option<Sli> {
    let fields = Fields::of(node, place, &["events", "latency"], faults)?;
    // Both are read even where only one is allowed, so that all their faults are told.
    let events = fields.optional("events").map(|node| events(node, &fields.path("events"), faults));
    let latency = fields.optional("latency").map(|node| latency(node, &fields.path("latency"), faults));
    match (events, latency) {
        (Some(events), None) => events.map(Sli::Events),
        (None, Some(latency)) => latency.map(Sli::Latency),
        (found, _) => {
            let message = if found.is_some() { "both `events` and `latency`" } else { "no SLI" };
            let error = Error::new(message).with_hint("write one of `events` and `latency`");
            faults.add(fields.position, place, error);
            None
        }
    }
}

fn events(node: &Node, place: &str, faults: &mut Faults) -> Option<EventCounters> {
    let fields = Fields::of(node, place, &["total", "good", "bad"], faults)?;
    let [total, good, bad] = ["total", "good", "bad"].map(|name| {
        let node = fields.optional(name)?;
        Some(selector(node, &fields.path(name), faults))
    });
    match (total, good, bad) {
        (Some(total), None, Some(bad)) => Some(EventCounters::TotalBad { total: total?, bad: bad? }),
        (Some(total), Some(good), None) => Some(EventCounters::TotalGood { total: total?, good: good? }),
        (None, Some(good), Some(bad)) => Some(EventCounters::GoodBad { good: good?, bad: bad? }),
        (total, good, bad) => {
            let count = [total, good, bad].iter().flatten().count();
            let error = Error::new(format!("{count} of `total`, `good` and `bad`"))
                .with_hint("write two of them; `total` and `bad` are the most exact");
            faults.add(fields.position, place, error);
            None
        }
    }
}

fn latency(node: &Node, place: &str, faults: &mut Faults) -> Option<LatencyHistogram> {
    let fields = Fields::of(node, place, &["histogram", "threshold"], faults)?;
    let histogram = fields
        .required("histogram", "http_request_duration_seconds", faults)
        .and_then(|node| selector(node, &fields.path("histogram"), faults));
    if let Some(Err(error)) = histogram.as_ref().map(LatencyHistogram::check) {
        let position = fields.optional("histogram").map_or(fields.position, |node| node.position);
        faults.add(position, &fields.path("histogram"), error);
    }
    let threshold: Option<Window> = fields.parsed("threshold", "250ms", faults);
    // What it refuses has been told above, with its position.
    LatencyHistogram::new(histogram?, threshold?).ok()
}

fn selector(node: &Node, place: &str, faults: &mut Faults) -> Option<Selector> {
    match query::selector(text(node, place, faults)?) {
        Ok(selector) => Some(selector),
        Err(error) => {
            faults.add(node.position, place, error);
            None
        }
    }
}

/// What an SLO says of its alerts.
#[derive(Default)]
struct Alerting {
    page: Notification,
    ticket: Notification,
    guard: bool,
    budget: BudgetAlerts,
}

const ALERTING_KEYS: [&str; 6] = ["page", "ticket", "low_traffic", "exhausted", "low", "absent"];

fn alerting(node: &Node, place: &str, faults: &mut Faults) -> Alerting {
    let Some(fields) = Fields::of(node, place, &ALERTING_KEYS, faults) else {
        return Alerting::default();
    };
    let mut read = |name: &str| {
        let node = fields.optional(name)?;
        notification(node, &fields.path(name), faults)
    };
    let (page, ticket) = (read("page").unwrap_or_default(), read("ticket").unwrap_or_default());
    let guard = fields.optional("low_traffic").is_some_and(|node| {
        let place = fields.path("low_traffic");
        match text(node, &place, faults) {
            Some("guard") => true,
            Some(other) => {
                let error = Error::new(format!("`{other}` is no way with low traffic"))
                    .with_hint("write `low_traffic: guard`, or leave it out");
                faults.add(node.position, &place, error);
                false
            }
            None => false,
        }
    });
    let budget = budget_alerts(&fields, faults);
    Alerting { page, ticket, guard, budget }
}

fn budget_alerts(fields: &Fields<'_>, faults: &mut Faults) -> BudgetAlerts {
    let exhausted =
        fields.optional("exhausted").and_then(|node| severity(node, &fields.path("exhausted"), faults));
    let low = fields.optional("low").and_then(|node| {
        let fields = Fields::of(node, &fields.path("low"), &["left", "severity"], faults)?;
        let share =
            fields.required("left", "25%", faults).and_then(|node| share(node, &fields.path("left"), faults));
        let severity = required_severity(&fields, faults);
        Some((share?, severity?))
    });
    let absent = fields.optional("absent").and_then(|node| {
        let fields = Fields::of(node, &fields.path("absent"), &["for", "severity"], faults)?;
        let hold: Option<Window> = fields.parsed("for", "10m", faults);
        let severity = required_severity(&fields, faults);
        Some((hold?, severity?))
    });
    BudgetAlerts { exhausted, low, absent }
}

fn required_severity(fields: &Fields<'_>, faults: &mut Faults) -> Option<Severity> {
    let node = fields.required("severity", "ticket", faults)?;
    severity(node, &fields.path("severity"), faults)
}

fn severity(node: &Node, place: &str, faults: &mut Faults) -> Option<Severity> {
    match text(node, place, faults)? {
        "page" => Some(Severity::Page),
        "ticket" => Some(Severity::Ticket),
        other => {
            let error = Error::new(format!("`{other}` is not a severity"))
                .with_hint("write `page` or `ticket`; `alerting.page.labels` may rename the label");
            faults.add(node.position, place, error);
            None
        }
    }
}

/// A share of the budget, as a percentage.
fn share(node: &Node, place: &str, faults: &mut Faults) -> Option<Ratio> {
    let text = text(node, place, faults)?;
    let percent = text.strip_suffix('%').and_then(|number| number.trim_end().parse::<Ratio>().ok());
    let share = percent.and_then(|percent| percent.checked_div(Ratio::whole(100)));
    let share = share.filter(|share| *share > Ratio::ZERO && *share < Ratio::ONE);
    if share.is_none() {
        let error = Error::new(format!("`{text}` is not a share of the budget"))
            .with_hint("write a percentage above 0% and below 100%, such as 25%");
        faults.add(node.position, place, error);
    }
    share
}

fn notification(node: &Node, place: &str, faults: &mut Faults) -> Option<Notification> {
    let fields = Fields::of(node, place, &["labels", "runbook", "dashboard"], faults)?;
    Some(Notification {
        labels: labels(&fields, "labels", &[], faults),
        runbook: fields.text("runbook", faults).map(str::to_owned),
        dashboard: fields.text("dashboard", faults).map(str::to_owned),
    })
}

/// Labels that the rules set themselves.
const RESERVED_LABELS: [&str; 4] = ["service", "slo", "burn_tier", "alertname"];

fn labels(fields: &Fields<'_>, name: &str, also_reserved: &[&str], faults: &mut Faults) -> Labels {
    let mut labels = Labels::new();
    let Some(node) = fields.optional(name) else { return labels };
    let place = fields.path(name);
    let Value::Map(entries) = &node.value else {
        let error = Error::new(format!("expected labels, found {}", node.kind()))
            .with_hint("write `{team: payments}`");
        faults.add(node.position, &place, error);
        return labels;
    };
    for (key, value) in entries {
        let parsed: Result<LabelName, Error> = key.text.parse();
        match parsed {
            Ok(_)
                if RESERVED_LABELS.contains(&key.text.as_str())
                    || also_reserved.contains(&key.text.as_str()) =>
            {
                let error = Error::new(format!("the label `{}` is set by the rules", key.text))
                    .with_hint("give it another name");
                faults.add(key.position, &place, error);
            }
            Ok(label) if value.is_nothing() => {
                let error =
                    Error::new("a label without a value").with_hint("write a value, or `\"\"` for none");
                faults.add(value.position, &format!("{place}.{label}"), error);
            }
            Ok(label) => {
                let Some(text) = text(value, &format!("{place}.{label}"), faults) else { continue };
                if labels.insert(label, text.to_owned()).is_some() {
                    let error = Error::new(format!("the label `{}` is written twice", key.text));
                    faults.add(key.position, &place, error.with_hint("keep one of them"));
                }
            }
            Err(error) => faults.add(key.position, &place, error),
        }
    }
    labels
}
