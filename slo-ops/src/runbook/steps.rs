//! Whether the steps of a runbook may run: evidence, approval, cooldown and limit of starts.

use super::{Action, ApprovalRule, Next, PastStart, Remediation, Runbook, Situation, Step, Task, Work};
use crate::{
    alert::Alert,
    incident::{
        Approval, Entry, Episode, Event, Evidence, StepKind, StepOutcome, StepRun, StepState, command_line,
    },
    time_between,
};
use slo_core::{
    Error,
    math::Tally,
    model::{Timestamp, Window},
    stats::{Confidence, wilson},
};

/// The longest command that can be approved, in characters: messages must show all of it.
pub(crate) const LONGEST_SHOWN: usize = 1_000;
/// How old the evidence for a remediation may be.
const FRESH: Window = Window::minutes(1);
/// How long after a change there may be no events that count for the next remediation.
const SETTLED: Window = Window::minutes(5);
/// How often the event counts are queried to see whether a remediation helped.
const VERIFY_EVERY: Window = Window::seconds(15);
/// How many attempts a repeatable step has if its process dies.
const MOST_ATTEMPTS: u32 = 3;
/// After so many failures in a row, or in one episode, a remediation needs approval even if the runbook waives it.
const MOST_FAILURES: usize = 2;
/// How long after the time of a verification event counts are waited for, if the last ones are old.
const GRACE: Window = Window::minutes(2);
/// How long a remediation may be without a judgement.
const PENDING: Window = Window::hours(6);
/// A remediation has helped once the burn rate is surely below this; the SRE Workbook pages from 6 on.
const BURNS: f64 = 6.0;

/// The steps of an episode's runbook.
pub(super) struct Steps<'a> {
    pub(super) episode: &'a Episode,
    pub(super) runbook: Option<&'a Runbook>,
    pub(super) name: &'a str,
    pub(super) runs: &'a [StepRun],
    pub(super) situation: &'a Situation<'a>,
}

/// What event counts say of the end of a verification.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lately {
    Burns,
    Calm,
    Unclear,
}

/// Whether a step may run.
enum May {
    Run,
    /// The event counts must be queried first.
    Look(Option<Timestamp>),
    /// Somebody must approve these arguments within this time; perhaps for a reason that the runbook does not give.
    Ask(Window, Vec<String>, Option<String>),
    Wait(Timestamp),
    Skip(String),
    Record(Event),
}

