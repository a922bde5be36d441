//! Slack.

use super::{
    kind::{Delivery, Kind},
    texts::{SLACK_TEXT, TITLE, slack},
};
use crate::yaml::Yaml;

pub(super) const KIND: Kind = Kind {
    examples: &["slack:#channel"],
    key: "slack_configs",
    takes: names_a_channel,
    check: |_, _| Ok(()),
    write,
};

fn names_a_channel(detail: Option<&str>) -> bool {
    detail.is_some_and(|channel| channel.len() > 1 && channel.starts_with(['#', '@']))
}

fn write(out: &mut Yaml, to: &Delivery<'_>, channel: Option<&str>) {
    out.entry("api_url_file", &to.secret("slack-url"));
    out.entry("channel", &to.filled(channel.unwrap_or_default()));
    out.bare("send_resolved", true);
    out.entry("title", &slack(TITLE));
    out.entry("text", &slack(SLACK_TEXT));
    out.entry("color", "{{ if eq .Status \"firing\" }}danger{{ else }}good{{ end }}");
}
