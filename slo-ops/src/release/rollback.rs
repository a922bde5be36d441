//! What a rollback would do, beside what it is meant to.

use super::{Objects, Revision};
use crate::manifest::{Object, memory};
use serde::Serialize;
use slo_core::document::{Node, Value};
use std::fmt;

/// What a rollback would do, beside what it is meant to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Risk {
    /// How bad it is.
    pub kind: RiskKind,
    /// The object.
    pub object: String,
    /// What would happen.
    pub text: String,
}

/// How bad a risk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RiskKind {
    /// Data would be lost.
    LosesData,
    /// Kubernetes would refuse it.
    Refused,
    /// Somebody must look at it first.
    Check,
}

/// Kubernetes' defaults of fields that cannot be changed.
const DEFAULTS: [(&str, &str, &str); 6] = [
    ("StatefulSet", "spec.podManagementPolicy", "OrderedReady"),
    ("Job", "spec.completionMode", "NonIndexed"),
    ("PersistentVolumeClaim", "spec.volumeMode", "Filesystem"),
    ("StorageClass", "reclaimPolicy", "Delete"),
    ("StorageClass", "volumeBindingMode", "Immediate"),
    ("Secret", "type", "Opaque"),
];
/// What of each kind of object cannot be changed (Kubernetes API reference, validation of updates).
const IMMUTABLE: [(&str, &[&str]); 9] = [
    ("Deployment", &["spec.selector"]),
    ("DaemonSet", &["spec.selector"]),
    (
        "StatefulSet",
        &["spec.selector", "spec.serviceName", "spec.podManagementPolicy", "spec.volumeClaimTemplates"],
    ),
    ("Job", &["spec.selector", "spec.template", "spec.completionMode"]),
    (
        "PersistentVolumeClaim",
        &["spec.accessModes", "spec.storageClassName", "spec.volumeMode", "spec.volumeName", "spec.selector"],
    ),
    ("RoleBinding", &["roleRef"]),
    ("ClusterRoleBinding", &["roleRef"]),
    ("StorageClass", &["provisioner", "parameters", "reclaimPolicy", "volumeBindingMode"]),
    ("Secret", &["type"]),
];
/// Kinds with which data go.
const WITH_DATA: [&str; 4] =
    ["PersistentVolumeClaim", "PersistentVolume", "CustomResourceDefinition", "Namespace"];

/// The risks of a rollback from the last of `revisions` to `target`, the worst first; `None` if their objects are not known.
///
/// ```
/// use slo_ops::release::{helm_history, rollback_risks};
///
/// let history = r#"[{"revision": 1, "status": "superseded"}, {"revision": 2, "status": "deployed"}]"#;
/// let job = |version: u32, selector: &str| format!(
///     "{{\"version\": {version}, \"manifest\": \"apiVersion: apps/v1\\nkind: Deployment\\nmetadata: {{name: api}}\\nspec: {{selector: {{matchLabels: {{app: {selector}}}}}}}\"}}");
/// let revisions = helm_history(history, &[job(1, "a"), job(2, "b")])?;
/// let risks = rollback_risks(&revisions, 1).unwrap();
/// assert_eq!(risks[0].to_string(), "Deployment/api: Kubernetes refuses to change spec.selector");
/// # Ok::<(), slo_ops::Error>(())
/// ```
#[must_use]
pub fn rollback_risks(revisions: &[Revision], target: u64) -> Option<Vec<Risk>> {
    let to = revisions.iter().find(|revision| revision.number == target)?.objects.as_ref()?;
    let from = revisions.last()?.objects.as_ref()?;
    // Of a revision that was not completed, nobody knows how far it came; what cannot be changed is as the last one has it that was.
    let complete = revisions.iter().rev().find(|revision| revision.status.was_live());
    let complete = complete.and_then(|revision| revision.objects.as_ref()).unwrap_or(from);
    let mut risks = Vec::new();
    for old in &complete.manifest {
        if let Some(new) = same_name(old, to) {
            changed(old, new, &mut risks);
        }
    }
    for old in from.manifest.iter().filter(|old| same_name(old, to).is_none()) {
        removed(old, &mut risks);
    }
    for revision in revisions.iter().filter(|revision| revision.number > target) {
        let Some(objects) = &revision.objects else { continue };
        // A rollback runs other hooks than an upgrade.
        let events: &[&str] = if revision.restores().is_some() {
            &["pre-rollback", "post-rollback"]
        } else {
            &["pre-upgrade", "post-upgrade"]
        };
        for hook in objects.hooks.iter().filter(|hook| has(&hook.events, events)) {
            let when = hook.events.join(", ");
            risks.push(Risk {
                kind: RiskKind::Check,
                object: hook.object.to_string(),
                text: format!(
                    "revision {} ran it ({when}), and what it changed stays. Is revision {target} able to work with it?",
                    revision.number
                ),
            });
        }
    }
    for hook in to.hooks.iter().filter(|hook| has(&hook.events, &["pre-rollback", "post-rollback"])) {
        risks.push(Risk {
            kind: RiskKind::Check,
            object: hook.object.to_string(),
            text: format!("the rollback runs it ({})", hook.events.join(", ")),
        });
    }
    risks.sort_by_key(|risk| risk.kind);
    risks.dedup();
    Some(risks)
}

