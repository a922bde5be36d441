//! Specifications of other tools as models, and what of them could not be carried over.

mod openslo;
mod openslo_alerts;
mod openslo_metrics;
mod pyrra;
mod slo_generator;
mod sloth;

use super::{
    Defaults,
    fields::{Faults, Fields, text},
    lower,
    native::{distinct, empty, start_of},
    tree::{self, Node, Position, Value},
};
use crate::{
    Diagnostics, Error, Fault,
    model::{
        AlertPolicy, Counting, EventCounters, LabelName, Labels, Name, Objective, RESERVED_LABELS, Ratio,
        Service, Severity, Sli, Slo,
    },
};
use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

/// The services of a text, and what was lost on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Document {
    /// Its services.
    pub services: Vec<Service>,
    /// What another tool's specification says and no SLO here can, or what was assumed in its place. Empty for
    /// native documents.
    pub losses: Vec<Fault>,
}

/// Reads texts of any known format, recognised by their content: native documents, Sloth's `prometheus/v1` and
/// `PrometheusServiceLevel` with slokit's keys, OpenSLO `v1alpha`, `v1` and `v2alpha`, Pyrra's `ServiceLevelObjective`,
/// slo-generator's `sre.google.com/v2`.
///
/// The texts know each other: an OpenSLO SLO may refer to an SLI in another text, and Sloth's `AlertWindows` are
/// those of all Sloth SLOs. Services of other tools that several texts add to are in the first of them.
///
/// ```
/// use slo_core::spec;
///
/// let sloth = r#"
/// version: prometheus/v1
/// service: myservice
/// slos:
///   - name: availability
///     objective: 99.9
///     sli:
///       events:
///         error_query: sum(rate(requests_total{code=~"5.."}[{{.window}}]))
///         total_query: sum(rate(requests_total[{{.window}}]))
///     alerting: {name: HighErrorRate}
/// "#;
/// let document = spec::read(&[sloth]).remove(0)?;
/// assert_eq!(document.services[0].slos()[0].objective().to_string(), "99.9%");
/// assert!(document.losses[0].error.message().contains("30d"));
/// # Ok::<(), slo_core::Diagnostics>(())
/// ```
///
/// # Errors
/// For each text, every fault of it at once, with its position and a hint.
#[must_use]
pub fn read(texts: &[&str]) -> Vec<Result<Document, Diagnostics>> {
    read_with(texts, &Defaults::default())
}

/// Reads texts as [`read`] does, with what they leave to the command line of the tool that reads them.
///
/// # Errors
/// As [`read`].
#[must_use]
pub fn read_with(texts: &[&str], defaults: &Defaults) -> Vec<Result<Document, Diagnostics>> {
    let parsed: Vec<Result<Vec<Node>, Fault>> = texts.iter().map(|text| tree::documents(text)).collect();
    let mut everything = Everything { defaults: defaults.clone(), ..Everything::default() };
    for nodes in parsed.iter().flatten() {
        objects(nodes, &mut |node| everything.add(node));
    }
    let mut merged: BTreeMap<Name, Option<Foreign>> = BTreeMap::new();
    let read: Vec<_> = parsed
        .iter()
        .map(|parsed| {
            let mut report = Report::default();
            let (mut native, mut foreign) = (Vec::new(), Vec::new());
            match parsed {
                Ok(nodes) if nodes.iter().all(Node::is_nothing) => {
                    report.faults.add(start_of(nodes), "", empty());
                }
                Ok(nodes) => {
                    let has_known = has_known(nodes);
                    objects(nodes, &mut |node| {
                        if is_other(node) && has_known {
                            let what =
                                scalar(node, "kind").map_or_else(String::new, |kind| format!(" `{kind}`"));
                            let message = format!("skipped: an object{what} that is no SLO");
                            report.lose(node.position, "", message, "nothing needs to be done");
                            return;
                        }
                        if everything.twins.iter().any(|twin| std::ptr::eq(*twin, node)) {
                            let error = Error::new("another object has this kind and name")
                                .with_hint("rename one of them");
                            report.faults.add(node.position, "metadata.name", error);
                        }
                        match Format::of(node) {
                            Format::Native => {
                                let service = lower::service(node, defaults, &mut report.faults);
                                native.extend(service.map(|service| (node.position, service)));
                            }
                            format => {
                                report.faults.keep_unknown(true);
                                foreign.extend(lower_foreign(format, node, &everything, &mut report));
                                report.unknown.extend(report.faults.keep_unknown(false));
                            }
                        }
                    });
                }
                Err(fault) => report.faults.push(fault.clone()),
            }
            let mut names = Vec::new();
            for found in foreign {
                if let Some(Some(service)) = merged.get_mut(&found.name) {
                    service.merge(found, &mut report);
                } else {
                    names.push(found.name.clone());
                    merged.insert(found.name.clone(), Some(found));
                }
            }
            (native, names, report)
        })
        .collect();
    read.into_iter()
        .map(|(mut services, names, mut report)| {
            for name in names {
                let Some(foreign) = merged.get_mut(&name).and_then(Option::take) else { continue };
                services.extend(foreign.finish(defaults, &mut report));
            }
            let services = distinct(services, &mut report.faults);
            if report.faults.is_empty() {
                let mut losses = report.losses.into_vec();
                losses.extend(report.unknown);
                losses.sort_by_key(|loss| (loss.line, loss.column));
                Ok(Document { services, losses })
            } else {
                // What is missing may be what is misspelled.
                let mut faults = report.faults.into_vec();
                faults.extend(report.unknown);
                Err(Diagnostics::new(faults))
            }
        })
        .collect()
}

