//! Pods, and values as these tools write them.

use crate::experiment::{Experiment, Fault};
use serde_json::{Map, Value, json};
use slo_core::{
    Error,
    model::{Ratio, Window},
};

/// The pods of Kubernetes that a manifest is about.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "these select pods")]
pub struct Pods {
    /// Their namespace.
    pub namespace: String,
    /// Their labels, such as `app=checkout,tier=web`.
    pub selector: String,
}

/// The pods that the fault hits: its own, or those that are asked for.
pub(super) fn pods_of(experiment: &Experiment, pods: Option<&Pods>) -> Result<Pods, Error> {
    match &experiment.fault {
        Fault::Pods { namespace, selector, .. } => {
            Ok(Pods { namespace: namespace.clone(), selector: selector.clone() })
        }
        fault => pods.cloned().ok_or_else(|| {
            Error::new(format!("a fault of the kind `{}` does not say which pods it hits", fault.kind()))
                .with_hint("add --namespace shop --selector app=checkout")
        }),
    }
}

/// The name of an experiment as Kubernetes allows it.
pub(super) fn object_name(experiment: &Experiment) -> String {
    experiment.name.to_ascii_lowercase().replace('_', "-")
}

/// The labels of a selector.
pub(super) fn labels(selector: &str) -> Result<Map<String, Value>, Error> {
    let pairs = selector.split(',').map(|pair| {
        let pair = pair.trim().split_once('=').filter(|(name, _)| !name.is_empty() && !name.ends_with('!'));
        let (name, value) = pair.ok_or_else(|| {
            Error::new(format!("`{selector}` is not a list of labels"))
                .with_hint("write app=checkout,tier=web")
        })?;
        Ok((name.to_owned(), json!(value.trim_start_matches('='))))
    });
    pairs.collect()
}

/// A share that these tools only know in whole percent.
pub(super) fn whole_percent(share: Ratio) -> Result<String, Error> {
    let percent = share.checked_mul(Ratio::whole(100)).filter(|percent| percent.denominator() == 1);
    percent.map(|percent| percent.numerator().to_string()).ok_or_else(|| {
        Error::new("the share is not a whole number of percent").with_hint("write `share: 25%`")
    })
}

/// A length of time as Go reads it.
pub(super) fn duration(window: Window) -> String {
    match window.as_millis() {
        millis if millis % 1_000 == 0 => format!("{}s", millis / 1_000),
        millis => format!("{millis}ms"),
    }
}

/// The fields of both; those of `more` come first where both have one.
pub(super) fn merged(fields: &Value, more: Value) -> Value {
    let mut all = fields.as_object().cloned().unwrap_or_default();
    if let Value::Object(more) = more {
        all.extend(more);
    }
    Value::Object(all)
}