fn has(events: &[String], wanted: &[&str]) -> bool {
    events.iter().any(|event| wanted.contains(&event.as_str()))
}

fn same_name<'a>(object: &Object, among: &'a Objects) -> Option<&'a Object> {
    // One without a namespace goes to that of the release, which another may name.
    let same_namespace = |other: &Object| {
        other.namespace.is_none() || object.namespace.is_none() || other.namespace == object.namespace
    };
    among
        .manifest
        .iter()
        .find(|other| other.kind == object.kind && other.name == object.name && same_namespace(other))
}

/// What happens to an object that only the last revision has.
fn removed(object: &Object, risks: &mut Vec<Risk>) {
    let is_kept = object.annotation("helm.sh/resource-policy") == Some("keep");
    if is_kept || !WITH_DATA.contains(&object.kind.as_str()) {
        return;
    }
    risks.push(Risk {
        kind: RiskKind::LosesData,
        object: object.to_string(),
        text: "the rollback deletes it, and the data with it".to_owned(),
    });
}

/// What happens to an object that both have.
fn changed(old: &Object, new: &Object, risks: &mut Vec<Risk>) {
    let mut refused = |text: String| {
        risks.push(Risk { kind: RiskKind::Refused, object: old.to_string(), text });
    };
    let fields = IMMUTABLE.iter().find(|(kind, _)| *kind == old.kind).map_or(&[][..], |(_, fields)| fields);
    let default = |field: &str| {
        DEFAULTS
            .iter()
            .find(|(kind, name, _)| *kind == old.kind && *name == field)
            .map(|(_, _, value)| *value)
    };
    let is_kept = |field: &&&str| {
        let (one, two) = (old.at(field), new.at(field));
        match (one, two, default(field)) {
            (Some(_), None, Some(default)) => old.text(field) == Some(default),
            (None, Some(_), Some(default)) => new.text(field) == Some(default),
            _ => is_same(one, two),
        }
    };
    for field in fields.iter().filter(|field| !is_kept(field)) {
        refused(format!("Kubernetes refuses to change {field}"));
    }
    if old.text("immutable") == Some("true") && !is_same(old.at("data"), new.at("data")) {
        refused("it is immutable, and its data differ".to_owned());
    }
    let address = |object: &Object| object.text("spec.clusterIP").map(str::to_owned);
    if old.kind == "Service"
        && let (Some(one), Some(two)) = (address(old), address(new))
        && one != two
    {
        refused(format!("Kubernetes refuses to change spec.clusterIP from {one} to {two}"));
    }
    let size = |object: &Object| object.text("spec.resources.requests.storage").and_then(memory);
    if old.kind == "PersistentVolumeClaim"
        && let (Some(large), Some(small)) = (size(old), size(new))
        && small < large
    {
        refused("Kubernetes refuses to make a volume smaller".to_owned());
    }
}

