//! All kinds of channels.

use super::{
    discord, email,
    kind::{Delivery, Kind},
    msteams, opsgenie, pagerduty, slack, webhook,
};
use crate::{Error, yaml::Yaml};
use std::{fmt, str::FromStr};

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

/// A channel for notifications.
///
/// It is parsed from text such as one of [`examples`](Self::examples). In an address or in the name of a
/// channel, `{team}` stands for the team's name.
///
/// | text | channel |
/// |---|---|
/// | `pagerduty` | `PagerDuty`, by the integration key in `<team>/pagerduty-routing-key` |
/// | `opsgenie` | Opsgenie, by the key in `<team>/opsgenie-api-key`: pages are `P1`, tickets `P3` |
/// | `email:someone@example.org` | e-mail |
/// | `slack:#channel` | a channel of Slack, by the URL in `<team>/slack-url` |
/// | `msteams` | a channel of Microsoft Teams, by the address of its workflow in `<team>/msteams-url` |
/// | `discord` | a channel of Discord, by the address in `<team>/discord-url` |
/// | `webhook` | the web address in `<team>/webhook-url` |
/// | `webhook:https://…` | this web address |
///
/// ```
/// use slo_core::artifact::Channel;
///
/// let channel: Channel = "slack:#{team}-incidents".parse()?;
/// assert_ne!(channel, "slack:#general".parse()?);
/// assert!("pigeon".parse::<Channel>().is_err());
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Channel {
    kind: &'static Kind,
    // What is written after the colon.
    detail: Option<String>,
}

impl Channel {
    /// Example texts of channels, one or two for each kind.
    ///
    /// ```
    /// use slo_core::artifact::Channel;
    ///
    /// assert!(Channel::examples().all(|text| text.parse::<Channel>().is_ok() || text.ends_with('…')));
    /// ```
    pub fn examples() -> impl Iterator<Item = &'static str> {
        KINDS.into_iter().flat_map(|kind| kind.examples.iter().copied())
    }

    pub(in super::super) const fn kind(&self) -> &'static Kind {
        self.kind
    }

    /// Appends its settings.
    pub(in super::super) fn write(&self, out: &mut Yaml, to: &Delivery<'_>) -> Result<(), Error> {
        (self.kind.check)(to, self.detail.as_deref())?;
        (self.kind.write)(out, to, self.detail.as_deref());
        Ok(())
    }
}

impl Kind {
    fn name(&self) -> Option<&'static str> {
        self.examples.first().and_then(|example| example.split(':').next())
    }
}

impl PartialEq for Channel {
    fn eq(&self, other: &Self) -> bool {
        self.kind.key == other.kind.key && self.detail == other.detail
    }
}

impl Eq for Channel {}

impl fmt::Debug for Channel {
    /// Leaves out the part after the name, which may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel").field("kind", &self.kind.name()).finish_non_exhaustive()
    }
}

impl FromStr for Channel {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (name, detail) = text.split_once(':').map_or((text, None), |(name, detail)| (name, Some(detail)));
        let kind = KINDS.into_iter().find(|kind| kind.name() == Some(name));
        if let Some(kind) = kind.filter(|kind| (kind.takes)(detail)) {
            return Ok(Self { kind, detail: detail.map(str::to_owned) });
        }
        // The part after the name may be a secret.
        let shown = detail.map_or("", |_| ":…");
        let examples: Vec<String> = Self::examples().map(|example| format!("`{example}`")).collect();
        Err(Error::new(format!("`{name}{shown}` is not a supported channel"))
            .with_hint(format!("write one of {}", examples.join(", "))))
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
