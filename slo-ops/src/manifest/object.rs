//! An object of Kubernetes, as a file has it.

use serde::Serialize;
use slo_core::{
    Error,
    document::{Node, Position, Value, documents},
};
use std::{collections::BTreeMap, fmt};

/// An object of Kubernetes, as a file has it.
///
/// ```
/// use slo_ops::manifest::objects;
///
/// let text = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: api}\nspec:\n  replicas: 2\n";
/// let found = objects("api.yaml", text)?;
/// assert_eq!(found[0].to_string(), "Deployment/api");
/// assert_eq!((found[0].number("spec.replicas"), found[0].place("spec.replicas").line), (Some(2), 5));
/// # Ok::<(), slo_ops::Error>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Object {
    /// The file, as it was named.
    pub file: String,
    /// Its group and version, such as `apps/v1`.
    pub api_version: String,
    /// Its kind.
    pub kind: String,
    /// Its namespace; `None` for the one in which it is applied.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// All of it.
    pub node: Node,
}

/// What an object is called.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[non_exhaustive]
pub struct ObjectRef {
    /// Its kind.
    pub kind: String,
    /// Its namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

/// The kind that node pools of AKS have here.
pub const AGENT_POOL: &str = "AgentPool";

/// The objects in the text of a file: its documents, and the items of lists. What is no object is left out.
///
/// The node pools of AKS that `az aks show` and `az aks nodepool list` print are objects of the kind [`AGENT_POOL`].
///
/// # Errors
/// Text that is not YAML.
pub fn objects(file: &str, text: &str) -> Result<Vec<Object>, Error> {
    let nodes = documents(text).map_err(|fault| Error::new(format!("{file}:{fault}")))?;
    let mut found = Vec::new();
    for node in nodes {
        add(file, node, &mut found);
    }
    Ok(found)
}

/// The objects in the text of a file, and why documents in it were left out. One that cannot be read, such as the schema of a
/// custom resource that is nested too deeply, does not keep the others from being read.
///
/// ```
/// use slo_ops::manifest::readable;
///
/// let (found, left_out) = readable("a.yaml", "apiVersion: v1\nkind: Pod\n---\na: [\n---\napiVersion: v1\nkind: Service\n");
/// assert_eq!((found.len(), found[1].node.position.line, left_out.len()), (2, 6, 1));
/// ```
#[must_use]
pub fn readable(file: &str, text: &str) -> (Vec<Object>, Vec<Error>) {
    if let Ok(found) = objects(file, text) {
        return (found, Vec::new());
    }
    let (mut found, mut left_out, mut before) = (Vec::new(), Vec::new(), 0);
    let mut document = String::new();
    let mut read =
        |document: &str, before: usize| match objects(file, &format!("{}{document}", "\n".repeat(before))) {
            Ok(objects) => found.extend(objects),
            Err(error) => left_out.push(error),
        };
    for (index, line) in text.split_inclusive('\n').enumerate() {
        if line.trim_end() == "---" {
            read(&document, before);
            document.clear();
            before = index + 1;
        } else {
            document.push_str(line);
        }
    }
    read(&document, before);
    (found, left_out)
}

fn add(file: &str, node: Node, found: &mut Vec<Object>) {
    if let Value::List(items) = node.value {
        for item in items {
            add(file, item, found);
        }
        return;
    }
    if let Some(pools) = node.entry("agentPoolProfiles") {
        if let Value::List(pools) = &pools.value {
            found.extend(pools.iter().map(|pool| agent_pool(file, pool)));
        }
        return;
    }
    let is_pool = node.scalar("type").is_some_and(|kind| kind.to_ascii_lowercase().ends_with("/agentpools"));
    // With `--query agentPoolProfiles`, nothing else says it.
    if is_pool || (node.entry("upgradeSettings").is_some() && node.entry("apiVersion").is_none()) {
        found.push(agent_pool(file, &node));
        return;
    }
    let (Some(api_version), Some(kind)) = (node.scalar("apiVersion"), node.scalar("kind")) else { return };
    if kind.ends_with("List")
        && let Some(Node { value: Value::List(items), .. }) = node.entry("items")
    {
        for item in items.clone() {
            add(file, item, found);
        }
        return;
    }
    let metadata = |name: &str| node.entry("metadata").and_then(|node| node.scalar(name)).map(str::to_owned);
    // Helm's hooks may leave the name to the API server.
    let name = metadata("name").or_else(|| metadata("generateName")).unwrap_or_default();
    found.push(Object {
        file: file.to_owned(),
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
        namespace: metadata("namespace").filter(|name| !name.is_empty()),
        name,
        node,
    });
}

/// A node pool of AKS. Azure's own API has its fields below `properties`.
fn agent_pool(file: &str, pool: &Node) -> Object {
    Object {
        file: file.to_owned(),
        api_version: "Microsoft.ContainerService/managedClusters/agentPools".to_owned(),
        kind: AGENT_POOL.to_owned(),
        namespace: None,
        name: pool.scalar("name").unwrap_or_default().to_owned(),
        node: pool.entry("properties").unwrap_or(pool).clone(),
    }
}

impl Object {
    /// What it is called.
    #[must_use]
    pub fn reference(&self) -> ObjectRef {
        ObjectRef { kind: self.kind.clone(), namespace: self.namespace.clone(), name: self.name.clone() }
    }

