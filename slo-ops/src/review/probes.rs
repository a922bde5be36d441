//! From the first request of a pod to its last: probes, grace, stopping.

use super::{
    Check, Finding, Severity,
    availability::{DEAR, budget_seconds},
    landscape::{Landscape, Workload, scalar},
};
use slo_core::{
    document::{Node, Value},
    model::Sli,
    page,
};

/// Kubernetes' defaults (Pod API, `Probe` and `PodSpec`).
const PERIOD: f64 = 10.0;
const FAILURES: f64 = 3.0;
const TIMEOUT: f64 = 1.0;
pub(super) const GRACE: f64 = 30.0;

pub(super) fn review(landscape: &Landscape<'_>, findings: &mut Vec<Finding>) {
    for workload in landscape.workloads.iter().filter(|workload| workload.is_served()) {
        readiness(workload, findings);
        liveness(workload, findings);
        stopping(workload, findings);
    }
}

fn number(node: &Node, key: &str, otherwise: f64) -> f64 {
    node.scalar(key).and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// The containers that requests reach: those with ports, or else all.
fn serving<'a>(workload: &Workload<'a>) -> Vec<&'a Node> {
    let with_ports: Vec<&Node> =
        workload.containers().filter(|container| container.entry("ports").is_some()).collect();
    if with_ports.is_empty() { workload.containers().collect() } else { with_ports }
}

fn readiness(workload: &Workload<'_>, findings: &mut Vec<Finding>) {
    let object = workload.object;
    let containers = serving(workload);
    let probes: Vec<&Node> =
        containers.iter().filter_map(|container| container.entry("readinessProbe")).collect();
    if probes.is_empty() {
        if containers.is_empty() {
            return;
        }
        let severity = if workload.slos.is_empty() { Severity::Low } else { Severity::Medium };
        let mut finding = Finding::of(
            Check::NoReadinessProbe,
            severity,
            (object, "spec.template.spec.containers"),
            "no container has a readiness probe: a pod gets requests as soon as its process runs, at each rollout and each restart",
            "write a `readinessProbe` that asks for what requests need",
        );
        if let Some(first) = containers.first() {
            finding.place.line = first.position.line;
            finding.place.column = first.position.column;
        }
        findings.push(finding);
        return;
    }
    let (Some(pods), Some((service, slo))) =
        (workload.replicas.filter(|pods| *pods >= 2), workload.strictest())
    else {
        return;
    };
    for probe in probes {
        let (period, failures, timeout) = (
            number(probe, "periodSeconds", PERIOD),
            number(probe, "failureThreshold", FAILURES),
            number(probe, "timeoutSeconds", TIMEOUT),
        );
        // On average half a period until the first probe that fails; then the others, and the time-out of the last.
        let seconds = period * (failures - 0.5) + timeout;
        let share = seconds / pods as f64 / budget_seconds(slo);
        if share >= DEAR {
            let mut finding = Finding::of(
                Check::SlowReadinessProbe,
                Severity::Medium,
                (object, "spec.template.spec.containers"),
                format!(
                    "a dead pod gets one in {pods} requests for another {seconds:.0} s (period {period:.0} s × {failures:.0} failures): \
                     each time, {} of the budget of {}/{}",
                    page::percent(Some(share), 1),
                    service.name(),
                    slo.name()
                ),
                "write `periodSeconds: 5` and `failureThreshold: 2`, or run more pods",
            );
            (finding.place.line, finding.place.column) = (probe.position.line, probe.position.column);
            findings.push(finding);
        }
    }
}

/// The longest threshold of a latency SLO, in seconds.
fn slowest(workload: &Workload<'_>) -> Option<f64> {
    let thresholds = workload.slos.iter().filter_map(|(_, slo)| match slo.sli() {
        Sli::Latency(latency) => Some(latency.threshold().as_duration().as_secs_f64()),
        _ => None,
    });
    thresholds.max_by(f64::total_cmp)
}

fn liveness(workload: &Workload<'_>, findings: &mut Vec<Finding>) {
    for container in workload.containers() {
        let Some(probe) = container.entry("livenessProbe") else { continue };
        let at = |mut finding: Finding| {
            (finding.place.line, finding.place.column) = (probe.position.line, probe.position.column);
            finding
        };
        let timeout = number(probe, "timeoutSeconds", TIMEOUT);
        if let Some(slowest) = slowest(workload).filter(|slowest| timeout < *slowest) {
            findings.push(at(Finding::of(
                Check::ImpatientLivenessProbe,
                Severity::Medium,
                (workload.object, "spec.template.spec.containers"),
                format!(
                    "the liveness probe waits {timeout} s, and a request may take {slowest} s by the SLO: under load, Kubernetes restarts pods that are slow, \
                     and the others get their load"
                ),
                format!("write `timeoutSeconds: {:.0}`", (2.0 * slowest).ceil()),
            )));
        }
        let Some(ready) = container.entry("readinessProbe") else { continue };
        let patience = |probe: &Node| {
            number(probe, "periodSeconds", PERIOD) * number(probe, "failureThreshold", FAILURES)
        };
        let asks = |probe: &Node| {
            ["httpGet", "tcpSocket", "exec", "grpc"]
                .iter()
                .find_map(|kind| Some((*kind, flat(probe.entry(kind)?))))
        };
        if asks(probe).is_some() && asks(probe) == asks(ready) && patience(probe) <= patience(ready) {
            findings.push(at(Finding::of(
                Check::LivenessAsReadiness,
                Severity::Low,
                (workload.object, "spec.template.spec.containers"),
                "both probes ask the same, and the liveness probe gives up no later: whatever makes a pod unready for a moment, such as a slow dependency, \
                 restarts it",
                "let the liveness probe ask only whether the process works, and give it a higher `failureThreshold`",
            )));
        }
    }
}

