//! What is to be done next about an incident: a function of its record, of the configuration and of the time.

use super::{ApprovalRule, Choice, Remediation, Runbook, Runbooks, Step, Task};
use crate::{
    alert::Alert,
    incident::{
        Approval, Entry, Episode, Event, Evidence, Incident, Message, MessageState, RunbookRun, SendOutcome,
        Sent, StepKind, StepOutcome, StepRun, StepState, Target,
    },
    time_between,
};
use slo_core::{
    math::Tally,
    model::{Timestamp, Window},
    stats::{Confidence, wilson},
};
use std::collections::{BTreeMap, BTreeSet};

/// Work that runs, so that it is not begun a second time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Work {
    /// A step of the episode that began then.
    Step(Timestamp, usize),
    /// The counts are being asked for a step of the episode that began then.
    Look(Timestamp, usize),
    /// A message on the episode that began then.
    Send(Timestamp, Target, Message),
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Action {
    /// Write an entry; nothing else happens.
    Record(Entry),
    /// Write that a step begins, and run it.
    Run {
        /// The beginning of its episode.
        began: Timestamp,
        /// Its place in the runbook.
        step: usize,
        /// Which attempt it is.
        attempt: u32,
    },
    /// Ask the counts whether the budget burns, and write down what they say.
    Look {
        /// The beginning of its episode.
        began: Timestamp,
        /// The step it is for.
        step: usize,
        /// The first event that counts; `None` for those of the last five minutes.
        since: Option<Timestamp>,
    },
    /// Write that a message is about to be sent, and send it.
    Send {
        /// The beginning of its episode.
        began: Timestamp,
        /// To whom.
        target: Target,
        /// What.
        message: Message,
        /// Which attempt it is.
        attempt: u32,
        /// Whether it may have arrived before.
        may_repeat: bool,
    },
}

/// What is known besides the record.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "whoever runs incidents must say all of it")]
pub struct Situation<'a> {
    /// The time.
    pub now: Timestamp,
    /// What runs already.
    pub running: &'a BTreeSet<Work>,
    /// When steps were started, in all incidents, by the names of the runbook and the step.
    pub starts: &'a BTreeMap<(String, String), Vec<Timestamp>>,
    /// Who is told.
    pub targets: &'a [Target],
    /// What may answer.
    pub runbooks: &'a Runbooks,
}

/// What is to be done now, and when there may be more.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Next {
    /// What is to be done now.
    pub actions: Vec<Action>,
    /// When to ask again, if nothing happens before.
    pub at: Option<Timestamp>,
}

impl Next {
    fn wait(&mut self, until: Timestamp) {
        self.at = Some(self.at.map_or(until, |at| at.min(until)));
    }

    /// Whether nothing is left to be done until something happens.
    #[must_use]
    pub const fn is_settled(&self) -> bool {
        self.actions.is_empty() && self.at.is_none()
    }
}

/// How old evidence may be that a remediation relies on.
const FRESH: Window = Window::minutes(1);
/// How often the counts are asked whether a remediation helped.
const VERIFY_EVERY: Window = Window::seconds(15);
/// How often a step is tried whose process died.
const MOST_ATTEMPTS: u32 = 3;
/// The burn rate that must be excluded before a remediation counts as one that helped; the Workbook pages from 6 on.
const BURNS: f64 = 6.0;
/// How long a message is tried.
const GIVE_UP: Window = Window::hours(24);

/// What is to be done about `incident`.
///
/// Whoever does it writes down what it did and asks again; a process that dies loses nothing, since the same record gives the
/// same answer.
#[must_use]
pub fn next(incident: &Incident, situation: &Situation<'_>) -> Next {
    let mut next = Next::default();
    for episode in incident.episodes() {
        let is_last = incident.episodes().last().is_some_and(|last| last.id == episode.id);
        one_episode(episode, is_last, situation, &mut next);
    }
    next
}