    /// The node at a path of keys, such as `spec.template.spec`.
    #[must_use]
    pub fn at(&self, path: &str) -> Option<&Node> {
        path.split('.').try_fold(&self.node, |node, key| node.entry(key))
    }

    /// The text at a path.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<&str> {
        match &self.at(path)?.value {
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The whole number at a path.
    #[must_use]
    pub fn number(&self, path: &str) -> Option<i64> {
        self.text(path)?.parse().ok()
    }

    /// The items of the list at a path.
    #[must_use]
    pub fn list(&self, path: &str) -> &[Node] {
        match self.at(path).map(|node| &node.value) {
            Some(Value::List(items)) => items,
            _ => &[],
        }
    }

    /// The texts of the mapping at a path, such as labels.
    #[must_use]
    pub fn texts(&self, path: &str) -> BTreeMap<String, String> {
        self.at(path).map(texts).unwrap_or_default()
    }

    /// An annotation.
    #[must_use]
    pub fn annotation(&self, name: &str) -> Option<&str> {
        self.at("metadata.annotations")?.scalar(name)
    }

    /// The position of what is at a path, or of the last part of the path that is there.
    #[must_use]
    pub fn place(&self, path: &str) -> Position {
        let mut node = &self.node;
        for key in path.split('.') {
            match node.entry(key) {
                Some(next) => node = next,
                None => break,
            }
        }
        node.position
    }

    /// Whether it is of a kind with pods: the path of their template.
    #[must_use]
    pub fn pod_template(&self) -> Option<&'static str> {
        match self.kind.as_str() {
            "Deployment"
            | "StatefulSet"
            | "DaemonSet"
            | "ReplicaSet"
            | "Job"
            | "Rollout"
            | "ReplicationController" => Some("spec.template"),
            "CronJob" => Some("spec.jobTemplate.spec.template"),
            _ => None,
        }
    }
}

/// The texts of a mapping.
pub(crate) fn texts(node: &Node) -> BTreeMap<String, String> {
    let Value::Map(entries) = &node.value else { return BTreeMap::new() };
    let pairs = entries.iter().filter_map(|(key, node)| match &node.value {
        Value::Scalar { text, .. } => Some((key.text.clone(), text.clone())),
        _ => None,
    });
    pairs.collect()
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reference().fmt(f)
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/", self.kind)?;
        if let Some(namespace) = &self.namespace {
            write!(f, "{namespace}/")?;
        }
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_documents_lists_and_leaves_out_the_rest() {
        let text = "# a comment\n---\n---\napiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Service, metadata: {name: a, namespace: b}}\n\
                    - {apiVersion: batch/v1, kind: CronJob, metadata: {generateName: c-}}\n---\nreplicas: 3\n---\n{\"apiVersion\": \"v1\", \"kind\": \"Pod\"}\n";
        let names: Vec<String> = objects("x", text).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(names, ["Service/b/a", "CronJob/c-", "Pod/"]);
        assert!(objects("x.yaml", "a: [").unwrap_err().to_string().starts_with("x.yaml:1:"));
    }
}
