//! What belongs together in manifests: workloads, their Services, disruption budgets, autoscalers and SLOs.

use crate::manifest::{Object, texts};
use slo_core::{
    document::{Node, Value},
    model::{MatchOp, Matcher, Selector, Service, Sli, Slo},
};
use std::collections::BTreeMap;

/// What belongs together in manifests.
pub(super) struct Landscape<'a> {
    pub(super) objects: &'a [Object],
    pub(super) workloads: Vec<Workload<'a>>,
}

/// Something with pods that run all the time.
pub(super) struct Workload<'a> {
    pub(super) object: &'a Object,
    /// The labels of its pods.
    pub(super) labels: BTreeMap<String, String>,
    /// The fewest pods that it has; `None` if that depends on the nodes.
    pub(super) replicas: Option<u64>,
    /// The Services that select its pods.
    pub(super) services: Vec<&'a Object>,
    /// Whether something outside the cluster reaches it.
    pub(super) is_exposed: bool,
    /// The disruption budgets that select its pods.
    pub(super) budgets: Vec<&'a Object>,
    /// What scales it.
    pub(super) scaler: Option<&'a Object>,
    /// The monitors that scrape it.
    pub(super) monitors: Vec<&'a Object>,
    /// The SLOs that count its events.
    pub(super) slos: Vec<(&'a Service, &'a Slo)>,
}

/// Labels of series that say what they are of.
const IDENTITIES: [&str; 12] = [
    "job",
    "app",
    "service",
    "container",
    "deployment",
    "workload",
    "pod",
    "app_kubernetes_io_name",
    "app_kubernetes_io_instance",
    "statefulset",
    "exported_service",
    "kubernetes_name",
];

impl<'a> Landscape<'a> {
    pub(super) fn of(objects: &'a [Object], services: &'a [Service]) -> Self {
        let workloads = objects.iter().filter(|object| {
            matches!(object.kind.as_str(), "Deployment" | "StatefulSet" | "DaemonSet" | "Rollout")
                && object.pod_template().is_some()
        });
        let workloads = workloads.map(|object| Workload::of(object, objects, services)).collect();
        Self { objects, workloads }
    }

    pub(super) fn of_kind<'b>(&'b self, kind: &'b str) -> impl Iterator<Item = &'a Object> + 'b {
        self.objects.iter().filter(move |object| object.kind == kind)
    }
}

impl<'a> Workload<'a> {
    fn of(object: &'a Object, objects: &'a [Object], services: &'a [Service]) -> Self {
        let labels = object.texts("spec.template.metadata.labels");
        let near = || objects.iter().filter(|other| same_namespace(object, other));
        let own_services: Vec<&Object> = near()
            .filter(|other| other.kind == "Service" && selects_all(&other.texts("spec.selector"), &labels))
            .collect();
        let budgets = near().filter(|other| other.kind == "PodDisruptionBudget");
        let budgets = budgets
            .filter(|other| other.at("spec.selector").is_some_and(|selector| selects(selector, &labels)));
        let scaler = near().find(|other| {
            matches!(other.kind.as_str(), "HorizontalPodAutoscaler" | "ScaledObject")
                && other.text("spec.scaleTargetRef.name") == Some(object.name.as_str())
                && other.text("spec.scaleTargetRef.kind").is_none_or(|kind| kind == object.kind)
        });
        let monitors = objects.iter().filter(|other| match other.kind.as_str() {
            "PodMonitor" => {
                watches(other, object)
                    && other.at("spec.selector").is_some_and(|selector| selects(selector, &labels))
            }
            "ServiceMonitor" => {
                own_services.iter().filter(|service| watches(other, service)).any(|service| {
                    let of_service = service.texts("metadata.labels");
                    other.at("spec.selector").is_some_and(|selector| selects(selector, &of_service))
                })
            }
            _ => false,
        });
        let is_exposed = own_services.iter().any(|service| is_exposed(service, objects));
        let mut workload = Self {
            object,
            replicas: replicas(object, scaler),
            budgets: budgets.collect(),
            scaler,
            monitors: monitors.collect(),
            is_exposed,
            services: own_services,
            labels,
            slos: Vec::new(),
        };
        let all = services.iter().flat_map(|service| service.slos().iter().map(move |slo| (service, slo)));
        workload.slos = all.filter(|(service, slo)| workload.is_counted_by(service, slo)).collect();
        workload
    }