/// Whether `text` holds a specification of any known format, among whatever else is in it; what is no YAML does if it
/// names one of the formats. To choose among the files of a folder.
///
/// ```
/// use slo_core::spec::holds_specification;
///
/// assert!(holds_specification("{apiVersion: pyrra.dev/v1alpha1, kind: ServiceLevelObjective}"));
/// assert!(!holds_specification("{apiVersion: v1, kind: ConfigMap}"));
/// ```
#[must_use]
pub fn holds_specification(text: &str) -> bool {
    match tree::documents(text) {
        Ok(nodes) => has_known(&nodes),
        Err(_) => FORMATS.iter().any(|format| text.contains(format)),
    }
}

/// What the formats call themselves.
const FORMATS: [&str; 7] = [
    "slo/v1",
    "prometheus/v1",
    "openslo/v",
    "openslo.com/",
    "sloth.slok.dev/",
    "pyrra.dev/",
    "sre.google.com/",
];

/// Whether an object is one of Kubernetes', of another kind.
fn is_other(node: &Node) -> bool {
    Format::of(node) == Format::Unknown && scalar(node, "kind").is_some() && !is_of_family(node)
}

/// Whether an object is of one of the formats, in whatever version: one that nobody knows may be misspelled.
fn is_of_family(node: &Node) -> bool {
    let api = scalar(node, "apiVersion").unwrap_or_default();
    let is_slo_generators = api.starts_with("sre.google.com/") && slo_generator::is_slo(node);
    is_slo_generators
        || ["openslo", "sloth.slok.dev/", "pyrra.dev/"].iter().any(|family| api.starts_with(family))
}

fn has_known(nodes: &[Node]) -> bool {
    let mut found = false;
    objects(nodes, &mut |node| found = found || Format::is_known(node));
    found
}

/// Calls `look` for every object of a text: its documents, and the items of those that are lists.
fn objects<'a>(nodes: &'a [Node], look: &mut impl FnMut(&'a Node)) {
    for node in nodes.iter().filter(|node| !node.is_nothing()) {
        match &node.value {
            Value::List(items) => objects(items, look),
            _ if scalar(node, "kind") == Some("List") => match entry(node, "items") {
                Some(Node { value: Value::List(items), .. }) => objects(items, look),
                _ => look(node),
            },
            _ => look(node),
        }
    }
}

/// The entry `key` of a mapping.
fn entry<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    match &node.value {
        Value::Map(entries) => entries.iter().find(|(name, _)| name.text == key).map(|(_, value)| value),
        _ => None,
    }
}

fn scalar<'a>(node: &'a Node, key: &str) -> Option<&'a str> {
    match &entry(node, key)?.value {
        Value::Scalar { text, .. } => Some(text),
        _ => None,
    }
}

/// What a document is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Native,
    Sloth,
    SlothObject,
    OpenSlo(openslo::Version),
    Pyrra,
    SloGenerator,
    Unknown,
}

impl Format {
    /// Whether an object says that it is of a known format, or has the list that every native document has.
    fn is_known(node: &Node) -> bool {
        match Self::of(node) {
            Self::Unknown => is_of_family(node),
            Self::Native => {
                scalar(node, "version").is_some_and(|version| version.starts_with("slo/"))
                    || entry(node, "slos").is_some()
            }
            _ => true,
        }
    }

