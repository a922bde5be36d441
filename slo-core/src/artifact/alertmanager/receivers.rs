//! The receivers of a configuration.

use super::{
    recipient::Recipient,
    routes::UNROUTED,
    routing::{AlertmanagerVersion, Channel, Routing},
};
use crate::{
    Error,
    model::Severity,
    yaml::{write_entry, write_scalar},
};
use std::collections::BTreeSet;

/// All receivers, each with the settings of its channels.
pub(super) fn receivers(out: &mut String, recipients: &[Recipient], routing: &Routing) -> Result<(), Error> {
    out.push_str("receivers:\n");
    if !routing.fragment {
        out.push_str("  # Tells nobody: give it a way, or alerts that are not of SLOs are lost.\n");
        out.push_str("  - name: ");
        out.push_str(UNROUTED);
        out.push('\n');
    }
    for recipient in recipients {
        out.push_str("  - name: ");
        write_scalar(out, &recipient.receiver(), 4);
        out.push('\n');
        let channels = routing.channels(recipient.severity);
        let secret =
            |file: &str| format!("{}/{}/{file}", routing.secrets.trim_end_matches('/'), recipient.team());
        let mut written = BTreeSet::new();
        let mut known: Vec<&Channel> = Vec::new();
        for channel in channels {
            if !known.contains(&channel) {
                known.push(channel);
            }
        }
        for kind in ["pagerduty_configs", "slack_configs", "webhook_configs"] {
            for channel in known.iter().filter(|channel| channel.key() == kind) {
                if written.insert(kind) {
                    out.push_str("    ");
                    out.push_str(kind);
                    out.push_str(":\n");
                }
                let entries = channel.entries(recipient, routing.version, &secret)?;
                for (number, (key, value)) in entries.iter().enumerate() {
                    out.push_str(if number == 0 { "      - " } else { "        " });
                    let mut entry = String::new();
                    match value {
                        Entry::Text(text) => write_entry(&mut entry, 8, key, text),
                        Entry::Raw(text) => entry = format!("{key}: {text}\n"),
                    }
                    out.push_str(entry.trim_start());
                }
            }
        }
    }
    Ok(())
}

/// A value of a receiver's settings.
enum Entry {
    Text(String),
    Raw(&'static str),
}

impl Channel {
    /// What stands for the team in the name of a channel, or in an address.
    pub(super) const TEAM: &'static str = "{team}";

    const fn key(&self) -> &'static str {
        match self {
            Self::PagerDuty => "pagerduty_configs",
            Self::Slack { .. } => "slack_configs",
            Self::Webhook { .. } => "webhook_configs",
        }
    }

    fn entries(
        &self,
        recipient: &Recipient,
        version: AlertmanagerVersion,
        secret: &dyn Fn(&str) -> String,
    ) -> Result<Vec<(&'static str, Entry)>, Error> {
        let text = |text: &str| Entry::Text(text.to_owned());
        let resolved = ("send_resolved", Entry::Raw("true"));
        Ok(match self {
            Self::PagerDuty => vec![
                ("routing_key_file", Entry::Text(secret("pagerduty-routing-key"))),
                resolved,
                ("description", text(TITLE)),
                ("severity", text(if recipient.severity == Severity::Page { "critical" } else { "warning" })),
                ("component", text("{{ .CommonLabels.service }}")),
                ("group", text("{{ .CommonLabels.team }}")),
                ("class", text("slo")),
                ("details", Entry::Raw(DETAILS)),
            ],
            Self::Slack { channel } => vec![
                ("api_url_file", Entry::Text(secret("slack-url"))),
                ("channel", Entry::Text(channel.replace(Self::TEAM, recipient.team()))),
                resolved,
                ("title", text(TITLE)),
                ("text", text(SLACK_TEXT)),
                ("color", text("{{ if eq .Status \"firing\" }}danger{{ else }}good{{ end }}")),
            ],
            Self::Webhook { url: Some(url) } => {
                vec![("url", Entry::Text(url.replace(Self::TEAM, recipient.team()))), resolved]
            }
            Self::Webhook { url: None } if version < AlertmanagerVersion::URL_FILE => {
                return Err(Error::new(format!("Alertmanager {version} reads no web address from a file"))
                    .with_hint("write the address, `webhook:https://…`, or upgrade to 0.26"));
            }
            Self::Webhook { url: None } => vec![("url_file", Entry::Text(secret("webhook-url"))), resolved],
        })
    }
}

/// The summary that all alerts of a group share; of several, how many.
const TITLE: &str = "{{ if .CommonAnnotations.summary }}{{ .CommonAnnotations.summary }}{{ else }}\
                     {{ .CommonLabels.service }}: {{ .Alerts.Firing | len }} alerts on SLOs{{ end }}\
                     {{ if eq .Status \"resolved\" }} (resolved){{ end }}";

const DETAILS: &str = "{firing: '{{ range .Alerts.Firing }}{{ .Labels.slo }}: {{ .Annotations.description }} \
                       {{ .Annotations.runbook_url }} \
                       {{ .Annotations.dashboard_url }} {{ end }}', resolved: '{{ .Alerts.Resolved | len }}'}";

const SLACK_TEXT: &str = "{{ range .Alerts }}*{{ .Labels.service }}/{{ .Labels.slo }}* ({{ .Status }}) \
                          {{ .Annotations.description }}{{ with .Annotations.runbook_url }} <{{ . }}|runbook>{{ end }}\
                          {{ with .Annotations.dashboard_url }} <{{ . }}|dashboard>{{ end }}\n{{ end }}";
