//! A world in which actions are done, and what they come to.

use slo_core::{
    document::{Faults, documents},
    math::Tally,
    model::{Timestamp, Window},
};
use slo_ops::{
    alert::{Delivery, Source},
    incident::{
        Entry, Event, Evidence, Incident, Output, SendOutcome, StepKind, StepOutcome, StepState, Target,
    },
    runbook::{Action, PastStart, Runbooks, Situation, Work, next, read, send_again},
};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) const RUNBOOKS: &str = r#"
checkout-down:
  steps:
    - diagnose: host
    - diagnose: {command: [/bin/look]}
    - diagnose: {command: [/bin/look-again], repeatable: true}
    - remediate: {command: [/bin/restart, "{service}"], approval: required, cooldown: 30m, undo: {command: [/bin/back]}}
    - remediate: {command: [/bin/scale], approval: waived, at_most: 1/h, cooldown: 1m}
  parameters: {service: {from: labels.service, pattern: "[a-z]+"}}
"#;

pub(crate) fn runbooks() -> Runbooks {
    let mut faults = Faults::default();
    let runbooks = read(&documents(RUNBOOKS).unwrap()[0], "runbooks", &mut faults);
    assert!(faults.is_empty(), "{faults:?}");
    runbooks
}

pub(crate) fn delivery(status: &str, starts: &str, response: &str) -> Delivery {
    let body = format!(
        r#"{{"version": "4", "groupKey": "g", "status": "{status}", "alerts": [{{"status": "{status}",
        "labels": {{"service": "checkout", "slo": "availability", "severity": "page"}},
        "annotations": {{"slo_response": "{response}"}}, "startsAt": "{starts}", "endsAt": "2026-11-23T09:00:00Z"}}]}}"#
    );
    Delivery::parse(Source::Alertmanager, body.as_bytes()).unwrap()
}

/// A world in which actions are done: what they come to is drawn from `choices`.
pub(crate) struct World {
    pub(crate) now: Timestamp,
    pub(crate) record: Vec<Entry>,
    pub(crate) runbooks: Runbooks,
    pub(crate) running: BTreeSet<Work>,
    /// What runs, and is not written down yet.
    pub(crate) pending: Vec<(Work, Entry)>,
    pub(crate) starts: BTreeMap<(String, String), Vec<PastStart>>,
    pub(crate) choices: Vec<u8>,
    pub(crate) ran: Vec<(usize, StepKind, bool)>,
    pub(crate) accepted: Vec<(Target, String)>,
    pub(crate) is_burning: bool,
    /// Whether Prometheus answers.
    pub(crate) answers: bool,
    /// Whether remediations may help.
    pub(crate) heals: bool,
    /// The events and the bad ones of a minute while it burns.
    pub(crate) events: u64,
    pub(crate) bad: u64,
    /// The bad ones of a second minute, if there is one.
    pub(crate) latest: Option<u64>,
    /// Until when a receiver takes nothing.
    pub(crate) down: Option<(Target, Timestamp)>,
}

impl World {
    pub(crate) fn new(choices: Vec<u8>) -> Self {
        Self {
            now: "2026-11-23T08:00:00Z".parse().unwrap(),
            record: Vec::new(),
            runbooks: runbooks(),
            running: BTreeSet::new(),
            pending: Vec::new(),
            starts: BTreeMap::new(),
            choices,
            ran: Vec::new(),
            accepted: Vec::new(),
            is_burning: true,
            answers: true,
            heals: true,
            events: 1_000,
            bad: 500,
            latest: None,
            down: None,
        }
    }

    pub(crate) fn draw(&mut self) -> u8 {
        self.choices.pop().unwrap_or(2)
    }

    pub(crate) fn incident(&self) -> Incident {
        Incident::of(delivery("firing", "2026-11-23T08:00:00Z", "x").incident(), &self.record)
    }

    pub(crate) fn hear(&mut self, status: &str) {
        let entry =
            self.incident().receive(&delivery(status, "2026-11-23T08:00:00Z", "checkout-down"), self.now);
        self.record.push(entry);
    }

    /// One look at the record, and all that follows from it; whether nothing is left to be done.
    pub(crate) fn turn(&mut self) -> bool {
        let incident = self.incident();
        let (runbooks, starts, running) = (self.runbooks.clone(), self.starts.clone(), self.running.clone());
        let targets = [Target::PagerDuty, Target::Slack];
        let counted = BTreeSet::from(["checkout/availability".to_owned()]);
        let situation = Situation {
            summarizes: false,
            now: self.now,
            running: &running,
            starts: &starts,
            targets: &targets,
            runbooks: &runbooks,
            counted: &counted,
        };
        let next = next(&incident, &situation);
        for action in next.actions.clone() {
            self.act(&incident, action);
        }
        if let Some((_, entry)) =
            (!self.pending.is_empty() && self.draw().is_multiple_of(2)).then(|| self.pending.remove(0))
        {
            self.record.push(entry);
            self.running = self.pending.iter().map(|(work, _)| *work).collect();
        }
        // A process that dies forgets what runs; what ran has run.
        if self.draw() % 7 == 3 {
            self.pending.clear();
            self.running.clear();
        }
        let wait = next.at.filter(|_| next.actions.is_empty() && self.pending.is_empty());
        self.now = wait.unwrap_or(self.now).max(self.now.after(Window::seconds(1)));
        next.is_settled() && running.is_empty()
    }

