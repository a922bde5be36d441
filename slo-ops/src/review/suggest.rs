//! Disruption budgets and autoscalers that fit the objective.

use super::{
    Assumptions,
    availability::{fitting, needed},
    landscape::{Landscape, Workload},
};
use crate::manifest::Object;
use slo_core::model::Service;
use std::{collections::BTreeMap, fmt::Write as _};

/// How many times the fewest pods an autoscaler may start.
const ROOM: u64 = 4;
/// The share of the requested CPU that it aims at: pods that fail leave their load to the others.
const MOST_CPU: u64 = 70;
/// The fewest pods of an autoscaler whose CPU target is not lowered any more.
const LEAST_CPU: u64 = 40;

/// For each workload with an SLO, a `PodDisruptionBudget` and a `HorizontalPodAutoscaler` that fit its objective, as YAML; for one that
/// KEDA scales, its `ScaledObject` with what it lacks.
#[must_use]
pub fn suggest(objects: &[Object], services: &[Service], assumptions: Assumptions) -> String {
    let landscape = Landscape::of(objects, services);
    let mut documents = Vec::new();
    for workload in landscape.workloads.iter().filter(|workload| workload.replicas.is_some()) {
        let Some((service, slo)) = workload.strictest() else { continue };
        let pods = fitting(slo.objective(), needed(workload.object), assumptions);
        let reason = format!(
            "# For {}/{} ({}): at least {} of {pods} pods are up, also while one is evicted, if a pod is up {} of the time.\n",
            service.name(),
            slo.name(),
            slo.objective(),
            needed(workload.object),
            slo_core::page::percent(Some(assumptions.pod_availability), 2)
        );
        documents.push(format!("{reason}{}", disruption_budget(workload)));
        documents.push(match workload.scaler {
            Some(scaler) if scaler.kind == "ScaledObject" => scaled_object(workload, scaler, pods),
            _ => autoscaler(workload, pods),
        });
    }
    documents.join("---\n")
}

/// `apiVersion`, `kind` and `metadata`.
fn head(api_version: &str, kind: &str, workload: &Workload<'_>) -> String {
    let mut text =
        format!("apiVersion: {api_version}\nkind: {kind}\nmetadata:\n  name: {}\n", workload.object.name);
    if let Some(namespace) = &workload.object.namespace {
        let _infallible = writeln!(text, "  namespace: {namespace}");
    }
    text
}

fn disruption_budget(workload: &Workload<'_>) -> String {
    let labels: BTreeMap<String, String> = workload.object.texts("spec.selector.matchLabels");
    let labels = if labels.is_empty() { workload.labels.clone() } else { labels };
    let mut text = head("policy/v1", "PodDisruptionBudget", workload);
    text.push_str("spec:\n  maxUnavailable: 1\n  unhealthyPodEvictionPolicy: AlwaysAllow\n  selector:\n    matchLabels:\n");
    for (label, value) in labels {
        let _infallible = writeln!(text, "      {label}: {}", quoted(&value));
    }
    text
}

/// The share of the requested CPU at which the others can bear the load of one that fails.
fn cpu_target(pods: u64) -> u64 {
    (MOST_CPU * pods.saturating_sub(1) / pods.max(1)).clamp(LEAST_CPU, MOST_CPU)
}

fn autoscaler(workload: &Workload<'_>, pods: u64) -> String {
    let mut text = head("autoscaling/v2", "HorizontalPodAutoscaler", workload);
    let object = workload.object;
    let _infallible = write!(
        text,
        "spec:\n  scaleTargetRef:\n    apiVersion: {}\n    kind: {}\n    name: {}\n  minReplicas: {pods}\n  maxReplicas: {}\n  metrics:\n    - type: Resource\n      resource:\n        name: cpu\n        target:\n          type: Utilization\n          averageUtilization: {}\n  behavior:\n    scaleDown:\n      stabilizationWindowSeconds: 300\n      policies:\n        - type: Pods\n          value: 1\n          periodSeconds: 60\n",
        object.api_version,
        object.kind,
        object.name,
        pods * ROOM,
        cpu_target(pods)
    );
    text
}

/// What a `ScaledObject` of KEDA lacks, to be merged into it.
fn scaled_object(workload: &Workload<'_>, scaler: &Object, pods: u64) -> String {
    let object = workload.object;
    let mut text =
        format!("apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata:\n  name: {}\n", scaler.name);
    if let Some(namespace) = &scaler.namespace {
        let _infallible = writeln!(text, "  namespace: {namespace}");
    }
    let _infallible = write!(
        text,
        "spec:\n  scaleTargetRef:\n    kind: {}\n    name: {}\n  minReplicaCount: {pods}\n  maxReplicaCount: {}\n  fallback:\n    failureThreshold: 3\n    replicas: {pods}\n  triggers:\n",
        object.kind,
        object.name,
        pods * ROOM
    );
    for trigger in scaler.list("spec.triggers") {
        let kind = trigger.scalar("type").unwrap_or("prometheus");
        let _infallible = write!(text, "    - type: {kind}\n      metadata:\n");
        let mut metadata = trigger.entry("metadata").map(crate::manifest::texts).unwrap_or_default();
        if kind == "prometheus" {
            metadata.insert("ignoreNullValues".to_owned(), "false".to_owned());
        }
        for (key, value) in metadata {
            let _infallible = writeln!(text, "        {key}: {}", quoted(&value));
        }
    }
    text
}

/// A text in quotes, which YAML reads as it is.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