fn one_episode(episode: &Episode, is_last: bool, situation: &Situation<'_>, next: &mut Next) {
    let record = |event| Action::Record(Entry::of(episode.id.began, situation.now, event));
    match &episode.runbook {
        RunbookRun::NotChosen if episode.is_open() => {
            let event = match Choice::of(episode, situation.runbooks) {
                Choice::Runbook(runbook) => Event::RunbookChosen {
                    name: runbook.name.clone(),
                    digest: runbook.digest(),
                    steps: runbook.steps.iter().map(Step::info).collect(),
                },
                Choice::None { reason } => Event::NoRunbook { reason },
            };
            next.actions.push(record(event));
        }
        RunbookRun::NotChosen => {
            let reason = "it was resolved before a runbook was chosen".to_owned();
            next.actions.push(record(Event::NoRunbook { reason }));
        }
        RunbookRun::Missing { .. } => {}
        RunbookRun::Chosen { name, digest, steps } => {
            let runbook = situation.runbooks.get(name).filter(|runbook| runbook.digest() == *digest);
            Steps { episode, runbook, name, runs: steps, situation }.next(next);
        }
    }
    for target in situation.targets {
        // PagerDuty has one alert of the incident: what is late of an earlier episode would end that of a later one.
        if is_last || *target != Target::PagerDuty {
            messages(episode, *target, situation, next);
        }
    }
}

/// The steps of an episode's runbook.
struct Steps<'a> {
    episode: &'a Episode,
    runbook: Option<&'a Runbook>,
    name: &'a str,
    runs: &'a [StepRun],
    situation: &'a Situation<'a>,
}

/// Whether a step may run.
enum May {
    Run,
    /// The counts must be asked first.
    Look(Option<Timestamp>),
    Ask(Window),
    Wait(Timestamp),
    Skip(String),
    Record(Event),
}

