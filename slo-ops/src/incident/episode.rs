//! An episode: one time that an incident's alerts fired, until none is firing.

use super::{Event, Message, MessageState, Moments, SendOutcome, Sent, StepRun, StepState, Target, Written};
use crate::{
    Deployment,
    alert::{Alert, EpisodeId},
    incident::{Approval, step::StepKind},
};
use slo_core::model::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// The state of an episode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum EpisodeState {
    /// Alerts are firing, and nobody has acknowledged the episode.
    Firing,
    /// Alerts are firing, and somebody has acknowledged the episode.
    Acknowledged,
    /// Users are no longer affected; alerts may still be firing.
    Mitigated,
    /// No alert is firing any more.
    Resolved,
}

impl EpisodeState {
    /// Its name in JSON and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Acknowledged => "acknowledged",
            Self::Mitigated => "mitigated",
            Self::Resolved => "resolved",
        }
    }
}

/// The end of an episode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Resolution {
    /// When it was received.
    pub at: Timestamp,
    /// When the last alert stopped firing, according to its sender.
    pub ended: Timestamp,
}

/// The runbook of an episode.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum RunbookRun {
    /// It has not been chosen yet.
    NotChosen,
    /// There is no runbook for the episode.
    Missing {
        /// Why.
        reason: String,
    },
    /// A runbook was chosen.
    Chosen {
        /// Its name.
        name: String,
        /// A hash of it when it was chosen.
        digest: String,
        /// Its steps and their states.
        steps: Vec<StepRun>,
    },
}

/// How much of an episode its cost covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Counted {
    /// The part so far: it was not over.
    SoFar,
    /// All of it.
    Whole,
}

/// An episode, computed from the record.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Episode {
    /// Its id.
    pub id: EpisodeId,
    /// When its first delivery was received.
    pub heard: Timestamp,
    /// The alerts that fired in it, as they were last delivered.
    pub alerts: Vec<Alert>,
    /// How many more alerts the group had, at the last delivery.
    pub truncated: u64,
    /// Its end.
    pub resolution: Option<Resolution>,
    /// Its runbook.
    pub runbook: RunbookRun,
    /// The messages about it.
    pub messages: BTreeMap<(Target, Message), Sent>,
    /// Who acknowledged it, and when.
    pub acknowledged: Option<(String, Timestamp)>,
    /// Who or what reported that users are no longer affected, and when.
    pub mitigated: Option<(String, Timestamp)>,
    /// When bad events began.
    pub bad_since: Option<Timestamp>,
    /// The share of the period's error budget that it has cost, by SLO.
    pub spent: BTreeMap<String, f64>,
    /// How much of it the recorded cost covers; `None` before its cost was queried.
    pub counted: Option<Counted>,
    /// Its last summary.
    pub written: Option<Written>,
    /// Who closed it by hand.
    pub closed: Option<String>,
    /// Notes of people: author, text and time.
    pub notes: Vec<(String, String, Timestamp)>,
    /// Experiments that were running, by the ids of their runs, with a sentence about each.
    pub experiments: BTreeMap<String, String>,
    /// Deployments of its services a little before it began, with a sentence about each, the latest last.
    pub deployments: Vec<(Deployment, String)>,
}

impl Episode {
    pub(super) const fn new(id: EpisodeId, heard: Timestamp) -> Self {
        Self {
            id,
            heard,
            alerts: Vec::new(),
            truncated: 0,
            resolution: None,
            runbook: RunbookRun::NotChosen,
            messages: BTreeMap::new(),
            acknowledged: None,
            mitigated: None,
            bad_since: None,
            spent: BTreeMap::new(),
            counted: None,
            written: None,
            closed: None,
            notes: Vec::new(),
            experiments: BTreeMap::new(),
            deployments: Vec::new(),
        }
    }

