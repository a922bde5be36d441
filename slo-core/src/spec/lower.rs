//! Converts document nodes to models; all validation happens here.

use super::{
    Defaults,
    alerting::{self, alerting},
    labels::labels,
    policy::policy,
    sli::{sli, slices},
};
use crate::{
    Error,
    document::{Faults, Fields, Node, Position, Value, items, parsed, text},
    model::{
        AlertPolicy, Exclusion, LabelName, Labels, Name, Objective, Period, Service, Severity, Sli, Slo,
        TimeSlices, Timestamp, Window, check_scrape_interval,
    },
};
use std::collections::BTreeSet;

/// The keys of a service; a document also has `version`.
const SERVICE_KEYS: [&str; 9] = [
    "version",
    "service",
    "scrape_interval",
    "target_labels",
    "newborn",
    "labels",
    "exclude",
    "policy",
    "slos",
];

/// Reads a native document. If it returns `None`, it adds a fault.
pub(super) fn service(node: &Node, defaults: &Defaults, faults: &mut Faults) -> Option<Service> {
    or_fault(node, faults, |faults| document(node, defaults, faults))
}

/// Reads an `SLO` object of Kubernetes. If it returns `None`, it adds a fault.
pub(super) fn object(node: &Node, defaults: &Defaults, faults: &mut Faults) -> Option<Service> {
    or_fault(node, faults, |faults| {
        let fields = Fields::of(node, "", &OBJECT_KEYS, faults)?;
        let kind = fields.required("kind", "SLO", faults)?;
        if text(kind, "kind", faults)? != "SLO" {
            let error = Error::new("`slo.dev/v1` has only the kind `SLO`").with_hint("write `kind: SLO`");
            faults.add(kind.position, "kind", error);
        }
        let spec = fields.required("spec", "{service: checkout, slos: […]}", faults)?;
        let fields = Fields::of(spec, "spec", &SERVICE_KEYS[1..], faults)?;
        read_service(&fields, defaults, faults)
    })
}

const OBJECT_KEYS: [&str; 5] = ["apiVersion", "kind", "metadata", "spec", "status"];

fn or_fault(
    node: &Node,
    faults: &mut Faults,
    read: impl FnOnce(&mut Faults) -> Option<Service>,
) -> Option<Service> {
    let before = faults.len();
    let service = read(faults);
    if service.is_none() && faults.len() == before {
        faults.add(node.position, "", Error::new("the document does not describe a service"));
    }
    service
}

fn document(node: &Node, defaults: &Defaults, faults: &mut Faults) -> Option<Service> {
    if let Value::Map(entries) = &node.value
        && let Some((key, _)) = entries.iter().find(|(key, _)| key.text == "apiVersion")
    {
        let error = Error::new("this is a Kubernetes or OpenSLO object, not a native document")
            .with_hint("convert it with `slo import`");
        faults.add(key.position, "", error);
        return None;
    }
    let fields = Fields::of(node, "", &SERVICE_KEYS, faults)?;
    if let Some(version) = fields.required("version", "slo/v1", faults)
        && let Some(text) = text(version, "version", faults)
        && text != "slo/v1"
    {
        let error =
            Error::new(format!("`{text}` is not a supported version")).with_hint("write `version: slo/v1`");
        faults.add(version.position, "version", error);
    }
    read_service(&fields, defaults, faults)
}

