//! A web address.

use super::{
    super::version::AlertmanagerVersion,
    kind::{Delivery, Kind, TEAM},
};
use crate::{Error, yaml::Yaml};

/// The key of webhooks in a receiver.
pub(in super::super) const WEBHOOK: &str = "webhook_configs";

pub(super) const KIND: Kind = Kind {
    examples: &["webhook", "webhook:https://…"],
    key: WEBHOOK,
    takes: |detail| detail.is_none_or(has_host),
    check,
    write,
};

fn check(to: &Delivery<'_>, url: Option<&str>) -> Result<(), Error> {
    if url.is_some() || to.version >= AlertmanagerVersion::URL_FILE {
        return Ok(());
    }
    Err(Error::new(format!("Alertmanager {} cannot read a web address from a file", to.version))
        .with_hint("write the address, `webhook:https://…`, or upgrade to 0.26"))
}

fn write(out: &mut Yaml, to: &Delivery<'_>, url: Option<&str>) {
    match url {
        Some(url) => out.entry("url", &to.filled(url)),
        None => out.entry("url_file", &to.secret("webhook-url")),
    }
    out.bare("send_resolved", true);
}

/// Whether it is an address with a host, as Alertmanager reads it.
fn has_host(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")) else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let (name, port) = match host.strip_prefix('[').map(|rest| rest.split_once(']')) {
        Some(Some((name, after))) => (name, after),
        Some(None) => return false,
        None => host.split_at(host.find(':').unwrap_or(host.len())),
    };
    let is_port = port.is_empty()
        || port.strip_prefix(':').is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
    let is_text = |byte: u8| byte > b' ' && byte != 0x7f && !b"\"<>\\^`{|}".contains(&byte);
    let escapes = url.split('%').skip(1);
    let are_escapes = escapes
        .map(|rest| rest.bytes().take(2).filter(u8::is_ascii_hexdigit).count())
        .all(|digits| digits == 2);
    // `{team}` is not part of the address.
    !name.is_empty() && is_port && are_escapes && url.replace(TEAM, "").bytes().all(is_text)
}
