//! Slack.

use super::{
    texts::{SLACK_TEXT, TITLE, slack},
    way::{Channel, Delivery, Kind},
};
use crate::yaml::Yaml;

pub(super) const KIND: Kind = Kind { example: "slack:#channel", key: "slack_configs", read };

fn read(detail: Option<&str>) -> Option<Channel> {
    let channel = detail.filter(|channel| channel.len() > 1 && channel.starts_with(['#', '@']))?;
    Some(Channel::Slack { channel: channel.to_owned() })
}

pub(super) fn write(out: &mut Yaml, to: &Delivery<'_>, channel: &str) {
    out.entry("api_url_file", &to.secret("slack-url"));
    out.entry("channel", &to.filled(channel));
    out.bare("send_resolved", true);
    out.entry("title", &slack(TITLE));
    out.entry("text", &slack(SLACK_TEXT));
    out.entry("color", "{{ if eq .Status \"firing\" }}danger{{ else }}good{{ end }}");
}
