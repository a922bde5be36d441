//! What people read first of an episode.

use super::text::{cut, is_web_link};
use crate::{
    Redactor,
    incident::{Approval, Episode, EpisodeState, StepKind, StepState, words},
    time_between,
};
use slo_core::{model::Timestamp, plain};

/// A link to more.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Link {
    /// What it leads to.
    pub name: String,
    /// Its address, of the web.
    pub url: String,
}

/// What people read first: which SLO, how bad, since when, what was found, what is being done, and where to look; in at most
/// ten lines.
///
/// Secrets are taken out, and so is what a terminal or a reader would obey.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// What it is about, in one line.
    pub title: String,
    /// Whether it wakes somebody.
    pub is_urgent: bool,
    /// Where the episode stands.
    pub state: EpisodeState,
    /// Since when, and for how long.
    pub since: String,
    /// What the alert says.
    pub description: Option<String>,
    /// What it has cost, where that is known.
    pub spent: Option<String>,
    /// What the diagnoses found, most important first; at most four.
    pub findings: Vec<String>,
    /// What is being done, or what stands in the way.
    pub steps: Vec<String>,
    /// Where to look.
    pub links: Vec<Link>,
}

/// More are in the record.
const MOST_FINDINGS: usize = 4;
/// More are in the record.
const MOST_STEPS: usize = 3;
/// The longest line.
const LONGEST: usize = 400;

impl Summary {
    /// That of `episode`, as it stands at `now`.
    #[must_use]
    pub fn of(episode: &Episode, redactor: &Redactor, now: Timestamp) -> Self {
        let clean = |text: &str| cut(&plain(&redactor.redact(text)), LONGEST).into_owned();
        Self {
            title: clean(&episode.title()),
            is_urgent: episode.is_urgent(),
            state: episode.state(),
            since: since(episode, now),
            description: description(episode).map(clean),
            spent: spent(episode).map(|text| clean(&text)),
            findings: episode.findings().into_iter().take(MOST_FINDINGS).map(clean).collect(),
            steps: steps(episode).take(MOST_STEPS).map(|step| clean(&step)).collect(),
            links: links(episode, redactor),
        }
    }

    /// Its lines as plain text, at most ten.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("{}: {}", self.word(), self.title), self.since.clone()];
        lines.extend(self.description.clone());
        lines.extend(self.spent.clone());
        lines.extend(self.findings.iter().map(|finding| format!("found: {finding}")));
        lines.extend(self.steps.iter().cloned());
        // The last line is for links.
        lines.truncate(9);
        if !self.links.is_empty() {
            let links = self.links.iter().map(|link| format!("{}: {}", link.name, link.url));
            lines.push(links.collect::<Vec<_>>().join("  "));
        }
        lines
    }

    /// Where it stands, in one word.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self.state {
            EpisodeState::Firing => "Firing",
            EpisodeState::Acknowledged => "Acknowledged",
            EpisodeState::Mitigated => "Mitigated",
            EpisodeState::Resolved => "Resolved",
        }
    }
}

/// What the alert says, or the first one of several.
fn description(episode: &Episode) -> Option<&str> {
    let own = episode.annotation("description");
    own.or_else(|| {
        episode.alerts.iter().find_map(|alert| alert.annotations.get("description").map(String::as_str))
    })
}

fn since(episode: &Episode, now: Timestamp) -> String {
    let began = episode.id.began;
    match episode.resolution {
        Some(resolution) => {
            let lasted = time_between(began, resolution.ended);
            format!("Lasted {lasted}, from {} to {}", seconds(began), seconds(resolution.ended))
        }
        None => format!("Since {} ({})", seconds(began), time_between(began, now)),
    }
}

/// A time without its milliseconds.
fn seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_seconds(time.as_millis().div_euclid(1_000))
}

fn spent(episode: &Episode) -> Option<String> {
    let parts =
        episode.spent.iter().map(|(slo, share)| format!("{:.1} % of the budget of {slo}", share * 100.0));
    let parts: Vec<String> = parts.collect();
    (!parts.is_empty()).then(|| format!("Cost so far: {}", parts.join(", ")))
}

/// What is being done: remediations and their undoing, and the diagnoses that did not end as they should.
fn steps(episode: &Episode) -> impl Iterator<Item = String> {
    episode.steps().iter().filter_map(|run| {
        let name = &run.info.name;
        let is_diagnosis = run.info.kind == StepKind::Diagnose;
        Some(match (&run.state, &run.approval) {
            (StepState::Waiting, Some(Approval::Asked { .. })) => {
                format!("{name}: waits for an approval to run {}", words(&run.command))
            }
            (StepState::Running { .. }, _) if !is_diagnosis => format!("{name}: runs"),
            (StepState::Ended { outcome, .. }, _) if !(is_diagnosis && outcome.is_success()) => {
                format!("{name}: {outcome}")
            }
            (StepState::Skipped { reason }, _) => format!("{name}: not run, {reason}"),
            (StepState::Unknown { .. }, _) => format!("{name}: nobody knows how it ended"),
            _ => return None,
        })
    })
}

fn links(episode: &Episode, redactor: &Redactor) -> Vec<Link> {
    let annotated = [("runbook", "runbook_url"), ("dashboard", "dashboard_url")].into_iter();
    let named =
        annotated.filter_map(|(name, annotation)| Some((name, episode.annotation(annotation)?.to_owned())));
    let rule = episode.alerts.first().and_then(|alert| alert.generator_url.clone());
    named
        .chain(rule.map(|url| ("rule", url)))
        .map(|(name, url)| Link { name: name.to_owned(), url: redactor.redact(&url).into_owned() })
        .filter(|link| is_web_link(&link.url))
        .collect()
}