impl Steps<'_> {
    fn next(&self, next: &mut Next) {
        let began = self.episode.id.began;
        let record = |event| Action::Record(Entry::of(began, self.situation.now, event));
        for (step, run) in self.runs.iter().enumerate() {
            if let StepState::Running { attempt, .. } = run.state {
                if !self.situation.running.contains(&Work::Step(began, step)) {
                    next.actions.push(record(Event::StepLost { step, attempt }));
                }
                return;
            }
            if self.is_over(step, run) {
                continue;
            }
            if self.situation.running.contains(&Work::Look(began, step)) {
                return;
            }
            match self.may(step, run) {
                May::Run => {
                    let attempt = u32::try_from(run.starts.len()).unwrap_or(u32::MAX).saturating_add(1);
                    next.actions.push(Action::Run { began, step, attempt });
                    return;
                }
                May::Look(since) => next.actions.push(Action::Look { began, step, since }),
                May::Ask(within) => {
                    let until = self.situation.now.after(within);
                    next.actions.push(record(Event::ApprovalAsked { step, until }));
                }
                May::Wait(until) => next.wait(until),
                May::Skip(reason) => {
                    next.actions.push(record(Event::StepSkipped { step, reason }));
                    // The record says more once that is written.
                }
                May::Record(event) => next.actions.push(record(event)),
            }
            return;
        }
    }

    /// Whether nothing more becomes of a step: it has ended, and it is known whether it helped.
    fn is_over(&self, step: usize, run: &StepRun) -> bool {
        match &run.state {
            StepState::Unknown { .. } => !self.may_repeat(run),
            StepState::Ended { at, outcome: StepOutcome::Succeeded, .. }
                if run.info.kind == StepKind::Remediate && self.episode.is_open() =>
            {
                self.episode.mitigated.is_some()
                    || self.remediation(step).is_none_or(|remediation| {
                        at.after(remediation.verify_within) <= self.situation.now || !has_counts(run)
                    })
            }
            state => state.is_final(),
        }
    }

    fn may_repeat(&self, run: &StepRun) -> bool {
        run.info.repeatable && self.episode.is_open() && (run.starts.len() as u64) < u64::from(MOST_ATTEMPTS)
    }

    fn step(&self, step: usize) -> Option<&Step> {
        self.runbook?.steps.get(step)
    }

    fn remediation(&self, step: usize) -> Option<&Remediation> {
        match &self.step(step)?.task {
            Task::Remediate(remediation) => Some(remediation),
            _ => None,
        }
    }

    fn may(&self, step: usize, run: &StepRun) -> May {
        if let StepState::Ended { at, .. } = run.state {
            return self.verification(run, at);
        }
        if !self.episode.is_open() {
            return May::Skip("the alerts were resolved first".to_owned());
        }
        let Some(configured) = self.step(step) else {
            return May::Skip(format!("the runbook `{}` was changed or taken away since", self.name));
        };
        match &configured.task {
            Task::Check(_) | Task::Diagnose(_) => May::Run,
            Task::Remediate(remediation) => self.may_remediate(run, remediation),
            Task::Undo(_) => self.may_undo(step),
        }
    }

    fn may_remediate(&self, run: &StepRun, remediation: &Remediation) -> May {
        let now = self.situation.now;
        if self.episode.mitigated.is_some() {
            return May::Skip("users do not suffer any more".to_owned());
        }
        // A start whose process died is its own, and no earlier one.
        let is_again = matches!(run.state, StepState::Unknown { .. });
        if let Some(reason) = self.is_too_soon(run, remediation).filter(|_| !is_again) {
            return May::Skip(reason);
        }
        let mut is_agreed = false;
        if let ApprovalRule::Required { within } = remediation.approval {
            match &run.approval {
                None => return May::Ask(within),
                Some(Approval::Asked { until }) if now < *until => return May::Wait(*until),
                Some(Approval::Asked { .. }) => {
                    return May::Skip(format!("nobody approved it within {within}"));
                }
                Some(Approval::Denied { who }) => return May::Skip(format!("{who} denied it")),
                Some(Approval::Given { .. }) => is_agreed = true,
            }
        }
        let slo = self.episode.in_order().into_iter().find_map(Alert::slo);
        let Some(slo) = slo else {
            return if is_agreed {
                May::Run
            } else {
                May::Skip("its alerts are of no SLO, whose counts would show that it is needed".to_owned())
            };
        };
        match &run.evidence {
            Some(evidence) if evidence.at.after(FRESH) >= now => match evidence.is_burning() {
                Some(true) => May::Run,
                Some(false) => May::Skip(format!("{slo} does not burn its budget any more")),
                None => May::Skip(format!("{slo} has no events that would show that it is needed")),
            },
            _ => May::Look(None),
        }
    }

    /// Why it must not be started yet, over all incidents.
    fn is_too_soon(&self, run: &StepRun, remediation: &Remediation) -> Option<String> {
        let now = self.situation.now;
        let starts = self.situation.starts.get(&(self.name.to_owned(), run.info.name.clone()))?;
        let within = |window: Window| starts.iter().filter(move |start| start.after(window) > now).count();
        if within(remediation.cooldown) > 0 {
            let last = starts.iter().max()?;
            let (ago, cooldown) = (time_between(*last, now), remediation.cooldown);
            return Some(format!("it was started {ago} ago, less than its cooldown of {cooldown}"));
        }
        let (most, window) = remediation.at_most;
        (within(window) >= most as usize)
            .then(|| format!("it was started as often as it may: {most} in {window}"))
    }

    /// Whether a remediation that has ended well has helped: asked until it has, or its time is over.
    fn verification(&self, run: &StepRun, ended: Timestamp) -> May {
        let now = self.situation.now;
        match &run.evidence {
            Some(after) if after.at > ended => {
                if has_recovered(after) {
                    return May::Record(Event::Mitigated { who: run.info.name.clone() });
                }
                let again = after.at.after(VERIFY_EVERY);
                if now < again { May::Wait(again) } else { May::Look(Some(ended)) }
            }
            _ => {
                let first = ended.after(VERIFY_EVERY);
                if now < first { May::Wait(first) } else { May::Look(Some(ended)) }
            }
        }
    }

    fn before(&self, step: usize) -> Option<&StepRun> {
        self.runs.get(step.checked_sub(1)?)
    }

    /// A remediation is taken back if it failed after it had started, or if the counts after it show that the budget still
    /// burns.
    fn may_undo(&self, step: usize) -> May {
        let Some(before) = self.before(step) else {
            return May::Skip("there is nothing to take back".to_owned());
        };
        match &before.state {
            StepState::Ended { outcome: StepOutcome::Failed { .. } | StepOutcome::TimedOut, .. } => May::Run,
            StepState::Ended { at, outcome: StepOutcome::Succeeded, .. } => {
                let after = before.evidence.as_ref().filter(|evidence| evidence.at > *at);
                match after.and_then(Evidence::is_burning) {
                    Some(true) if self.episode.mitigated.is_none() => May::Run,
                    Some(_) => May::Skip("there is nothing to take back".to_owned()),
                    None => May::Skip("no counts say that the remediation did not help".to_owned()),
                }
            }
            StepState::Unknown { .. } => May::Skip(
                "nobody knows whether the remediation ran: look, and take it back by hand".to_owned(),
            ),
            _ => May::Skip("the remediation did not run".to_owned()),
        }
    }
}

/// Whether the counts of an SLO were asked for a step, so that they can tell whether it helped.
const fn has_counts(run: &StepRun) -> bool {
    run.evidence.is_some()
}

