//! Discord.

use super::{
    super::version::AlertmanagerVersion,
    texts::{TEXT, TITLE},
    way::{Channel, Delivery, Kind},
};
use crate::{Error, yaml::Yaml};

pub(super) const KIND: Kind = Kind {
    example: "discord",
    key: "discord_configs",
    read: |detail| detail.is_none().then_some(Channel::Discord),
};

pub(super) fn write(out: &mut Yaml, to: &Delivery<'_>) -> Result<(), Error> {
    to.since(AlertmanagerVersion::WORKFLOWS, "Discord with its address in a file")?;
    out.entry("webhook_url_file", &to.secret("discord-url"));
    out.bare("send_resolved", true);
    out.entry("title", TITLE);
    out.entry("message", TEXT);
    Ok(())
}
