//! Messages for Slack.

use super::{
    Summary,
    text::{cut, slack_text},
};
use crate::{
    Redactor,
    incident::{Episode, EpisodeState, Message},
};
use serde_json::{Value, json};
use slo_core::{model::Timestamp, plain};

/// Characters of a header.
const HEADER: usize = 150;
/// Characters of a section's text.
const SECTION: usize = 3_000;
/// Characters of a line of context.
const CONTEXT: usize = 500;
/// Characters on a button.
const BUTTON: usize = 75;
/// Characters of the text that stands in a notification.
const FALLBACK: usize = 1_000;

/// A button in a message; its value names the episode and the step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SlackButton {
    /// Acknowledge the episode.
    Acknowledge,
    /// Approve a step.
    Approve,
    /// Deny a step.
    Deny,
}

impl SlackButton {
    /// All buttons.
    pub const ALL: [Self; 3] = [Self::Acknowledge, Self::Approve, Self::Deny];

    /// Its `action_id`.
    #[must_use]
    pub const fn action_id(self) -> &'static str {
        match self {
            Self::Acknowledge => "slo_acknowledge",
            Self::Approve => "slo_approve",
            Self::Deny => "slo_deny",
        }
    }
}

/// Slack messages about episodes, made of blocks.
#[derive(Debug)]
#[non_exhaustive]
pub struct Slack {
    /// Whether messages have buttons, whose requests must be handled.
    pub has_buttons: bool,
}

impl Slack {
    /// Messages, with buttons if `has_buttons`.
    #[must_use]
    pub const fn new(has_buttons: bool) -> Self {
        Self { has_buttons }
    }

    /// The `text` and `blocks` for `message`.
    ///
    /// They have the state of `episode` at `now`. `may_repeat` marks the message as a possible duplicate.
    #[must_use]
    pub fn message(
        &self,
        episode: &Episode,
        message: Message,
        redactor: &Redactor,
        (now, may_repeat): (Timestamp, bool),
    ) -> Value {
        let summary = Summary::of(episode, redactor, now);
        let header = unmarked(&format!("{}: {}", summary.word(), summary.title), HEADER);
        let mut blocks =
            vec![json!({"type": "header", "text": {"type": "plain_text", "text": header, "emoji": false}})];
        let mut facts = vec![summary.since.clone()];
        facts.extend(summary.description.clone());
        facts.extend(summary.spent.clone());
        blocks.push(section(&facts.join("\n")));
        if !summary.findings.is_empty() {
            blocks.push(section(&list("Found", &summary.findings)));
        }
        if !summary.steps.is_empty() {
            blocks.push(section(&list("Steps", &summary.steps)));
        }
        if let Some(written) = episode.written.as_ref().filter(|_| message == Message::Resolved) {
            // Who wrote it is never cut off.
            let text = clean(&written.text, redactor);
            let text = cut(&text, SECTION - 800).into_owned();
            blocks.push(section(&list(
                "Summary",
                &[text, cut(&clean(&written.by(), redactor), 500).into_owned()],
            )));
        }
        if !summary.links.is_empty() {
            let links = summary.links.iter().map(|link| format!("<{}|{}>", escaped(&link.url), link.name));
            let links = fitting(links, SECTION);
            if !links.is_empty() {
                blocks.push(mrkdwn_section(&links));
            }
        }
        let buttons = if self.has_buttons { buttons(episode, message, redactor) } else { Vec::new() };
        if !buttons.is_empty() {
            blocks.push(json!({"type": "actions", "elements": buttons}));
        }
        blocks.push(context(&summary, episode, may_repeat));
        json!({"text": slack_text(&header, FALLBACK), "blocks": blocks})
    }
}

/// Text without secrets, safe to show.
fn clean(text: &str, redactor: &Redactor) -> String {
    plain(&redactor.redact(text)).into_owned()
}

/// Text of a header or a button, which Slack does not unescape: nothing in it looks like a mention or a link.
fn unmarked(text: &str, most: usize) -> String {
    cut(&plain(text), most).replace('<', "‹").replace('>', "›")
}

/// A section with literal text.
fn section(text: &str) -> Value {
    mrkdwn_section(&slack_text(text, SECTION))
}

/// A section with text that is already escaped. `verbatim` stops Slack from turning channels and names into
/// links.
fn mrkdwn_section(text: &str) -> Value {
    json!({"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": true}})
}

fn list(title: &str, items: &[String]) -> String {
    let lines = items.iter().map(|item| format!("• {item}"));
    [title.to_owned()].into_iter().chain(lines).collect::<Vec<_>>().join("\n")
}

/// An address inside `<…|…>`.
fn escaped(url: &str) -> String {
    url.replace('&', "&amp;")
}

/// As many of the links as fit.
fn fitting(links: impl Iterator<Item = String>, most: usize) -> String {
    let mut out = String::new();
    for link in links {
        if out.len() + link.len() + 3 > most {
            continue;
        }
        if !out.is_empty() {
            out.push_str(" · ");
        }
        out.push_str(&link);
    }
    out
}

fn context(summary: &Summary, episode: &Episode, may_repeat: bool) -> Value {
    let mut parts = vec![format!("episode {}", cut(&episode.id.to_string(), 13))];
    if episode.truncated > 0 && summary.state != EpisodeState::Resolved {
        parts.push(format!("the sender left out {} more alerts", episode.truncated));
    }
    if may_repeat {
        parts.push("this message may be a duplicate".to_owned());
    }
    let text = slack_text(&parts.join(" · "), CONTEXT);
    json!({"type": "context", "elements": [{"type": "mrkdwn", "text": text, "verbatim": true}]})
}

fn buttons(episode: &Episode, message: Message, redactor: &Redactor) -> Vec<Value> {
    if !episode.is_open() {
        return Vec::new();
    }
    let mut buttons = Vec::new();
    let asked = episode.steps().iter().enumerate().filter(|(_, run)| run.is_asked());
    for (step, run) in asked.take(2) {
        let value = format!("{} {step}", episode.id);
        let name = |verb: &str| unmarked(&redactor.redact(&format!("{verb} {}", run.info.name)), BUTTON);
        buttons.push(button(SlackButton::Approve, &name("Run"), &value, Some("danger")));
        buttons.push(button(SlackButton::Deny, &name("Do not run"), &value, None));
    }
    if episode.acknowledged.is_none() && !matches!(message, Message::Acknowledged) {
        let value = episode.id.to_string();
        buttons.push(button(SlackButton::Acknowledge, "Acknowledge", &value, Some("primary")));
    }
    buttons
}

fn button(button: SlackButton, text: &str, value: &str, style: Option<&str>) -> Value {
    let step = value.rsplit_once(' ').map_or("", |(_, step)| step);
    let mut json = json!({
        "type": "button",
        // Unique within a message.
        "action_id": format!("{}{step}", button.action_id()),
        "text": {"type": "plain_text", "text": text, "emoji": false},
        "value": value,
    });
    if let (Some(style), Some(json)) = (style, json.as_object_mut()) {
        json.insert("style".to_owned(), style.into());
    }
    json
}
