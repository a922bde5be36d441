//! Which object an SLO belongs to, if several write the same.

use super::{Kind, Object, Read};
use slo_core::model::{Name, Timestamp};
use std::{
    collections::{BTreeSet, HashMap},
    fmt,
};

/// The SLOs of all objects.
///
/// Two objects with an SLO of the same service and name would record the same series. Within a namespace the older object has it.
/// Objects of several namespaces may be for several Prometheus servers, so they both have theirs.
#[derive(Debug, Default)]
pub struct Claims {
    of: HashMap<(Kind, String, String), Claim>,
    holders: HashMap<(Name, Name), BTreeSet<Holder>>,
}

/// What an object has.
#[derive(Debug)]
struct Claim {
    holder: Holder,
    names: Vec<(Name, Name)>,
}

/// An object that has an SLO. Older ones come first.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Holder {
    /// When it was created.
    pub created: Timestamp,
    /// Its kind.
    pub kind: Kind,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Holder {
    fn of(object: &Object) -> Self {
        Self {
            created: object.created,
            kind: object.kind,
            namespace: object.namespace.clone(),
            name: object.name.clone(),
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
    }
}

impl Claims {
    /// Notes the SLOs of an object; `None` if they cannot be read. Returns the other objects that have, or had, one of them.
    pub fn set(&mut self, object: &Object, read: Option<&Read>) -> Vec<Holder> {
        let mut touched = self.remove(object.kind, &object.namespace, &object.name);
        let holder = Holder::of(object);
        let names = read.map(Read::names).unwrap_or_default();
        for name in &names {
            let holders = self.holders.entry(name.clone()).or_default();
            touched.extend(holders.iter().cloned());
            holders.insert(holder.clone());
        }
        self.of.insert((object.kind, object.namespace.clone(), object.name.clone()), Claim { holder, names });
        touched
    }

    /// Forgets an object. Returns the other objects that have one of its SLOs.
    pub fn remove(&mut self, kind: Kind, namespace: &str, name: &str) -> Vec<Holder> {
        let Some(Claim { holder, names }) = self.of.remove(&(kind, namespace.to_owned(), name.to_owned()))
        else {
            return Vec::new();
        };
        let mut touched = Vec::new();
        for name in names {
            if let Some(holders) = self.holders.get_mut(&name) {
                holders.remove(&holder);
                touched.extend(holders.iter().cloned());
                if holders.is_empty() {
                    self.holders.remove(&name);
                }
            }
        }
        touched
    }

    /// The SLOs of `object` that an older object of its namespace has, each with that object.
    #[must_use]
    pub fn taken(&self, object: &Object, read: &Read) -> Vec<(Name, Holder)> {
        let own = Holder::of(object);
        let names = read.names().into_iter();
        names
            .filter_map(|name| {
                let other = self.holders.get(&name)?.iter().find(|other| other.namespace == own.namespace)?;
                (*other < own).then(|| (name.1, other.clone()))
            })
            .collect()
    }

    /// The first SLO of `object` that an object of another namespace has, too, and that object.
    #[must_use]
    pub fn elsewhere(&self, object: &Object, read: &Read) -> Option<((Name, Name), Holder)> {
        read.names().into_iter().find_map(|name| {
            let other = self.holders.get(&name)?.iter().find(|other| other.namespace != object.namespace)?;
            Some((name, other.clone()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use slo_core::spec::Defaults;

    fn object(namespace: &str, name: &str, hour: u8, slos: &[&str]) -> (Object, Read) {
        let slos: Vec<_> = slos
            .iter()
            .map(|name| json!({"name": name, "objective": "99%", "window": "30d", "sli": {"probe": "up"}}))
            .collect();
        let value = json!({
            "metadata": {"namespace": namespace, "name": name, "uid": name, "creationTimestamp": format!("2026-12-01T{hour:02}:00:00Z")},
            "spec": {"service": "a", "slos": slos},
        });
        let object = Object::of(Kind::Slo, &value).unwrap();
        let read = object.read(&Defaults::default()).unwrap();
        (object, read)
    }

    #[test]
    fn the_older_object_of_a_namespace_has_an_slo() {
        let mut claims = Claims::default();
        let (old, old_read) = object("shop", "old", 1, &["x", "y"]);
        let (new, new_read) = object("shop", "new", 2, &["y", "z"]);
        let (far, far_read) = object("far", "far", 0, &["y"]);
        assert!(claims.set(&new, Some(&new_read)).is_empty());
        // Whatever comes first, the other one is told.
        assert_eq!(claims.set(&old, Some(&old_read)).len(), 1);
        assert_eq!(claims.set(&far, Some(&far_read)).len(), 2);
        let taken = claims.taken(&new, &new_read);
        assert_eq!(
            (taken.len(), taken[0].0.as_str(), taken[0].1.to_string()),
            (1, "y", "SLO shop/old".to_owned())
        );
        assert!(claims.taken(&old, &old_read).is_empty() && claims.taken(&far, &far_read).is_empty());
        assert_eq!(claims.elsewhere(&old, &old_read).unwrap().1.to_string(), "SLO far/far");
        assert_eq!(claims.remove(Kind::Slo, "shop", "old").len(), 2);
        assert!(claims.taken(&new, &new_read).is_empty());
        // Nothing is left of objects that are gone.
        claims.remove(Kind::Slo, "shop", "new");
        claims.remove(Kind::Slo, "far", "far");
        assert!(claims.of.is_empty() && claims.holders.is_empty());
    }
}
