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
        for kind in KINDS {
            for channel in known.iter().filter(|channel| channel.key() == kind) {
                if written.insert(kind) {
                    out.push_str("    ");
                    out.push_str(kind);
                    out.push_str(":\n");
                }
                let entries = channel.entries(recipient, routing, &secret)?;
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

/// The ways, in the order in which they are written.
const KINDS: [&str; 7] = [
    "pagerduty_configs",
    "opsgenie_configs",
    "email_configs",
    "slack_configs",
    "msteamsv2_configs",
    "discord_configs",
    "webhook_configs",
];

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
            Self::Opsgenie => "opsgenie_configs",
            Self::Email { .. } => "email_configs",
            Self::Slack { .. } => "slack_configs",
            Self::MsTeams => "msteamsv2_configs",
            Self::Discord => "discord_configs",
            Self::Webhook { .. } => "webhook_configs",
        }
    }

    fn entries(
        &self,
        recipient: &Recipient,
        routing: &Routing,
        secret: &dyn Fn(&str) -> String,
    ) -> Result<Vec<(&'static str, Entry)>, Error> {
        let text = |text: &str| Entry::Text(text.to_owned());
        let resolved = ("send_resolved", Entry::Raw("true"));
        let is_page = recipient.severity == Severity::Page;
        let version = routing.version;
        let since = |least: AlertmanagerVersion, what: &str| {
            if version >= least {
                return Ok(());
            }
            Err(Error::new(format!("Alertmanager {version} does not know {what}"))
                .with_hint(format!("choose another way, or upgrade to {least}")))
        };
        Ok(match self {
            Self::PagerDuty => vec![
                ("routing_key_file", Entry::Text(secret("pagerduty-routing-key"))),
                resolved,
                ("description", text(TITLE)),
                ("severity", text(if is_page { "critical" } else { "warning" })),
                ("component", text("{{ .CommonLabels.service }}")),
                ("group", text("{{ .CommonLabels.team }}")),
                ("class", text("slo")),
                ("details", Entry::Raw(DETAILS)),
            ],
            Self::Slack { channel } => vec![
                ("api_url_file", Entry::Text(secret("slack-url"))),
                ("channel", Entry::Text(channel.replace(Self::TEAM, recipient.team()))),
                resolved,
                ("title", Entry::Text(slack(TITLE))),
                ("text", Entry::Text(slack(SLACK_TEXT))),
                ("color", text("{{ if eq .Status \"firing\" }}danger{{ else }}good{{ end }}")),
            ],
            Self::Opsgenie => vec![
                ("api_key_file", Entry::Text(secret("opsgenie-api-key"))),
                resolved,
                ("message", text(TITLE)),
                ("description", text(TEXT)),
                ("priority", text(if is_page { "P1" } else { "P3" })),
                ("entity", text("{{ .CommonLabels.service }}")),
                ("tags", text("slo,{{ .CommonLabels.severity }}")),
            ],
            Self::Email { to } => {
                let mut entries =
                    vec![("to", Entry::Text(to.replace(Self::TEAM, recipient.team()))), resolved];
                if let Some(mail) = &routing.mail {
                    entries.push(("from", Entry::Text(mail.from.clone())));
                    entries.push(("smarthost", Entry::Text(mail.smarthost.clone())));
                    if let Some(username) = &mail.username {
                        entries.push(("auth_username", Entry::Text(username.clone())));
                        entries.push(("auth_password_file", Entry::Text(secret("smtp-password"))));
                    }
                } else if !routing.fragment {
                    return Err(Error::new("nobody says which server sends the e-mail, and from whom")
                        .with_hint("`--smtp mail.example.org:587 --smtp-from slo@example.org`"));
                }
                entries.extend([
                    ("headers", Entry::Raw(SUBJECT)),
                    ("text", text(TEXT)),
                    // In its place comes a page for every alert of any kind.
                    ("html", text("")),
                ]);
                entries
            }
            Self::MsTeams => {
                since(AlertmanagerVersion::WORKFLOWS, "Microsoft Teams' workflows")?;
                vec![
                    ("webhook_url_file", Entry::Text(secret("msteams-url"))),
                    resolved,
                    ("title", text(TITLE)),
                    ("text", text(TEXT)),
                ]
            }
            Self::Discord => {
                since(AlertmanagerVersion::WORKFLOWS, "Discord with its address in a file")?;
                vec![
                    ("webhook_url_file", Entry::Text(secret("discord-url"))),
                    resolved,
                    ("title", text(TITLE)),
                    ("message", text(TEXT)),
                ]
            }
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

const TEXT: &str = "{{ range .Alerts }}{{ .Labels.service }}/{{ .Labels.slo }} ({{ .Status }}) \
                    {{ .Annotations.description }}{{ with .Annotations.runbook_url }} Runbook: {{ . }}{{ end }}\
                    {{ with .Annotations.dashboard_url }} Dashboard: {{ . }}{{ end }}\n{{ end }}";

const SUBJECT: &str = "{Subject: '{{ if .CommonAnnotations.summary }}{{ .CommonAnnotations.summary }}{{ else }}\
                       {{ .CommonLabels.service }}: {{ .Alerts.Firing | len }} alerts on SLOs{{ end }}\
                       {{ if eq .Status \"resolved\" }} (resolved){{ end }}'}";

/// With texts of a spec between `«` and `»`.
const SLACK_TEXT: &str = "{{ range .Alerts }}*{{ .Labels.service }}/{{ .Labels.slo }}* ({{ .Status }}) \
                          {{ «.Annotations.description» }}\
                          {{ with .Annotations.runbook_url }} <{{ «.» }}|runbook>{{ end }}\
                          {{ with .Annotations.dashboard_url }} <{{ «.» }}|dashboard>{{ end }}\n{{ end }}";

/// The template with what a spec says escaped, as Slack's reference on formatting asks for: or it could call on everybody
/// (`<!channel>`), or show one address and lead to another.
fn slack(template: &str) -> String {
    const ESCAPED: &str =
        r#" | reReplaceAll "&" "&amp;" | reReplaceAll "<" "&lt;" | reReplaceAll ">" "&gt;""#;
    let title = "{{ .CommonAnnotations.summary }}";
    let template = template.replace(title, "{{ «.CommonAnnotations.summary» }}");
    template.replace('«', "").replace('»', ESCAPED)
}
