//! The revisions of a release, as Helm and Kubernetes keep them.

use crate::manifest::{Object, readable};
use serde::{Deserialize, Serialize};
use slo_core::{Error, model::Timestamp};
use std::fmt;

/// A revision of a release.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Revision {
    /// Its number.
    pub number: u64,
    /// When it began; `None` if that is not known.
    pub at: Option<Timestamp>,
    /// What became of it.
    pub status: RevisionStatus,
    /// What Helm says of it.
    pub description: String,
    /// What it consists of, such as `api-0.1.0` or the images of its pods.
    pub content: String,
    /// Its objects and its hooks, if they are known.
    pub objects: Option<Objects>,
}

/// The objects of a revision.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Objects {
    /// What it consists of.
    pub manifest: Vec<Object>,
    /// What runs before and after changes.
    pub hooks: Vec<Hook>,
}

/// A hook of a chart.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Hook {
    /// Its object.
    pub object: Object,
    /// When it runs, such as `pre-upgrade`.
    pub events: Vec<String>,
}

/// What became of a revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum RevisionStatus {
    /// It is live.
    Deployed,
    /// It was live, and another one followed.
    Superseded,
    /// It was not completed.
    Failed,
    /// It is being installed, or whoever did so has died.
    PendingInstall,
    /// The release is being upgraded to it, or whoever did so has died.
    PendingUpgrade,
    /// The release is being rolled back to it, or whoever did so has died.
    PendingRollback,
    /// It is being removed, or whoever did so has died.
    Uninstalling,
    /// It was removed.
    Uninstalled,
    /// Helm does not know.
    #[serde(other)]
    Unknown,
}

impl RevisionStatus {
    /// Whether it is neither done nor failed.
    #[must_use]
    pub const fn is_pending(self) -> bool {
        matches!(
            self,
            Self::PendingInstall | Self::PendingUpgrade | Self::PendingRollback | Self::Uninstalling
        )
    }

    /// Whether it was completed.
    #[must_use]
    pub const fn was_live(self) -> bool {
        matches!(self, Self::Deployed | Self::Superseded)
    }
}

impl fmt::Display for RevisionStatus {
    /// As Helm writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Deployed => "deployed",
            Self::Superseded => "superseded",
            Self::Failed => "failed",
            Self::PendingInstall => "pending-install",
            Self::PendingUpgrade => "pending-upgrade",
            Self::PendingRollback => "pending-rollback",
            Self::Uninstalling => "uninstalling",
            Self::Uninstalled => "uninstalled",
            Self::Unknown => "unknown",
        })
    }
}

impl Revision {
    /// The revision whose content this one restored, as in `Rollback to 2`.
    #[must_use]
    pub fn restores(&self) -> Option<u64> {
        self.description.strip_prefix("Rollback to ")?.trim().parse().ok()
    }

    /// The revision whose content this one has, through all restorations.
    pub(super) fn origin(&self, all: &[Self]) -> u64 {
        let mut found = self;
        // A revision restores an earlier one, so this ends.
        while let Some(earlier) = found
            .restores()
            .and_then(|number| all.iter().find(|one| one.number == number && number < found.number))
        {
            found = earlier;
        }
        found.number
    }
}

/// An entry of `helm history --output json`.
#[derive(Debug, Deserialize)]
struct HistoryEntry {
    revision: u64,
    #[serde(default)]
    updated: String,
    status: RevisionStatus,
    #[serde(default)]
    chart: String,
    #[serde(default)]
    app_version: String,
    #[serde(default)]
    description: String,
}

/// A release as Helm stores it.
#[derive(Debug, Deserialize)]
struct Stored {
    version: u64,
    #[serde(default)]
    manifest: String,
    // Go writes an empty list as null.
    #[serde(default)]
    hooks: Option<Vec<StoredHook>>,
}

#[derive(Debug, Deserialize)]
struct StoredHook {
    #[serde(default)]
    path: String,
    #[serde(default)]
    manifest: String,
    #[serde(default)]
    events: Option<Vec<String>>,
}

/// Reads `helm history --output json`, and puts the objects of `stored` releases beside it: each the JSON that Helm keeps in a
/// secret, decoded.
///
/// ```
/// use slo_ops::release::{RevisionStatus, helm_history};
///
/// let text = r#"[{"revision": 1, "updated": "2026-11-27T20:19:08.644126639Z", "status": "deployed", "chart": "api-0.1.0",
///     "app_version": "1", "description": "Install complete"}]"#;
/// let revisions = helm_history(text, &[])?;
/// assert_eq!((revisions[0].number, revisions[0].status), (1, RevisionStatus::Deployed));
/// # Ok::<(), slo_ops::Error>(())
/// ```
///
/// # Errors
/// Text that is not a history, or a release that cannot be read.
pub fn helm_history(text: &str, stored: &[String]) -> Result<Vec<Revision>, Error> {
    let entries: Vec<HistoryEntry> = serde_json::from_str(text).map_err(|error| {
        Error::new(format!("this is not the history of a release: {error}"))
            .with_hint("write it with `helm history RELEASE --output json`")
    })?;
    let mut revisions: Vec<Revision> = entries
        .into_iter()
        .map(|entry| Revision {
            number: entry.revision,
            at: entry.updated.parse().ok(),
            status: entry.status,
            description: entry.description,
            content: match entry.app_version.as_str() {
                "" => entry.chart,
                version => format!("{} (app {version})", entry.chart),
            },
            objects: None,
        })
        .collect();
    revisions.sort_by_key(|revision| revision.number);
    for text in stored {
        let wrong =
            |error: serde_json::Error| Error::new(format!("a stored release cannot be read: {error}"));
        let stored: Stored = serde_json::from_str(text).map_err(wrong)?;
        if let Some(revision) = revisions.iter_mut().find(|revision| revision.number == stored.version) {
            // A revision of which a part cannot be read is as good as unknown.
            let Some(objects) = stored.objects() else { continue };
            let images = objects.images();
            if !images.is_empty() {
                revision.content = format!("{}: {images}", revision.content);
            }
            revision.objects = Some(objects);
        }
    }
    Ok(revisions)
}

impl Objects {
    /// The images of its pods, each once.
    fn images(&self) -> String {
        let mut images: Vec<&str> = Vec::new();
        for object in &self.manifest {
            let Some(template) = object.pod_template() else { continue };
            let containers = object.list(&format!("{template}.spec.containers")).iter();
            for image in containers.filter_map(|container| container.scalar("image")) {
                if !images.contains(&image) {
                    images.push(image);
                }
            }
        }
        images.join(", ")
    }
}

impl Stored {
    fn objects(self) -> Option<Objects> {
        let read = |name: &str, text: &str| {
            let (found, left_out) = readable(name, text);
            left_out.is_empty().then_some(found)
        };
        let mut hooks = Vec::new();
        for hook in self.hooks.unwrap_or_default() {
            for object in read(&hook.path, &hook.manifest)? {
                hooks.push(Hook { object, events: hook.events.clone().unwrap_or_default() });
            }
        }
        Some(Objects { manifest: read(&format!("revision {}", self.version), &self.manifest)?, hooks })
    }
}