fn read_service(fields: &Fields<'_>, defaults: &Defaults, faults: &mut Faults) -> Option<Service> {
    let name: Option<Name> = fields.parsed("service", "checkout", faults);
    let (interval, is_assumed) = if let Some(node) = fields.optional("scrape_interval") {
        (parsed(node, &fields.path("scrape_interval"), faults), false)
    } else {
        let given = defaults.scrape_interval;
        (given.or(Some(Service::SCRAPE_INTERVAL)), given.is_none())
    };
    let mut labels = labels(fields, "labels", &["severity", "objective", "period"], faults);
    labels.extend(defaults.labels.clone());
    let target_labels =
        fields.optional("target_labels").map(|node| by(node, &fields.path("target_labels"), faults));
    let newborn = newborn(fields, faults);
    let exclusions = exclusions(fields, faults);
    let error_budget_policy =
        fields.optional("policy").and_then(|node| policy(node, &fields.path("policy"), faults));
    let list = fields.required("slos", "[{name: availability, …}]", faults)?;
    let written = items(list, &fields.path("slos"), faults);
    if written.is_empty() && matches!(list.value, Value::List(_)) {
        let error = Error::new("no SLO").with_hint("add an item that begins with `- name: availability`");
        faults.add(list.position, &fields.path("slos"), error);
    }
    let (mut names, mut slos, mut policies) = (BTreeSet::new(), Vec::new(), Vec::new());
    for (place, node) in &written {
        for lowered in slo(node, place, faults) {
            if let Some((name, position)) = lowered.name
                && !names.insert(name.clone())
            {
                let error =
                    Error::new(format!("two SLOs have the name `{name}`")).with_hint("rename one of them");
                faults.add(position, &format!("{place}.name"), error);
            }
            slos.extend(lowered.slo);
            policies.extend(lowered.policy);
        }
    }
    if let Some(Err(error)) = interval.map(|interval| check_scrape_interval(interval, policies.iter())) {
        let (place, position) = match fields.optional("scrape_interval") {
            Some(node) => (fields.path("scrape_interval"), node.position),
            None => (fields.place.clone(), fields.position),
        };
        faults.add(position, &place, error);
    }
    let service = match Service::new(name?, interval?, slos) {
        Ok(service) => service,
        Err(error) => {
            // Most of its errors were reported above, with their positions.
            if faults.is_empty() {
                faults.add(fields.position, &fields.place, error);
            }
            return None;
        }
    };
    let mut service = service.with_labels(labels).with_exclusions(exclusions);
    if let Some(policy) = error_budget_policy {
        service = service.with_error_budget_policy(policy);
    }
    if is_assumed {
        service = service.with_assumed_scrape_interval();
    }
    if let Some(labels) = target_labels {
        service = service.with_target_labels(labels);
    }
    if let Err(error) = service.check_groups() {
        faults.add(fields.position, &fields.place, error);
    }
    Some(if newborn { service } else { service.without_newborn_series() })
}

/// Whether the first value of a new series on a known target counts as new events.
fn newborn(fields: &Fields<'_>, faults: &mut Faults) -> bool {
    let Some(node) = fields.optional("newborn") else { return true };
    let place = fields.path("newborn");
    match text(node, &place, faults) {
        Some("count") | None => true,
        Some("ignore") => false,
        Some(other) => {
            let error = Error::new(format!("`{other}` is not a mode for new series"))
                .with_hint("write `count`, or `ignore` for exporters whose series disappear and return with their old value");
            faults.add(node.position, &place, error);
            true
        }
    }
}

/// Excluded times, such as planned maintenance.
fn exclusions(fields: &Fields<'_>, faults: &mut Faults) -> Vec<Exclusion> {
    let Some(node) = fields.optional("exclude") else { return Vec::new() };
    items(node, &fields.path("exclude"), faults)
        .into_iter()
        .filter_map(|(place, node)| exclusion(node, &place, faults))
        .collect()
}

fn exclusion(node: &Node, place: &str, faults: &mut Faults) -> Option<Exclusion> {
    let fields = Fields::of(node, place, &["from", "to", "reason"], faults)?;
    let mut moment = |name: &str| {
        let node = fields.required(name, "2026-12-01T22:00:00Z", faults)?;
        let place = fields.path(name);
        match text(node, &place, faults)?.parse::<Timestamp>() {
            Ok(moment) => Some(moment),
            Err(error) => {
                faults.add(node.position, &place, error);
                None
            }
        }
    };
    let (from, to) = (moment("from"), moment("to"));
    let reason = fields.text("reason", faults).unwrap_or_default();
    match Exclusion::new(from?, to?, reason) {
        Ok(exclusion) => Some(exclusion),
        Err(error) => {
            faults.add(fields.position, place, error);
            None
        }
    }
}

const SLO_KEYS: [&str; 10] =
    ["name", "description", "labels", "objective", "window", "objectives", "by", "sli", "slices", "alerting"];