/// A node as text, to compare it.
fn flat(node: &Node) -> String {
    match &node.value {
        Value::Scalar { text, .. } => text.clone(),
        Value::List(items) => items.iter().map(flat).collect::<Vec<_>>().join("\n"),
        Value::Map(entries) => {
            let mut all: Vec<String> =
                entries.iter().map(|(key, node)| format!("{}\t{}", key.text, flat(node))).collect();
            all.sort();
            all.join("\n")
        }
    }
}

fn stopping(workload: &Workload<'_>, findings: &mut Vec<Finding>) {
    let object = workload.object;
    let path = "spec.template.spec.terminationGracePeriodSeconds";
    let grace = object.text(path).and_then(|text| text.parse().ok()).unwrap_or(GRACE);
    let mut has_pre_stop = false;
    for container in workload.containers() {
        let Some(hook) = container.entry("lifecycle").and_then(|node| node.entry("preStop")) else {
            continue;
        };
        has_pre_stop = true;
        let Some(sleep) = sleeps(hook) else { continue };
        let slowest = slowest(workload).unwrap_or(0.0);
        if grace <= sleep {
            findings.push(Finding::of(
                Check::GraceTooShort,
                Severity::High,
                (object, path),
                format!("the pod waits {sleep} s before it stops, and is killed after {grace} s: it never gets SIGTERM, and its requests are cut off at each rollout"),
                format!("write `terminationGracePeriodSeconds: {:.0}`", (sleep + (2.0 * slowest).max(10.0)).ceil()),
            ));
        } else if grace < sleep + slowest {
            findings.push(Finding::of(
                Check::GraceTooShort,
                Severity::Medium,
                (object, path),
                format!("after {sleep} s of waiting, {:.0} s are left until the pod is killed, and a request may take {slowest} s by the SLO", grace - sleep),
                format!("write `terminationGracePeriodSeconds: {:.0}`", (sleep + 2.0 * slowest).ceil()),
            ));
        }
    }
    let is_too_short = !has_pre_stop && slowest(workload).is_some_and(|slowest| grace < slowest);
    if is_too_short {
        findings.push(Finding::of(
            Check::GraceTooShort,
            Severity::Medium,
            (object, path),
            format!("a pod is killed {grace} s after SIGTERM, and a request may take longer by the SLO"),
            "write a longer `terminationGracePeriodSeconds`",
        ));
    }
    if !has_pre_stop && !workload.slos.is_empty() && workload.object.kind != "StatefulSet" {
        findings.push(Finding::of(
            Check::NoPreStop,
            Severity::Low,
            (object, "spec.template.spec.containers"),
            "a pod gets SIGTERM while load balancers still send it requests: for a second or more, those fail if the program closes its port at once",
            "write `lifecycle: {preStop: {sleep: {seconds: 5}}}`, or let the program serve for some seconds after SIGTERM",
        ));
    }
}

/// How long a hook sleeps, in seconds, if that is all it does.
fn sleeps(hook: &Node) -> Option<f64> {
    if let Some(sleep) = hook.entry("sleep") {
        return sleep.scalar("seconds")?.parse().ok();
    }
    let Value::List(words) = &hook.entry("exec")?.entry("command")?.value else { return None };
    let text = words.iter().filter_map(scalar).collect::<Vec<_>>().join(" ");
    // What is in a branch or a loop may not run, or run often.
    if ["||", "&& !", "if ", "while ", "until ", "for ", "case "].iter().any(|word| text.contains(word)) {
        return None;
    }
    let mut words = text.split([' ', ';', '&', '\n', '\t']).filter(|word| !word.is_empty());
    words.find(|word| word.rsplit('/').next() == Some("sleep"))?;
    let length = words.next()?;
    let (number, unit) =
        length.split_at(length.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(length.len()));
    let seconds = match unit {
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        _ => return None,
    };
    Some(number.parse::<f64>().ok()? * seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use slo_core::document::documents;

    #[test]
    fn only_a_plain_sleep_is_one() {
        for (hook, seconds) in [
            ("{sleep: {seconds: 5}}", Some(5.0)),
            ("{exec: {command: [sleep, '10']}}", Some(10.0)),
            ("{exec: {command: [/bin/sh, -c, 'sleep 15; nginx -s quit']}}", Some(15.0)),
            ("{exec: {command: [/bin/sh, -c, '/bin/sleep 2m']}}", Some(120.0)),
            ("{exec: {command: [/bin/sh, -c, 'usleep 500000']}}", None),
            ("{exec: {command: [/bin/sh, -c, 'while true; do sleep 1; done']}}", None),
            ("{exec: {command: [/app/stop]}}", None),
            ("{httpGet: {path: /stop}}", None),
        ] {
            assert_eq!(sleeps(&documents(hook).unwrap()[0]), seconds, "{hook}");
        }
    }
}