    /// One sentence about an event, with the name of its step.
    #[must_use]
    pub fn told(&self, event: &Event) -> String {
        let text = event.to_string();
        let named = event.step().and_then(|step| Some((step, self.steps().get(step)?)));
        let Some((step, run)) = named else { return text };
        let (place, name) = (format!("step {}", step + 1), &run.info.name);
        let of_person = matches!(event, Event::Approved { .. } | Event::Denied { .. });
        match text.rsplit_once(&place).filter(|_| of_person) {
            // The name of the person stands before it, and may be any text.
            Some((before, after)) => format!("{before}{place} ({name}){after}"),
            None => text.replacen(&place, &format!("{place} ({name})"), 1),
        }
    }

    /// Its alerts, ordered by how long they have been firing, longest first.
    #[must_use]
    pub fn in_order(&self) -> Vec<&Alert> {
        let mut alerts: Vec<&Alert> = self.alerts.iter().collect();
        alerts.sort_by_key(|alert| (alert.starts, alert.fingerprint()));
        alerts
    }

    /// Its state.
    #[must_use]
    pub const fn state(&self) -> EpisodeState {
        if self.resolution.is_some() {
            EpisodeState::Resolved
        } else if self.mitigated.is_some() {
            EpisodeState::Mitigated
        } else if self.acknowledged.is_some() {
            EpisodeState::Acknowledged
        } else {
            EpisodeState::Firing
        }
    }

