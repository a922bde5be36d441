//! Disruption budgets and autoscalers that fit the objective.

use super::{
    Assumptions,
    availability::{fitting, needed},
    landscape::{Landscape, Workload},
};
use crate::manifest::Object;
use slo_core::{
    document::{Key, Node, Value},
    model::Service,
};
use std::{collections::BTreeMap, fmt::Write as _};

/// How many times the fewest pods an autoscaler may start.
const ROOM: u64 = 4;
/// The highest share of the requested CPU that an autoscaler aims at, and the lowest.
const MOST_CPU: u64 = 70;
const LEAST_CPU: u64 = 40;

/// For each workload with an SLO, what fits its objective, as YAML.
///
/// | object | unless |
/// |---|---|
/// | a `PodDisruptionBudget` that lets one pod go, in place of the one that is there | |
/// | a `HorizontalPodAutoscaler` of a Deployment or a Rollout | something scales it already, or a container requests no CPU |
/// | the `ScaledObject` that is there, with the fewest pods, a fallback, and `ignoreNullValues: "false"` | KEDA does not scale it |
#[must_use]
pub fn suggest(objects: &[Object], services: &[Service], assumptions: Assumptions) -> String {
    let landscape = Landscape::of(objects, services);
    let mut documents = Vec::new();
    for workload in landscape.workloads.iter().filter(|workload| workload.replicas.is_some()) {
        let Some((service, slo)) = workload.strictest() else { continue };
        let needed = needed(workload.object);
        let Some(pods) = fitting(slo.objective(), needed, assumptions) else { continue };
        let reason = format!(
            "# For {}/{} ({}): at least {needed} of {pods} pods are up, also while one is evicted, if a pod is up {} of the time.\n",
            service.name(),
            slo.name(),
            slo.objective(),
            slo_core::page::percent(Some(assumptions.pod_availability), 2)
        );
        documents.push(format!("{reason}{}", disruption_budget(workload)));
        match workload.scaler {
            Some(scaler) if scaler.kind == "ScaledObject" => documents.push(scaled_object(scaler, pods)),
            None if can_scale(workload) => documents.push(autoscaler(workload, pods)),
            _ => {}
        }
    }
    documents.join("---\n")
}

/// Whether an autoscaler may start pods of a workload, and has something to go by.
fn can_scale(workload: &Workload<'_>) -> bool {
    let requests = |container: &Node| {
        let of = |kind: &str| container.entry("resources")?.entry(kind)?.scalar("cpu");
        of("requests").or_else(|| of("limits")).is_some()
    };
    matches!(workload.object.kind.as_str(), "Deployment" | "Rollout") && workload.containers().all(requests)
}

/// `apiVersion`, `kind` and `metadata`.
fn head(api_version: &str, kind: &str, name: &str, namespace: Option<&String>) -> String {
    let mut text = format!("apiVersion: {api_version}\nkind: {kind}\nmetadata:\n  name: {}\n", quoted(name));
    if let Some(namespace) = namespace {
        let _infallible = writeln!(text, "  namespace: {}", quoted(namespace));
    }
    text
}

fn disruption_budget(workload: &Workload<'_>) -> String {
    let object = workload.object;
    let labels: BTreeMap<String, String> = object.texts("spec.selector.matchLabels");
    let labels = if labels.is_empty() { workload.labels.clone() } else { labels };
    // Two budgets for one pod would stop every eviction.
    let name = workload.budgets.first().map_or(&object.name, |budget| &budget.name);
    let mut text = head("policy/v1", "PodDisruptionBudget", name, object.namespace.as_ref());
    text.push_str("spec:\n  maxUnavailable: 1\n  unhealthyPodEvictionPolicy: AlwaysAllow\n  selector:\n    matchLabels:\n");
    for (label, value) in labels {
        let _infallible = writeln!(text, "      {}: {}", quoted(&label), quoted(&value));
    }
    text
}

/// The share of the requested CPU at which the others can bear the load of one that fails.
fn cpu_target(pods: u64) -> u64 {
    (MOST_CPU * pods.saturating_sub(1) / pods.max(1)).clamp(LEAST_CPU, MOST_CPU)
}

