//! What the API server has: the objects with SLOs, and the rules.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::core::{DynamicObject, ObjectMeta, PartialObjectMeta};
use serde_json::Value;
use slo_core::{Diagnostics, spec::Defaults};
use slo_ops::controller::{CONTROLLER, Claims, Holder, Kind, Manager, Object, OwnRule, Read};
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
    owners: Vec<Owner>,
    /// Who else has written to it last, as it calls itself.
    pub(super) writer: Option<String>,
}

/// Who owns a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Owner {
    uid: String,
    kind: String,
    name: String,
}

impl Owner {
    fn of(reference: &OwnerReference) -> Self {
        Self { uid: reference.uid.clone(), kind: reference.kind.clone(), name: reference.name.clone() }
    }
}

impl Rule {
    /// Who owns it, in words.
    pub(super) fn owner(&self) -> Option<String> {
        self.owners.first().map(|owner| format!("{} {}", owner.kind, owner.name))
    }

    /// Whether it is the rule of an object. One of ours is, too, if its owner was removed, or was an object of the same name
    /// that was deleted and made again.
    pub(super) fn is_of(&self, object: &Object) -> bool {
        let is_same = |owner: &Owner| owner.kind == object.kind.name() && owner.name == object.name;
        let is_adopted = self.manager == Manager::Us && self.owners.iter().all(is_same);
        is_adopted || self.owners.iter().any(|owner| owner.uid == object.uid)
    }
}

