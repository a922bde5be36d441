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
    let (status, message) = progress(&deployment.status);
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
            status: if is_current { status } else { RevisionStatus::Superseded },
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

/// How far the last rollout is.
fn progress(status: &Status) -> (RevisionStatus, String) {
    let progressing = status.conditions.iter().find(|condition| condition.kind == "Progressing");
    match progressing {
        Some(condition) if condition.status == "False" => {
            (RevisionStatus::Failed, format!("{}: {}", condition.reason, condition.message))
        }
        Some(condition) if condition.reason == "NewReplicaSetAvailable" => {
            (RevisionStatus::Deployed, condition.message.clone())
        }
        Some(condition) => (RevisionStatus::PendingUpgrade, condition.message.clone()),
        None => (RevisionStatus::Unknown, String::new()),
    }
}