fn autoscaler(workload: &Workload<'_>, pods: u64) -> String {
    let object = workload.object;
    let mut text = head("autoscaling/v2", "HorizontalPodAutoscaler", &object.name, object.namespace.as_ref());
    let _infallible = write!(
        text,
        "# Remove `replicas` from the workload: the autoscaler writes it.\nspec:\n  scaleTargetRef:\n    apiVersion: {}\n    kind: {}\n    name: {}\n  minReplicas: {pods}\n  maxReplicas: {}\n  metrics:\n    - type: Resource\n      resource:\n        name: cpu\n        target:\n          type: Utilization\n          averageUtilization: {}\n  behavior:\n    scaleDown:\n      stabilizationWindowSeconds: 300\n      policies:\n        - type: Pods\n          value: 1\n          periodSeconds: 60\n",
        quoted(&object.api_version),
        object.kind,
        quoted(&object.name),
        pods.saturating_mul(ROOM),
        cpu_target(pods)
    );
    text
}

/// A `ScaledObject` of KEDA with what it lacks.
fn scaled_object(scaler: &Object, pods: u64) -> String {
    let mut node = scaler.node.clone();
    let number = |number: u64| Value::Scalar { text: number.to_string(), plain: true };
    if let Some(spec) = entry_mut(&mut node, "spec") {
        set(spec, "minReplicaCount", number(pods));
        let most = scaler.number("spec.maxReplicaCount").and_then(|most| u64::try_from(most).ok());
        set(spec, "maxReplicaCount", number(most.unwrap_or(0).max(pods.saturating_mul(ROOM))));
        if spec.entry("fallback").is_none() {
            set(spec, "fallback", Value::Map(Vec::new()));
            if let Some(fallback) = entry_mut(spec, "fallback") {
                set(fallback, "failureThreshold", number(3));
                set(fallback, "replicas", number(pods));
            }
        }
        if let Some(Node { value: Value::List(triggers), .. }) = entry_mut(spec, "triggers") {
            for trigger in triggers.iter_mut().filter(|trigger| trigger.scalar("type") == Some("prometheus"))
            {
                if let Some(metadata) = entry_mut(trigger, "metadata") {
                    set(
                        metadata,
                        "ignoreNullValues",
                        Value::Scalar { text: "false".to_owned(), plain: false },
                    );
                }
            }
        }
    }
    let mut text = String::new();
    write_node(&mut text, &node, 0);
    text
}

fn entry_mut<'a>(node: &'a mut Node, key: &str) -> Option<&'a mut Node> {
    match &mut node.value {
        Value::Map(entries) => entries.iter_mut().find(|(name, _)| name.text == key).map(|(_, value)| value),
        _ => None,
    }
}

fn set(node: &mut Node, key: &str, value: Value) {
    if let Some(entry) = entry_mut(node, key) {
        entry.value = value;
        return;
    }
    let at = node.position;
    if let Value::Map(entries) = &mut node.value {
        entries.push((Key::new(at, key), Node::new(at, value)));
    }
}

/// A node as YAML.
fn write_node(out: &mut String, node: &Node, depth: usize) {
    let indent = "  ".repeat(depth);
    match &node.value {
        Value::Scalar { text, plain } => {
            let _infallible = writeln!(out, "{}", if *plain { text.clone() } else { quoted(text) });
        }
        Value::Map(entries) => {
            for (key, value) in entries {
                let _infallible = write!(out, "{indent}{}:", quoted_key(&key.text));
                write_value(out, value, depth + 1);
            }
        }
        Value::List(items) => {
            for item in items {
                let _infallible = write!(out, "{indent}-");
                match &item.value {
                    Value::Map(entries) if !entries.is_empty() => {
                        // The first entry stands behind the dash.
                        let mut inner = String::new();
                        write_node(&mut inner, item, depth + 1);
                        let _infallible = write!(out, " {}", inner.trim_start());
                    }
                    _ => write_value(out, item, depth + 1),
                }
            }
        }
    }
}

fn write_value(out: &mut String, node: &Node, depth: usize) {
    match &node.value {
        Value::Scalar { .. } => {
            out.push(' ');
            write_node(out, node, 0);
        }
        Value::Map(entries) if entries.is_empty() => out.push_str(" {}\n"),
        Value::List(items) if items.is_empty() => out.push_str(" []\n"),
        _ => {
            out.push('\n');
            write_node(out, node, depth);
        }
    }
}

fn quoted_key(key: &str) -> String {
    let is_plain = key.starts_with(|c: char| c.is_ascii_alphabetic())
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte));
    if is_plain { key.to_owned() } else { quoted(key) }
}

/// A text in quotes, which YAML reads as it is.
fn quoted(text: &str) -> String {
    let text = serde_json::Value::from(text).to_string();
    // Above ASCII, JSON leaves characters that a terminal may act on.
    text.chars()
        .map(|c| if c.is_control() { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() })
        .collect()
}
