//! All kinds of channels.

use super::{
    discord, email, msteams, opsgenie, pagerduty, slack,
    way::{Channel, Delivery, Kind},
    webhook,
};
use crate::{Error, yaml::Yaml};
use std::str::FromStr;

/// All kinds, in the order in which a receiver has them.
pub(in super::super) const KINDS: [&Kind; 7] = [
    &pagerduty::KIND,
    &opsgenie::KIND,
    &email::KIND,
    &slack::KIND,
    &msteams::KIND,
    &discord::KIND,
    &webhook::KIND,
];

impl Channel {
    pub(in super::super) const fn kind(&self) -> &'static Kind {
        match self {
            Self::PagerDuty => &pagerduty::KIND,
            Self::Opsgenie => &opsgenie::KIND,
            Self::Email { .. } => &email::KIND,
            Self::Slack { .. } => &slack::KIND,
            Self::MsTeams => &msteams::KIND,
            Self::Discord => &discord::KIND,
            Self::Webhook { .. } => &webhook::KIND,
        }
    }

    /// Appends its settings.
    pub(in super::super) fn write(&self, out: &mut Yaml, to: &Delivery<'_>) -> Result<(), Error> {
        match self {
            Self::PagerDuty => pagerduty::write(out, to),
            Self::Opsgenie => opsgenie::write(out, to),
            Self::Email { to: address } => return email::write(out, to, address),
            Self::Slack { channel } => slack::write(out, to, channel),
            Self::MsTeams => return msteams::write(out, to),
            Self::Discord => return discord::write(out, to),
            Self::Webhook { url } => return webhook::write(out, to, url.as_deref()),
        }
        Ok(())
    }
}

impl FromStr for Channel {
    type Err = Error;

    /// `pagerduty`, `opsgenie`, `email:someone@example.org`, `slack:#channel`, `msteams`, `discord`, `webhook` or
    /// `webhook:http://…`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let (name, detail) = text.split_once(':').map_or((text, None), |(name, detail)| (name, Some(detail)));
        let kind = KINDS.into_iter().find(|kind| kind.example.split(':').next() == Some(name));
        kind.and_then(|kind| (kind.read)(detail)).ok_or_else(|| {
            // What comes after the name may be a secret.
            let shown = detail.map_or("", |_| ":…");
            Error::new(format!("`{name}{shown}` is not a supported channel")).with_hint(
                "write `pagerduty`, `opsgenie`, `email:someone@example.org`, `slack:#channel`, `msteams`, `discord`, `webhook` \
                 or `webhook:https://…`",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Channel;

    #[test]
    fn reads_channels() {
        for text in [
            "slack",
            "slack:general",
            "slack:#",
            "pagerduty:x",
            "mail:me",
            "email:me",
            "email:a b@c",
            "opsgenie:x",
            "webhook:ftp://x",
            "webhook:http://",
            "webhook:http:///a",
            "webhook:https://:80",
        ] {
            assert!(text.parse::<Channel>().unwrap_err().hint().is_some(), "{text}");
        }
        let error = "webhook:https://me:hunter2@".parse::<Channel>().unwrap_err();
        assert_eq!(error.message(), "`webhook:…` is not a supported channel");
    }
}
