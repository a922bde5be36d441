//! Whether SLOs see what happens: scrapes, labels, retention, runbooks.

use super::{
    Check, Finding, Severity,
    landscape::{Landscape, Workload, identities, same_namespace, selects, watches},
};
use crate::manifest::Object;
use slo_core::model::{MatchOp, Service, Severity as AlertSeverity, Window};

pub(super) fn review(landscape: &Landscape<'_>, services: &[Service], findings: &mut Vec<Finding>) {
    selectors(landscape, findings);
    for workload in &landscape.workloads {
        scraped(workload, landscape, findings);
        // Without a spec, nobody asks for SLOs.
        if !services.is_empty() && workload.is_exposed && workload.slos.is_empty() {
            findings.push(Finding::of(
                Check::NoSlo,
                Severity::Medium,
                (workload.object, "metadata.name"),
                "it is reachable from outside the cluster, and no SLO counts its events",
                "write an SLO whose selectors have one of its labels, such as job or app",
            ));
        }
    }
    for prometheus in landscape.of_kind("Prometheus") {
        retention(prometheus, services, findings);
    }
    for (service, slo) in
        services.iter().flat_map(|service| service.slos().iter().map(move |slo| (service, slo)))
    {
        let name = format!("{}/{}", service.name(), slo.name());
        let of = landscape.workloads.iter().filter(|workload| {
            workload
                .slos
                .iter()
                .any(|(one, other)| one.name() == service.name() && other.name() == slo.name())
        });
        let mut is_here = false;
        for workload in of {
            is_here = true;
            contradictions(&name, slo, workload, findings);
        }
        if !is_here && !landscape.workloads.is_empty() {
            findings.push(Finding::of_slo(
                Check::SloSelectsNothing,
                Severity::Low,
                &name,
                "no workload in these manifests is called as one of the labels that it selects, so nothing here is held against it",
                "review the manifests of its service together with it, or select a label such as job or app",
            ));
        }
        let page = slo.notification(AlertSeverity::Page);
        let has_page = slo.policy().tiers().iter().any(|tier| tier.severity() == AlertSeverity::Page);
        let has_runbook =
            page.response.is_some() || page.annotations.keys().any(|name| name.as_str().contains("runbook"));
        if has_page && !has_runbook {
            findings.push(Finding::of_slo(
                Check::NoRunbook,
                Severity::Low,
                &name,
                "its pages name no runbook and no response",
                "write `alerting: {page: {response: …}}`, or an annotation `runbook_url`",
            ));
        }
    }
}

/// Labels that controllers give to pods (Kubernetes, well-known labels).
const GIVEN: [&str; 5] = [
    "statefulset.kubernetes.io/pod-name",
    "apps.kubernetes.io/pod-index",
    "controller-revision-hash",
    "pod-template-hash",
    "rollouts-pod-template-hash",
];

/// Services and disruption budgets that select no pod.
fn selectors(landscape: &Landscape<'_>, findings: &mut Vec<Finding>) {
    let templates: Vec<(&Object, std::collections::BTreeMap<String, String>)> = landscape
        .objects
        .iter()
        .filter_map(|object| {
            let path = if object.kind == "Pod" {
                "metadata.labels".to_owned()
            } else {
                format!("{}.metadata.labels", object.pod_template()?)
            };
            Some((object, object.texts(&path)))
        })
        .collect();
    if templates.is_empty() {
        return;
    }
    for object in landscape.objects {
        let is_of = |labels: &std::collections::BTreeMap<String, String>| match object.kind.as_str() {
            "Service" => {
                object.texts("spec.selector").iter().all(|(label, value)| labels.get(label) == Some(value))
            }
            _ => object.at("spec.selector").is_some_and(|selector| selects(selector, labels)),
        };
        let has_selector = match object.kind.as_str() {
            "Service" => {
                !object.texts("spec.selector").is_empty() && object.text("spec.type") != Some("ExternalName")
            }
            "PodDisruptionBudget" | "PodMonitor" => object.at("spec.selector").is_some(),
            _ => false,
        };
        let is_near = |other: &Object| match object.kind.as_str() {
            "PodMonitor" => watches(object, other),
            _ => same_namespace(object, other),
        };
        // Labels that controllers give to pods are in no manifest.
        let is_given = |label: &String| GIVEN.contains(&label.as_str());
        let has_given = ["spec.selector", "spec.selector.matchLabels"]
            .iter()
            .any(|path| object.texts(path).keys().any(is_given));
        if !has_selector
            || has_given
            || templates.iter().any(|(other, labels)| is_near(other) && is_of(labels))
        {
            continue;
        }
        findings.push(Finding::of(
            Check::SelectsNothing,
            Severity::Medium,
            (object, "spec.selector"),
            "its selector matches the labels of no pod in these manifests",
            "use the labels of the pod template, such as app.kubernetes.io/name",
        ));
    }
}