/// Whether the events after a remediation show that it helped: enough of them that the budget does not burn, and that
/// a burning one would have shown.
fn has_recovered(after: &Evidence) -> bool {
    let Ok(events) = Tally::new(after.total, after.bad) else { return false };
    let Some(interval) = wilson(events, Confidence::P95) else { return false };
    after.is_burning() == Some(false) && interval.high() < (BURNS * after.budget).min(0.5)
}

/// The messages that `target` is to get of an episode, in their order.
fn wanted(episode: &Episode, target: Target) -> Vec<Message> {
    if !episode.is_open() {
        return vec![Message::Resolved];
    }
    let mut wanted = vec![Message::Opened];
    if episode.diagnosed().is_some() {
        wanted.push(Message::Diagnosed);
    }
    for (step, run) in episode.steps().iter().enumerate() {
        let is_asked =
            run.state == StepState::Waiting && matches!(run.approval, Some(Approval::Asked { .. }));
        if is_asked && target == Target::Slack {
            wanted.push(Message::ApprovalAsked { step });
        }
        let is_told = run.info.kind != StepKind::Diagnose
            && matches!(run.state, StepState::Ended { .. } | StepState::Unknown { .. });
        if is_told {
            wanted.push(Message::Remediated { step });
        }
    }
    if let Some((who, _)) = &episode.acknowledged
        && target == Target::PagerDuty
        && !who.starts_with(PAGERDUTY_USER)
    {
        wanted.push(Message::Acknowledged);
    }
    wanted
}

/// How those begin who act in `PagerDuty`, which needs not be told what it said.
pub(crate) const PAGERDUTY_USER: &str = "PagerDuty: ";

fn messages(episode: &Episode, target: Target, situation: &Situation<'_>, next: &mut Next) {
    let (began, now) = (episode.id.began, situation.now);
    let is_running = |work: &Work| matches!(work, Work::Send(of, to, _) if *of == began && *to == target);
    if situation.running.iter().any(is_running) {
        return;
    }
    for message in wanted(episode, target) {
        let sent = episode.messages.get(&(target, message));
        let send = |attempt, may_repeat| Action::Send { began, target, message, attempt, may_repeat };
        match sent.map(|sent| (&sent.state, sent)) {
            None => next.actions.push(send(1, false)),
            Some((MessageState::Accepted { .. } | MessageState::Refused { .. }, _)) => continue,
            Some((MessageState::Failed { .. } | MessageState::Sending, Sent { first, attempts, .. }))
                if first.after(GIVE_UP) <= now =>
            {
                let reason = format!("given up after {attempts} attempts in {GIVE_UP}");
                let outcome = SendOutcome::Refused { reason };
                let event = Event::Sent { target, message, attempt: *attempts, outcome };
                next.actions.push(Action::Record(Entry::of(began, now, event)));
            }
            Some((MessageState::Failed { again, .. }, _)) if now < *again => next.wait(*again),
            // It failed, or the process that sent it died. PagerDuty knows the alert by its key; Slack would show it twice.
            Some((state, sent)) => {
                let may_have_arrived = sent.may_have_arrived || *state == MessageState::Sending;
                let may_repeat = may_have_arrived && target == Target::Slack;
                next.actions.push(send(sent.attempts.saturating_add(1), may_repeat));
            }
        }
        return;
    }
}

/// When a message that was not taken for the `failures`th time is sent again: after a second, and twice as long each time, up
/// to five minutes; or when the receiver says, up to an hour.
///
/// ```
/// use slo_core::model::{Timestamp, Window};
/// use slo_ops::runbook::send_again;
///
/// let now = Timestamp::EPOCH;
/// assert_eq!(send_again(now, 1, None), now.after(Window::seconds(1)));
/// assert_eq!(send_again(now, 4, None), now.after(Window::seconds(8)));
/// assert_eq!(send_again(now, 40, None), now.after(Window::minutes(5)));
/// assert_eq!(send_again(now, 1, Some(Window::seconds(30))), now.after(Window::seconds(30)));
/// ```
#[must_use]
pub fn send_again(now: Timestamp, failures: u32, retry_after: Option<Window>) -> Timestamp {
    let doubled = 1_u64 << failures.saturating_sub(1).min(9);
    let own = Window::seconds(doubled.min(300));
    let wait = retry_after.map_or(own, |asked| asked.max(own).min(Window::hours(1)));
    now.after(wait)
}
