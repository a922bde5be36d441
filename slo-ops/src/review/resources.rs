//! What pods need, and what scales them.

use super::{
    Check, Finding, Severity,
    landscape::{Landscape, Workload, same_namespace},
};
use crate::manifest::{Object, cores};
use slo_core::{
    document::{Node, Value},
    model::Sli,
};

pub(super) fn review(landscape: &Landscape<'_>, findings: &mut Vec<Finding>) {
    for workload in &landscape.workloads {
        containers(workload, findings);
    }
    for scaler in landscape.of_kind("HorizontalPodAutoscaler") {
        autoscaler(scaler, landscape, findings);
    }
    for scaler in landscape.of_kind("ScaledObject") {
        scaled_object(scaler, findings);
    }
}

fn containers(workload: &Workload<'_>, findings: &mut Vec<Finding>) {
    let object = workload.object;
    for container in workload.containers() {
        let name = container.scalar("name").unwrap_or_default();
        let of = |kind: &str, what: &str| container.entry("resources")?.entry(kind)?.scalar(what);
        let at = |check, severity, why: String, mend: &str| {
            let mut finding =
                Finding::of(check, severity, (object, "spec.template.spec.containers"), why, mend);
            (finding.place.line, finding.place.column) = (container.position.line, container.position.column);
            finding
        };
        // A limit is a request as well, if there is none.
        let missing: Vec<&str> = ["cpu", "memory"]
            .into_iter()
            .filter(|what| of("requests", what).is_none() && of("limits", what).is_none())
            .collect();
        if !missing.is_empty() {
            let severity = if workload.slos.is_empty() { Severity::Low } else { Severity::Medium };
            findings.push(at(
                Check::NoRequests,
                severity,
                format!("container `{name}` requests no {}: it may be put on a full node, and is the first to be evicted", missing.join(" and no ")),
                "write `resources: {requests: {cpu: …, memory: …}}` of what it needs at its peak",
            ));
        }
        if of("limits", "memory").is_none() && workload.is_served() {
            findings.push(at(
                Check::NoMemoryLimit,
                Severity::Low,
                format!("container `{name}` has no limit of memory: a leak takes the memory of its neighbours before it is stopped"),
                "write `resources: {limits: {memory: …}}`, equal to the request",
            ));
        }
        let limit = of("limits", "cpu").and_then(|text| Some((text, cores(text)?)));
        let has_latency = workload.slos.iter().any(|(_, slo)| matches!(slo.sli(), Sli::Latency(_)));
        if let Some((text, limit)) = limit.filter(|(_, limit)| has_latency && *limit < 1.0) {
            findings.push(at(
                Check::CpuLimitThrottles,
                Severity::Low,
                format!(
                    "with a limit of {text}, container `{name}` may run {:.0} ms of every 100 ms: a request that needs more waits for the next 100 ms, \
                     which a latency SLO sees",
                    limit * 100.0
                ),
                "remove the CPU limit, and keep the request; or raise it to a core",
            ));
        }
        let image = container.scalar("image").unwrap_or_default();
        let version = image.rsplit_once('@').map(|(_, digest)| digest).or_else(|| {
            let last = image.rsplit('/').next()?;
            last.split_once(':').map(|(_, tag)| tag)
        });
        if !image.is_empty() && version.is_none_or(|version| version == "latest") {
            findings.push(at(
                Check::ImageNotPinned,
                Severity::Low,
                format!("`{image}` is another image tomorrow: a rollback to this manifest does not bring this program back"),
                "write a version or a digest",
            ));
        }
    }
}

/// The workload that a scaler scales.
fn target<'a, 'b>(scaler: &Object, landscape: &'b Landscape<'a>) -> Option<&'b Workload<'a>> {
    let (name, kind) = (scaler.text("spec.scaleTargetRef.name")?, scaler.text("spec.scaleTargetRef.kind"));
    landscape.workloads.iter().find(|workload| {
        workload.object.name == name
            && kind.is_none_or(|kind| kind == workload.object.kind)
            && same_namespace(scaler, workload.object)
    })
}

fn autoscaler(scaler: &Object, landscape: &Landscape<'_>, findings: &mut Vec<Finding>) {
    let Some(workload) = target(scaler, landscape) else {
        let (kind, name) = (scaler.text("spec.scaleTargetRef.kind"), scaler.text("spec.scaleTargetRef.name"));
        // It may scale a custom resource, whose pods are not known.
        let is_here = landscape
            .objects
            .iter()
            .any(|object| Some(object.kind.as_str()) == kind && Some(object.name.as_str()) == name);
        if !landscape.workloads.is_empty() && !is_here {
            findings.push(Finding::of(
                Check::HpaTargetMissing,
                Severity::Medium,
                (scaler, "spec.scaleTargetRef"),
                format!(
                    "it scales {}, which is not in these manifests",
                    scaler.text("spec.scaleTargetRef.name").unwrap_or_default()
                ),
                "correct `scaleTargetRef`, or review the manifests of both together",
            ));
        }
        return;
    };
    room(scaler, workload, findings);
    let old = scaler
        .text("spec.targetCPUUtilizationPercentage")
        .map(|_| ("cpu", scaler.place("spec.targetCPUUtilizationPercentage"), None));
    let mut by_requests: Vec<_> = old.into_iter().collect();
    for metric in scaler.list("spec.metrics") {
        let of = metric.entry("resource").or_else(|| metric.entry("containerResource"));
        if let Some(of) = of {
            let is_share = of.entry("target").and_then(|target| target.scalar("type")) == Some("Utilization")
                || of.entry("targetAverageUtilization").is_some();
            if let Some(name) = of.scalar("name").filter(|_| is_share) {
                let container = metric.entry("containerResource").and_then(|of| of.scalar("container"));
                by_requests.push((
                    if name == "memory" { "memory" } else { "cpu" },
                    metric.position,
                    container,
                ));
            }
        }
        if let Some(name) = metric_name(metric).filter(|name| follows_errors(name)) {
            let mut finding = on_errors(scaler, &name);
            (finding.place.line, finding.place.column) = (metric.position.line, metric.position.column);
            findings.push(finding);
        }
    }
    for (what, position, named) in by_requests {
        let lacks = |container: &&Node| {
            let of = |kind: &str| {
                container
                    .entry("resources")
                    .and_then(|node| node.entry(kind))
                    .and_then(|node| node.scalar(what))
            };
            let is_meant = named.is_none() || container.scalar("name") == named;
            is_meant && of("requests").is_none() && of("limits").is_none()
        };
        let Some(container) = workload.containers().find(lacks) else { continue };
        let mut finding = Finding::of(
            Check::HpaWithoutRequests,
            Severity::High,
            (scaler, "spec.metrics"),
            format!(
                "it scales on a share of the requested {what}, and container `{}` of {} requests none: it cannot scale on that",
                container.scalar("name").unwrap_or_default(),
                workload.object
            ),
            format!("write `resources: {{requests: {{{what}: …}}}}`, or scale on an `AverageValue`"),
        );
        (finding.place.line, finding.place.column) = (position.line, position.column);
        findings.push(finding);
    }
}

