//! The summary that is always there.

use super::Fact;

/// The facts as sentences, in their order. The same facts give the same text.
///
/// ```
/// use slo_ops::{Redactor, alert::{Delivery, Source}, incident::Incident, summary};
/// use slo_core::model::Timestamp;
///
/// let body = br#"{"version": "4", "groupKey": "g", "alerts": [
///     {"status": "firing", "labels": {"alertname": "Down"}, "startsAt": "2026-12-01T10:00:00Z"}]}"#;
/// let delivery = Delivery::parse(Source::Alertmanager, body)?;
/// let mut incident = Incident::new(delivery.incident());
/// incident.apply(&incident.receive(&delivery, Timestamp::from_seconds(1_796_119_205)));
/// let facts = summary::facts(&incident.episodes()[0], &[], &Redactor::default());
/// assert!(summary::template(&facts).ends_with(" It is firing."));
/// # Ok::<(), slo_core::Error>(())
/// ```
#[must_use]
pub fn template(facts: &[Fact]) -> String {
    let sentences = facts.iter().map(|fact| {
        let mut characters = fact.text.chars();
        let first =
            characters.next().map(|first| first.to_uppercase().collect::<String>()).unwrap_or_default();
        let text = format!("{first}{}", characters.as_str());
        if text.ends_with(['.', '!', '?']) { text } else { format!("{text}.") }
    });
    sentences.collect::<Vec<_>>().join(" ")
}