    fn of(node: &Node) -> Self {
        let version = scalar(node, "version").unwrap_or_default();
        match scalar(node, "apiVersion") {
            None if version.starts_with("prometheus/") => Self::Sloth,
            None => Self::Native,
            Some("openslo/v1alpha") => Self::OpenSlo(openslo::Version::V1Alpha),
            Some("openslo/v1") => Self::OpenSlo(openslo::Version::V1),
            Some("openslo.com/v2alpha" | "openslo.com/v2alpha1") => Self::OpenSlo(openslo::Version::V2Alpha),
            Some(api) if api.starts_with("sloth.slok.dev/") => Self::SlothObject,
            Some(api) if api.starts_with("pyrra.dev/") => Self::Pyrra,
            // Files that Kubernetes does not read leave the group out.
            Some("v1alpha1") if scalar(node, "kind") == Some("ServiceLevelObjective") => Self::Pyrra,
            Some("sre.google.com/v2") if slo_generator::is_slo(node) => Self::SloGenerator,
            Some(_) => Self::Unknown,
        }
    }
}

/// What other documents refer to.
#[derive(Default)]
struct Everything<'a> {
    // OpenSLO's objects, by kind and name.
    objects: BTreeMap<(&'a str, &'a str), &'a Node>,
    // Objects of a kind and name that there is already.
    twins: Vec<&'a Node>,
    // Sloth's `AlertWindows`.
    windows: Vec<&'a Node>,
    defaults: Defaults,
}

impl<'a> Everything<'a> {
    fn add(&mut self, node: &'a Node) {
        match Format::of(node) {
            Format::OpenSlo(_) => {
                let name = entry(node, "metadata").and_then(|metadata| scalar(metadata, "name"));
                if let (Some(kind), Some(name)) = (scalar(node, "kind"), name) {
                    match self.objects.entry((kind, name)) {
                        Entry::Vacant(free) => {
                            free.insert(node);
                        }
                        Entry::Occupied(_) => self.twins.push(node),
                    }
                }
            }
            Format::SlothObject if scalar(node, "kind") == Some("AlertWindows") => self.windows.push(node),
            _ => {}
        }
    }
}

/// What is wrong, and what is lost.
#[derive(Default)]
struct Report {
    faults: Faults,
    losses: Faults,
    // Keys that the tool itself ignores.
    unknown: Vec<Fault>,
}

impl Report {
    fn lose(&mut self, position: Position, place: &str, message: impl Into<String>, hint: &str) {
        self.losses.add(position, place, Error::new(message).with_hint(hint));
    }

    /// Says that a field has no meaning here, if it is there.
    fn lose_field(&mut self, fields: &Fields<'_>, name: &str, why: &str, hint: &str) {
        if let Some(node) = fields.optional(name) {
            self.lose(node.position, &fields.path(name), format!("`{name}` is left out: {why}"), hint);
        }
    }

    fn told<T>(&mut self, position: Position, place: &str, result: Result<T, Error>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.faults.add(position, place, error);
                None
            }
        }
    }
}

/// A service of another tool, whose SLOs may be in several documents.
struct Foreign {
    position: Position,
    name: Name,
    labels: Labels,
    slos: Vec<(Position, Slo)>,
}

impl Foreign {
    fn merge(&mut self, other: Self, report: &mut Report) {
        for (label, value) in other.labels {
            let kept = self.labels.entry(label).or_insert_with(|| value.clone());
            if *kept != value {
                let message = format!("`{value}` is left out: the service has `{kept}` elsewhere");
                report.lose(other.position, "labels", message, "give a service the same labels everywhere");
            }
        }
        self.slos.extend(other.slos);
    }

    fn finish(mut self, defaults: &Defaults, report: &mut Report) -> Option<(Position, Service)> {
        if self.slos.is_empty() {
            return None;
        }
        let position = self.slos.first().map_or(self.position, |(position, _)| *position);
        self.labels.extend(defaults.labels.clone());
        for (position, slo) in &mut self.slos {
            *slo = set_over_groups(slo.clone(), &self.labels, *position, report);
        }
        let slos = self.slos.into_iter().map(|(_, slo)| slo).collect();
        let interval = defaults.scrape_interval.unwrap_or(lower::SCRAPE_INTERVAL);
        let service = Service::new(self.name, interval, slos);
        let service = report.told(position, "", service)?.with_labels(self.labels);
        report.told(position, "", service.check_groups())?;
        if defaults.scrape_interval.is_some() {
            return Some((position, service));
        }
        report.lose(
            position,
            "",
            format!("how often `{}` is scraped is not said; {interval} is assumed", service.name()),
            "give `--scrape-interval`, or `scrape_interval` in the native form: rules are cheaper and more exact with it",
        );
        Some((position, service.with_assumed_scrape_interval()))
    }
}

