//! What is said of an object: its status, and an event.

use super::{Holder, Kind, Object, Phase, Read};
use serde_json::{Value, json};
use slo_core::{
    Diagnostics, Error,
    model::{Name, Timestamp},
    spec::LossKind,
};

/// Why an object is ready, or is not. It is the `reason` of its condition `Ready` and of its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// Its rules are written.
    RulesWritten,
    /// Its rules record, and another tool alerts.
    Recording,
    /// Its rules and those of another tool alert.
    BothAlert,
    /// Its `spec` has faults.
    Invalid,
    /// An older object has one of its SLOs.
    Duplicate,
    /// The name of its `PrometheusRule` is taken.
    Conflict,
    /// The API server refuses its `PrometheusRule`.
    Refused,
    /// Its `PrometheusRule` could not be written.
    Failed,
}

impl Reason {
    /// Its name, in the style of Kubernetes.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RulesWritten => "RulesWritten",
            Self::Recording => "Recording",
            Self::BothAlert => "BothAlert",
            Self::Invalid => "Invalid",
            Self::Duplicate => "Duplicate",
            Self::Conflict => "Conflict",
            Self::Refused => "Refused",
            Self::Failed => "Failed",
        }
    }

    /// Whether the object's rules are as they should be.
    #[must_use]
    pub const fn is_ready(self) -> bool {
        matches!(self, Self::RulesWritten | Self::Recording | Self::BothAlert)
    }
}

/// What is said of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verdict {
    /// Why it is ready, or is not.
    pub reason: Reason,
    /// In words.
    pub message: String,
    /// How many SLOs it has; 0 if they cannot be read.
    pub slos: usize,
    /// Whether fields of another tool are left out.
    pub loses: bool,
}

/// The longest message of a condition.
const LONGEST: usize = 32_768;

impl Verdict {
    /// Its rules are written as `phase` wants them. `others` are the `PrometheusRule` objects of another tool.
    #[must_use]
    pub fn written(object: &Object, read: &Read, phase: Phase, others: &[String], takes_over: bool) -> Self {
        let rule = object.rule_name();
        let slos = read.service.slos().len();
        let (tool, others) = (object.kind.tool().unwrap_or("another tool"), others.join(", "));
        let flag = if takes_over { "" } else { ", if the controller runs with --take-over" };
        let end = phase.ends(read.longest_window()).map(|end| end.to_string()).unwrap_or_default();
        let (reason, mut message) = match phase {
            Phase::Alone => (Reason::RulesWritten, format!("the rules are in PrometheusRule {rule}")),
            Phase::Recording { .. } => (
                Reason::Recording,
                format!(
                    "PrometheusRule {rule} records, and the alerts of {tool} stay ({others}); its own alerts join them at {end}{flag}"
                ),
            ),
            Phase::Both { .. } => (
                Reason::BothAlert,
                format!(
                    "PrometheusRule {rule} alerts, and so does {tool} ({others}), whose rules are deleted at {end}{flag}; stop {tool} before"
                ),
            ),
            Phase::Replacing { .. } => (
                Reason::BothAlert,
                format!("PrometheusRule {rule} alerts, and the rules of {tool} ({others}) are being deleted"),
            ),
        };
        if !read.losses.is_empty() {
            let losses: Vec<String> = read.losses.iter().map(|loss| of_fault(&loss.fault)).collect();
            message = format!("{message}; not as in {tool}: {}", losses.join("; "));
        }
        let loses = read.losses.iter().any(|loss| loss.kind == LossKind::Lost);
        Self { loses, ..Self::new(reason, message, slos) }
    }

    /// Its `spec` has faults.
    #[must_use]
    pub fn invalid(faults: &Diagnostics, keeps: bool) -> Self {
        let all: Vec<String> = faults.faults().iter().map(of_fault).collect();
        let kept = if keeps { "; the rules of the last valid version stay" } else { "" };
        let count = match all.len() {
            1 => "a fault".to_owned(),
            many => format!("{many} faults"),
        };
        Self::new(Reason::Invalid, format!("{count}{kept}: {}", all.join("; ")), 0)
    }

    /// No rules can be generated for its SLOs.
    #[must_use]
    pub fn impossible(error: &Error, keeps: bool) -> Self {
        Self::invalid(&Diagnostics::of_document(error.clone()), keeps)
    }

    /// Older objects have some of its SLOs, and `left` are written.
    #[must_use]
    pub fn duplicate(taken: &[(Name, Holder)], left: usize) -> Self {
        let all: Vec<String> = taken.iter().map(|(slo, other)| format!("{other} has {slo}")).collect();
        let message = format!(
            "older objects have SLOs of the same service and name: {}; remove them from one of the two",
            all.join(", ")
        );
        Self::new(Reason::Duplicate, message, left)
    }

