//! Which alerts reach which receiver, and how.

use super::{AlertmanagerVersion, Channel, Hours, Mail, Response};
use crate::model::Severity;

/// Which alerts reach which receiver, and how.
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
    /// The server that answers alerts, besides the channels.
    pub response: Option<Response>,
    /// The folder that holds a folder of secrets for each team.
    pub secrets: String,
    /// When tickets are sent; `None` for at all times. Outside of these hours, tickets wait.
    pub ticket_hours: Option<Hours>,
    /// The server that sends e-mail; a fragment may leave it to the global settings.
    pub mail: Option<Mail>,
    /// The version of Alertmanager that reads it.
    pub version: AlertmanagerVersion,
    /// Whether to write a fragment to merge into another configuration, without a route for other alerts.
    pub fragment: bool,
}

impl Routing {
    /// A routing without channels.
    #[must_use]
    pub fn new(secrets: impl Into<String>) -> Self {
        Self {
            page: Vec::new(),
            ticket: Vec::new(),
            response: None,
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