/// The SLO without the groups whose label a rule sets: as everywhere in Prometheus, the label of the rule wins.
fn set_over_groups(slo: Slo, of_service: &Labels, position: Position, report: &mut Report) -> Slo {
    let notifications = [Severity::Page, Severity::Ticket].map(|severity| &slo.notification(severity).labels);
    let set: BTreeSet<&LabelName> =
        [of_service, slo.labels()].into_iter().chain(notifications).flat_map(Labels::keys).collect();
    let (lost, kept): (Vec<_>, Vec<_>) =
        slo.by_raw().iter().zip(slo.by()).partition(|(_, recorded)| set.contains(recorded));
    if lost.is_empty() {
        return slo;
    }
    let names = lost.iter().map(|(label, _)| format!("`{label}`")).collect::<Vec<_>>().join(", ");
    report.lose(
        position,
        "",
        format!(
            "`{}` is not grouped by {names}: labels of that name are set on it, and the label of a rule wins",
            slo.name()
        ),
        "drop the labels to group by them",
    );
    let kept = kept.into_iter().map(|(label, _)| label.clone()).collect();
    slo.clone().grouped_by(kept).unwrap_or(slo)
}

fn lower_foreign(
    format: Format,
    node: &Node,
    everything: &Everything<'_>,
    report: &mut Report,
) -> Vec<Foreign> {
    match format {
        Format::Sloth => sloth::document(node, everything, report),
        Format::SlothObject => sloth::object(node, everything, report),
        Format::OpenSlo(version) => openslo::object(version, node, everything, report),
        Format::Pyrra => pyrra::object(node, everything, report),
        Format::SloGenerator => slo_generator::object(node, everything, report),
        Format::Native | Format::Unknown => {
            let api = scalar(node, "apiVersion").unwrap_or_default();
            let error = Error::new(format!("`{api}` is not an API this program reads")).with_hint(
                "known are openslo/v1alpha, openslo/v1, openslo.com/v2alpha, sloth.slok.dev/v1, pyrra.dev/v1alpha1 and \
                 sre.google.com/v2, and documents that begin with `version: slo/v1`",
            );
            let position = entry(node, "apiVersion").map_or(node.position, |node| node.position);
            report.faults.add(position, "apiVersion", error);
            Vec::new()
        }
    }
}

/// An objective in percent without its sign, as other tools write it.
fn percentage(node: &Node, place: &str, report: &mut Report) -> Option<Objective> {
    let text = text(node, place, &mut report.faults)?;
    report.told(node.position, place, format!("{}%", text.trim_end_matches('%')).parse())
}

/// An objective as a share of one.
fn share(node: &Node, place: &str, report: &mut Report) -> Option<Objective> {
    let text = text(node, place, &mut report.faults)?;
    let percent = text.parse::<Ratio>().ok().and_then(|share| share.checked_mul(Ratio::whole(100)));
    let objective = percent.map_or_else(
        || Err(Error::new(format!("`{text}` is not a share")).with_hint("write a number such as 0.999")),
        |percent| format!("{percent}%").parse(),
    );
    report.told(node.position, place, objective)
}

/// Labels of a service or an SLO that are set on `slo_info` and on alerts.
const DESCRIPTIVE: [&str; 3] = ["severity", "objective", "period"];

/// Labels with the names that Prometheus allows. A list of values is written with commas.
fn labels(fields: &Fields<'_>, name: &str, report: &mut Report) -> Labels {
    let Some(node) = fields.optional(name) else { return Labels::new() };
    labels_of(node, &fields.path(name), &DESCRIPTIVE, report)
}

/// Labels of alerts, among which `severity` is the user's. Templates in them would be filled in elsewhere.
fn alert_labels(fields: &Fields<'_>, name: &str, report: &mut Report) -> Labels {
    let Some(node) = fields.optional(name) else { return Labels::new() };
    let labels = labels_of(node, &fields.path(name), &[], report);
    if labels.values().any(|value| value.contains("{{")) {
        report.lose(
            node.position,
            &fields.path(name),
            "templates in labels are not filled in",
            "alerts carry `service`, `slo` and the labels of groups by themselves",
        );
    }
    labels
}

