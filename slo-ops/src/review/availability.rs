//! Enough pods, whatever happens: replicas, disruption budgets, rollouts, spread.

use super::{
    Assumptions, Check, Finding, Severity,
    landscape::{Landscape, Workload},
};
use crate::manifest::Object;
use slo_core::{
    model::{Objective, Slo},
    page,
    stats::binomial_at_least,
};

/// How many of its pods a workload needs at its peak.
pub(super) const PODS_NEEDED: &str = "slo.dev/pods-needed";
/// How long a pod takes to start, if no probe says it, in seconds: an image from the cache, and a small program.
const START: f64 = 30.0;
/// The most pods of a workload that are reckoned with.
const MOST_PODS: u64 = 10_000;
/// How much of the budget one disruption may cost.
pub(super) const DEAR: f64 = 0.01;

pub(super) fn review(landscape: &Landscape<'_>, assumptions: Assumptions, findings: &mut Vec<Finding>) {
    for workload in &landscape.workloads {
        replicas(workload, assumptions, findings);
        budgets(workload, landscape, findings);
        rollout(workload, findings);
        spread(workload, findings);
    }
}

/// The seconds of a full outage that the budget of a period allows.
pub(super) fn budget_seconds(slo: &Slo) -> f64 {
    slo.objective().budget().to_f64() * slo.period().length().as_duration().as_secs_f64()
}

/// How many of its pods a workload needs.
pub(super) fn needed(object: &Object) -> u64 {
    object.annotation(PODS_NEEDED).and_then(|text| text.parse().ok()).unwrap_or(1).clamp(1, MOST_PODS)
}

/// P(at least `needed` of `pods` are up).
pub(super) fn enough(needed: u64, pods: u64, availability: f64) -> f64 {
    if needed > pods {
        return 0.0;
    }
    binomial_at_least(needed, pods, availability).unwrap_or(0.0)
}

/// The fewest pods with which enough are up, also while one of them is evicted. A tenth of the budget may be spent on that.
///
/// `None` if a thousand more would not do.
pub(super) fn fitting(objective: Objective, needed: u64, assumptions: Assumptions) -> Option<u64> {
    let wanted = 1.0 - objective.budget().to_f64() / 10.0;
    let is_enough = |pods: &u64| enough(needed, pods - 1, assumptions.pod_availability) >= wanted;
    (needed + 1..needed + 1_000).find(is_enough)
}

/// How many pods to write into a field, or that no number of pods does.
fn write_pods(field: &str, objective: Objective, needed: u64, assumptions: Assumptions) -> String {
    match fitting(objective, needed, assumptions) {
        Some(pods) => format!("write `{field}: {pods}`"),
        None => format!(
            "no number of pods that are up so seldom keeps {objective}: make the pods more reliable first"
        ),
    }
}

fn replicas(workload: &Workload<'_>, assumptions: Assumptions, findings: &mut Vec<Finding>) {
    let (object, Some(pods)) = (workload.object, workload.replicas) else { return };
    if !workload.is_served() {
        return;
    }
    let (at, path) = match workload.scaler {
        Some(scaler) if scaler.kind == "ScaledObject" => (scaler, "spec.minReplicaCount"),
        Some(scaler) => (scaler, "spec.minReplicas"),
        None => (object, "spec.replicas"),
    };
    let needed = needed(object);
    let field = path.rsplit('.').next().unwrap_or(path);
    if pods == 0 {
        // It is switched off, or scaled to zero on purpose; what comes first then waits for a start.
        if let (Some(scaler), Some((service, slo))) = (workload.scaler, workload.strictest()) {
            let why = format!(
                "without load it has no pod, and the first requests wait for a start or fail, which {}/{} counts",
                service.name(),
                slo.name()
            );
            let mend = write_pods(field, slo.objective(), needed, assumptions);
            findings.push(Finding::of(Check::SingleReplica, Severity::Medium, (scaler, path), why, mend));
        }
        return;
    }
    if pods == 1 {
        let start = start_seconds(workload);
        let (severity, why, mend) = match workload.strictest() {
            None => (
                Severity::Medium,
                format!(
                    "there is {pods} pod: each drain of its node and each crash stops the service for {start:.0} s or more"
                ),
                format!("write `{field}: 2` or more, if the program can run twice"),
            ),
            Some((service, slo)) => {
                let share = start / budget_seconds(slo);
                let severity = if share >= DEAR { Severity::High } else { Severity::Medium };
                (
                    severity,
                    format!(
                        "there is {pods} pod: each drain and each crash is an outage of {start:.0} s or more, {} of the budget of {}/{} ({} over {})",
                        page::percent(Some(share), 1),
                        service.name(),
                        slo.name(),
                        slo.objective(),
                        slo.period()
                    ),
                    format!(
                        "{}, and a PodDisruptionBudget with `maxUnavailable: 1`",
                        write_pods(field, slo.objective(), needed, assumptions)
                    ),
                )
            }
        };
        findings.push(Finding::of(Check::SingleReplica, severity, (at, path), why, mend));
        return;
    }
    let Some((service, slo)) = workload.strictest() else { return };
    let objective = slo.objective();
    let wanted = 1.0 - objective.budget().to_f64();
    let always = enough(needed, pods, assumptions.pod_availability);
    let disrupted = enough(needed, pods - 1, assumptions.pod_availability);
    let severity = match (always < wanted, disrupted < wanted) {
        (true, _) => Severity::High,
        (false, true) => Severity::Medium,
        (false, false) => return,
    };
    let why = format!(
        "if a pod is up {} of the time, at least {needed} of {pods} are up {} of the time, and {} while one is evicted; {}/{} promises {objective}",
        page::percent(Some(assumptions.pod_availability), 2),
        page::percent(Some(always), 4),
        page::percent(Some(disrupted), 4),
        service.name(),
        slo.name()
    );
    let mend = write_pods(field, objective, needed, assumptions);
    findings.push(Finding::of(Check::ReplicasBelowObjective, severity, (at, path), why, mend));
}