fn scraped(workload: &Workload<'_>, landscape: &Landscape<'_>, findings: &mut Vec<Finding>) {
    let Some((service, _)) = workload.strictest() else { return };
    let object = workload.object;
    let has_annotation =
        object.texts("spec.template.metadata.annotations").contains_key("prometheus.io/scrape")
            || workload.services.iter().any(|service| service.annotation("prometheus.io/scrape").is_some());
    let has_operator = landscape.objects.iter().any(|object| {
        matches!(object.kind.as_str(), "ServiceMonitor" | "PodMonitor" | "ScrapeConfig" | "Prometheus")
    });
    if workload.monitors.is_empty() && !has_annotation && has_operator {
        findings.push(Finding::of(
            Check::NotScraped,
            Severity::Medium,
            (object, "metadata.name"),
            "no ServiceMonitor and no PodMonitor selects it: its SLO has no events",
            "write a ServiceMonitor whose selector has the labels of its Service",
        ));
    }
    for monitor in &workload.monitors {
        let path = if monitor.kind == "PodMonitor" { "spec.podMetricsEndpoints" } else { "spec.endpoints" };
        for endpoint in monitor.list(path) {
            let Some(interval) = endpoint.scalar("interval").and_then(|text| text.parse::<Window>().ok())
            else {
                continue;
            };
            let expected = service.scrape_interval();
            if interval == expected || (interval < expected && service.scrape_interval_is_assumed()) {
                continue;
            }
            let mut finding = Finding::of(
                Check::ScrapeInterval,
                Severity::Medium,
                (monitor, path),
                format!(
                    "it scrapes every {interval}, and the spec of {} says {expected}: windows of alerts and tiles are made for that",
                    service.name()
                ),
                format!("write `interval: {expected}` here, or `scrape_interval: {interval}` there"),
            );
            (finding.place.line, finding.place.column) = (endpoint.position.line, endpoint.position.column);
            findings.push(finding);
        }
    }
}

/// Containers that meshes add to pods, which are in no manifest.
const INJECTED: [&str; 3] = ["istio-proxy", "linkerd-proxy", "envoy"];

/// Labels that an SLO selects, and the pods do not have.
fn contradictions(
    name: &str,
    slo: &slo_core::model::Slo,
    workload: &Workload<'_>,
    findings: &mut Vec<Finding>,
) {
    let initial = workload.object.list("spec.template.spec.initContainers").iter();
    let all = workload.containers().chain(initial);
    let containers: Vec<&str> = all.filter_map(|container| container.scalar("name")).collect();
    for matcher in identities(slo) {
        let is_wrong = match matcher.label.as_str() {
            "container" => {
                let value = matcher.value.as_str();
                matcher.op == MatchOp::Equal && !containers.contains(&value) && !INJECTED.contains(&value)
            }
            _ => false,
        };
        if is_wrong {
            findings.push(Finding::of_slo(
                Check::SloSelectsNothing,
                Severity::Medium,
                name,
                format!(
                    "it selects {matcher}, and {} has the containers {}: it counts nothing",
                    workload.object,
                    containers.join(", ")
                ),
                "select a label that the series of the pods have",
            ));
        }
    }
}

/// A Prometheus that forgets before the period is over.
fn retention(prometheus: &Object, services: &[Service], findings: &mut Vec<Finding>) {
    let path = "spec.retention";
    // What is kept elsewhere, or as long as there is room, is not known here.
    let is_elsewhere = ["spec.remoteWrite", "spec.thanos"].iter().any(|path| prometheus.at(path).is_some());
    if is_elsewhere || (prometheus.text(path).is_none() && prometheus.text("spec.retentionSize").is_some()) {
        return;
    }
    // Its operator's default is a day.
    let written = prometheus.text(path).unwrap_or("24h");
    let Ok(kept) = written.parse::<Window>() else { return };
    let longest = services
        .iter()
        .flat_map(|service| service.slos().iter().map(move |slo| (service, slo)))
        .max_by_key(|(_, slo)| slo.period().length());
    let Some((service, slo)) = longest.filter(|(_, slo)| slo.period().length() > kept) else { return };
    findings.push(Finding::of(
        Check::Retention,
        Severity::Medium,
        (prometheus, path),
        format!(
            "it keeps {written}, and the period of {}/{} is {}: its budget is that of {written}",
            service.name(),
            slo.name(),
            slo.period()
        ),
        format!("write `retention: {}`, or more for reports on past months", slo.period().length()),
    ));
}