const OBJECTIVE_KEYS: [&str; 4] = ["name", "objective", "window", "alerting"];

/// The parts of an SLO that could be read. Each part is checked independently of the others.
struct Lowered {
    slo: Option<Slo>,
    name: Option<(Name, Position)>,
    policy: Option<AlertPolicy>,
}

/// The fields that all objectives of an SLI share.
struct Shared<'a> {
    description: &'a str,
    labels: Labels,
    by: Vec<LabelName>,
    by_position: Position,
    sli: Option<Sli>,
    slices: Option<(TimeSlices, Position)>,
}

/// An SLO, or one for each of its objectives.
fn slo(node: &Node, place: &str, faults: &mut Faults) -> Vec<Lowered> {
    let Some(fields) = Fields::of(node, place, &SLO_KEYS, faults) else { return Vec::new() };
    let position = |name: &str| fields.optional(name).map_or(fields.position, |node| node.position);
    let name: Option<Name> = fields.parsed("name", "availability", faults);
    let by = fields.optional("by").map(|node| by(node, &fields.path("by"), faults)).unwrap_or_default();
    let shared = Shared {
        description: fields.text("description", faults).unwrap_or_default(),
        labels: labels(&fields, "labels", &["severity", "objective", "period"], faults),
        by_position: position("by"),
        sli: fields
            .required("sli", "{events: {total: …, bad: …}}", faults)
            .and_then(|node| sli(node, &fields.path("sli"), &by, faults)),
        slices: fields
            .optional("slices")
            .and_then(|node| Some((slices(node, &fields.path("slices"), faults)?, node.position))),
        by,
    };
    let Some(list) = fields.optional("objectives") else {
        return vec![objective(&fields, name, &shared, faults)];
    };
    for key in ["objective", "window", "alerting"] {
        if let Some(node) = fields.optional(key) {
            let error = Error::new(format!("`{key}` and `objectives` exclude each other"))
                .with_hint(format!("move `{key}` into each item of `objectives`"));
            faults.add(node.position, &fields.path(key), error);
        }
    }
    let mut all = Vec::new();
    let written = items(list, &fields.path("objectives"), faults);
    if written.is_empty() && matches!(list.value, Value::List(_)) {
        let error = Error::new("no objective").with_hint("write `- {objective: 99.9%, window: 30d}`");
        faults.add(list.position, &fields.path("objectives"), error);
    }
    for (place, node) in written {
        let Some(fields) = Fields::of(node, &place, &OBJECTIVE_KEYS, faults) else { continue };
        let own = match (fields.optional("name"), &name) {
            (Some(node), _) => parsed(node, &fields.path("name"), faults),
            (None, Some(name)) => {
                let own: Result<Name, Error> =
                    format!("{name}-{}", suffix(fields.optional("window"))).parse();
                match own {
                    Ok(own) => Some(own),
                    Err(error) => {
                        faults.add(fields.position, &place, error.with_hint("give the objective a `name`"));
                        None
                    }
                }
            }
            (None, None) => None,
        };
        all.push(objective(&fields, own, &shared, faults));
    }
    all
}

/// The end of the default name of an objective: its window.
fn suffix(window: Option<&Node>) -> &str {
    let Some(window) = window else { return "" };
    let unit = match &window.value {
        Value::Map(entries) => entries.iter().find(|(key, _)| key.text == "calendar").map(|(_, unit)| unit),
        _ => Some(window),
    };
    match unit.map(|unit| &unit.value) {
        Some(Value::Scalar { text, .. }) => text,
        _ => "calendar",
    }
}

