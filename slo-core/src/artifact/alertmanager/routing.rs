//! Who is told, and how.

use super::{Channel, Hours};
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
