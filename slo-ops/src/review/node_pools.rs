//! Node pools of AKS: what an upgrade of the nodes costs, whether it ends, and zones.

use super::{
    Check, Finding, Severity,
    availability::{Evictions, budget_seconds, needed, resolved_up, start_seconds},
    landscape::{Landscape, Workload, scalar},
    probes::GRACE,
};
use crate::manifest::{AGENT_POOL, Object};
use slo_core::{
    document::Node,
    model::{Service, Slo},
    page,
};
use std::collections::BTreeSet;

/// How many nodes AKS adds for an upgrade if the pool does not say it.
const SURGE: &str = "10%";
/// How long AKS waits for a drain, in minutes.
const DRAIN: f64 = 30.0;
/// What share of the budget an upgrade may cost before it is a high finding, and a medium one.
const HIGH: f64 = 0.1;
const MEDIUM: f64 = 0.01;
/// The label and the taint of spot nodes.
const SPOT: &str = "kubernetes.azure.com/scalesetpriority";

pub(super) fn review(landscape: &Landscape<'_>, findings: &mut Vec<Finding>) {
    let pools: Vec<&Object> = landscape.of_kind(AGENT_POOL).collect();
    for workload in &landscape.workloads {
        let (Some(slo), Some(pods)) = (workload.strictest(), workload.replicas.filter(|pods| *pods > 0))
        else {
            continue;
        };
        let homes: Vec<&Object> = pools.iter().copied().filter(|pool| may_run(workload, pool)).collect();
        for pool in &homes {
            if let Some(upgrade) = Upgrade::of(pool) {
                costs(workload, pods, slo, landscape, &upgrade, findings);
                ends(workload, pods, landscape, &upgrade, findings);
            }
        }
        zones(workload, slo, &homes, findings);
    }
}

/// An upgrade of a node pool: nodes are added, as many old ones are drained at once and made anew, and so on.
struct Upgrade<'a> {
    pool: &'a Object,
    nodes: u64,
    at_once: u64,
}

impl<'a> Upgrade<'a> {
    /// `None` if the number of nodes is not known, or if there are none.
    fn of(pool: &'a Object) -> Option<Self> {
        let number = |path: &str| pool.number(path).and_then(|number| u64::try_from(number).ok());
        let nodes = number("count").or_else(|| number("minCount")).filter(|nodes| *nodes > 0)?;
        let share = |path: &str, default: &str| {
            let text = pool.text(path).filter(|text| *text != "null").unwrap_or(default);
            resolved_up(text, nodes).unwrap_or(0)
        };
        let surge = share("upgradeSettings.maxSurge", SURGE);
        let unavailable = share("upgradeSettings.maxUnavailable", "0");
        let at_once = if surge > 0 { surge } else { unavailable };
        Some(Self { pool, nodes, at_once: at_once.clamp(1, nodes) })
    }

    const fn rounds(&self) -> u64 {
        self.nodes.div_ceil(self.at_once)
    }
}

/// How many pods may be on the nodes that are drained at once.
fn pods_drained(workload: &Workload<'_>, pods: u64, upgrade: &Upgrade<'_>) -> u64 {
    let is_spread = !workload.object.list("spec.template.spec.topologySpreadConstraints").is_empty()
        || workload.object.at("spec.template.spec.affinity.podAntiAffinity").is_some();
    // Without a rule, all pods may be on one node.
    if is_spread { (pods.div_ceil(upgrade.nodes) * upgrade.at_once).min(pods) } else { pods }
}

/// How many pods its disruption budgets let go at once; `None` without any.
fn allowed(workload: &Workload<'_>, landscape: &Landscape<'_>) -> Option<u64> {
    let evictions = workload.budgets.iter().filter_map(|budget| Evictions::of(budget, landscape));
    evictions.map(|evictions| evictions.allowed).min()
}

fn costs(
    workload: &Workload<'_>,
    pods: u64,
    (service, slo): (&Service, &Slo),
    landscape: &Landscape<'_>,
    upgrade: &Upgrade<'_>,
    findings: &mut Vec<Finding>,
) {
    let drained = pods_drained(workload, pods, upgrade);
    let gone = allowed(workload, landscape).map_or(drained, |allowed| allowed.min(drained));
    let needed = needed(workload.object);
    let missing = needed.saturating_sub(pods - gone);
    if missing == 0 {
        return;
    }
    let start = start_seconds(workload);
    let share_of_requests = missing as f64 / needed as f64;
    // Evicted pods may go to a node that is drained later.
    let worst = upgrade.rounds() as f64 * start * share_of_requests;
    let share = worst / budget_seconds(slo);
    let severity = if share >= HIGH {
        Severity::High
    } else if share >= MEDIUM {
        Severity::Medium
    } else {
        Severity::Low
    };
    let why = format!(
        "an upgrade drains the {} nodes of the pool {} {} at a time, and {gone} of {pods} pods may go at once, of which {needed} must stay: \
         up to {worst:.0} s of outage, {} of the budget of {}/{} ({} over {})",
        upgrade.nodes,
        upgrade.pool.name,
        upgrade.at_once,
        page::percent(Some(share), 1),
        service.name(),
        slo.name(),
        slo.objective(),
        slo.period()
    );
    let mend = if pods > needed {
        "write a PodDisruptionBudget with `maxUnavailable: 1`, and `topologySpreadConstraints`".to_owned()
    } else {
        format!("run {} pods or more, with a PodDisruptionBudget of `maxUnavailable: 1`", needed + 1)
    };
    findings.push(Finding::of(
        Check::UpgradeCostsBudget,
        severity,
        (workload.object, "spec.replicas"),
        why,
        mend,
    ));
}