    /// Whether any of its alerts is firing.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.resolution.is_none()
    }

    /// The steps of its runbook; none without one.
    #[must_use]
    pub fn steps(&self) -> &[StepRun] {
        match &self.runbook {
            RunbookRun::Chosen { steps, .. } => steps,
            RunbookRun::NotChosen | RunbookRun::Missing { .. } => &[],
        }
    }

    /// The place of a step, from 0, by its name or by its number in the runbook, from 1.
    #[must_use]
    pub fn step_named(&self, text: &str) -> Option<usize> {
        let by_name = self.steps().iter().position(|run| run.info.name == text);
        let by_number =
            || text.parse::<usize>().ok()?.checked_sub(1).filter(|place| *place < self.steps().len());
        by_name.or_else(by_number)
    }

    /// The value of the label `name`, if all of its alerts share it.
    #[must_use]
    pub fn label(&self, name: &str) -> Option<&str> {
        shared(self.alerts.iter().map(|alert| alert.labels.get(name)))
    }

    /// The text of the annotation `name`, if all of its alerts share it.
    #[must_use]
    pub fn annotation(&self, name: &str) -> Option<&str> {
        shared(self.alerts.iter().map(|alert| alert.annotations.get(name)))
    }

    /// Its title in one line: the summary, the SLO or the name of its alerts.
    #[must_use]
    pub fn title(&self) -> String {
        if let Some(summary) = self.annotation("summary").filter(|summary| !summary.trim().is_empty()) {
            return summary.to_owned();
        }
        let count = self.alerts.len() as u64 + self.truncated;
        let alerts = if count > 1 { format!(" ({count} alerts)") } else { String::new() };
        let slo =
            self.label("service").zip(self.label("slo")).map(|(service, slo)| format!("{service}/{slo}"));
        match (slo, self.label("alertname")) {
            (Some(slo), Some(name)) => format!("{slo}: {name}"),
            (Some(slo), None) => slo,
            (None, Some(name)) => format!("{name}{alerts}"),
            (None, None) => {
                let mut summaries = self.alerts.iter().filter_map(|alert| alert.annotations.get("summary"));
                let first = summaries.find(|summary| !summary.trim().is_empty());
                format!("{}{alerts}", first.map_or("alerts", String::as_str))
            }
        }
    }

    /// The name of its runbook.
    #[must_use]
    pub fn runbook_name(&self) -> Option<&str> {
        match &self.runbook {
            RunbookRun::Chosen { name, .. } => Some(name),
            RunbookRun::NotChosen | RunbookRun::Missing { .. } => None,
        }
    }

    /// The most urgent `severity` among its alerts: `page` or `critical` before all others.
    #[must_use]
    pub fn severity(&self) -> &str {
        let all = || self.alerts.iter().filter_map(|alert| alert.labels.get("severity"));
        all().find(|severity| is_urgent(severity)).or_else(|| all().min()).map_or("", String::as_str)
    }

    /// Whether it pages somebody.
    #[must_use]
    pub fn is_urgent(&self) -> bool {
        is_urgent(self.severity())
    }

    /// The times from which its stages are computed.
    #[must_use]
    pub fn moments(&self) -> Moments {
        let accepted = self.messages.values().filter_map(|sent| match &sent.state {
            MessageState::Accepted { at, .. } => Some(*at),
            _ => None,
        });
        Moments {
            bad_since: self.bad_since,
            firing: self.id.began,
            heard: self.heard,
            notified: accepted.min(),
            acknowledged: self.acknowledged.as_ref().map(|(_, at)| *at),
            diagnosed: self.diagnosed(),
            mitigated: self.mitigated.as_ref().map(|(_, at)| *at),
            // The time when somebody closed it is not the time when its alerts stopped.
            resolved: self.resolution.filter(|_| self.closed.is_none()).map(|resolution| resolution.ended),
        }
    }

    /// When its last diagnosis ended.
    ///
    /// It is `None` while a diagnosis is unfinished, or if there is none.
    #[must_use]
    pub fn diagnosed(&self) -> Option<Timestamp> {
        let diagnoses = || self.steps().iter().filter(|step| step.info.kind == StepKind::Diagnose);
        if !diagnoses().all(|step| step.state.is_final()) {
            return None;
        }
        diagnoses()
            .filter_map(|step| match &step.state {
                StepState::Ended { at, .. } => Some(*at),
                _ => None,
            })
            .max()
    }

    /// The deployments before it, the experiments that were running, and the findings of its diagnoses, most important first.
    ///
    /// The first finding of each diagnosis comes first, then the second of each, and so on. So a diagnosis
    /// with many findings does not hide another one.
    #[must_use]
    pub fn findings(&self) -> Vec<&str> {
        let diagnoses = self.steps().iter().filter(|step| step.info.kind == StepKind::Diagnose);
        let found: Vec<&[String]> = diagnoses
            .filter_map(|step| match &step.state {
                StepState::Ended { output, .. } => Some(output.findings.as_slice()),
                _ => None,
            })
            .collect();
        let most = found.iter().map(|findings| findings.len()).max().unwrap_or(0);
        let place = |place: usize| found.iter().filter_map(move |findings| findings.get(place));
        let deployed = self.deployments.iter().rev().map(|(_, told)| told);
        deployed
            .chain(self.experiments.values())
            .chain((0..most).flat_map(place))
            .map(String::as_str)
            .collect()
    }

    /// Applies an event of its record; deliveries are applied by the incident.
    pub fn apply(&mut self, at: Timestamp, event: &Event) {
        match event {
            Event::RunbookChosen { name, digest, steps } => {
                let steps = steps.iter().cloned().map(StepRun::new).collect();
                self.runbook = RunbookRun::Chosen { name: name.clone(), digest: digest.clone(), steps };
            }
            Event::Experiment { run, .. } => {
                self.experiments.insert(run.clone(), event.to_string());
            }
            Event::Deployed { deployment } => self.deployments.push((deployment.clone(), event.to_string())),
            Event::NoRunbook { reason } => self.runbook = RunbookRun::Missing { reason: reason.clone() },
            Event::Sending { target, message, .. } => {
                let steps = self.steps().iter().enumerate();
                let asked = steps.filter(|(_, run)| run.is_asked()).map(|(step, _)| step).collect();
                let sent = self.messages.entry((*target, *message));
                let sent = sent.or_insert(Sent {
                    attempts: 0,
                    failures: 0,
                    may_have_arrived: false,
                    first: at,
                    asked: BTreeSet::new(),
                    state: MessageState::Sending,
                });
                sent.asked = asked;
                // The attempt before has no outcome: its process died.
                sent.may_have_arrived |= sent.attempts > 0 && sent.state == MessageState::Sending;
                sent.attempts = sent.attempts.saturating_add(1);
                sent.state = MessageState::Sending;
            }
            Event::Sent { target, message, outcome, .. } => {
                if let Some(sent) = self.messages.get_mut(&(*target, *message)) {
                    let has_failed = matches!(outcome, SendOutcome::Failed { .. });
                    sent.may_have_arrived |=
                        matches!(outcome, SendOutcome::Failed { may_have_arrived: true, .. });
                    sent.failures = sent.failures.saturating_add(u32::from(has_failed));
                    sent.state = match outcome.clone() {
                        SendOutcome::Accepted { reference } => MessageState::Accepted { at, reference },
                        SendOutcome::Refused { reason } => MessageState::Refused { reason },
                        SendOutcome::Failed { reason, again, may_have_arrived } => {
                            MessageState::Failed { reason, again, may_have_arrived }
                        }
                    };
                }
            }
            // The first one counts.
            Event::Acknowledged { who } => {
                self.acknowledged.get_or_insert_with(|| (who.clone(), at));
            }
            Event::Mitigated { who } => {
                self.mitigated.get_or_insert_with(|| (who.clone(), at));
                if let Some(run) = self.remediation_of(who) {
                    run.helped = Some(true);
                }
            }
            Event::Began { time } => self.bad_since = Some(*time),
            Event::Spent { slo, share, .. } => {
                self.spent.insert(slo.clone(), *share);
                self.counted = Some(self.counted_now());
            }
            Event::Summarized { text, model, refused } => {
                self.written = Some(Written::new(text.clone(), model.clone(), refused.clone()));
            }
            Event::NotCounted { .. } => self.counted = Some(self.counted_now()),
            Event::Note { who, text } => self.notes.push((who.clone(), text.clone(), at)),
            _ => self.apply_to_step(at, event),
        }
    }

    /// The remediation that the counts show to have helped: the one of this name that has succeeded.
    fn remediation_of(&mut self, who: &str) -> Option<&mut StepRun> {
        let RunbookRun::Chosen { steps, .. } = &mut self.runbook else { return None };
        steps.iter_mut().find(|run| {
            run.info.kind == StepKind::Remediate && run.info.name == who && run.state.name() == "succeeded"
        })
    }

    const fn counted_now(&self) -> Counted {
        if self.is_open() { Counted::SoFar } else { Counted::Whole }
    }

    fn apply_to_step(&mut self, at: Timestamp, event: &Event) {
        let RunbookRun::Chosen { steps, .. } = &mut self.runbook else { return };
        let Some(run) = event.step().and_then(|step| steps.get_mut(step)) else { return };
        match event {
            Event::ApprovalAsked { until, command, reason, .. } => {
                run.reason.clone_from(reason);
                run.approval = Some(Approval::Asked { until: *until });
                run.command.clone_from(command);
            }
            Event::Approved { who, .. } => {
                // An approval that comes too late does not count.
                if matches!(run.approval, Some(Approval::Asked { until }) if at <= until) {
                    run.approval = Some(Approval::Given { who: who.clone(), at });
                }
            }
            Event::Denied { who, .. } => run.approval = Some(Approval::Denied { who: who.clone() }),
            Event::Evidence { evidence, .. } => run.evidence = Some(evidence.clone()),
            Event::StepStarted { attempt, values, .. } => run.start(*attempt, values, at),
            Event::StepEnded { outcome, output, .. } => run.end(at, outcome, output),
            Event::StepLost { attempt, .. } => run.state = StepState::Unknown { attempt: *attempt },
            Event::DidNotHelp { .. } => run.helped = Some(false),
            Event::StepSkipped { reason, .. } => run.state = StepState::Skipped { reason: reason.clone() },
            _ => {}
        }
    }
}

/// The value that all of them share; `None` if one is missing or differs.
fn shared<'a>(mut values: impl Iterator<Item = Option<&'a String>>) -> Option<&'a str> {
    let first = values.next()??;
    values.all(|value| value == Some(first)).then_some(first)
}

/// Whether a severity pages somebody.
fn is_urgent(severity: &str) -> bool {
    ["page", "critical"].contains(&severity)
}
