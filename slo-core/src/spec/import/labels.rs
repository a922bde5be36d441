//! Labels of other tools, with the names that Prometheus allows.

use super::report::Report;
use crate::{
    Error,
    document::{Fields, Node, Value, text},
    model::{LabelName, Labels, RESERVED_LABELS},
};

/// Labels that are reserved in services and SLOs, because the rules set them.
pub(super) const DESCRIPTIVE: [&str; 3] = ["severity", "objective", "period"];

/// Labels with the names that Prometheus allows. A list of values is written with commas.
pub(super) fn labels(fields: &Fields<'_>, name: &str, report: &mut Report) -> Labels {
    let Some(node) = fields.optional(name) else { return Labels::new() };
    labels_of(node, &fields.path(name), &DESCRIPTIVE, report)
}

/// Labels of alerts, which may include `severity`. Templates in them are not filled in.
pub(super) fn alert_labels(fields: &Fields<'_>, name: &str, report: &mut Report) -> Labels {
    let Some(node) = fields.optional(name) else { return Labels::new() };
    let labels = labels_of(node, &fields.path(name), &[], report);
    if labels.values().any(|value| value.contains("{{")) {
        report.change(
            node.position,
            &fields.path(name),
            "templates in labels are not filled in",
            "remove them; alerts have `service`, `slo` and the labels of their group",
        );
    }
    labels
}

pub(super) fn labels_of(node: &Node, place: &str, reserved: &[&str], report: &mut Report) -> Labels {
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
            report.change(key.position, &place, message, "Prometheus allows letters, digits and `_`");
        }
        labels.insert(label, text);
    }
    labels
}

/// A label name with `_` in place of every character that Prometheus does not allow.
fn prometheus_label(name: &str) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let name: String = name.chars().map(allowed).collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name }
}
