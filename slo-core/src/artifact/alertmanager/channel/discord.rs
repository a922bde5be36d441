//! Discord.

use super::{
    super::version::AlertmanagerVersion,
    kind::{Delivery, Kind},
    texts::{TEXT, TITLE},
};
use crate::yaml::Yaml;

pub(super) const KIND: Kind = Kind {
    examples: &["discord"],
    key: "discord_configs",
    takes: |detail| detail.is_none(),
    check: |to, _| to.since(AlertmanagerVersion::WORKFLOWS, "Discord addresses in files"),
    write,
};

fn write(out: &mut Yaml, to: &Delivery<'_>, _: Option<&str>) {
    out.entry("webhook_url_file", &to.secret("discord-url"));
    out.bare("send_resolved", true);
    out.entry("title", TITLE);
    out.entry("message", TEXT);
}