    /// Whether an SLO counts its events: one of the labels that it selects names the workload, or else the service of the spec
    /// does.
    fn is_counted_by(&self, service: &Service, slo: &Slo) -> bool {
        let selected = identities(slo);
        if selected.is_empty() {
            return self.names().any(|name| name == service.name().as_str());
        }
        selected.iter().any(|matcher| self.names().any(|name| is_name(matcher, name)))
    }

    /// What its series may be called by.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let labels = ["app", "app.kubernetes.io/name", "k8s-app"];
        let labels = labels.into_iter().filter_map(|label| self.labels.get(label)).map(String::as_str);
        let services = self.services.iter().map(|service| service.name.as_str());
        std::iter::once(self.object.name.as_str()).chain(labels).chain(services)
    }

    /// The strictest SLO that counts its events.
    pub(super) fn strictest(&self) -> Option<(&'a Service, &'a Slo)> {
        self.slos.iter().copied().min_by_key(|(_, slo)| slo.objective().budget())
    }

    /// Its containers, each with the path of its node.
    pub(super) fn containers(&self) -> impl Iterator<Item = &'a Node> {
        self.object.list("spec.template.spec.containers").iter()
    }

    /// Whether requests reach it: a Service selects its pods, or an SLO counts its events.
    pub(super) fn is_served(&self) -> bool {
        !self.services.is_empty() || !self.slos.is_empty()
    }
}

/// The matchers of an SLO that say what its series are of.
pub(super) fn identities(slo: &Slo) -> Vec<Matcher> {
    let selectors: Vec<Selector> = match slo.sli() {
        Sli::Latency(latency) => vec![latency.histogram().clone()],
        Sli::Probe(probe) => vec![probe.clone()],
        sli => sli.counters().map_or_else(Vec::new, |counters| counters.both().map(Clone::clone).to_vec()),
    };
    let all = selectors.iter().flat_map(Selector::matchers);
    all.filter(|matcher| IDENTITIES.contains(&matcher.label.as_str())).cloned().collect()
}

/// Whether a matcher names something: exactly, or as the beginning of the names of its pods.
fn is_name(matcher: &Matcher, name: &str) -> bool {
    // Jobs of Prometheus' operator may have the namespace in front.
    let is = |value: &str| value == name || value.rsplit_once('/').is_some_and(|(_, last)| last == name);
    match matcher.op {
        MatchOp::Equal => is(&matcher.value),
        MatchOp::Regex => alternatives(&matcher.value).any(is),
        MatchOp::NotEqual | MatchOp::NotRegex => false,
    }
}

/// The texts that values of a regular expression begin with, up to what is no text: `checkout` of `checkout-[a-z0-9]+-.*`.
fn alternatives(regex: &str) -> impl Iterator<Item = &str> {
    let inner = regex.trim_start_matches(".*").trim_start_matches(['^', '(']).trim_start_matches("?:");
    inner.split('|').map(|one| {
        let end = one.find(['[', '(', ')', '.', '*', '+', '?', '\\', '{', '$']).unwrap_or(one.len());
        one.get(..end).unwrap_or_default().trim_end_matches('-')
    })
}

/// Whether two objects may be in the same namespace; one without goes where it is applied.
pub(super) fn same_namespace(one: &Object, two: &Object) -> bool {
    match (&one.namespace, &two.namespace) {
        (Some(one), Some(two)) => one == two,
        _ => true,
    }
}

/// Whether a monitor looks into the namespace of an object: its own, or those of its selector.
pub(super) fn watches(monitor: &Object, object: &Object) -> bool {
    let is_named = |name: &String| {
        monitor.list("spec.namespaceSelector.matchNames").iter().filter_map(scalar).any(|one| one == name)
    };
    monitor.text("spec.namespaceSelector.any") == Some("true")
        || if monitor.list("spec.namespaceSelector.matchNames").is_empty() {
            same_namespace(monitor, object)
        } else {
            object.namespace.as_ref().is_none_or(is_named)
        }
}

fn selects_all(selector: &BTreeMap<String, String>, labels: &BTreeMap<String, String>) -> bool {
    !selector.is_empty() && selector.iter().all(|(label, value)| labels.get(label) == Some(value))
}

