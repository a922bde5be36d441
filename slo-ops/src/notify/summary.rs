//! The summary of an episode.

use super::text::{cut, is_web_link};
use crate::{
    Redactor,
    alert::Alert,
    incident::{Counted, Episode, EpisodeState, MessageState, RunbookRun, StepKind, StepState, command_line},
    time_between,
};
use slo_core::{
    model::{Notification, Timestamp},
    plain,
};

/// A link to more details.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Link {
    /// The text of the link.
    pub name: String,
    /// Its address, with `http` or `https`.
    pub url: String,
}

/// The summary of an episode, in at most ten lines.
///
/// It says which SLO is affected, how badly and since when, what was found, what is being done, and where to
/// look. Secrets are removed, and control characters are replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// The title, in one line.
    pub title: String,
    /// Whether it pages somebody.
    pub is_urgent: bool,
    /// The state of the episode.
    pub state: EpisodeState,
    /// When it began, and how long it has lasted.
    pub since: String,
    /// The description of the alert.
    pub description: Option<String>,
    /// The share of the error budget that it has cost, if known.
    pub spent: Option<String>,
    /// The findings of the diagnoses, most important first; at most four.
    pub findings: Vec<String>,
    /// What is being done, and what needs somebody's attention; at most three lines.
    pub steps: Vec<String>,
    /// Links to more details.
    pub links: Vec<Link>,
}

/// The most findings in a summary; the record has all.
const MOST_FINDINGS: usize = 4;
/// The most steps in a summary; the record has all.
const MOST_STEPS: usize = 3;
/// The longest line: it has room for a command that waits for approval.
const LONGEST: usize = 1_200;

impl Summary {
    /// The summary of `episode` at `now`.
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
            findings: findings(episode).iter().map(|finding| clean(finding)).collect(),
            steps: steps(episode).iter().take(MOST_STEPS).map(|step| clean(step)).collect(),
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

    /// Its state, in one word.
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

/// The description that all alerts share, or else the first one.
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
    let parts = episode
        .spent
        .iter()
        .map(|(slo, share)| format!("{:.1} % of the error budget of {slo}", share * 100.0));
    let parts: Vec<String> = parts.collect();
    let word = if episode.counted == Some(Counted::Whole) { "Cost" } else { "Cost so far" };
    (!parts.is_empty()).then(|| format!("{word}: {}", parts.join(", ")))
}

/// Steps that wait for approval and a missing runbook first; then remediations, undo steps, failed diagnoses
/// and refused messages.
fn steps(episode: &Episode) -> Vec<String> {
    let (mut asked, mut rest) = (Vec::new(), Vec::new());
    for run in episode.steps() {
        let name = &run.info.name;
        let is_diagnosis = run.info.kind == StepKind::Diagnose;
        match &run.state {
            StepState::Waiting if run.is_asked() && episode.is_open() => {
                let why = run.reason.as_ref().map_or_else(String::new, |reason| format!(", since {reason}"));
                asked.push(format!("{name}: waits for approval to run {}{why}", command_line(&run.command)));
            }
            StepState::Running { .. } if !is_diagnosis => rest.push(format!("{name}: running")),
            StepState::Ended { outcome, .. } if !(is_diagnosis && outcome.is_success()) => {
                let vain = outcome.is_success() && run.helped == Some(false);
                rest.push(format!("{name}: {outcome}{}", if vain { ", but it did not help" } else { "" }));
            }
            StepState::Skipped { reason } => rest.push(format!("{name}: skipped, {reason}")),
            StepState::Unknown { .. } => rest.push(format!("{name}: its outcome is unknown")),
            _ => {}
        }
    }
    let names_response = |alert: &Alert| alert.annotations.contains_key(Notification::RESPONSE);
    if let RunbookRun::Missing { reason } = &episode.runbook
        && episode.alerts.iter().any(names_response)
    {
        asked.push(format!("no runbook was chosen: {reason}"));
    }
    for ((target, message), sent) in &episode.messages {
        if let MessageState::Refused { reason } = &sent.state {
            rest.push(format!("{target} refused \"{message}\": {reason}"));
        }
    }
    asked.into_iter().chain(rest).collect()
}

/// The most important findings, and how many more there are.
fn findings(episode: &Episode) -> Vec<String> {
    let mut found: Vec<String> = episode.findings().into_iter().map(str::to_owned).collect();
    if found.len() > MOST_FINDINGS {
        let more = found.len() + 1 - MOST_FINDINGS;
        found.truncate(MOST_FINDINGS - 1);
        found.push(format!("{more} more findings are in the record"));
    }
    found
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