/// Whether it can scale at all.
fn room(scaler: &Object, workload: &Workload<'_>, findings: &mut Vec<Finding>) {
    let number = |path: &str| scaler.number(path).unwrap_or(1);
    let (least, most) = (number("spec.minReplicas"), number("spec.maxReplicas"));
    let written = workload.object.number("spec.replicas").unwrap_or(1);
    if most < least {
        findings.push(Finding::of(
            Check::HpaWithoutRoom,
            Severity::High,
            (scaler, "spec.maxReplicas"),
            format!("`maxReplicas: {most}` is below `minReplicas: {least}`: Kubernetes refuses it"),
            "write a higher `maxReplicas`",
        ));
    } else if most == least {
        findings.push(Finding::of(
            Check::HpaWithoutRoom,
            Severity::Low,
            (scaler, "spec.maxReplicas"),
            format!("it scales from {least} to {most}: never"),
            "write a higher `maxReplicas`, or remove the autoscaler",
        ));
    } else if most < written {
        findings.push(Finding::of(
            Check::HpaWithoutRoom,
            Severity::Medium,
            (scaler, "spec.maxReplicas"),
            format!(
                "`maxReplicas: {most}` is below the {written} replicas of {}: it scales down at once",
                workload.object
            ),
            "write a higher `maxReplicas`, and remove `replicas` from the workload",
        ));
    }
}

/// The name of a metric that is no resource.
fn metric_name(metric: &Node) -> Option<String> {
    let of = ["external", "pods", "object"].iter().find_map(|kind| metric.entry(kind))?;
    let name =
        of.entry("metric").and_then(|metric| metric.scalar("name")).or_else(|| of.scalar("metricName"))?;
    Some(name.to_owned())
}

/// Whether a metric or a query is about errors: more pods do not mend them, and often make them worse.
fn follows_errors(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["burn_rate", "burnrate", "error_budget", "slo:", "error_rate", "errors_per", "sli_error"]
        .iter()
        .any(|word| text.contains(word))
}

fn on_errors(scaler: &Object, metric: &str) -> Finding {
    Finding::of(
        Check::HpaOnErrors,
        Severity::High,
        (scaler, "spec.metrics"),
        format!(
            "it scales on `{metric}`: a bad release or a broken dependency makes errors that more pods do not mend, and more load for what is broken"
        ),
        "scale on what grows with load: requests, CPU, or the length of a queue",
    )
}

fn scaled_object(scaler: &Object, findings: &mut Vec<Finding>) {
    for trigger in scaler.list("spec.triggers") {
        let Some(metadata) = trigger.entry("metadata") else { continue };
        let at = |mut finding: Finding| {
            (finding.place.line, finding.place.column) = (trigger.position.line, trigger.position.column);
            finding
        };
        if let Some(query) = metadata.scalar("query").filter(|query| follows_errors(query)) {
            findings.push(at(on_errors(scaler, query)));
        }
        if trigger.scalar("type") == Some("prometheus")
            && metadata.scalar("ignoreNullValues") != Some("false")
        {
            findings.push(at(Finding::of(
                Check::KedaNullValues,
                Severity::Medium,
                (scaler, "spec.triggers"),
                "without data, KEDA takes the query for 0 and scales down: a Prometheus that loses the metric takes the pods with it",
                "write `ignoreNullValues: \"false\"` and a `fallback` with the replicas of a normal day",
            )));
        }
    }
    if let (Some(least), Some(most)) =
        (scaler.number("spec.minReplicaCount"), scaler.number("spec.maxReplicaCount"))
        && most <= least
    {
        findings.push(Finding::of(
            Check::HpaWithoutRoom,
            Severity::Low,
            (scaler, "spec.maxReplicaCount"),
            format!("it scales from {least} to {most}: never"),
            "write a higher `maxReplicaCount`",
        ));
    }
    if matches!(scaler.at("spec.triggers").map(|node| &node.value), Some(Value::List(items)) if items.is_empty())
    {
        findings.push(Finding::of(
            Check::HpaWithoutRoom,
            Severity::Low,
            (scaler, "spec.triggers"),
            "it has no trigger: it never scales",
            "write a trigger, or remove it",
        ));
    }
}
