//! E-mail.

use super::{
    kind::{Delivery, Kind},
    texts::{SUBJECT, TEXT},
};
use crate::{Error, yaml::Yaml};

pub(super) const KIND: Kind = Kind {
    examples: &["email:someone@example.org"],
    key: "email_configs",
    takes: |detail| detail.is_some_and(is_address),
    check,
    write,
};

fn check(to: &Delivery<'_>, _: Option<&str>) -> Result<(), Error> {
    if to.mail.is_some() || to.is_fragment {
        return Ok(());
    }
    Err(Error::new("the server and the sender of e-mail are not set")
        .with_hint("pass `--smtp mail.example.org:587 --smtp-from slo@example.org`"))
}

fn write(out: &mut Yaml, to: &Delivery<'_>, address: Option<&str>) {
    out.entry("to", &to.filled(address.unwrap_or_default()));
    out.bare("send_resolved", true);
    if let Some(mail) = to.mail {
        out.entry("from", &mail.from);
        out.entry("smarthost", &mail.smarthost);
        if let Some(username) = &mail.username {
            out.entry("auth_username", username);
            out.entry("auth_password_file", &to.secret("smtp-password"));
        }
    }
    out.bare("headers", SUBJECT);
    out.entry("text", TEXT);
    // Replaces Alertmanager's default, a page about every alert.
    out.entry("html", "");
}

/// Whether it may be an e-mail address.
fn is_address(text: &str) -> bool {
    let parts = text.split_once('@').filter(|(name, host)| !name.is_empty() && !host.is_empty());
    parts.is_some_and(|(_, host)| !host.contains('@'))
        && !text.contains(|c: char| c.is_whitespace() || c == ',')
}
