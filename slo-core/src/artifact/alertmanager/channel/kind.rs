//! The kinds of channels.

use super::{super::version::AlertmanagerVersion, mail::Mail};
use crate::{Error, model::Severity, yaml::Yaml};

/// One kind of channel.
pub(in super::super) struct Kind {
    /// Example texts, such as `slack:#channel`; the part before the colon is its name.
    pub(super) examples: &'static [&'static str],
    /// The key of its settings in a receiver.
    pub(in super::super) key: &'static str,
    /// Whether it accepts the text after the colon.
    pub(super) takes: fn(Option<&str>) -> bool,
    /// Refuses settings that cannot be written, from the text after the colon.
    pub(super) check: fn(&Delivery<'_>, Option<&str>) -> Result<(), Error>,
    /// Appends its settings, from the text after the colon.
    pub(super) write: fn(&mut Yaml, &Delivery<'_>, Option<&str>),
}

/// The recipient of a channel: a team, for its pages or for its tickets.
pub(in super::super) struct Delivery<'a> {
    pub(in super::super) team: &'a str,
    pub(in super::super) severity: Severity,
    /// The folder that holds a folder of secrets for each team.
    pub(in super::super) secrets: &'a str,
    pub(in super::super) mail: Option<&'a Mail>,
    pub(in super::super) is_fragment: bool,
    pub(in super::super) version: AlertmanagerVersion,
}

impl Delivery<'_> {
    /// The path of a secret of the team.
    pub(super) fn secret(&self, file: &str) -> String {
        format!("{}/{}/{file}", self.secrets.trim_end_matches('/'), self.team)
    }

    /// A name or an address with the team's name filled in.
    pub(super) fn filled(&self, text: &str) -> String {
        text.replace(TEAM, self.team)
    }

    pub(super) fn is_page(&self) -> bool {
        self.severity == Severity::Page
    }

    /// Refuses a feature that the version does not support yet.
    pub(super) fn since(&self, least: AlertmanagerVersion, what: &str) -> Result<(), Error> {
        let version = self.version;
        if version >= least {
            return Ok(());
        }
        Err(Error::new(format!("Alertmanager {version} does not support {what}"))
            .with_hint(format!("choose another channel, or upgrade to {least}")))
    }
}

/// The placeholder for the team in the name of a channel, or in an address.
pub(super) const TEAM: &str = "{team}";
