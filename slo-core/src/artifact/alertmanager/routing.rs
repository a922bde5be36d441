//! Who is told, and how.

use super::Hours;
use crate::{Error, model::Severity};
use std::{fmt, str::FromStr};

/// Who is told of alerts, and how.
///
/// ```
/// use slo_core::artifact::{Routing, alertmanager};
///
/// let text = "{version: slo/v1, service: a, labels: {team: payments}, slos: [{name: b, objective: 99.9%, window: 30d,
///     sli: {events: {total: requests_total, bad: errors_total}}}]}";
/// let services = slo_core::spec::parse(text)?;
/// let mut routing = Routing::new("/etc/alertmanager/secrets");
/// routing.page.push("pagerduty".parse()?);
/// routing.ticket.push("slack:#slo-tickets".parse()?);
/// let config = alertmanager(&services, &routing)?;
/// assert!(config.contains("routing_key_file: '/etc/alertmanager/secrets/payments/pagerduty-routing-key'\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Routing {
    /// Where pages go.
    pub page: Vec<Channel>,
    /// Where tickets go.
    pub ticket: Vec<Channel>,
    /// The folder with a folder of secrets for each team.
    pub secrets: String,
    /// When tickets are sent; at all times where it is not given. Outside of them they wait.
    pub ticket_hours: Option<Hours>,
    /// What sends e-mail; what the configuration says for all where it is not given, in fragments.
    pub mail: Option<Mail>,
    /// The version of Alertmanager that reads it.
    pub version: AlertmanagerVersion,
    /// Whether only what is to be merged into another configuration is wanted: without a route for other alerts.
    pub fragment: bool,
}

impl Routing {
    /// Routing to nobody yet.
    #[must_use]
    pub fn new(secrets: impl Into<String>) -> Self {
        Self {
            page: Vec::new(),
            ticket: Vec::new(),
            secrets: secrets.into(),
            ticket_hours: None,
            mail: None,
            version: AlertmanagerVersion::default(),
            fragment: false,
        }
    }

    pub(super) fn channels(&self, severity: Severity) -> &[Channel] {
        match severity {
            Severity::Page => &self.page,
            Severity::Ticket => &self.ticket,
        }
    }
}

/// What sends e-mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// The server, `host:port`.
    pub smarthost: String,
    /// Whom it is from.
    pub from: String,
    /// Who logs in, with the password in `<team>/smtp-password`; nobody where it is not given.
    pub username: Option<String>,
}

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

impl FromStr for Channel {
    type Err = Error;

    /// `pagerduty`, `opsgenie`, `email:someone@example.org`, `slack:#channel`, `msteams`, `discord`, `webhook` or
    /// `webhook:http://…`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let (kind, detail) = text.split_once(':').map_or((text, None), |(kind, detail)| (kind, Some(detail)));
        match (kind, detail) {
            ("pagerduty", None) => Ok(Self::PagerDuty),
            ("opsgenie", None) => Ok(Self::Opsgenie),
            ("msteams", None) => Ok(Self::MsTeams),
            ("discord", None) => Ok(Self::Discord),
            ("email", Some(to)) if is_address(to) => Ok(Self::Email { to: to.to_owned() }),
            ("slack", Some(channel)) if channel.len() > 1 && channel.starts_with(['#', '@']) => {
                Ok(Self::Slack { channel: channel.to_owned() })
            }
            ("webhook", None) => Ok(Self::Webhook { url: None }),
            ("webhook", Some(url)) if has_host(url) => Ok(Self::Webhook { url: Some(url.to_owned()) }),
            // What comes after the kind may be a secret.
            _ => Err(Error::new(format!("`{kind}{}` is no way to tell people", detail.map_or("", |_| ":…"))).with_hint(
                "write `pagerduty`, `opsgenie`, `email:someone@example.org`, `slack:#channel`, `msteams`, `discord`, `webhook` \
                 or `webhook:https://…`",
            )),
        }
    }
}

/// Whether it may be the address of an e-mail.
fn is_address(text: &str) -> bool {
    let parts = text.split_once('@').filter(|(name, host)| !name.is_empty() && !host.is_empty());
    parts.is_some_and(|(_, host)| !host.contains('@'))
        && !text.contains(|c: char| c.is_whitespace() || c == ',')
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
    !name.is_empty() && is_port && are_escapes && url.replace(Channel::TEAM, "").bytes().all(is_text)
}

/// A version of Alertmanager.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AlertmanagerVersion {
    major: u32,
    minor: u32,
}

impl AlertmanagerVersion {
    /// Knows time zones and routing keys in files: the oldest that is written for.
    const OLDEST: Self = Self { major: 0, minor: 25 };
    /// Knows web addresses in files.
    pub(super) const URL_FILE: Self = Self { major: 0, minor: 26 };
    /// Knows the workflows of Microsoft Teams, and web addresses of all ways in files.
    pub(super) const WORKFLOWS: Self = Self { major: 0, minor: 28 };
}

impl Default for AlertmanagerVersion {
    /// The newest that this was tried with.
    fn default() -> Self {
        Self { major: 0, minor: 33 }
    }
}

impl fmt::Display for AlertmanagerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for AlertmanagerVersion {
    type Err = Error;

    /// `0.27`, `v0.27.0`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let mut parts = text.strip_prefix('v').unwrap_or(text).split('.').map(str::parse::<u32>);
        let (Some(Ok(major)), Some(Ok(minor))) = (parts.next(), parts.next()) else {
            return Err(Error::new(format!("`{text}` is no version")).with_hint("write it as `0.27`"));
        };
        let version = Self { major, minor };
        if version < Self::OLDEST {
            return Err(Error::new(format!("Alertmanager {version} is older than {}", Self::OLDEST))
                .with_hint("it knows no time zones and no secrets in files; upgrade it"));
        }
        Ok(version)
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
