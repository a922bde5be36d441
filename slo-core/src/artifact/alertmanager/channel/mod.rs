//! The ways to tell people, one a file: how it is written down, and the settings of its receiver.

mod discord;
mod email;
mod msteams;
mod opsgenie;
mod pagerduty;
mod slack;
mod texts;
mod webhook;

use super::routing::{AlertmanagerVersion, Routing};
use crate::{Error, model::Severity, yaml::Yaml};
use std::str::FromStr;

/// A way to tell people.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Channel {
    /// `PagerDuty`, by the integration key in `<team>/pagerduty-routing-key`.
    PagerDuty,
    /// Opsgenie, by the key in `<team>/opsgenie-api-key`: pages are `P1`, tickets `P3`.
    Opsgenie,
    /// An e-mail.
    Email {
        /// The address, with `{team}` for the team's name.
        to: String,
    },
    /// A channel of Microsoft Teams, by the address of its workflow in `<team>/msteams-url`.
    MsTeams,
    /// A channel of Discord, by the address in `<team>/discord-url`.
    Discord,
    /// A channel of Slack, by the URL in `<team>/slack-url`.
    Slack {
        /// Such as `#incidents`, or `#{team}-incidents` for one of each team.
        channel: String,
    },
    /// A web address.
    Webhook {
        /// The address, with `{team}` for the team's name; that in `<team>/webhook-url` where it is not given.
        url: Option<String>,
    },
}

/// One kind of channel.
pub(super) struct Kind {
    /// How it is written down, such as `slack:#channel`; up to the colon, its name.
    example: &'static str,
    /// The key of its settings in a receiver.
    pub(super) key: &'static str,
    /// A channel of this kind, from what is written after the colon.
    read: fn(Option<&str>) -> Option<Channel>,
}

/// All kinds, in the order in which a receiver has them.
pub(super) const KINDS: [&Kind; 7] = [
    &pagerduty::KIND,
    &opsgenie::KIND,
    &email::KIND,
    &slack::KIND,
    &msteams::KIND,
    &discord::KIND,
    &webhook::KIND,
];

/// Who is told through a channel: a team, of its pages or of its tickets.
pub(super) struct Delivery<'a> {
    pub(super) team: &'a str,
    pub(super) severity: Severity,
    pub(super) routing: &'a Routing,
}

impl Delivery<'_> {
    /// The path of a secret of the team.
    fn secret(&self, file: &str) -> String {
        format!("{}/{}/{file}", self.routing.secrets.trim_end_matches('/'), self.team)
    }

    /// A name or an address with that of the team filled in.
    fn filled(&self, text: &str) -> String {
        text.replace(TEAM, self.team)
    }

    fn is_page(&self) -> bool {
        self.severity == Severity::Page
    }

    /// Refuses what the version does not know yet.
    fn since(&self, least: AlertmanagerVersion, what: &str) -> Result<(), Error> {
        let version = self.routing.version;
        if version >= least {
            return Ok(());
        }
        Err(Error::new(format!("Alertmanager {version} does not know {what}"))
            .with_hint(format!("choose another way, or upgrade to {least}")))
    }
}

/// What stands for the team in the name of a channel, or in an address.
const TEAM: &str = "{team}";

impl Channel {
    pub(super) const fn kind(&self) -> &'static Kind {
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
    pub(super) fn write(&self, out: &mut Yaml, to: &Delivery<'_>) -> Result<(), Error> {
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
            Error::new(format!("`{name}{shown}` is no way to tell people")).with_hint(
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
        assert_eq!(error.message(), "`webhook:…` is no way to tell people");
    }
}