/// How long a pod takes to be ready, as its probes say.
pub(super) fn start_seconds(workload: &Workload<'_>) -> f64 {
    let number = |node: &slo_core::document::Node, key: &str| {
        node.scalar(key).and_then(|text| text.parse::<f64>().ok())
    };
    let of_probe = |probe: &slo_core::document::Node| {
        number(probe, "initialDelaySeconds").unwrap_or(0.0) + number(probe, "periodSeconds").unwrap_or(10.0)
    };
    let delays =
        workload.containers().filter_map(|container| container.entry("readinessProbe")).map(of_probe);
    delays.fold(START, f64::max)
}

/// A number or a share of `of`, rounded up as disruption budgets do.
pub(super) fn resolved_up(text: &str, of: u64) -> Option<u64> {
    match text.strip_suffix('%') {
        Some(percent) => Some((percent.parse::<u64>().ok()?.min(100) * of.min(MOST_PODS)).div_ceil(100)),
        None => text.parse().ok(),
    }
}

/// The same, rounded down, as rollouts do with what may be unavailable.
fn resolved_down(text: &str, of: u64) -> Option<u64> {
    match text.strip_suffix('%') {
        Some(percent) => Some(percent.parse::<u64>().ok()?.min(100) * of.min(MOST_PODS) / 100),
        None => text.parse().ok(),
    }
}

/// What a disruption budget allows.
pub(super) struct Evictions {
    path: &'static str,
    written: String,
    /// The pods that it selects, of all workloads together.
    pods: u64,
    /// How many of them may be evicted at once.
    pub(super) allowed: u64,
}

impl Evictions {
    /// `None` if that depends on the nodes, or if the budget says nothing.
    pub(super) fn of(budget: &Object, landscape: &Landscape<'_>) -> Option<Self> {
        let of = landscape
            .workloads
            .iter()
            .filter(|other| other.budgets.iter().any(|one| std::ptr::eq(*one, budget)));
        let pods = of.map(|other| other.replicas).sum::<Option<u64>>()?;
        let field = |path| budget.text(path).and_then(|text| Some((text, resolved_up(text, pods)?)));
        let (path, written, allowed) = match (field("spec.minAvailable"), field("spec.maxUnavailable")) {
            (Some((text, least)), _) => {
                ("spec.minAvailable", format!("minAvailable: {text}"), pods.saturating_sub(least))
            }
            (None, Some((text, most))) => {
                ("spec.maxUnavailable", format!("maxUnavailable: {text}"), most.min(pods))
            }
            (None, None) => return None,
        };
        Some(Self { path, written, pods, allowed })
    }
}