fn labels_of(node: &Node, place: &str, reserved: &[&str], report: &mut Report) -> Labels {
    let mut labels = Labels::new();
    let Value::Map(entries) = &node.value else {
        let error = Error::new(format!("expected labels, found {}", node.kind()));
        report.faults.add(node.position, place, error.with_hint("write `{team: payments}`"));
        return labels;
    };
    for (key, value) in entries {
        let place = format!("{place}.{}", key.text);
        let text = match &value.value {
            Value::List(items) => {
                let items = items.iter().filter_map(|item| text(item, &place, &mut report.faults));
                items.collect::<Vec<_>>().join(",")
            }
            _ => match text(value, &place, &mut report.faults) {
                Some(text) => text.to_owned(),
                None => continue,
            },
        };
        if RESERVED_LABELS.contains(&key.text.as_str()) || reserved.contains(&key.text.as_str()) {
            let message = format!("the label `{}` is left out: the rules set it themselves", key.text);
            report.lose(key.position, &place, message, "give it another name to keep it");
            continue;
        }
        let allowed = prometheus_label(&key.text);
        let Some(label) = report.told::<LabelName>(key.position, &place, allowed.parse()) else { continue };
        if allowed != key.text {
            let message = format!("the label `{}` becomes `{allowed}`", key.text);
            report.lose(key.position, &place, message, "Prometheus allows letters, digits and `_`");
        }
        labels.insert(label, text);
    }
    labels
}

/// A label as Prometheus' own exporters of Kubernetes labels write it.
fn prometheus_label(name: &str) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let name: String = name.chars().map(allowed).collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name }
}

/// Whether a scalar is `true`.
fn is_true(fields: &Fields<'_>, name: &str, report: &mut Report) -> bool {
    let Some(node) = fields.optional(name) else { return false };
    match text(node, &fields.path(name), &mut report.faults) {
        Some("true") => true,
        Some("false") | None => false,
        Some(other) => {
            let error = Error::new(format!("`{other}` is neither `true` nor `false`"))
                .with_hint("write one of the two");
            report.faults.add(node.position, &fields.path(name), error);
            false
        }
    }
}

/// What every Kubernetes object says of itself.
const METADATA: [&str; 12] = [
    "name",
    "displayName",
    "namespace",
    "labels",
    "annotations",
    "creationTimestamp",
    "generation",
    "resourceVersion",
    "uid",
    "selfLink",
    "managedFields",
    "ownerReferences",
];

fn metadata<'a>(fields: &Fields<'a>, report: &mut Report) -> Option<Fields<'a>> {
    let node = fields.required("metadata", "{name: availability}", &mut report.faults)?;
    Fields::of(node, "metadata", &METADATA, &mut report.faults)
}

/// What an object of Kubernetes' shape says of itself, and what it is to be.
fn metadata_and_spec<'a>(
    node: &'a Node,
    example: &str,
    report: &mut Report,
) -> Option<(Fields<'a>, &'a Node)> {
    let known = ["apiVersion", "kind", "metadata", "spec", "status"];
    let fields = Fields::of(node, "", &known, &mut report.faults)?;
    let metadata = metadata(&fields, report);
    let spec = fields.required("spec", example, &mut report.faults);
    Some((metadata?, spec?))
}

/// The policy with tiers that `objective` can fire: other tools write those that never do.
fn reachable(
    policy: Result<AlertPolicy, Error>,
    objective: Objective,
    fields: &Fields<'_>,
    report: &mut Report,
) -> Option<AlertPolicy> {
    let policy = report.told(fields.position, &fields.place, policy)?;
    let Err(error) = policy.check_reachable(objective) else { return Some(policy) };
    let share = AlertPolicy::share_to_fire(objective);
    let lowered = policy.firing_at(objective, share);
    let lowered = lowered.and_then(|policy| policy.check_reachable(objective).map(|()| policy));
    let lowered = report.told(fields.position, &fields.place, lowered)?;
    report.lose(
        fields.position,
        &fields.place,
        format!(
            "{error}; its tiers are lowered to fire when {}% of the events are bad",
            share.to_f64() * 100.0
        ),
        "say another share with `alerting: {fires_at: 50%}`",
    );
    Some(lowered)
}

/// Says that a query gives no number of events.
fn warn_of_levels(sli: &Sli, position: Position, place: &str, report: &mut Report) {
    let Sli::Queries(counters) = sli else { return };
    let [one, other] = match counters {
        EventCounters::TotalBad { total, bad } => [total, bad],
        EventCounters::TotalGood { total, good } => [total, good],
        EventCounters::GoodBad { good, bad } => [good, bad],
    };
    if one.counting() == Counting::Level || other.counting() == Counting::Level {
        report.lose(
            position,
            place,
            "no number of events can be read from these queries; every tile weighs what their values say",
            "count with `rate`, `increase`, `sum_over_time` or `count_over_time`",
        );
    }
}
