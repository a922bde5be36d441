//! Which messages to send, and when to send them again.

use super::{Action, Next, Situation, Work};
use crate::incident::{
    Entry, Episode, Event, Message, MessageState, SendOutcome, Sent, StepKind, StepState, Target,
};
use slo_core::model::{Timestamp, Window};

/// How long the last message waits for the cost of the episode.
const COUNTED_WITHIN: Window = Window::seconds(30);
/// How long a failed message is sent again.
const GIVE_UP: Window = Window::hours(24);

/// The messages about an episode for `target`, in their order.
fn wanted(episode: &Episode, target: Target) -> Vec<Message> {
    if !episode.is_open() {
        return vec![Message::Resolved];
    }
    let mut wanted = vec![Message::Opened];
    if episode.diagnosed().is_some() {
        wanted.push(Message::Diagnosed);
    }
    for (step, run) in episode.steps().iter().enumerate() {
        // Another message may have shown the question already.
        let is_shown = episode.messages.iter().any(|((to, message), sent)| {
            *to == target && *message != Message::ApprovalAsked { step } && sent.asked.contains(&step)
        });
        if run.is_asked() && target == Target::Slack && !is_shown {
            wanted.push(Message::ApprovalAsked { step });
        }
        let is_told = run.info.kind != StepKind::Diagnose
            && matches!(run.state, StepState::Ended { .. } | StepState::Unknown { .. });
        if is_told {
            wanted.push(Message::Remediated { step });
        }
    }
    if episode.mitigated.is_some() {
        wanted.push(Message::Mitigated);
    }
    if let Some((who, _)) = &episode.acknowledged
        && target == Target::PagerDuty
        && !who.starts_with(PAGERDUTY_USER)
    {
        wanted.push(Message::Acknowledged);
    }
    wanted
}

/// The prefix of names that come from `PagerDuty`. An acknowledgement made there is not sent back.
const PAGERDUTY_USER: &str = "PagerDuty: ";

/// Adds the next message about an episode for `target`.
pub(super) fn messages(episode: &Episode, target: Target, situation: &Situation<'_>, next: &mut Next) {
    let (began, now) = (episode.id.began, situation.now);
    let is_running = |work: &Work| matches!(work, Work::Send(of, to, _) if *of == began && *to == target);
    if situation.running.iter().any(is_running) {
        return;
    }
    let waits_for_summary = || {
        let until = episode.resolution?.at.after(SUMMARIZED_WITHIN);
        // Only Slack shows it.
        let waits = target == Target::Slack && lacks_summary(episode, situation) && now < until;
        waits.then_some(until)
    };
    if let Some(until) = waits_for_counts(episode, situation).or_else(waits_for_summary) {
        next.wait(until);
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
                let reason = format!("gave up after {attempts} attempts in {GIVE_UP}");
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

/// How long the last message waits for the summary of the episode.
const SUMMARIZED_WITHIN: Window = Window::seconds(120);
/// After this time, nobody waits for a summary any more: those of old episodes are not written.
const SUMMARIZED_AT_ALL: Window = Window::hours(1);

/// Whether an episode is over, its cost is known or not to be had, and its summary is still to be written.
pub(super) fn lacks_summary(episode: &Episode, situation: &Situation<'_>) -> bool {
    situation.summarizes
        && episode.resolution.is_some_and(|resolution| situation.now < resolution.at.after(SUMMARIZED_AT_ALL))
        && episode.written.is_none()
        && waits_for_counts(episode, situation).is_none()
}

/// Until when the last message waits for the cost of the episode.
fn waits_for_counts(episode: &Episode, situation: &Situation<'_>) -> Option<Timestamp> {
    let until = episode.resolution?.at.after(COUNTED_WITHIN);
    (situation.lacks_counts(episode) && situation.now < until).then_some(until)
}

/// When to send a message again that has failed `failures` times.
///
/// The wait is a second after the first failure and doubles each time, up to five minutes. A longer wait that
/// the receiver asks for is kept, up to an hour.
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