/// Whether a label selector with `matchLabels` and `matchExpressions` selects these labels. An empty one selects all.
pub(super) fn selects(selector: &Node, labels: &BTreeMap<String, String>) -> bool {
    let equal = selector.entry("matchLabels").map(texts).unwrap_or_default();
    let expressions = match selector.entry("matchExpressions").map(|node| &node.value) {
        Some(Value::List(items)) => items.as_slice(),
        _ => &[],
    };
    equal.iter().all(|(label, value)| labels.get(label) == Some(value))
        && expressions.iter().all(|expression| {
            let value = expression.scalar("key").and_then(|key| labels.get(key));
            let values: Vec<&str> = match expression.entry("values").map(|node| &node.value) {
                Some(Value::List(items)) => items.iter().filter_map(scalar).collect(),
                _ => Vec::new(),
            };
            let is_one = value.is_some_and(|value| values.contains(&value.as_str()));
            match expression.scalar("operator") {
                Some("In") => is_one,
                Some("NotIn") => !is_one,
                Some("Exists") => value.is_some(),
                Some("DoesNotExist") => value.is_none(),
                _ => true,
            }
        })
}

pub(super) fn scalar(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Scalar { text, .. } => Some(text),
        _ => None,
    }
}

/// The fewest pods that a workload has.
fn replicas(object: &Object, scaler: Option<&Object>) -> Option<u64> {
    if object.kind == "DaemonSet" {
        return None;
    }
    let number =
        |object: &Object, path: &str| object.number(path).and_then(|number| u64::try_from(number).ok());
    match scaler {
        Some(scaler) if scaler.kind == "ScaledObject" => {
            Some(number(scaler, "spec.minReplicaCount").unwrap_or(0))
        }
        Some(scaler) => Some(number(scaler, "spec.minReplicas").unwrap_or(1)),
        None => Some(number(object, "spec.replicas").unwrap_or(1)),
    }
}

/// Whether something outside the cluster reaches a Service.
fn is_exposed(service: &Object, objects: &[Object]) -> bool {
    if matches!(service.text("spec.type"), Some("LoadBalancer" | "NodePort")) {
        return true;
    }
    let routes = objects.iter().filter(|other| {
        let reaches_in = matches!(
            other.kind.as_str(),
            "Ingress" | "HTTPRoute" | "GRPCRoute" | "TLSRoute" | "TCPRoute" | "IngressRoute"
        ) || (other.kind == "VirtualService"
            && other.list("spec.gateways").iter().filter_map(scalar).any(|gateway| gateway != "mesh"));
        reaches_in && same_namespace(service, other)
    });
    routes.into_iter().any(|route| route.at("spec").is_some_and(|spec| names(spec, &service.name, false)))
}

/// Where routes name the Services that they lead to.
const BACKENDS: [&str; 6] =
    ["backend", "defaultBackend", "backendRefs", "services", "destination", "service"];

/// Whether a route leads to a Service: below a key for backends, something is called so.
fn names(node: &Node, wanted: &str, is_backend: bool) -> bool {
    match &node.value {
        Value::Scalar { .. } => false,
        Value::List(items) => items.iter().any(|item| names(item, wanted, is_backend)),
        Value::Map(entries) => entries.iter().any(|(key, node)| {
            let is_name = is_backend && matches!(key.text.as_str(), "name" | "serviceName" | "host");
            let is_it = is_name && scalar(node).is_some_and(|value| value.split('.').next() == Some(wanted));
            is_it || names(node, wanted, is_backend || BACKENDS.contains(&key.text.as_str()))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_pods_begin_with_that_of_their_workload() {
        let is = |regex: &str, name: &str| alternatives(regex).any(|one| one == name);
        for regex in [
            "checkout-.*",
            "checkout-[a-z0-9]+-[a-z0-9]{5}",
            "^checkout.*",
            "(checkout|cart)-.+",
            ".*checkout",
        ] {
            assert!(is(regex, "checkout"), "{regex}");
        }
        assert!(is("(checkout|cart)-.+", "cart") && is("checkout|cart-.+", "cart"));
        assert!(!is("api-gateway-.*", "api") && is("api-gateway-.*", "api-gateway"));
    }
}
