//! Microsoft Teams.

use super::{
    super::version::AlertmanagerVersion,
    kind::{Delivery, Kind},
    texts::{TEXT, TITLE},
};
use crate::yaml::Yaml;

pub(super) const KIND: Kind = Kind {
    examples: &["msteams"],
    key: "msteamsv2_configs",
    takes: |detail| detail.is_none(),
    check: |to, _| to.since(AlertmanagerVersion::WORKFLOWS, "Microsoft Teams' workflows"),
    write,
};

fn write(out: &mut Yaml, to: &Delivery<'_>, _: Option<&str>) {
    out.entry("webhook_url_file", &to.secret("msteams-url"));
    out.bare("send_resolved", true);
    out.entry("title", TITLE);
    out.entry("text", TEXT);
}
