//! What the API server has: the objects with SLOs, and the rules.

use kube::core::{DynamicObject, PartialObjectMeta};
use serde_json::Value;
use slo_core::{Diagnostics, spec::Defaults};
use slo_ops::controller::{Claims, Holder, Kind, Manager, Object, OwnRule, Read};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

/// An object, by its kind, namespace and name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) kind: Kind,
    pub(super) namespace: String,
    pub(super) name: String,
}

impl Key {
    fn of(object: &Object) -> Self {
        Self { kind: object.kind, namespace: object.namespace.clone(), name: object.name.clone() }
    }
}

impl From<Holder> for Key {
    fn from(holder: Holder) -> Self {
        Self { kind: holder.kind, namespace: holder.namespace, name: holder.name }
    }
}

/// An object, and its SLOs or its faults.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) object: Arc<Object>,
    pub(super) read: Result<Arc<Read>, Arc<Diagnostics>>,
}

/// The metadata of a `PrometheusRule`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) name: String,
    pub(super) uid: String,
    pub(super) version: String,
    /// How often its spec has changed.
    pub(super) generation: i64,
    pub(super) manager: Manager,
    pub(super) since: OwnRule,
    owners: Vec<String>,
}

impl Rule {
    /// Whether it is the rule of the object with this uid. One of ours whose owner was removed is.
    pub(super) fn is_of(&self, uid: &str) -> bool {
        let has_lost = self.manager == Manager::Us && self.owners.is_empty();
        has_lost || self.owners.iter().any(|owner| owner == uid)
    }
}

/// What the API server has, as far as it was told.
#[derive(Debug, Default)]
pub(super) struct World {
    defaults: Defaults,
    objects: HashMap<Key, Known>,
    /// By namespace and name.
    rules: HashMap<(String, String), Rule>,
    /// The rules of an owner, by its uid.
    owned: HashMap<String, BTreeSet<(String, String)>>,
    /// The objects, by their uid.
    keys: HashMap<String, Key>,
    claims: Claims,
}

impl World {
    pub(super) fn new(defaults: Defaults) -> Self {
        Self { defaults, ..Self::default() }
    }

    /// An object is new or has changed. Returns the objects to look at.
    pub(super) fn set(&mut self, kind: Kind, value: &DynamicObject) -> Vec<Key> {
        let value = serde_json::to_value(value).unwrap_or(Value::Null);
        // The API server gives every object what this needs.
        let Ok(object) = Object::of(kind, &value) else { return Vec::new() };
        let key = Key::of(&object);
        if let Some(known) = self.objects.get_mut(&key)
            && known.object.uid == object.uid
            && known.object.generation == object.generation
            && known.object.has_same_spec(&object)
        {
            // Only its status has changed, by us or by another tool.
            let is_news = known.object.is_deleted != object.is_deleted;
            known.object = Arc::new(object);
            return if is_news { vec![key] } else { Vec::new() };
        }
        let read = object.read(&self.defaults).map(Arc::new).map_err(Arc::new);
        let mut touched: Vec<Key> =
            self.claims.set(&object, read.as_deref().ok()).into_iter().map(Key::from).collect();
        if let Some(before) =
            self.objects.insert(key.clone(), Known { object: Arc::new(object.clone()), read })
        {
            self.keys.remove(&before.object.uid);
        }
        self.keys.insert(object.uid, key.clone());
        touched.push(key);
        touched
    }

    /// An object is gone. Returns the objects to look at.
    pub(super) fn forget(&mut self, key: &Key) -> Vec<Key> {
        if let Some(known) = self.objects.remove(key) {
            self.keys.remove(&known.object.uid);
        }
        self.claims.remove(key.kind, &key.namespace, &key.name).into_iter().map(Key::from).collect()
    }

    /// A rule is new or has changed. Returns the objects to look at.
    pub(super) fn set_rule(&mut self, meta: &PartialObjectMeta<DynamicObject>) -> Vec<Key> {
        let meta = &meta.metadata;
        let place = (meta.namespace.clone().unwrap_or_default(), meta.name.clone().unwrap_or_default());
        let mut touched = self.forget_rule(&place);
        let none = BTreeMap::new();
        let rule = Rule {
            name: place.1.clone(),
            uid: meta.uid.clone().unwrap_or_default(),
            version: meta.resource_version.clone().unwrap_or_default(),
            generation: meta.generation.unwrap_or_default(),
            manager: Manager::of(meta.labels.as_ref().unwrap_or(&none)),
            since: OwnRule::of(meta.annotations.as_ref().unwrap_or(&none)),
            owners: meta.owner_references.iter().flatten().map(|owner| owner.uid.clone()).collect(),
        };
        for owner in &rule.owners {
            self.owned.entry(owner.clone()).or_default().insert(place.clone());
            touched.extend(self.keys.get(owner).cloned());
        }
        touched.extend(self.namesakes(&place));
        self.rules.insert(place, rule);
        touched
    }

    /// The objects whose rule has this place, or would have it.
    fn namesakes(&self, (namespace, rule): &(String, String)) -> Vec<Key> {
        let named = Kind::ALL.into_iter().filter_map(|kind| {
            let name = kind.object_name(rule)?.to_owned();
            Some(Key { kind, namespace: namespace.clone(), name })
        });
        named.filter(|key| self.objects.contains_key(key)).collect()
    }

    /// A rule is gone. Returns the objects to look at.
    pub(super) fn forget_rule(&mut self, place: &(String, String)) -> Vec<Key> {
        let mut touched = self.namesakes(place);
        for owner in self.rules.remove(place).map(|rule| rule.owners).unwrap_or_default() {
            if let Some(owned) = self.owned.get_mut(&owner) {
                owned.remove(place);
                if owned.is_empty() {
                    self.owned.remove(&owner);
                }
            }
            touched.extend(self.keys.get(&owner).cloned());
        }
        touched
    }

    pub(super) fn get(&self, key: &Key) -> Option<&Known> {
        self.objects.get(key)
    }

    pub(super) fn keys(&self) -> Vec<Key> {
        self.objects.keys().cloned().collect()
    }

    /// The keys of the objects of a kind in a namespace; in all namespaces if it is `None`.
    pub(super) fn keys_in(&self, kind: Kind, namespace: Option<&str>) -> Vec<Key> {
        let is_in = |key: &&Key| key.kind == kind && namespace.is_none_or(|one| one == key.namespace);
        self.objects.keys().filter(is_in).cloned().collect()
    }

    /// The places of the rules in a namespace; in all namespaces if it is `None`.
    pub(super) fn rules_in(&self, namespace: Option<&str>) -> Vec<(String, String)> {
        self.rules.keys().filter(|place| namespace.is_none_or(|one| one == place.0)).cloned().collect()
    }

    pub(super) const fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The rule of this name, whoever owns it.
    pub(super) fn rule(&self, namespace: &str, name: &str) -> Option<&Rule> {
        self.rules.get(&(namespace.to_owned(), name.to_owned()))
    }

    /// The rules that another program made for an object.
    pub(super) fn others(&self, object: &Object) -> Vec<Rule> {
        let own = object.rule_name();
        let owned = self.owned.get(&object.uid).into_iter().flatten();
        let is_other = |rule: &&Rule| rule.manager == Manager::Other && rule.name != own;
        owned.filter_map(|place| self.rules.get(place)).filter(is_other).cloned().collect()
    }
}
