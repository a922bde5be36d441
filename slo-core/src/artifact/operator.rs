//! Objects of the Prometheus operator.

use super::prometheus::{HEADER, PartialResponse, write_groups};
use crate::{Error, model::Service, rules::RuleGroup, yaml::Yaml};
use std::collections::BTreeMap;

/// The metadata of a Kubernetes object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectMeta {
    namespace: Option<String>,
    labels: BTreeMap<String, String>,
}

impl ObjectMeta {
    /// Metadata with `namespace` and `labels`.
    ///
    /// Without a namespace, the object goes to the namespace in which it is applied. The label
    /// `app.kubernetes.io/managed-by: slo` is always set. A `ruleSelector` may need other labels.
    ///
    /// ```
    /// use slo_core::artifact::ObjectMeta;
    ///
    /// assert!(ObjectMeta::new(Some("monitoring".to_owned()), [("release".to_owned(), "prometheus".to_owned())].into()).is_ok());
    /// assert!(ObjectMeta::new(Some("My Namespace".to_owned()), [].into()).is_err());
    /// ```
    ///
    /// # Errors
    /// A namespace or a label that Kubernetes refuses.
    pub fn new(namespace: Option<String>, labels: BTreeMap<String, String>) -> Result<Self, Error> {
        if let Some(name) = namespace.as_ref().filter(|name| !is_namespace(name)) {
            return Err(Error::new(format!("`{name}` is not a Kubernetes namespace"))
                .with_hint("use lower-case letters, digits and `-`, 63 at most"));
        }
        if let Some((name, value)) = labels.iter().find(|(name, value)| !is_label(name, value)) {
            return Err(Error::new(format!("`{name}={value}` is not a Kubernetes label"))
                .with_hint("use letters, digits, `-`, `_` and `.`"));
        }
        Ok(Self { namespace, labels })
    }
}

/// Whether a name is a label of RFC 1123.
fn is_namespace(name: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&name.len())
        && name.bytes().all(is_part)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

/// Whether a name, with an optional domain before a slash, and a value, which may be empty, are valid.
fn is_label(name: &str, value: &str) -> bool {
    let is_part = |part: &str| {
        part.len() <= 253
            && part.starts_with(|c: char| c.is_ascii_alphanumeric())
            && part.ends_with(|c: char| c.is_ascii_alphanumeric())
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    let is_value = value.is_empty() || (is_part(value) && value.len() <= 63);
    name.split('/').all(is_part) && name.split('/').count() <= 2 && is_value
}

/// The rules of a service as a `PrometheusRule` object of `monitoring.coreos.com/v1`.
///
/// Its name is `slo-` and the service's name as Kubernetes allows it: lower case, `-` for `_`. It carries
/// the label `app.kubernetes.io/managed-by: slo`, and those of `meta`.
pub(super) fn prometheus_rule(service: &Service, groups: &[RuleGroup], meta: &ObjectMeta) -> String {
    object(&object_name(service), groups, meta)
}

/// Refuses services whose objects would have the same name, because the last would replace the others.
pub(super) fn check_object_names<'a>(services: impl IntoIterator<Item = &'a Service>) -> Result<(), Error> {
    let mut names = BTreeMap::new();
    for service in services {
        let name = object_name(service);
        if let Some(other) = names.insert(name.clone(), service.name()) {
            return Err(Error::new(format!(
                "`{other}` and `{}` have the same object name `{name}`",
                service.name()
            ))
            .with_hint("rename one of them; object names only have lower case and `-`"));
        }
    }
    Ok(())
}

const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

fn object(name: &str, groups: &[RuleGroup], meta: &ObjectMeta) -> String {
    let mut out = Yaml::begun_with(HEADER);
    out.bare("apiVersion", "monitoring.coreos.com/v1");
    out.bare("kind", "PrometheusRule");
    write_meta(&mut out, name, meta);
    out.nested("spec", |out| {
        out.nested("groups", |out| write_groups(out, groups, PartialResponse::Usual));
    });
    out.into_text()
}

