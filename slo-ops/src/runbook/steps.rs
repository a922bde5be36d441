//! Whether the steps of a runbook may run: evidence, approval, cooldown and limit of starts.

use super::{Action, ApprovalRule, Next, Remediation, Runbook, Situation, Step, Task, Work};
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
/// How often the event counts are queried to see whether a remediation helped.
const VERIFY_EVERY: Window = Window::seconds(15);
/// How many attempts a repeatable step has if its process dies.
const MOST_ATTEMPTS: u32 = 3;
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

/// Whether a step may run.
enum May {
    Run,
    /// The event counts must be queried first.
    Look(Option<Timestamp>),
    /// Somebody must approve these arguments within this time.
    Ask(Window, Vec<String>),
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
                May::Ask(within, command) => {
                    let until = self.situation.now.after(within);
                    next.actions.push(record(Event::ApprovalAsked { step, until, command }));
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
            Task::Remediate(remediation) => self.may_remediate(run, remediation),
            Task::Undo(_) => self.may_undo(step),
        }
    }

    fn may_remediate(&self, run: &StepRun, remediation: &Remediation) -> May {
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
        if let ApprovalRule::Required { within } = remediation.approval {
            match &run.approval {
                None => return May::Ask(within, command),
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
        match &run.evidence {
            Some(evidence) if evidence.at.after(FRESH) >= now => match evidence.is_burning() {
                Some(true) => May::Run,
                Some(false) => May::Skip(format!("{slo} is no longer burning its error budget")),
                None => May::Skip(format!("{slo} has no events to show that it is needed")),
            },
            _ => May::Look(None),
        }
    }

    fn arguments(&self, remediation: &Remediation) -> Result<Vec<String>, Error> {
        let values = self.runbook.map(|runbook| runbook.values(self.episode)).transpose()?;
        remediation.command.filled(&values.unwrap_or_default())
    }

    /// Why it must not start yet, given its starts in all incidents.
    fn is_too_soon(&self, run: &StepRun, remediation: &Remediation) -> Option<String> {
        let now = self.situation.now;
        let starts = self.situation.starts.get(&(self.name.to_owned(), run.info.name.clone()))?;
        let within = |window: Window| starts.iter().filter(move |start| start.after(window) > now).count();
        if within(remediation.cooldown) > 0 {
            let last = starts.iter().max()?;
            let (ago, cooldown) = (time_between(*last, now), remediation.cooldown);
            return Some(format!("it was started {ago} ago, and its cooldown is {cooldown}"));
        }
        let (most, window) = remediation.at_most;
        (within(window) >= most as usize)
            .then(|| format!("it has reached its limit of starts: {most} in {window}"))
    }

    /// Checks whether a remediation that succeeded has helped, until it has or its time is over.
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

    /// A remediation is undone if it failed after it had started, or if the event counts after it show that
    /// the error budget is still burning.
    fn may_undo(&self, step: usize) -> May {
        let Some(before) = self.before(step) else {
            return May::Skip("there is nothing to undo".to_owned());
        };
        match &before.state {
            StepState::Ended { outcome: StepOutcome::Failed { .. } | StepOutcome::TimedOut, .. } => May::Run,
            StepState::Ended { at, outcome: StepOutcome::Succeeded, .. } => {
                let after = before.evidence.as_ref().filter(|evidence| evidence.at > *at);
                match after.and_then(Evidence::is_burning) {
                    Some(true) if self.episode.mitigated.is_none() => May::Run,
                    Some(_) => May::Skip("there is nothing to undo".to_owned()),
                    None => May::Skip("no event counts show that the remediation did not help".to_owned()),
                }
            }
            StepState::Unknown { .. } => {
                May::Skip("it is unknown whether the remediation ran: check, and undo it by hand".to_owned())
            }
            _ => May::Skip("the remediation did not run".to_owned()),
        }
    }
}

/// Whether event counts were queried for a step, so that they can show whether it helped.
const fn has_counts(run: &StepRun) -> bool {
    run.evidence.is_some()
}

/// Whether the events after a remediation show that it helped: the budget is not burning, and there are
/// enough events to be sure.
fn has_recovered(after: &Evidence) -> bool {
    let Ok(events) = Tally::new(after.total, after.bad) else { return false };
    let Some(interval) = wilson(events, Confidence::P95) else { return false };
    after.is_burning() == Some(false) && interval.high() < (BURNS * after.budget).min(0.5)
}