fn objective(fields: &Fields<'_>, name: Option<Name>, shared: &Shared<'_>, faults: &mut Faults) -> Lowered {
    let blame = |name: &str| fields.optional(name).map_or(fields.position, |node| node.position);
    let objective: Option<Objective> = fields.parsed("objective", "99.9%", faults);
    let period = fields
        .required("window", "30d", faults)
        .and_then(|node| period(node, &fields.path("window"), faults));
    let alerting = match fields.optional("alerting") {
        Some(node) => alerting(node, &fields.path("alerting"), faults),
        None => alerting::Alerting::default(),
    };
    let policy = match (&period, objective) {
        (Some(period), Some(objective)) => match alerting.policy(period.length(), objective) {
            Ok(policy) => Some(policy),
            Err((about, error)) => {
                faults.add(blame(about), &fields.path(about), error);
                None
            }
        },
        // Check the window even if the objective is missing.
        (Some(period), None) => match AlertPolicy::for_period(period.length()) {
            Ok(policy) => Some(policy),
            Err(error) => {
                faults.add(blame("window"), &fields.path("window"), error);
                None
            }
        },
        (None, _) => None,
    };
    let whole = || {
        let sli = shared.sli.clone()?;
        let slo = Slo::with_policy(name.clone()?, objective?, period?, sli, policy.clone()?).ok()?;
        let slo = slo
            .with_description(shared.description)
            .with_labels(shared.labels.clone())
            .with_notification(Severity::Page, alerting.page)
            .with_notification(Severity::Ticket, alerting.ticket)
            .with_budget_alerts(alerting.budget);
        let mut told = |position: Position, name: &str, changed: Result<Slo, Error>| match changed {
            Ok(slo) => Some(slo),
            Err(error) => {
                faults.add(position, &fields.path(name), error);
                None
            }
        };
        let mut slo = told(shared.by_position, "by", slo.grouped_by(shared.by.clone()))?;
        if let Some((slices, position)) = shared.slices {
            slo = told(position, "slices", slo.judged_by(slices))?;
        }
        if let Some(name) = alerting.name {
            slo = told(blame("alerting"), "alerting", slo.with_alert_name(name))?;
        }
        if let Some(hold) = alerting.keep_firing_for {
            slo = slo.with_keep_firing_for(hold);
        }
        Some(slo)
    };
    let slo = whole();
    Lowered { slo, name: name.map(|name| (name, blame("name"))), policy }
}

/// A rolling window, or a period of the calendar.
fn period(node: &Node, place: &str, faults: &mut Faults) -> Option<Period> {
    if !matches!(node.value, Value::Map(_)) {
        let length: Result<Window, Error> = text(node, place, faults)?.parse();
        return match length {
            Ok(length) => Some(Period::Rolling(length)),
            Err(error) => {
                let hint = "write days, such as 30d; or `{calendar: month, time_zone: Europe/Berlin}`";
                faults.add(node.position, place, error.with_hint(hint));
                None
            }
        };
    }
    let fields = Fields::of(node, place, &["calendar", "time_zone", "start"], faults)?;
    calendar(&fields, faults)
}

#[cfg(feature = "calendar")]
fn calendar(fields: &Fields<'_>, faults: &mut Faults) -> Option<Period> {
    use crate::model::{Calendar, CalendarUnit};
    let unit: Option<CalendarUnit> = fields.parsed("calendar", "month", faults);
    let node = fields.required("time_zone", "Europe/Berlin", faults)?;
    let place = fields.path("time_zone");
    let zone = text(node, &place, faults)?;
    let mut told = |node: &Node, place: &str, result: Result<Calendar, Error>| match result {
        Ok(calendar) => Some(calendar),
        Err(error) => {
            faults.add(node.position, place, error);
            None
        }
    };
    let calendar = told(node, &place, Calendar::new(unit?, zone))?;
    let Some(start) = fields.optional("start") else { return Some(Period::Calendar(calendar)) };
    let place = fields.path("start");
    let anchored = calendar.anchored_at(text(start, &place, faults)?);
    match anchored {
        Ok(calendar) => Some(Period::Calendar(calendar)),
        Err(error) => {
            faults.add(start.position, &place, error);
            None
        }
    }
}

#[cfg(not(feature = "calendar"))]
fn calendar(fields: &Fields<'_>, faults: &mut Faults) -> Option<Period> {
    let error =
        Error::new("this build does not support calendar periods").with_hint("enable the feature `calendar`");
    faults.add(fields.position, &fields.place, error);
    None
}

/// The labels that an SLO is split by.
fn by(node: &Node, place: &str, faults: &mut Faults) -> Vec<LabelName> {
    let items = items(node, place, faults);
    items.into_iter().filter_map(|(place, node)| parsed(node, &place, faults)).collect()
}
