//! Sending messages about episodes.

use super::{
    failure::Failure,
    http::Poster,
    pagerduty,
    slack::{self, SlackMessage},
    throttle::Throttle,
};
use crate::{
    clock::now,
    config::{Config, PagerDutyConfig, SlackConfig, SlackDoor},
};
use slo_ops::{
    Deployment, Error, Redactor,
    alert::IncidentId,
    incident::{Episode, Message, MessageState, SendOutcome, Target},
    notify::{PagerDuty, Slack, Summary},
    runbook::send_again,
};
use std::time::{Duration, Instant};

/// Slack accepts one message per second and channel.
const SLACK_EVERY: Duration = if cfg!(feature = "storm") { Duration::ZERO } else { Duration::from_secs(1) };
/// `PagerDuty` accepts more events per integration than that.
const PAGERDUTY_EVERY: Duration = Duration::from_millis(20);

/// A message to send.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "all of it is needed")]
pub struct Outgoing {
    /// The episode that it is about.
    pub episode: Episode,
    /// The receiver.
    pub target: Target,
    /// The message.
    pub message: Message,
    /// Whether an earlier attempt may have arrived.
    pub may_repeat: bool,
}

impl Outgoing {
    /// How often sending it has failed before.
    fn failures(&self) -> u32 {
        self.episode.messages.get(&(self.target, self.message)).map_or(0, |sent| sent.failures)
    }
}

/// Sends messages, at most as fast as their receivers accept them.
#[derive(Debug)]
pub struct Sender {
    poster: Poster,
    pagerduty: Option<(PagerDutyConfig, Throttle)>,
    slack: Option<(SlackConfig, Throttle)>,
    redactor: Redactor,
    name: String,
}

impl Sender {
    /// A sender for the receivers in `config`.
    ///
    /// The source of its events is the name of this machine.
    ///
    /// # Errors
    /// A system without certificates to trust.
    pub fn new(config: &Config) -> Result<Self, Error> {
        let name = rustix::system::uname();
        let notify = &config.notify;
        Ok(Self {
            poster: Poster::new()?,
            pagerduty: notify.pagerduty.clone().map(|config| (config, Throttle::new(PAGERDUTY_EVERY))),
            slack: notify.slack.clone().map(|config| (config, Throttle::new(SLACK_EVERY))),
            redactor: config.redactor.clone(),
            name: name.nodename().to_string_lossy().into_owned(),
        })
    }

    /// The configured receivers.
    #[must_use]
    pub fn targets(&self) -> Vec<Target> {
        let pagerduty = self.pagerduty.as_ref().map(|_| Target::PagerDuty);
        pagerduty.into_iter().chain(self.slack.as_ref().map(|_| Target::Slack)).collect()
    }

    /// Takes the turn of an incident to send its next message to a receiver.
    ///
    /// # Errors
    /// How long to wait for the turn.
    pub fn turn(&self, target: Target, incident: IncidentId, message: Message) -> Result<(), Duration> {
        let throttle = match target {
            Target::PagerDuty => self.pagerduty.as_ref().map(|(_, throttle)| (throttle, 1)),
            Target::Slack => self.slack.as_ref().map(|(config, throttle)| (throttle, calls(config, message))),
            _ => None,
        };
        throttle.map_or(Ok(()), |(throttle, calls)| throttle.turn(incident, calls, Instant::now()))
    }

    /// Sends a message whose turn it is.
    pub async fn send(&self, outgoing: &Outgoing) -> SendOutcome {
        let result = match outgoing.target {
            Target::PagerDuty => self.pagerduty(outgoing).await.map(|()| None),
            Target::Slack => self.slack(outgoing).await,
            _ => Err(Failure::Never { reason: "this receiver is not supported".to_owned() }),
        };
        self.outcome(result, outgoing.failures())
    }

    /// Tells `PagerDuty` of a deployment, after so many failures.
    pub async fn tell(&self, deployment: &Deployment, failures: u32) -> SendOutcome {
        let result = match &self.pagerduty {
            Some((config, throttle)) => {
                let events = PagerDuty::new(config.routing_key.expose(), &self.name);
                let change = events.change(deployment, &self.redactor);
                let result = pagerduty::send_change(&self.poster, config, &change).await;
                paused(throttle, &result);
                result
            }
            None => Err(not_configured()),
        };
        self.outcome(result.map(|()| None), failures)
    }

    fn outcome(&self, result: Result<Option<String>, Failure>, failures: u32) -> SendOutcome {
        let clean = |reason: String| slo_core::plain(&self.redactor.redact(&reason)).into_owned();
        match result {
            Ok(reference) => SendOutcome::Accepted { reference },
            Err(Failure::Never { reason }) => SendOutcome::Refused { reason: clean(reason) },
            Err(Failure::Later { reason, wait, may_have_arrived }) => SendOutcome::Failed {
                reason: clean(reason),
                again: send_again(now(), failures.saturating_add(1), wait),
                may_have_arrived,
            },
        }
    }

    async fn pagerduty(&self, outgoing: &Outgoing) -> Result<(), Failure> {
        let (config, throttle) = self.pagerduty.as_ref().ok_or_else(not_configured)?;
        let events = PagerDuty::new(config.routing_key.expose(), &self.name);
        let event = events.event(&outgoing.episode, outgoing.message, &self.redactor, now());
        let result = pagerduty::send(&self.poster, config, &event).await;
        paused(throttle, &result);
        result
    }

    async fn slack(&self, outgoing: &Outgoing) -> Result<Option<String>, Failure> {
        let (config, throttle) = self.slack.as_ref().ok_or_else(not_configured)?;
        let Outgoing { episode, message, may_repeat, .. } = outgoing;
        let shown = Slack::new(config.signing_secret.is_some());
        let first = episode.messages.iter().find_map(|((target, _), sent)| match &sent.state {
            MessageState::Accepted { reference, .. } if *target == Target::Slack => reference.as_deref(),
            _ => None,
        });
        let reply = (*message != Message::Opened).then(|| {
            let summary = Summary::of(episode, &self.redactor, now());
            slo_ops::notify::slack_text(&summary.lines().join("\n"), REPLY)
        });
        let body = shown.message(episode, *message, &self.redactor, (now(), *may_repeat));
        let message = SlackMessage { message: body, first, reply };
        let result = slack::send(&self.poster, &config.door, message, SLACK_EVERY).await;
        paused(throttle, &result);
        result
    }
}

/// Characters of a message without blocks.
const REPLY: usize = 3_000;

/// How many calls a message takes: a bot updates its first message, and replies to it.
fn calls(config: &SlackConfig, message: Message) -> u32 {
    let is_two = matches!(config.door, SlackDoor::Bot { .. }) && message != Message::Opened;
    if is_two { 2 } else { 1 }
}

fn not_configured() -> Failure {
    Failure::Never { reason: "the receiver is not configured any more".to_owned() }
}

/// Pauses sending to a receiver for as long as it asks.
fn paused<T>(throttle: &Throttle, result: &Result<T, Failure>) {
    if let Err(Failure::Later { wait: Some(wait), .. }) = result {
        throttle.pause(wait.as_duration().min(Duration::from_secs(3_600)), Instant::now());
    }
}
