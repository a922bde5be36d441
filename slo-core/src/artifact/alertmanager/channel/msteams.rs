//! Microsoft Teams.

use super::{
    super::version::AlertmanagerVersion,
    texts::{TEXT, TITLE},
    way::{Channel, Delivery, Kind},
};
use crate::{Error, yaml::Yaml};

pub(super) const KIND: Kind = Kind {
    example: "msteams",
    key: "msteamsv2_configs",
    read: |detail| detail.is_none().then_some(Channel::MsTeams),
};

pub(super) fn write(out: &mut Yaml, to: &Delivery<'_>) -> Result<(), Error> {
    to.since(AlertmanagerVersion::WORKFLOWS, "Microsoft Teams' workflows")?;
    out.entry("webhook_url_file", &to.secret("msteams-url"));
    out.bare("send_resolved", true);
    out.entry("title", TITLE);
    out.entry("text", TEXT);
    Ok(())
}