impl Steps<'_> {
    /// Adds the next action on them.
    pub(super) fn next(&self, next: &mut Next) {
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
                May::Ask(within, command, reason) => {
                    let until = self.situation.now.after(within);
                    next.actions.push(record(Event::ApprovalAsked { step, until, command, reason }));
                }
                May::Wait(until) => next.wait(until),
                May::Skip(reason) => {
                    next.actions.push(record(Event::StepSkipped { step, reason }));
                    // The next step follows once this is in the record.
                }
                May::Record(event) => next.actions.push(record(event)),
            }
            return;
        }
    }

    /// Whether nothing is left to do about a step: it has ended, and its effect is known or no longer
    /// checked.
    fn is_over(&self, step: usize, run: &StepRun) -> bool {
        match &run.state {
            StepState::Unknown { .. } => !self.may_repeat(run),
            StepState::Ended { at, outcome: StepOutcome::Succeeded, .. }
                if run.info.kind == StepKind::Remediate && self.episode.is_open() =>
            {
                self.episode.mitigated.is_some()
                    || run.helped.is_some()
                    || !has_counts(run)
                    || self.has_gone_on(step)
                    || self.remediation(step).is_none_or(|remediation| {
                        let (now, deadline) = (self.situation.now, at.after(remediation.verify_within));
                        let is_decided = match self.lately(run, *at, deadline) {
                            Lately::Burns => false,
                            Lately::Calm => deadline <= now,
                            Lately::Unclear => deadline.after(GRACE) <= now,
                        };
                        // What has helped is written down first.
                        is_decided && !has_helped(run, *at)
                    })
            }
            state => state.is_final(),
        }
    }

    /// Whether a later step has begun, so that nothing that is counted from now on is about this one alone.
    fn has_gone_on(&self, step: usize) -> bool {
        let mut later = self.runs.iter().skip(step + 1);
        later.any(|run| run.state != StepState::Waiting || run.approval.is_some() || run.evidence.is_some())
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
            return self.verification(step, run, at);
        }
        if !self.episode.is_open() {
            return May::Skip("the alerts were resolved before it could run".to_owned());
        }
        let Some(configured) = self.step(step) else {
            return May::Skip(format!(
                "the runbook `{}` has been changed or removed since it was chosen",
                self.name
            ));
        };
        match &configured.task {
            Task::Check(_) | Task::Logs(_) | Task::Diagnose(_) => May::Run,
            Task::Remediate(remediation) => self.may_remediate(step, run, remediation),
            Task::Undo(_) => self.may_undo(step),
        }
    }

    fn may_remediate(&self, step: usize, run: &StepRun, remediation: &Remediation) -> May {
        let now = self.situation.now;
        if self.episode.mitigated.is_some() {
            return May::Skip("users are no longer affected".to_owned());
        }
        // A repeated step must not be blocked by its own lost attempt.
        let is_again = matches!(run.state, StepState::Unknown { .. });
        if let Some(reason) = self.is_too_soon(run, remediation).filter(|_| !is_again) {
            return May::Skip(reason);
        }
        // The command that is approved is the one that runs, with the same parameters.
        let command = match self.arguments(remediation) {
            Ok(command) => command,
            Err(error) => return May::Skip(error.to_string()),
        };
        if command_line(&command).chars().count() > LONGEST_SHOWN {
            return May::Skip(format!(
                "its command has more than {LONGEST_SHOWN} characters, too many to show for approval"
            ));
        }
        let mut is_agreed = false;
        let distrust = self.distrust(run).filter(|_| !is_again);
        // Whoever was asked decides, even if the reason for the question has passed.
        let approval = match (remediation.approval, distrust.is_some() || run.approval.is_some()) {
            (ApprovalRule::Waived, true) => ApprovalRule::Required { within: Remediation::APPROVAL_WITHIN },
            (approval, _) => approval,
        };
        if let ApprovalRule::Required { within } = approval {
            match &run.approval {
                None => return May::Ask(within, command, distrust),
                Some(Approval::Asked { until }) if now < *until => return May::Wait(*until),
                Some(Approval::Asked { .. }) => {
                    return May::Skip(format!("nobody approved it within {within}"));
                }
                Some(Approval::Denied { who }) => return May::Skip(format!("{who} denied it")),
                Some(Approval::Given { .. }) if run.command != command => {
                    return May::Skip("its parameters have changed since it was approved".to_owned());
                }
                Some(Approval::Given { .. }) => is_agreed = true,
            }
        }
        let slo = self.episode.in_order().into_iter().find_map(Alert::slo);
        let Some(slo) = slo else {
            return if is_agreed {
                May::Run
            } else {
                May::Skip("its alerts belong to no SLO, so no event counts show that it is needed".to_owned())
            };
        };
        // What was counted before the last change says nothing about the time after it.
        let changed = self.changed_before(step);
        match &run.evidence {
            Some(evidence)
                if evidence.at.after(FRESH) >= now && changed.is_none_or(|at| evidence.at > at) =>
            {
                match (evidence.is_burning(), changed) {
                    (Some(true), None) => May::Run,
                    // The last change may have helped late.
                    (Some(true), Some(_)) if speaks_for_burning(evidence) => May::Run,
                    // After a change, a tile must pass before there are events, and some more before they tell.
                    (is_burning, Some(at))
                        if is_burning == Some(true)
                            || (!has_recovered(evidence) && now < settled(at, evidence)) =>
                    {
                        let again = evidence.at.after(VERIFY_EVERY);
                        if now < again { May::Wait(again) } else { May::Look(changed) }
                    }
                    (Some(_), _) if has_recovered(evidence) => {
                        May::Skip(format!("{slo} is no longer burning its error budget"))
                    }
                    (Some(_), _) => May::Skip(format!(
                        "the events of {slo} do not show that it is burning its error budget"
                    )),
                    (None, _) => May::Skip(format!("{slo} has no events to show that it is needed")),
                }
            }
            _ => May::Look(changed),
        }
    }

    /// When the last step before `step` ended that changed something.
    fn changed_before(&self, step: usize) -> Option<Timestamp> {
        let changing = self.runs.iter().take(step).filter(|run| run.info.kind != StepKind::Diagnose);
        let ends = changing.filter_map(|run| match &run.state {
            StepState::Ended { outcome: StepOutcome::NotStarted { .. }, .. } => None,
            StepState::Ended { at, .. } => Some(*at),
            // It may have changed something before its process died.
            StepState::Unknown { .. } => run.starts.last().copied(),
            _ => None,
        });
        ends.max()
    }

    fn arguments(&self, remediation: &Remediation) -> Result<Vec<String>, Error> {
        let values = self.runbook.map(|runbook| runbook.values(self.episode)).transpose()?;
        remediation.command.filled(&values.unwrap_or_default())
    }

    /// Why it must not start yet, given its starts in all incidents.
    fn is_too_soon(&self, run: &StepRun, remediation: &Remediation) -> Option<String> {
        let now = self.situation.now;
        let starts = self.situation.starts.get(&(self.name.to_owned(), run.info.name.clone()))?;
        let times = || starts.iter().map(|start| start.at);
        let within = |window: Window| times().filter(move |start| start.after(window) > now).count();
        if within(remediation.cooldown) > 0 {
            let last = times().max()?;
            let (ago, cooldown) = (time_between(last, now), remediation.cooldown);
            return Some(format!("it was started {ago} ago, and its cooldown is {cooldown}"));
        }
        let (most, window) = remediation.at_most;
        (within(window) >= most as usize)
            .then(|| format!("it has reached its limit of starts: {most} in {window}"))
    }

    /// Why a remediation must not run by itself, although its runbook waives the approval: it has failed too often.
    fn distrust(&self, run: &StepRun) -> Option<String> {
        let failed = |run: &&StepRun| run.helped == Some(false);
        if self.runs.iter().filter(failed).count() >= MOST_FAILURES {
            return Some(format!("{MOST_FAILURES} remediations did not help in this episode"));
        }
        let starts = self.situation.starts.get(&(self.name.to_owned(), run.info.name.clone()))?;
        // One that is not judged yet says nothing; one that never was ends the row, since it had not failed.
        let is_pending =
            |start: &&PastStart| start.helped.is_none() && start.at.after(PENDING) > self.situation.now;
        let known = starts.iter().rev().filter(|start| !is_pending(start));
        let in_a_row = known.take_while(|start| start.helped == Some(false)).count();
        (in_a_row >= MOST_FAILURES).then(|| format!("it did not help {in_a_row} times in a row"))
    }

    /// Checks whether a remediation that succeeded has helped, until it has, has made it worse, or its time is over.
    fn verification(&self, step: usize, run: &StepRun, ended: Timestamp) -> May {
        let now = self.situation.now;
        let deadline = self.remediation(step).map(|remediation| ended.after(remediation.verify_within));
        let still_burns = deadline
            .filter(|deadline| *deadline <= now)
            .is_some_and(|deadline| self.lately(run, ended, deadline) == Lately::Burns);
        match &run.evidence {
            Some(after) if after.at > ended => {
                if has_helped(run, ended) {
                    return May::Record(Event::Mitigated { who: run.info.name.clone() });
                }
                let worse = fresh(run, ended, now).is_some_and(|after| {
                    after.is_burning_lately() == Some(true)
                        && run.before.as_ref().is_some_and(|before| after.is_worse_than(before))
                });
                if worse || still_burns {
                    return May::Record(Event::DidNotHelp { step, worse });
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

    /// What the event counts say of the end of a verification, at its `deadline`.
    fn lately(&self, run: &StepRun, ended: Timestamp, deadline: Timestamp) -> Lately {
        let now = self.situation.now;
        let Some(after) = fresh(run, ended, deadline) else { return Lately::Unclear };
        let (total, bad) = latest(after);
        if is_calm(total, bad, after.budget) {
            return Lately::Calm;
        }
        // The latest tile may have too few events to tell, and then all of them do.
        let burns = after.is_burning_lately() == Some(true)
            || (deadline.after(GRACE) <= now
                && after.is_burning() == Some(true)
                && speaks_for_burning(after));
        if burns && fresh(run, ended, now).is_some() { Lately::Burns } else { Lately::Unclear }
    }

    fn before(&self, step: usize) -> Option<&StepRun> {
        self.runs.get(step.checked_sub(1)?)
    }

    /// A remediation is undone if it failed after it had started, or if the event counts after it show that
    /// the error budget is still burning.
    fn may_undo(&self, step: usize) -> May {
        let Some(before) = self.before(step) else {
            return May::Skip("there is nothing to undo".to_owned());
        };
        let has_failed = match &before.state {
            StepState::Ended { outcome: StepOutcome::NotStarted { .. }, .. } => false,
            StepState::Ended { outcome, .. } => !outcome.is_success() || before.helped == Some(false),
            _ => false,
        };
        if has_failed && self.episode.mitigated.is_some() {
            return May::Skip(
                "users are no longer affected, although the remediation failed: check, and undo it by hand"
                    .to_owned(),
            );
        }
        match &before.state {
            StepState::Ended { outcome: StepOutcome::Failed { .. } | StepOutcome::TimedOut, .. } => May::Run,
            StepState::Ended { at, outcome: StepOutcome::Succeeded, .. } => {
                let after = before.evidence.as_ref().filter(|evidence| evidence.at > *at);
                match before.helped {
                    Some(false) => May::Run,
                    None if after.and_then(Evidence::is_burning).is_none() => {
                        May::Skip("no event counts show that the remediation did not help".to_owned())
                    }
                    None if self.episode.mitigated.is_none()
                        && after.is_some_and(|after| !has_recovered(after)) =>
                    {
                        May::Skip(
                            "nobody knows whether the remediation helped: check, and undo it by hand"
                                .to_owned(),
                        )
                    }
                    _ => May::Skip("there is nothing to undo".to_owned()),
                }
            }
            StepState::Unknown { .. } => {
                May::Skip("it is unknown whether the remediation ran: check, and undo it by hand".to_owned())
            }
            _ => May::Skip("the remediation did not run".to_owned()),
        }
    }
}

/// The event counts after a remediation, of the same SLO as before it, if they are fresh at a time.
fn fresh(run: &StepRun, ended: Timestamp, at: Timestamp) -> Option<&Evidence> {
    let is_fresh = |evidence: &&Evidence| evidence.at > ended && evidence.at.after(FRESH) >= at;
    let is_same = |evidence: &&Evidence| run.before.as_ref().is_none_or(|before| before.slo == evidence.slo);
    run.evidence.as_ref().filter(is_fresh).filter(is_same)
}

/// Whether the event counts after a remediation show that the budget is not burning any more.
fn has_helped(run: &StepRun, ended: Timestamp) -> bool {
    fresh(run, ended, ended).is_some_and(has_recovered)
}

/// The events and the bad events of the latest tile.
fn latest(evidence: &Evidence) -> (u64, u64) {
    evidence.latest.unwrap_or((evidence.total, evidence.bad))
}

/// Whether more events of the latest tile are bad than the budget allows, however few there are.
fn speaks_for_burning(evidence: &Evidence) -> bool {
    let (total, bad) = latest(evidence);
    bad as f64 > evidence.budget * total as f64
}

/// Until when there may be too few events after a change at `at`.
fn settled(at: Timestamp, evidence: &Evidence) -> Timestamp {
    let window = Window::from_millis(evidence.window).unwrap_or(SETTLED);
    // A tile of a slow SLO is longer.
    let first = if evidence.latest.is_none() { at.after_steps(window, 2) } else { at };
    first.max(at.after(SETTLED))
}

/// Whether event counts were queried for a step, so that they can show whether it helped.
const fn has_counts(run: &StepRun) -> bool {
    run.evidence.is_some()
}

/// Whether the events after a remediation show that it helped: the budget is not burning, and there are
/// enough events to be sure.
fn has_recovered(after: &Evidence) -> bool {
    is_calm(after.total, after.bad, after.budget)
}

/// Whether these events show that a budget is not burning.
fn is_calm(total: u64, bad: u64, budget: f64) -> bool {
    let interval = Tally::new(total, bad).ok().and_then(|events| wilson(events, Confidence::P95));
    interval.is_some_and(|interval| interval.low() <= budget && interval.high() < (BURNS * budget).min(0.5))
}
