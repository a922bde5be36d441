//! The revisions of a Deployment, from its replica sets.

use super::{Revision, RevisionStatus};
use serde::Deserialize;
use slo_core::{Error, model::Timestamp};
use std::collections::BTreeMap;

/// A Deployment: its revisions, and the pods of each.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Rollout {
    /// Its name.
    pub name: String,
    /// Its revisions, oldest first.
    pub revisions: Vec<Revision>,
    /// Of each revision that has pods: how many are ready, and how many there are.
    pub pods: BTreeMap<u64, (u64, u64)>,
    /// Whether it is paused, so that nothing rolls out, and nothing can be undone.
    pub is_paused: bool,
}

#[derive(Debug, Deserialize)]
struct List {
    items: Vec<Item>,
}

#[derive(Debug, Deserialize)]
struct Item {
    kind: String,
    metadata: Metadata,
    #[serde(default)]
    spec: Spec,
    #[serde(default)]
    status: Status,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Metadata {
    name: String,
    generation: u64,
    annotations: BTreeMap<String, String>,
    creation_timestamp: String,
    owner_references: Vec<Owner>,
}

#[derive(Debug, Deserialize)]
struct Owner {
    kind: String,
    name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Spec {
    paused: bool,
    replicas: Option<u64>,
    template: Template,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Template {
    spec: PodSpec,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PodSpec {
    containers: Vec<Container>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Container {
    image: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    replicas: u64,
    ready_replicas: u64,
    updated_replicas: u64,
    available_replicas: u64,
    observed_generation: u64,
    conditions: Vec<StatusCondition>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct StatusCondition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
    reason: String,
    message: String,
}

const REVISION: &str = "deployment.kubernetes.io/revision";
/// A replica set that was used again; since when it is, nobody has written down.
const USED_BEFORE: &str = "deployment.kubernetes.io/revision-history";
const CAUSE: &str = "kubernetes.io/change-cause";

/// Reads the Deployments of `kubectl get deployments,replicasets --output json`.
///
/// # Errors
/// Text that is no list of objects.
pub fn rollouts(text: &str) -> Result<Vec<Rollout>, Error> {
    let list: List = serde_json::from_str(text).map_err(|error| {
        Error::new(format!("this is no list of Deployments and ReplicaSets: {error}"))
            .with_hint("write it with `kubectl get deployments,replicasets --output json`")
    })?;
    let deployments = list.items.iter().filter(|item| item.kind == "Deployment");
    Ok(deployments.map(|deployment| rollout(deployment, &list.items)).collect())
}

fn rollout(deployment: &Item, all: &[Item]) -> Rollout {
    let is_own = |item: &&Item| {
        let owners = &item.metadata.owner_references;
        item.kind == "ReplicaSet"
            && owners.iter().any(|owner| owner.kind == "Deployment" && owner.name == deployment.metadata.name)
    };
    let number =
        |item: &Item| item.metadata.annotations.get(REVISION).and_then(|text| text.parse().ok()).unwrap_or(0);
    let current: u64 = number(deployment);
    let (status, message) = progress(deployment);
    let mut rollout = Rollout {
        name: deployment.metadata.name.clone(),
        revisions: Vec::new(),
        pods: BTreeMap::new(),
        is_paused: deployment.spec.paused,
    };
    for set in all.iter().filter(is_own) {
        let number = number(set);
        let images: Vec<&str> =
            set.spec.template.spec.containers.iter().map(|one| one.image.as_str()).collect();
        let annotations = &set.metadata.annotations;
        let is_current = number == current;
        let at = set.metadata.creation_timestamp.parse::<Timestamp>().ok();
        rollout.revisions.push(Revision {
            number,
            at: at.filter(|_| !annotations.contains_key(USED_BEFORE)),
            // One that still has pods that are ready is live beside the current one.
            status: match (is_current, set.status.ready_replicas) {
                (true, _) => status,
                (false, 0) => RevisionStatus::Superseded,
                (false, _) => RevisionStatus::Deployed,
            },
            description: if is_current {
                message.clone()
            } else {
                annotations.get(CAUSE).cloned().unwrap_or_default()
            },
            content: images.join(", "),
            objects: None,
        });
        if set.status.replicas > 0 {
            rollout.pods.insert(number, (set.status.ready_replicas, set.status.replicas));
        }
    }
    rollout.revisions.sort_by_key(|revision| revision.number);
    rollout
}

/// How far the last rollout is, as `kubectl rollout status` says it.
fn progress(deployment: &Item) -> (RevisionStatus, String) {
    let status = &deployment.status;
    let wanted = deployment.spec.replicas.unwrap_or(1);
    let progressing = status.conditions.iter().find(|condition| condition.kind == "Progressing");
    let message = progressing.map_or_else(String::new, |condition| condition.message.clone());
    if status.observed_generation < deployment.metadata.generation {
        return (RevisionStatus::PendingUpgrade, message);
    }
    if let Some(condition) = progressing.filter(|condition| condition.status == "False") {
        return (RevisionStatus::Failed, format!("{}: {}", condition.reason, condition.message));
    }
    let is_done = status.updated_replicas >= wanted
        && status.replicas <= status.updated_replicas
        && status.available_replicas >= status.updated_replicas;
    (if is_done { RevisionStatus::Deployed } else { RevisionStatus::PendingUpgrade }, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::{Condition, Manager, advise};
    use std::collections::BTreeMap;

    fn list(status: &serde_json::Value, sets: &[(u64, u64, u64)]) -> String {
        let deployment = serde_json::json!({"kind": "Deployment", "metadata": {"name": "api", "generation": 4, "annotations": {REVISION: "3"}},
            "spec": {"replicas": 2}, "status": status});
        let set = |(revision, ready, replicas): &(u64, u64, u64)| {
            serde_json::json!({"kind": "ReplicaSet", "metadata": {"name": format!("api-{revision}"), "annotations": {REVISION: revision.to_string()},
                "ownerReferences": [{"kind": "Deployment", "name": "api"}], "creationTimestamp": "2026-11-27T20:00:00Z"},
                "status": {"replicas": replicas, "readyReplicas": ready}})
        };
        let items: Vec<_> = std::iter::once(deployment).chain(sets.iter().map(set)).collect();
        serde_json::json!({"items": items}).to_string()
    }

    #[test]
    fn only_what_the_deployment_gave_up_is_undone() {
        let now: Timestamp = "2026-11-27T20:30:00Z".parse().unwrap();
        let advised = |status: serde_json::Value, sets: &[(u64, u64, u64)]| {
            let rollout = rollouts(&list(&status, sets)).unwrap().remove(0);
            let condition = Condition::of(Manager::Kubernetes, &rollout.revisions, now);
            (condition, advise(Manager::Kubernetes, ("api", None), &rollout.revisions, &BTreeMap::new(), now))
        };
        let numbers = |updated: u64, available: u64, replicas: u64| serde_json::json!({"observedGeneration": 4, "updatedReplicas": updated, "availableReplicas": available, "replicas": replicas});
        // Half an hour, and still at it; and one that has no condition at all.
        let (condition, advice) = advised(numbers(1, 2, 3), &[(2, 2, 2), (3, 0, 1)]);
        assert_eq!((condition, advice.command, advice.is_well), (Some(Condition::Progressing), None, true));
        let (condition, advice) = advised(numbers(2, 2, 2), &[(2, 0, 0), (3, 2, 2)]);
        assert_eq!((condition, advice.command, advice.is_well), (Some(Condition::Live), None, true));
        // Given up: back to the one whose pods still run, and not to the number before.
        let mut status = numbers(1, 2, 3);
        status["conditions"] = serde_json::json!([{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "x"}]);
        let (_, advice) = advised(status, &[(1, 2, 2), (2, 0, 0), (3, 0, 1)]);
        assert_eq!(advice.command.unwrap().join(" "), "kubectl rollout undo deployment/api --to-revision=1");
    }
}
