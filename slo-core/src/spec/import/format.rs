//! Which format an object is written in.

use crate::document::{Node, Value};

/// Whether a text names one of the formats, even if it is not valid YAML.
pub(super) fn names_a_format(text: &str) -> bool {
    FORMATS.iter().any(|format| text.contains(format))
}

/// The texts that identify the formats.
const FORMATS: [&str; 8] = [
    "slo/v1",
    "slo.dev/v1",
    "prometheus/v1",
    "openslo/v",
    "openslo.com/",
    "sloth.slok.dev/",
    "pyrra.dev/",
    "sre.google.com/",
];

/// Whether an object is a Kubernetes object of an unrelated kind.
pub(super) fn is_other(node: &Node) -> bool {
    Format::of(node) == Format::Unknown && node.scalar("kind").is_some() && !is_of_family(node)
}

/// Whether an object is of one of the formats, in any version: an unknown version may be misspelled.
fn is_of_family(node: &Node) -> bool {
    let api = node.scalar("apiVersion").unwrap_or_default();
    let is_of_slo_generator = api.starts_with("sre.google.com/") && is_slo_generators(node);
    is_of_slo_generator
        || ["slo.dev/", "openslo", "sloth.slok.dev/", "pyrra.dev/"]
            .iter()
            .any(|family| api.starts_with(family))
}

pub(super) fn has_known(nodes: &[Node]) -> bool {
    let mut found = false;
    objects(nodes, &mut |node| found = found || Format::is_known(node));
    found
}

/// Calls `look` for every object of a text: its documents, and the items of those that are lists.
pub(super) fn objects<'a>(nodes: &'a [Node], look: &mut impl FnMut(&'a Node)) {
    for node in nodes.iter().filter(|node| !node.is_nothing()) {
        match &node.value {
            Value::List(items) => objects(items, look),
            _ if node.scalar("kind") == Some("List") => match node.entry("items") {
                Some(Node { value: Value::List(items), .. }) => objects(items, look),
                _ => look(node),
            },
            _ => look(node),
        }
    }
}

/// The format of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Native,
    NativeObject,
    Sloth,
    SlothObject,
    OpenSlo(Version),
    Pyrra,
    SloGenerator,
    Unknown,
}

impl Format {
    /// Whether an object names a known format, or has the list `slos` of native documents.
    fn is_known(node: &Node) -> bool {
        match Self::of(node) {
            Self::Unknown => is_of_family(node),
            Self::Native => {
                node.scalar("version").is_some_and(|version| version.starts_with("slo/"))
                    || node.entry("slos").is_some()
            }
            _ => true,
        }
    }

    pub(super) fn of(node: &Node) -> Self {
        let version = node.scalar("version").unwrap_or_default();
        match node.scalar("apiVersion") {
            None if version.starts_with("prometheus/") => Self::Sloth,
            None => Self::Native,
            Some("slo.dev/v1") => Self::NativeObject,
            Some("openslo/v1alpha") => Self::OpenSlo(Version::V1Alpha),
            Some("openslo/v1") => Self::OpenSlo(Version::V1),
            Some("openslo.com/v2alpha" | "openslo.com/v2alpha1") => Self::OpenSlo(Version::V2Alpha),
            Some(api) if api.starts_with("sloth.slok.dev/") => Self::SlothObject,
            Some(api) if api.starts_with("pyrra.dev/") => Self::Pyrra,
            // Files that Kubernetes does not read leave the group out.
            Some("v1alpha1") if node.scalar("kind") == Some("ServiceLevelObjective") => Self::Pyrra,
            Some("sre.google.com/v2") if is_slo_generators(node) => Self::SloGenerator,
            Some(_) => Self::Unknown,
        }
    }
}

/// A version of OpenSLO.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    V1Alpha,
    V1,
    V2Alpha,
}

/// Whether an object is an SLO of slo-generator's; its configuration has the same version.
fn is_slo_generators(node: &Node) -> bool {
    node.scalar("kind") == Some("ServiceLevelObjective")
}