/// The metadata of an object.
pub(super) fn write_meta(out: &mut Yaml, name: &str, meta: &ObjectMeta) {
    out.nested("metadata", |out| {
        out.entry("name", name);
        if let Some(namespace) = &meta.namespace {
            out.entry("namespace", namespace);
        }
        out.nested("labels", |out| {
            out.entry(MANAGED_BY, "slo");
            for (name, value) in meta.labels.iter().filter(|(name, _)| *name != MANAGED_BY) {
                out.entry(name, value);
            }
        });
    });
}

fn object_name(service: &Service) -> String {
    kubernetes_name(service.name().as_str())
}

/// A name of RFC 1123 that begins with `slo-`: lower-case letters, digits, `-` and `.`, with a letter or digit at both ends.
pub(super) fn kubernetes_name(name: &str) -> String {
    let name = name.to_ascii_lowercase().replace('_', "-");
    // Parts between dots must begin and end well, too.
    let parts = name.split('.').map(|part| part.trim_matches('-')).filter(|part| !part.is_empty());
    format!("slo-{}", parts.collect::<Vec<_>>().join("."))
}

#[cfg(all(test, feature = "spec"))]
mod tests {
    use super::*;
    use crate::{artifact::rule_file, rules, spec};

    #[test]
    fn holds_the_rule_file_two_deeper() {
        let text = include_str!("../../../testdata/rules/checkout.spec.yaml");
        let service = spec::parse(text).unwrap().remove(0);
        let groups = rules::generate(&service).unwrap();
        let labels = [("release".to_owned(), "prometheus".to_owned())].into();
        let meta = ObjectMeta::new(Some("monitoring".to_owned()), labels).unwrap();
        let object = object("slo-checkout", &groups, &meta);
        assert!(object.contains("  namespace: monitoring\n") && object.contains("    release: prometheus\n"));
        let (_, inside) = object.split_once("spec:\n").unwrap();
        let lines: Vec<&str> = inside.lines().map(|line| line.strip_prefix("  ").unwrap_or(line)).collect();
        assert_eq!(format!("{HEADER}{}\n", lines.join("\n")), rule_file(&groups));
    }

    #[test]
    fn refuses_what_kubernetes_refuses() {
        for namespace in ["", "X y", "-a", "a-", "a.b", &"a".repeat(64)] {
            let error = ObjectMeta::new(Some(namespace.to_owned()), BTreeMap::new()).unwrap_err();
            assert!(error.hint().is_some(), "{error}");
        }
        for (name, value) in [("a b", "c"), ("", "c"), ("a/b/c", ""), ("a", "b c"), ("a", "-")] {
            let labels = [(name.to_owned(), value.to_owned())].into();
            assert!(ObjectMeta::new(None, labels).is_err(), "{name}={value}");
        }
        let labels = [("app.kubernetes.io/part-of".to_owned(), String::new())].into();
        assert!(ObjectMeta::new(Some("prod-1".to_owned()), labels).is_ok());
    }

    #[test]
    fn names_objects_as_kubernetes_allows() {
        for (name, expected) in [
            ("checkout", "slo-checkout"),
            ("Check_Out.v2", "slo-check-out.v2"),
            ("a._b-", "slo-a.b"),
            ("x..y", "slo-x.y"),
        ] {
            let name = name.parse().unwrap();
            let text = "{version: slo/v1, service: a, slos: [{name: b, objective: 99%, window: 30d, \
                        sli: {events: {total: t, bad: b}}}]}";
            let slos = spec::parse(text).unwrap().remove(0).slos().to_vec();
            let service = Service::new(name, crate::model::Window::seconds(15), slos).unwrap();
            assert_eq!(object_name(&service), expected);
            // Of two services, neither may overwrite the other.
            assert!(check_object_names([&service, &service]).is_err());
        }
    }
}