fn ends(
    workload: &Workload<'_>,
    pods: u64,
    landscape: &Landscape<'_>,
    upgrade: &Upgrade<'_>,
    findings: &mut Vec<Finding>,
) {
    // A budget that allows nothing is a finding of its own.
    let Some(allowed) = allowed(workload, landscape).filter(|allowed| *allowed > 0) else { return };
    let path = "spec.template.spec.terminationGracePeriodSeconds";
    let grace: f64 = workload.object.text(path).and_then(|text| text.parse().ok()).unwrap_or(GRACE);
    let each = grace + start_seconds(workload);
    let drained = pods_drained(workload, pods, upgrade);
    let time = drained.div_ceil(allowed) as f64 * each;
    let path = "upgradeSettings.drainTimeoutInMinutes";
    let limit = upgrade.pool.text(path).and_then(|text| text.parse().ok()).unwrap_or(DRAIN) * 60.0;
    if time <= limit {
        return;
    }
    findings.push(Finding::of(
        Check::DrainTimeout,
        Severity::High,
        (upgrade.pool, path),
        format!(
            "{drained} pods of {} may be on the nodes that are drained at once, {allowed} may go at a time, and each takes up to {each:.0} s: {:.0} min, \
             but an upgrade gives up after {:.0} min and leaves the pool half done",
            workload.object,
            time / 60.0,
            limit / 60.0
        ),
        "let more pods go at a time, spread them over the nodes, or wait longer: `az aks nodepool update --drain-timeout`",
    ));
}

fn zones(
    workload: &Workload<'_>,
    (service, slo): (&Service, &Slo),
    homes: &[&Object],
    findings: &mut Vec<Finding>,
) {
    let Some(first) = homes.first() else { return };
    let zones: BTreeSet<&str> =
        homes.iter().flat_map(|pool| pool.list("availabilityZones")).filter_map(scalar).collect();
    if zones.len() > 1 {
        return;
    }
    let names: Vec<&str> = homes.iter().map(|pool| pool.name.as_str()).collect();
    let where_ = zones.first().map_or_else(|| "in no zone".to_owned(), |zone| format!("in zone {zone}"));
    findings.push(Finding::of(
        Check::OneZone,
        Severity::Low,
        (first, "availabilityZones"),
        format!(
            "{} may run on the nodes of {} only, all of them {where_}: a failure there is an outage, and {}/{} allows {:.0} min in {}",
            workload.object,
            names.join(", "),
            service.name(),
            slo.name(),
            budget_seconds(slo) / 60.0,
            slo.period()
        ),
        "add a node pool with `availabilityZones: [\"1\", \"2\", \"3\"]`; zones of a pool cannot be changed",
    ));
}

/// Whether the scheduler may put pods of a workload on nodes of a pool.
fn may_run(workload: &Workload<'_>, pool: &Object) -> bool {
    let selector = workload.object.texts("spec.template.spec.nodeSelector");
    let is_spot = pool.text("scaleSetPriority").is_some_and(|text| text.eq_ignore_ascii_case("spot"));
    let own = pool.texts("nodeLabels");
    // Windows takes no pods for Linux, and the other way round.
    let system = pool.text("osType").filter(|text| *text != "null").unwrap_or("Linux").to_ascii_lowercase();
    let wanted = selector.get("kubernetes.io/os").map_or("linux", String::as_str);
    let is_named = system == wanted
        && selector.iter().all(|(label, value)| match label.as_str() {
            "agentpool" | "kubernetes.azure.com/agentpool" => *value == pool.name,
            "kubernetes.azure.com/mode" => {
                pool.text("mode").is_some_and(|mode| mode.eq_ignore_ascii_case(value))
            }
            SPOT => is_spot,
            // What Azure and Kubernetes set themselves is not in the list.
            label if label.contains("kubernetes.io/") || label.contains("kubernetes.azure.com/") => true,
            _ => own.get(label) == Some(value),
        });
    let taints = pool.list("nodeTaints").iter().filter_map(scalar);
    let taints = taints.filter(|taint| !taint.ends_with(":PreferNoSchedule"));
    let mut keys: Vec<&str> =
        taints.map(|taint| taint.split(['=', ':']).next().unwrap_or_default()).collect();
    if is_spot {
        keys.push(SPOT);
    }
    let tolerations = workload.object.list("spec.template.spec.tolerations");
    let tolerates =
        |toleration: &Node, key: &str| toleration.scalar("key").is_none_or(|tolerated| tolerated == key);
    is_named && keys.iter().all(|key| tolerations.iter().any(|toleration| tolerates(toleration, key)))
}
