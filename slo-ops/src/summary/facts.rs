//! What is known about an episode.

use crate::{
    Redactor,
    incident::{Entry, Episode, Event},
    time_between,
};
use serde::Serialize;
use slo_core::plain;

/// Something that the record says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Fact {
    /// Its id, such as `f3`.
    pub id: String,
    /// What it says, in one line.
    pub text: String,
    /// Whether it quotes text from outside, such as a log or the output of a program.
    pub quoted: bool,
}

/// The most facts, and the longest.
const MOST: usize = 60;
const LONGEST: usize = 400;

/// What is known about an episode, in the order of time. Secrets are removed.
///
/// Attempts to send messages and repeated deliveries are left out. Of more than 60 facts, the last ones before the end are left out.
#[must_use]
pub fn facts(episode: &Episode, record: &[Entry], redactor: &Redactor) -> Vec<Fact> {
    let mut found: Vec<(String, bool)> = Vec::new();
    let began = episode.id.began;
    found.push((format!("{} ({}) began at {began}", episode.title(), episode.severity()), false));
    if let Some(text) = episode.annotation("description") {
        found.push((format!("the alert says: {text}"), true));
    }
    for entry in record.iter().filter(|entry| entry.episode.is_none_or(|own| own == began)) {
        let is_told = !matches!(
            entry.event,
            Event::Received { .. }
                | Event::Repeated { .. }
                | Event::Sending { .. }
                | Event::Sent { .. }
                | Event::Summarized { .. }
        );
        if !is_told {
            continue;
        }
        if let Event::StepEnded { step, outcome, output, .. } = &entry.event {
            let name = episode.steps().get(*step).map_or("a step", |run| run.info.name.as_str());
            found.push((format!("at {} {name} {outcome}", entry.at), false));
            found.extend(output.findings.iter().map(|finding| (format!("{name} found: {finding}"), true)));
        } else {
            let quoted = matches!(entry.event, Event::Note { .. });
            found.push((format!("at {} {}", entry.at, entry.event), quoted));
        }
    }
    let last = match episode.resolution {
        Some(resolution) => {
            format!("it ended at {} and lasted {}", resolution.ended, time_between(began, resolution.ended))
        }
        None => format!("it is {}", episode.state().name()),
    };
    found.truncate(MOST - 1);
    found.push((last, false));
    (1..)
        .zip(found)
        .map(|(number, (text, quoted))| {
            let text = plain(&redactor.redact(&text)).replace(['\n', '\r', '\u{fffd}'], " ");
            Fact { id: format!("f{number}"), text: crate::notify::cut(&text, LONGEST).into_owned(), quoted }
        })
        .collect()
}
