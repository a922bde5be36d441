//! An object of Kubernetes that holds SLOs.

use super::Kind;
use serde_json::{Map, Value, json};
use slo_core::{
    Diagnostics, Error,
    model::{Name, Service, Tier, Timestamp, Window},
    spec::{self, Defaults, Loss, LossKind},
};
use std::fmt;

/// An object that holds SLOs, as the API server has it.
///
/// ```
/// use slo_ops::controller::{Kind, Object};
/// use serde_json::json;
///
/// let object = Object::of(Kind::Slo, &json!({
///     "metadata": {"namespace": "shop", "name": "checkout", "uid": "1", "generation": 3, "creationTimestamp": "2026-12-01T10:00:00Z"},
///     "spec": {"service": "checkout", "slos": [{"name": "availability", "objective": "99.9%", "window": "30d",
///         "sli": {"events": {"total": "requests_total", "bad": "errors_total"}}}]},
/// }))?;
/// assert_eq!(object.to_string(), "SLO shop/checkout");
/// let read = object.read(&slo_core::spec::Defaults::default())?;
/// assert_eq!(read.names(), [("checkout".parse()?, "availability".parse()?)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Object {
    /// Its kind.
    pub kind: Kind,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// What tells it from an object of the same name that was there before.
    pub uid: String,
    /// How often its `spec` has changed.
    pub generation: i64,
    /// When it was created.
    pub created: Timestamp,
    /// Whether it is being deleted.
    pub is_deleted: bool,
    /// Its `status` as it is now.
    pub status: Map<String, Value>,
    /// What specifications are read from: its labels, its annotations and its `spec`.
    text: String,
}

/// The SLOs of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Read {
    /// The service.
    pub service: Service,
    /// What of Sloth's and Pyrra's fields is not carried over, or with another meaning.
    pub losses: Vec<Loss>,
}

impl Object {
    /// The object of a JSON value.
    ///
    /// # Errors
    /// A value without what the API server gives every object.
    pub fn of(kind: Kind, value: &Value) -> Result<Self, Error> {
        let metadata = field(value, "metadata");
        let text = |name: &str| {
            field(metadata, name)
                .as_str()
                .map(str::to_owned)
                .ok_or_else(|| Error::new(format!("an object of the kind {kind} has no `metadata.{name}`")))
        };
        let created: Timestamp = text("creationTimestamp")?.parse()?;
        let read = json!({
            "apiVersion": kind.api_version(),
            "kind": kind.name(),
            "metadata": {
                "name": field(metadata, "name"),
                "namespace": field(metadata, "namespace"),
                "labels": field(metadata, "labels"),
                // What `kubectl apply` keeps there is the whole object again.
                "annotations": without(field(metadata, "annotations"), "kubectl.kubernetes.io/last-applied-configuration"),
            },
            "spec": field(value, "spec"),
        });
        Ok(Self {
            kind,
            namespace: text("namespace")?,
            name: text("name")?,
            uid: text("uid")?,
            generation: field(metadata, "generation").as_i64().unwrap_or_default(),
            created,
            is_deleted: field(metadata, "deletionTimestamp").is_string(),
            status: field(value, "status").as_object().cloned().unwrap_or_default(),
            text: read.to_string(),
        })
    }

    /// Its SLOs.
    ///
    /// # Errors
    /// Every fault of its `spec`, each with its place.
    pub fn read(&self, defaults: &Defaults) -> Result<Read, Diagnostics> {
        let read = spec::read_with(&[&self.text], defaults).into_iter().next();
        let mut document = read.unwrap_or_else(|| Err(nothing()))?;
        // The object stays as it is, so its own labels and its name are not lost.
        let is_news = |loss: &Loss| {
            matches!(loss.kind, LossKind::Lost | LossKind::Changed)
                && !loss.fault.place.starts_with("metadata")
        };
        document.losses.retain(is_news);
        match (document.services.pop(), document.services.is_empty()) {
            (Some(service), true) => Ok(Read { service, losses: document.losses }),
            _ => Err(nothing()),
        }
    }

    /// Whether SLOs are read from the same text as from `other`.
    #[must_use]
    pub fn has_same_spec(&self, other: &Self) -> bool {
        self.text == other.text
    }

    /// The name of its `PrometheusRule`.
    #[must_use]
    pub fn rule_name(&self) -> String {
        self.kind.rule_name(&self.name)
    }

    /// The reference by which what it owns is deleted with it.
    #[must_use]
    pub fn owner_reference(&self) -> Value {
        json!({
            "apiVersion": self.kind.api_version(),
            "kind": self.kind.name(),
            "name": self.name,
            "uid": self.uid,
            "controller": true,
        })
    }
}

/// A field of a mapping; null if there is none.
fn field<'a>(value: &'a Value, name: &str) -> &'a Value {
    value.get(name).unwrap_or(&Value::Null)
}

fn without(map: &Value, key: &str) -> Value {
    let mut map = map.clone();
    if let Some(map) = map.as_object_mut() {
        map.remove(key);
    }
    map
}

fn nothing() -> Diagnostics {
    Diagnostics::of_document(Error::new("the object does not describe a service"))
}

impl Read {
    /// Each SLO, by its service and its name.
    #[must_use]
    pub fn names(&self) -> Vec<(Name, Name)> {
        self.service.slos().iter().map(|slo| (self.service.name().clone(), slo.name().clone())).collect()
    }

    /// The same without the SLOs of these names; `None` if no other is left.
    #[must_use]
    pub fn without(&self, names: &[Name]) -> Option<Self> {
        Some(Self { service: self.service.without(names)?, losses: self.losses.clone() })
    }

    /// The longest window of its burn alerts, after which they see as much as they ever will.
    #[must_use]
    pub fn longest_window(&self) -> Window {
        let tiers = self.service.slos().iter().flat_map(|slo| slo.policy().tiers());
        tiers.map(Tier::long).max().unwrap_or(Window::days(3))
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
    }
}