/// Whether two nodes say the same, wherever they stand.
fn is_same(one: Option<&Node>, two: Option<&Node>) -> bool {
    match (one.map(|node| &node.value), two.map(|node| &node.value)) {
        (None, None) => true,
        (Some(Value::Scalar { text: one, .. }), Some(Value::Scalar { text: two, .. })) => one == two,
        (Some(Value::List(one)), Some(Value::List(two))) => {
            one.len() == two.len() && one.iter().zip(two).all(|(one, two)| is_same(Some(one), Some(two)))
        }
        (Some(Value::Map(one)), Some(Value::Map(two))) => {
            let other = |key: &str| two.iter().find(|(name, _)| name.text == key).map(|(_, node)| node);
            one.len() == two.len() && one.iter().all(|(key, node)| is_same(Some(node), other(&key.text)))
        }
        _ => false,
    }
}

impl fmt::Display for Risk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.object, self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::helm_history;

    fn revisions(manifests: [&str; 2], hooks: &str) -> Vec<Revision> {
        let history = r#"[{"revision": 2, "status": "deployed"}, {"revision": 1, "status": "superseded"}]"#;
        let stored = |(version, manifest): (usize, &str)| {
            let hooks = if version == 2 { hooks } else { "null" };
            format!(
                "{{\"version\": {version}, \"manifest\": {}, \"hooks\": {hooks}}}",
                serde_json::json!(manifest)
            )
        };
        helm_history(history, &[(1, manifests[0]), (2, manifests[1])].map(stored)).unwrap()
    }

    fn risks(manifests: [&str; 2]) -> Vec<(RiskKind, String)> {
        let risks = rollback_risks(&revisions(manifests, "[]"), 1).unwrap();
        risks.into_iter().map(|risk| (risk.kind, risk.to_string())).collect()
    }

    #[test]
    fn says_what_a_rollback_cannot_do_or_would_destroy() {
        let claim = |size: &str| {
            format!(
                "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: db}}\nspec: {{resources: {{requests: {{storage: {size}}}}}}}\n"
            )
        };
        assert_eq!(risks(["", &claim("1Gi")])[0].0, RiskKind::LosesData);
        let kept = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: db, annotations: {helm.sh/resource-policy: keep}}\n";
        assert_eq!(risks(["", kept]), []);
        assert_eq!(
            risks([&claim("1Gi"), &claim("2Gi")])[0].1,
            "PersistentVolumeClaim/db: Kubernetes refuses to make a volume smaller"
        );
        assert_eq!(risks([&claim("2Gi"), &claim("1024Mi")]), []);
        let set = |claims: &str| {
            format!(
                "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {{name: db}}\nspec: {{serviceName: db, volumeClaimTemplates: {claims}}}\n"
            )
        };
        assert_eq!(
            risks([&set("[{metadata: {name: a}}]"), &set("[{metadata: {name: b}}]")])[0].0,
            RiskKind::Refused
        );
        let secret = |kind: &str| format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: s{kind}}}\n");
        assert_eq!(risks([&secret("}\ntype: Opaque\nx: {"), &secret("")]), []);
        // The order of keys and the style do not matter.
        assert_eq!(
            risks([&set("[{metadata: {name: a, x: 1}}]"), &set("[{metadata: {x: \"1\", name: a}}]")]),
            []
        );
    }

    #[test]
    fn names_hooks_that_ran_since() {
        let hook = serde_json::json!([{"path": "migrate.yaml", "events": ["pre-upgrade"],
            "manifest": "apiVersion: batch/v1\nkind: Job\nmetadata: {name: migrate}\n"}]);
        let found = rollback_risks(&revisions(["", ""], &hook.to_string()), 1).unwrap();
        assert!(
            found[0]
                .to_string()
                .starts_with("Job/migrate: revision 2 ran it (pre-upgrade), and what it changed stays.")
        );
        assert_eq!(rollback_risks(&revisions(["", ""], "null"), 7), None);
    }
}