    /// A `PrometheusRule` of its name is there that it does not own, but `owner` may.
    #[must_use]
    pub fn conflict(object: &Object, owner: Option<&str>, slos: usize) -> Self {
        let rule = object.rule_name();
        let message = match owner {
            Some(owner) => {
                format!("PrometheusRule {rule} is there, and belongs to {owner}: rename this object")
            }
            None => format!(
                "PrometheusRule {rule} is there, and is not of this object: delete it, or rename this object"
            ),
        };
        Self::new(Reason::Conflict, message, slos)
    }

    /// The API server refuses its `PrometheusRule`.
    #[must_use]
    pub fn refused(why: &str, slos: usize) -> Self {
        Self::new(Reason::Refused, format!("the API server refuses the PrometheusRule: {why}"), slos)
    }

    /// Its `PrometheusRule` could not be written.
    #[must_use]
    pub fn failed(why: &str, slos: usize) -> Self {
        Self::new(Reason::Failed, why.to_owned(), slos)
    }

    /// The same, with a word about an object of another namespace that has the same SLO.
    #[must_use]
    pub fn beside(mut self, other: Option<((Name, Name), Holder)>) -> Self {
        if let Some(((service, slo), other)) = other {
            let more =
                format!("; {other} has the SLO {service}/{slo}, too: one Prometheus must not read both");
            self.message.push_str(&more);
        }
        self
    }

    fn new(reason: Reason, mut message: String, slos: usize) -> Self {
        shorten(&mut message, LONGEST);
        Self { reason, message, slos, loses: false }
    }

    /// The `status` that the object should have at `now`; `None` if it says so already, if its kind has no place for it, or if
    /// the rules of another tool are there.
    #[must_use]
    pub fn status(&self, object: &Object, now: Timestamp, has_other: bool) -> Option<Value> {
        match object.kind {
            Kind::Slo => self.own_status(object, now),
            // As long as its rules are there, the other tool may run, and writes its own.
            Kind::Sloth | Kind::Pyrra if has_other => None,
            Kind::Sloth => self.status_of_sloth(object, now),
            Kind::Pyrra => (self.reason.is_ready() && !is(object, "type", &"PrometheusRule".into()))
                .then(|| json!({"type": "PrometheusRule"})),
        }
    }

    fn own_status(&self, object: &Object, now: Timestamp) -> Option<Value> {
        let status = if self.reason.is_ready() { "True" } else { "False" };
        let before = object
            .status
            .get("conditions")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .find(|one| one["type"] == "Ready");
        let since = before
            .filter(|before| before["status"] == status)
            .map(|before| before["lastTransitionTime"].clone());
        let wanted = json!({
            "observedGeneration": object.generation,
            "slos": self.slos,
            "rule": object.rule_name(),
            "conditions": [{
                "type": "Ready",
                "status": status,
                "reason": self.reason.as_str(),
                "message": self.message,
                "observedGeneration": object.generation,
                "lastTransitionTime": since.unwrap_or_else(|| now.to_string().into()),
            }],
        });
        (wanted.as_object() != Some(&object.status)).then_some(wanted)
    }

    fn status_of_sloth(&self, object: &Object, now: Timestamp) -> Option<Value> {
        let is_ready = self.reason.is_ready();
        let mut wanted = json!({
            "observedGeneration": object.generation,
            "promOpRulesGenerated": is_ready,
            "promOpRulesGeneratedSLOs": if is_ready { self.slos } else { 0 },
            "processedSLOs": self.slos,
        });
        let fields = wanted.as_object_mut()?;
        if fields.iter().all(|(name, value)| is(object, name, value)) {
            return None;
        }
        if is_ready {
            fields.insert("lastPromOpRulesSuccessfulGenerated".to_owned(), now.to_string().into());
        }
        Some(wanted)
    }
}

/// Cuts a text to at most `most` bytes, and ends it with `…` then.
///
/// ```
/// let mut text = "naïve words".to_owned();
/// slo_ops::controller::shorten(&mut text, 8);
/// assert_eq!(text, "naï …");
/// ```
pub fn shorten(text: &mut String, most: usize) {
    const END: &str = " …";
    if text.len() <= most {
        return;
    }
    let room = most.saturating_sub(END.len());
    let end = (0..=room).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text.truncate(end);
    text.push_str(END);
}

/// Whether the status of an object has this value.
fn is(object: &Object, name: &str, value: &Value) -> bool {
    object.status.get(name) == Some(value)
}

/// A fault in a line: where, what, and how to mend it.
fn of_fault(fault: &slo_core::Fault) -> String {
    let place = if fault.place.is_empty() { String::new() } else { format!("{}: ", fault.place) };
    let hint = fault.error.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
    format!("{place}{}{hint}", fault.error.message())
}