/// Who else than this program has written to an object last.
fn last_writer(meta: &ObjectMeta) -> Option<String> {
    let others =
        meta.managed_fields.iter().flatten().filter(|one| one.manager.as_deref() != Some(CONTROLLER));
    let last = others.max_by(|one, two| one.time.cmp(&two.time))?;
    last.manager.clone()
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
            && known.object.is_deleted == object.is_deleted
            && known.object.has_same_spec(&object)
        {
            // Only its status has changed, by us or by another tool.
            known.object = Arc::new(object);
            return Vec::new();
        }
        let read = object.read(&self.defaults).map(Arc::new).map_err(Arc::new);
        // The rules of the last valid version stay, and so do its SLOs.
        let keeps =
            read.is_err() && self.objects.get(&key).is_some_and(|known| known.object.uid == object.uid);
        let mut touched: Vec<Key> = if object.is_deleted {
            // It waits for somebody's finalizer; others may have its SLOs.
            self.claims.remove(kind, &key.namespace, &key.name).into_iter().map(Key::from).collect()
        } else if keeps {
            Vec::new()
        } else {
            self.claims.set(&object, read.as_deref().ok()).into_iter().map(Key::from).collect()
        };
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
        let touched = self.claims.remove(key.kind, &key.namespace, &key.name).into_iter().map(Key::from);
        // What was done for it is forgotten, too.
        touched.chain([key.clone()]).collect()
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
            writer: last_writer(meta),
            owners: meta.owner_references.iter().flatten().map(Owner::of).collect(),
        };
        for owner in &rule.owners {
            self.owned.entry(owner.uid.clone()).or_default().insert(place.clone());
            touched.extend(self.keys.get(&owner.uid).cloned());
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
            if let Some(owned) = self.owned.get_mut(&owner.uid) {
                owned.remove(place);
                if owned.is_empty() {
                    self.owned.remove(&owner.uid);
                }
            }
            touched.extend(self.keys.get(&owner.uid).cloned());
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

    /// The rules that Sloth or Pyrra made for an object.
    pub(super) fn others(&self, object: &Object) -> Vec<Rule> {
        let owned = self.owned.get(&object.uid).into_iter().flatten();
        let is_other = |rule: &&Rule| {
            rule.manager == Manager::Other && object.kind.is_rule_of_tool(&object.name, &rule.name)
        };
        owned.filter_map(|place| self.rules.get(place)).filter(is_other).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(kind: Kind, name: &str, uid: &str, spec: &Value) -> DynamicObject {
        let metadata = json!({"namespace": "shop", "name": name, "uid": uid, "generation": 1, "creationTimestamp": "2026-12-01T10:00:00Z"});
        serde_json::from_value(json!({"apiVersion": kind.api_version(), "kind": kind.name(), "metadata": metadata, "spec": spec})).unwrap()
    }

    fn rule(
        name: &str,
        manager: Option<&str>,
        owner: Option<(&str, &str, &str)>,
    ) -> PartialObjectMeta<DynamicObject> {
        let labels = manager.map(|manager| json!({"app.kubernetes.io/managed-by": manager}));
        let owners = owner
            .map(|(kind, name, uid)| json!([{"apiVersion": "x/v1", "kind": kind, "name": name, "uid": uid}]));
        serde_json::from_value(json!({"metadata": {"namespace": "shop", "name": name, "uid": "r", "labels": labels, "ownerReferences": owners}}))
            .unwrap()
    }

    fn spec(slo: &str) -> Value {
        json!({"service": "a", "slos": [{"name": slo, "objective": "99%", "window": "30d", "sli": {"probe": "up"}}]})
    }

    fn key(kind: Kind, name: &str) -> Key {
        Key { kind, namespace: "shop".to_owned(), name: name.to_owned() }
    }

    #[test]
    fn only_rules_of_the_tool_itself_are_taken_over() {
        let mut world = World::default();
        world.set(Kind::Sloth, &object(Kind::Sloth, "api", "1", &json!({})));
        world.set(Kind::Slo, &object(Kind::Slo, "api", "2", &spec("x")));
        let owner = ("PrometheusServiceLevel", "api", "1");
        world.set_rule(&rule("api", Some("sloth"), Some(owner)));
        world.set_rule(&rule("mine", None, Some(owner)));
        world.set_rule(&rule("slo-sloth-api", Some("slo-controller"), Some(owner)));
        world.set_rule(&rule("also-mine", None, Some(("SLO", "api", "2"))));
        let others = |kind| {
            let known = world.get(&key(kind, "api")).unwrap();
            world.others(&known.object).into_iter().map(|rule| rule.name).collect::<Vec<_>>()
        };
        assert_eq!((others(Kind::Sloth), others(Kind::Slo)), (vec!["api".to_owned()], Vec::new()));
    }

    #[test]
    fn a_rule_is_of_its_object_also_if_that_was_made_again() {
        let mut world = World::default();
        world.set(Kind::Slo, &object(Kind::Slo, "api", "2", &spec("x")));
        let object = Arc::clone(&world.get(&key(Kind::Slo, "api")).unwrap().object);
        for (manager, owner, expected) in [
            (Some("slo-controller"), Some(("SLO", "api", "2")), true),
            (Some("slo-controller"), Some(("SLO", "api", "1")), true),
            (Some("slo-controller"), None, true),
            (Some("slo-controller"), Some(("SLO", "other", "1")), false),
            (None, Some(("SLO", "api", "2")), true),
            (None, Some(("SLO", "api", "1")), false),
            (None, None, false),
        ] {
            // The object with the name of the rule is looked at, whoever owns the rule.
            assert_eq!(world.set_rule(&rule("slo-api", manager, owner)).last(), Some(&key(Kind::Slo, "api")));
            assert_eq!(
                world.rule("shop", "slo-api").unwrap().is_of(&object),
                expected,
                "{manager:?} {owner:?}"
            );
        }
    }

    #[test]
    fn an_object_that_becomes_invalid_keeps_its_slos() {
        let mut world = World::default();
        world.set(Kind::Slo, &object(Kind::Slo, "old", "1", &spec("x")));
        let mut new = object(Kind::Slo, "young", "2", &spec("x"));
        new.metadata.creation_timestamp = serde_json::from_value(json!("2026-12-01T11:00:00Z")).unwrap();
        world.set(Kind::Slo, &new);
        let mut broken = object(Kind::Slo, "old", "1", &json!({"service": "a", "slos": []}));
        broken.metadata.generation = Some(2);
        assert_eq!(world.set(Kind::Slo, &broken), [key(Kind::Slo, "old")]);
        let known = world.get(&key(Kind::Slo, "young")).unwrap();
        assert_eq!(world.claims().taken(&known.object, known.read.as_ref().unwrap()).len(), 1);
        // When it goes, the other one is looked at.
        assert_eq!(world.forget(&key(Kind::Slo, "old")), [key(Kind::Slo, "young"), key(Kind::Slo, "old")]);
    }

    #[test]
    fn a_change_of_the_status_alone_is_no_news() {
        let mut world = World::default();
        let mut one = object(Kind::Slo, "api", "1", &spec("x"));
        assert_eq!(world.set(Kind::Slo, &one).len(), 1);
        one.data["status"] = json!({"slos": 1});
        assert!(world.set(Kind::Slo, &one).is_empty());
        assert_eq!(world.get(&key(Kind::Slo, "api")).unwrap().object.status["slos"], 1);
    }
}
