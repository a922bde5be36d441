//! Incidents as JSON: a list of episodes.

use super::{Episode, EpisodeState, Incident};
use crate::{Redactor, alert::IncidentId};
use serde::Serialize;
use slo_core::plain;

/// An episode in a list, as JSON.
///
/// `slo incidents list --format json` and the API of the server write it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Listed {
    /// The incident.
    pub incident: IncidentId,
    /// The id of the episode.
    pub episode: String,
    /// The label `service` of its alerts, if they share it.
    pub service: Option<String>,
    /// The label `slo`.
    pub slo: Option<String>,
    /// The most urgent `severity`.
    pub severity: String,
    /// Its title.
    pub summary: String,
    /// `firing`, `acknowledged`, `mitigated` or `resolved`.
    pub state: &'static str,
    /// When its first alert began to fire, as RFC 3339.
    pub began: String,
    /// When its last alert stopped.
    pub ended: Option<String>,
    /// How many deliveries of the incident were received, over all its episodes.
    pub deliveries: u64,
    /// The name of its runbook.
    pub runbook: Option<String>,
    /// Its steps.
    pub steps: Vec<ListedStep>,
}

/// A step in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ListedStep {
    /// Its name.
    pub name: String,
    /// `waiting`, `running`, `succeeded`, `failed`, `timed_out`, `skipped` or `unknown`.
    pub state: &'static str,
    /// How often it was started.
    pub starts: usize,
    /// Whether it helped, as the event counts or its own failure showed; only of remediations.
    pub helped: Option<bool>,
}

impl Listed {
    /// Whether its alerts are firing.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.state != EpisodeState::Resolved.name()
    }

    /// The episodes of an incident, latest first.
    ///
    /// Secrets are removed, and control characters are replaced.
    #[must_use]
    pub fn of(incident: &Incident, redactor: &Redactor) -> Vec<Self> {
        let clean = |text: &str| plain(&redactor.redact(text)).into_owned();
        let listed = |episode: &Episode| Self {
            incident: incident.id(),
            episode: episode.id.to_string(),
            service: episode.label("service").map(clean),
            slo: episode.label("slo").map(clean),
            severity: clean(episode.severity()),
            summary: clean(&episode.title()),
            state: episode.state().name(),
            began: episode.id.began.to_string(),
            ended: episode.resolution.map(|resolution| resolution.ended.to_string()),
            deliveries: incident.deliveries(),
            runbook: episode.runbook_name().map(str::to_owned),
            steps: episode
                .steps()
                .iter()
                .map(|run| ListedStep {
                    name: run.info.name.clone(),
                    state: run.state.name(),
                    starts: run.starts.len(),
                    helped: run.helped,
                })
                .collect(),
        };
        incident.episodes().iter().rev().map(listed).collect()
    }
}
