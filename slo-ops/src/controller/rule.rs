//! The `PrometheusRule` of an object.

use super::{Object, OwnRule, Phase, Read};
use serde_json::{Map, Value, json};
use slo_core::{
    Error,
    artifact::rule_file_json,
    model::Timestamp,
    rules::{Options, Rule, RuleGroup, generate_with},
};
use std::collections::{BTreeMap, BTreeSet};

/// The label that names the program that keeps an object.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// The annotation that says since when a rule has recorded beside those of another tool.
pub const RECORDING_SINCE: &str = "slo.dev/recording-since";
/// The annotation that says since when a rule has also alerted beside those of another tool.
pub const ALERTING_SINCE: &str = "slo.dev/alerting-since";

/// Who keeps a `PrometheusRule`, as its labels say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Manager {
    /// This controller.
    Us,
    /// Anyone else.
    Other,
}

impl Manager {
    /// By the labels of an object.
    ///
    /// ```
    /// use slo_ops::controller::Manager;
    ///
    /// let ours = [("app.kubernetes.io/managed-by".to_owned(), "slo-controller".to_owned())];
    /// assert_eq!(Manager::of(&ours.into()), Manager::Us);
    /// ```
    #[must_use]
    pub fn of(labels: &BTreeMap<String, String>) -> Self {
        if labels.get(MANAGED_BY).is_some_and(|name| name == CONTROLLER) { Self::Us } else { Self::Other }
    }
}

/// The name of the controller: of the fields that it writes, and of its lease.
pub const CONTROLLER: &str = "slo-controller";

/// Writes the `PrometheusRule` of objects.
#[derive(Debug, Clone, Default)]
#[expect(clippy::exhaustive_structs, reason = "callers write it as a literal")]
pub struct Writer {
    /// How rules are generated.
    pub options: Options,
    /// Labels of each `PrometheusRule`, such as the one that a `ruleSelector` matches.
    pub labels: BTreeMap<String, String>,
}

impl Writer {
    /// The `PrometheusRule` of `object` at `now`, while its rules are in `phase`. Without SLOs in `read`, it has no rules. `others` are the series that another tool's rules
    /// for the object record: nothing is recorded twice.
    ///
    /// ```
    /// use serde_json::json;
    /// use slo_core::{model::Timestamp, spec::Defaults};
    /// use slo_ops::controller::{Kind, Object, Phase, Writer};
    ///
    /// let object = Object::of(Kind::Slo, &json!({
    ///     "metadata": {"namespace": "shop", "name": "checkout", "uid": "1", "creationTimestamp": "2026-12-01T10:00:00Z"},
    ///     "spec": {"service": "checkout", "slos": [{"name": "availability", "objective": "99.9%", "window": "30d",
    ///         "sli": {"events": {"total": "requests_total", "bad": "errors_total"}}}]},
    /// }))?;
    /// let read = object.read(&Defaults::default())?;
    /// let rule = Writer::default().rule(&object, Some(&read), Timestamp::from_seconds(0), Phase::Alone, &[].into())?;
    /// assert_eq!(rule["metadata"]["name"], "slo-checkout");
    /// assert_eq!(rule["spec"]["groups"][0]["name"], "slo/checkout/availability/fast");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// SLOs that no rules can be generated for.
    pub fn rule(
        &self,
        object: &Object,
        read: Option<&Read>,
        now: Timestamp,
        phase: Phase,
        others: &BTreeSet<String>,
    ) -> Result<Value, Error> {
        let options = Options { now: Some(now), ..self.options };
        let mut groups = match read {
            Some(read) => generate_with(&read.service, options)?,
            None => Vec::new(),
        };
        for group in &mut groups {
            group.rules.retain(|rule| match rule {
                Rule::Record { .. } => !others.contains(rule.name().as_ref()),
                Rule::Alert { .. } => phase.alerts(),
            });
        }
        groups.retain(|group: &RuleGroup| !group.rules.is_empty());
        let mut labels = self.labels.clone();
        labels.insert(MANAGED_BY.to_owned(), CONTROLLER.to_owned());
        labels.insert("slo.dev/kind".to_owned(), object.kind.name().to_owned());
        let mut metadata = json!({
            "name": object.rule_name(),
            "namespace": object.namespace,
            "labels": labels,
            "ownerReferences": [object.owner_reference()],
        });
        let annotations = annotations(phase);
        // An empty mapping would count as a change each time that it is applied.
        if let (Some(metadata), false) = (metadata.as_object_mut(), annotations.is_empty()) {
            metadata.insert("annotations".to_owned(), annotations.into());
        }
        Ok(json!({
            "apiVersion": "monitoring.coreos.com/v1",
            "kind": "PrometheusRule",
            "metadata": metadata,
            "spec": rule_file_json(&groups),
        }))
    }
}

/// What says on the next look how far the take-over is.
fn annotations(phase: Phase) -> Map<String, Value> {
    let (key, since) = match phase {
        Phase::Recording { since } => (RECORDING_SINCE, since),
        Phase::Both { since } | Phase::Replacing { since } => (ALERTING_SINCE, since),
        Phase::Alone => return Map::new(),
    };
    [(key.to_owned(), since.to_string().into())].into_iter().collect()
}

impl OwnRule {
    /// What the annotations of our rule say. A time that cannot be read is none.
    #[must_use]
    pub fn of(annotations: &BTreeMap<String, String>) -> Self {
        let time = |key: &str| annotations.get(key).and_then(|text| text.parse().ok());
        let recording_since = time(RECORDING_SINCE);
        // While it only records, nothing says that it alerts; somebody has written the other time.
        let alerting_since = if recording_since.is_some() { None } else { time(ALERTING_SINCE) };
        Self { recording_since, alerting_since }
    }
}