fn budgets(workload: &Workload<'_>, landscape: &Landscape<'_>, findings: &mut Vec<Finding>) {
    let (object, Some(pods)) = (workload.object, workload.replicas) else { return };
    if workload.budgets.is_empty() {
        if pods >= 2 && workload.is_served() {
            let severity = if workload.slos.is_empty() { Severity::Low } else { Severity::Medium };
            findings.push(Finding::of(
                Check::NoDisruptionBudget,
                severity,
                (object, "metadata.name"),
                format!("no PodDisruptionBudget selects its {pods} pods: a drain of several nodes may evict all of them at once"),
                "write a PodDisruptionBudget with `maxUnavailable: 1`; `slo review --suggest` prints it",
            ));
        }
        return;
    }
    for budget in &workload.budgets {
        // A budget may be for the pods of several workloads together.
        let Some(Evictions { path, written, pods, allowed }) = Evictions::of(budget, landscape) else {
            continue;
        };
        if pods > 0 && allowed == 0 {
            findings.push(Finding::of(
                Check::PdbBlocksDrain,
                Severity::High,
                (budget, path),
                format!("`{written}` of {pods} pods allows no eviction: a drain waits for ever, and so does an upgrade of the cluster"),
                if pods == 1 {
                    "run two pods and write `maxUnavailable: 1`; or, if one must do, remove the budget and accept the outage of a drain".to_owned()
                } else {
                    "write `maxUnavailable: 1`".to_owned()
                },
            ));
        } else if pods >= 2 && allowed >= pods && !workload.slos.is_empty() {
            findings.push(Finding::of(
                Check::PdbAllowsAll,
                Severity::Medium,
                (budget, path),
                format!("`{written}` lets a drain evict all {pods} pods at once"),
                "write `maxUnavailable: 1`",
            ));
        }
    }
}

fn rollout(workload: &Workload<'_>, findings: &mut Vec<Finding>) {
    let (object, Some(pods)) = (workload.object, workload.replicas) else { return };
    if object.kind != "Deployment" || !workload.is_served() || pods == 0 {
        return;
    }
    let start = start_seconds(workload);
    let share = workload.strictest().map(|(_, slo)| start / budget_seconds(slo));
    let severity = match share {
        None => Severity::Low,
        Some(share) if share >= DEAR => Severity::High,
        Some(_) => Severity::Medium,
    };
    let cost = share.map_or_else(String::new, |share| {
        format!(": {start:.0} s or more, {} of the budget", page::percent(Some(share), 1))
    });
    if object.text("spec.strategy.type") == Some("Recreate") {
        findings.push(Finding::of(
            Check::RolloutWithoutPods,
            severity,
            (object, "spec.strategy.type"),
            format!("with `type: Recreate`, each rollout stops all pods before it starts new ones{cost}"),
            "write `type: RollingUpdate`, if two versions can run at the same time",
        ));
        return;
    }
    let path = "spec.strategy.rollingUpdate.maxUnavailable";
    let Some(text) = object.text(path) else { return };
    let surge = object
        .text("spec.strategy.rollingUpdate.maxSurge")
        .and_then(|text| resolved_up(text, pods))
        .unwrap_or(1);
    let unavailable = resolved_down(text, pods).unwrap_or(0);
    // Where both are nothing, Kubernetes lets one pod go.
    let unavailable = if unavailable == 0 && surge == 0 { 1 } else { unavailable };
    if unavailable >= pods && pods > 1 {
        findings.push(Finding::of(
            Check::RolloutWithoutPods,
            severity,
            (object, path),
            format!("`maxUnavailable: {text}` of {pods} pods lets a rollout stop all of them at once{cost}"),
            "write `maxUnavailable: 0` and `maxSurge: 1`",
        ));
    }
}

fn spread(workload: &Workload<'_>, findings: &mut Vec<Finding>) {
    let object = workload.object;
    let is_spread = !object.list("spec.template.spec.topologySpreadConstraints").is_empty()
        || object.at("spec.template.spec.affinity.podAntiAffinity").is_some();
    if is_spread || !workload.is_served() || workload.replicas.is_none_or(|pods| pods < 2) {
        return;
    }
    let severity = if workload.slos.is_empty() { Severity::Low } else { Severity::Medium };
    findings.push(Finding::of(
        Check::NoSpread,
        severity,
        (object, "spec.template.spec"),
        "the scheduler prefers to spread pods, but may put all of them on one node or into one zone: its failure is an outage",
        "write `topologySpreadConstraints` with `topologyKey: kubernetes.io/hostname`, `maxSkew: 1` and `whenUnsatisfiable: ScheduleAnyway`",
    ));
}
