//! The summary that is always there.

use super::Fact;

/// The facts as sentences, in their order. The same facts give the same text.
///
/// ```
/// use slo_ops::{Redactor, incident::Episode, summary};
/// use slo_ops::alert::{EpisodeId, IncidentId};
/// use slo_core::model::Timestamp;
///
/// let id = EpisodeId::new(IncidentId::of_group("g"), Timestamp::EPOCH);
/// let facts = summary::facts(&Episode::new(id, Timestamp::EPOCH), &[], &Redactor::default());
/// assert!(summary::template(&facts).ends_with("It is firing."));
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