    pub(crate) fn act(&mut self, incident: &Incident, action: Action) {
        match action {
            Action::Record(entry) => self.record.push(entry),
            Action::Run { began, step, attempt } => {
                let run = &incident.episode(began).unwrap().steps()[step];
                let (kind, repeatable) = (run.info.kind, run.info.repeatable);
                let episode = incident.episode(began).unwrap();
                assert!(episode.is_open(), "nothing runs once the alerts are resolved");
                if kind == StepKind::Undo {
                    let before = &episode.steps()[step - 1];
                    let burns = before.evidence.as_ref().and_then(Evidence::is_burning) == Some(true);
                    let has_failed =
                        !matches!(&before.state, StepState::Ended { outcome: StepOutcome::Succeeded, .. });
                    assert!(has_failed || burns, "what helped is not taken back: {before:?}");
                }
                self.record.push(Entry::of(
                    began,
                    self.now,
                    Event::StepStarted { step, attempt, values: BTreeMap::new() },
                ));
                if kind == StepKind::Remediate {
                    self.starts
                        .entry(("checkout-down".to_owned(), run.info.name.clone()))
                        .or_default()
                        .push(PastStart { at: self.now, helped: None });
                }
                // It may die here: written, and not run.
                if self.draw() % 11 == 5 {
                    self.pending.clear();
                    self.running.clear();
                    return;
                }
                self.ran.push((step, kind, repeatable));
                let outcome = match self.draw() % 5 {
                    0 => StepOutcome::Failed { reason: "exit status: 1".to_owned() },
                    1 => StepOutcome::TimedOut,
                    _ => StepOutcome::Succeeded,
                };
                if kind == StepKind::Remediate
                    && outcome.is_success()
                    && self.heals
                    && self.draw().is_multiple_of(2)
                {
                    self.is_burning = false;
                }
                let ended = Event::StepEnded { step, attempt, outcome, output: Output::default() };
                self.begin(
                    Work::Step(began, step),
                    Entry::of(began, self.now.after(Window::seconds(2)), ended),
                );
            }
            Action::Look { .. } if !self.answers => {}
            Action::Look { began, step, since } => {
                let bad = if self.is_burning { self.bad } else { 0 };
                let after = since.map_or(self.now, |_| self.now.after(Window::minutes(1)));
                let minute = |bad| Tally::new(self.events, bad).unwrap();
                let tiles: Vec<Tally> = [bad].into_iter().chain(self.latest).map(minute).collect();
                let all = tiles.iter().try_fold(Tally::EMPTY, |all, tile| all.checked_add(*tile)).unwrap();
                let (slo, window) = ("checkout/availability", Window::minutes(tiles.len() as u64));
                let evidence = Evidence::new(after, slo, "99%".parse().unwrap(), window, all);
                let evidence = if self.latest.is_some() { evidence.with_tiles(&tiles) } else { evidence };
                self.begin(
                    Work::Look(began, step),
                    Entry::of(began, after, Event::Evidence { step, evidence }),
                );
            }
            Action::Send { began, target, message, attempt, .. } => {
                self.record.push(Entry::of(began, self.now, Event::Sending { target, message, attempt }));
                let is_down = self.down.is_some_and(|(down, until)| down == target && self.now < until);
                let outcome = if is_down {
                    let failures = incident.episode(began).unwrap().messages.get(&(target, message));
                    let failures = failures.map_or(0, |sent| sent.failures);
                    SendOutcome::Failed {
                        reason: "503".to_owned(),
                        again: send_again(self.now, failures + 1, None),
                        may_have_arrived: false,
                    }
                } else if self.draw().is_multiple_of(4) {
                    SendOutcome::Failed {
                        reason: "503".to_owned(),
                        again: self.now.after(Window::seconds(5)),
                        may_have_arrived: false,
                    }
                } else {
                    self.accepted.push((target, message.to_string()));
                    SendOutcome::Accepted { reference: None }
                };
                let sent = Event::Sent { target, message, attempt, outcome };
                self.begin(Work::Send(began, target, message), Entry::of(began, self.now, sent));
            }
            Action::Account { began } => {
                let event = if self.draw().is_multiple_of(3) {
                    Event::NotCounted { reason: "no answer".to_owned() }
                } else {
                    Event::Spent { slo: "checkout/availability".to_owned(), total: 10, bad: 1, share: 0.1 }
                };
                self.begin(Work::Account(began), Entry::of(began, self.now, event));
            }
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn begin(&mut self, work: Work, entry: Entry) {
        assert!(self.running.insert(work), "{work:?} runs already");
        self.pending.push((work, entry));
    }
}
