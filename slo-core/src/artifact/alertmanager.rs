//! Alertmanager configurations: who hears of an SLO's alerts, once.

use super::prometheus::HEADER;
use crate::{
    Error,
    model::{LabelName, Service, Severity, Slo},
    rules::alert_labels,
    yaml::{write_entry, write_scalar, write_spaces},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Write},
    str::FromStr,
};

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
pub struct Routing {
    /// Where pages go.
    pub page: Vec<Channel>,
    /// Where tickets go.
    pub ticket: Vec<Channel>,
    /// The folder with a folder of secrets for each team.
    pub secrets: String,
    /// When tickets are sent; at all times where it is not given. Outside of them they wait.
    pub ticket_hours: Option<Hours>,
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
            version: AlertmanagerVersion::default(),
            fragment: false,
        }
    }

    fn channels(&self, severity: Severity) -> &[Channel] {
        match severity {
            Severity::Page => &self.page,
            Severity::Ticket => &self.ticket,
        }
    }
}

/// A way to tell people.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Channel {
    /// `PagerDuty`, by the integration key in `<team>/pagerduty-routing-key`.
    PagerDuty,
    /// A channel of Slack, by the URL in `<team>/slack-url`.
    Slack {
        /// Such as `#incidents`.
        channel: String,
    },
    /// A web address.
    Webhook {
        /// The address; that in `<team>/webhook-url` where it is not given.
        url: Option<String>,
    },
}

impl FromStr for Channel {
    type Err = Error;

    /// `pagerduty`, `slack:#channel`, `webhook` or `webhook:http://…`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let (kind, detail) = text.split_once(':').map_or((text, None), |(kind, detail)| (kind, Some(detail)));
        match (kind, detail) {
            ("pagerduty", None) => Ok(Self::PagerDuty),
            ("slack", Some(channel)) if channel.len() > 1 && channel.starts_with(['#', '@']) => {
                Ok(Self::Slack { channel: channel.to_owned() })
            }
            ("webhook", None) => Ok(Self::Webhook { url: None }),
            ("webhook", Some(url)) if url.starts_with("http://") || url.starts_with("https://") => {
                Ok(Self::Webhook { url: Some(url.to_owned()) })
            }
            _ => Err(Error::new(format!("`{text}` is no way to tell people"))
                .with_hint("write `pagerduty`, `slack:#channel`, `webhook` or `webhook:https://…`")),
        }
    }
}

/// Hours of some days of the week, in a time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hours {
    // As Alertmanager writes them.
    days: (&'static str, &'static str),
    times: (String, String),
    zone: String,
}

const DAYS: [(&str, &str); 7] = [
    ("mon", "monday"),
    ("tue", "tuesday"),
    ("wed", "wednesday"),
    ("thu", "thursday"),
    ("fri", "friday"),
    ("sat", "saturday"),
    ("sun", "sunday"),
];

impl FromStr for Hours {
    type Err = Error;

    /// `Mon-Fri 09:00-17:00 Europe/Berlin`; the zone is UTC where it is not given.
    fn from_str(text: &str) -> Result<Self, Error> {
        let refuse = || {
            Error::new(format!("`{text}` are no hours"))
                .with_hint("write them as `Mon-Fri 09:00-17:00 Europe/Berlin`")
        };
        let mut words = text.split_whitespace();
        let (Some(days), Some(times), zone, None) = (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(refuse());
        };
        let day = |name: &str| {
            let name = name.to_ascii_lowercase();
            DAYS.iter().position(|(short, long)| *short == name || *long == name)
        };
        let (first, last) = days.split_once('-').unwrap_or((days, days));
        let (first, last) =
            day(first).zip(day(last)).filter(|(first, last)| first <= last).ok_or_else(refuse)?;
        let (from, to) = times
            .split_once('-')
            .filter(|(from, to)| is_time(from) && is_time(to) && from < to)
            .ok_or_else(refuse)?;
        let zone = zone.unwrap_or("UTC");
        check_zone(zone)?;
        let long = |index: usize| DAYS.get(index).map_or("monday", |(_, long)| *long);
        Ok(Self {
            days: (long(first), long(last)),
            times: (from.to_owned(), to.to_owned()),
            zone: zone.to_owned(),
        })
    }
}

/// `00:00` to `24:00`.
fn is_time(text: &str) -> bool {
    let [h1, h2, b':', m1, m2] = text.as_bytes() else { return false };
    let digits = [h1, h2, m1, m2].iter().all(|byte| byte.is_ascii_digit());
    digits && (text < "24:00" && *m1 < b'6' || text == "24:00")
}

#[cfg(feature = "calendar")]
fn check_zone(zone: &str) -> Result<(), Error> {
    crate::model::Calendar::new(crate::model::CalendarUnit::Day, zone).map(|_| ())
}

#[cfg(not(feature = "calendar"))]
#[expect(clippy::unnecessary_wraps, reason = "the other one refuses")]
fn check_zone(_zone: &str) -> Result<(), Error> {
    Ok(())
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
    const URL_FILE: Self = Self { major: 0, minor: 26 };
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

/// The name of the team of alerts that have none.
const NO_TEAM: &str = "default";

/// The alerts of a team and severity: what their labels say.
struct Recipient {
    team: Option<String>,
    severity: Severity,
    /// The values of the label `severity`, which a spec may rename.
    labels: BTreeSet<String>,
}

/// An Alertmanager configuration for the alerts of these services.
///
/// | what | how |
/// |---|---|
/// | routes | a team, by the label `team`, has a receiver for pages and one for tickets |
/// | grouping | by service and severity: two SLOs that one outage breaks are one notification |
/// | inhibition | a page of an SLO, or of a group of its `by`, silences the tickets of the same |
/// | secrets | in files, `<secrets>/<team>/…`; `default` for alerts without a team |
///
/// # Errors
/// A severity whose alerts go nowhere, a team that makes no folder, or what the version does not know.
pub fn alertmanager(services: &[Service], routing: &Routing) -> Result<String, Error> {
    let recipients = recipients(services)?;
    for recipient in &recipients {
        if routing.channels(recipient.severity).is_empty() {
            let severity = recipient.severity;
            return Err(Error::new(format!("nobody hears of a {severity}"))
                .with_hint(format!("say where they go, such as `--{severity} slack:#channel`")));
        }
    }
    let mut out = String::from(HEADER);
    route(&mut out, &recipients, routing);
    inhibitions(&mut out, services, &recipients);
    if let (Some(hours), true) =
        (&routing.ticket_hours, recipients.iter().any(|recipient| recipient.severity == Severity::Ticket))
    {
        time_interval(&mut out, hours);
    }
    receivers(&mut out, &recipients, routing)?;
    Ok(out)
}

/// Whether an SLO has alerts of a severity.
fn alerts_of(slo: &Slo, severity: Severity) -> bool {
    let burns = slo.policy().tiers().iter().any(|tier| tier.severity() == severity);
    let budget = slo.budget_alerts();
    let others = [
        budget.exhausted,
        budget.low.map(|(_, severity)| severity),
        budget.absent.map(|(_, severity)| severity),
    ];
    (burns && !slo.notification(severity).silent) || others.contains(&Some(severity))
}

fn recipients(services: &[Service]) -> Result<Vec<Recipient>, Error> {
    let mut found: BTreeMap<(Option<String>, Severity), BTreeSet<String>> = BTreeMap::new();
    for service in services {
        for slo in service.slos() {
            for severity in [Severity::Page, Severity::Ticket] {
                if !alerts_of(slo, severity) {
                    continue;
                }
                let labels = alert_labels(service, slo, severity);
                let label = |name: &str| {
                    labels.iter().find(|(label, _)| label.as_str() == name).map(|(_, value)| value.clone())
                };
                let team = label("team");
                if let Some(team) = team.as_deref().filter(|team| !is_folder(team)) {
                    let error = Error::new(format!("the team `{team}` makes no folder for its secrets"));
                    let hint = "use letters, digits, `-`, `_` and `.` in the label `team`";
                    return Err(error.with_hint(hint).of(service, slo));
                }
                if team.as_deref() == Some(NO_TEAM) {
                    let error = Error::new(format!("`{NO_TEAM}` is where alerts without a team go"));
                    return Err(error.with_hint("rename the team").of(service, slo));
                }
                let named = label("severity").unwrap_or_else(|| severity.to_string());
                found.entry((team, severity)).or_default().insert(named);
            }
        }
    }
    let recipient = |((team, severity), labels)| Recipient { team, severity, labels };
    Ok(found.into_iter().map(recipient).collect())
}

fn is_folder(team: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !team.is_empty() && team.bytes().all(known) && !team.bytes().all(|byte| byte == b'.')
}

impl Recipient {
    fn team(&self) -> &str {
        self.team.as_deref().unwrap_or(NO_TEAM)
    }

    fn receiver(&self) -> String {
        receiver_name(self.team(), self.severity)
    }

    /// What its alerts are known by.
    fn matchers(&self) -> Vec<String> {
        let team = self.team.as_deref().unwrap_or_default();
        vec!["slo!=\"\"".to_owned(), equals("team", [team]), equals("severity", &self.labels)]
    }
}

fn receiver_name(team: &str, severity: Severity) -> String {
    format!("slo-{team}-{severity}")
}

/// A matcher of one of some values.
fn equals(label: &str, values: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let quote = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    let values: Vec<String> = values.into_iter().map(|value| value.as_ref().to_owned()).collect();
    match values.as_slice() {
        [only] => format!("{label}=\"{}\"", quote(only)),
        several => {
            let plain = several.iter().map(|value| escape_regex(value)).collect::<Vec<_>>().join("|");
            format!("{label}=~\"{}\"", quote(&plain))
        }
    }
}

fn escape_regex(text: &str) -> String {
    let special = |character: char| r"\.+*?()|[]{}^$".contains(character);
    text.chars()
        .flat_map(|character| special(character).then_some('\\').into_iter().chain([character]))
        .collect()
}

fn list(out: &mut String, indent: usize, key: &str, values: &[String]) {
    write_spaces(out, indent);
    out.push_str(key);
    out.push_str(":\n");
    for value in values {
        write_spaces(out, indent);
        out.push_str("  - ");
        write_scalar(out, value, indent);
        out.push('\n');
    }
}

fn route(out: &mut String, recipients: &[Recipient], routing: &Routing) {
    if routing.fragment {
        out.push_str(
            "# Merge into your own: these routes into `route.routes`, before those that match everything.\n",
        );
    }
    out.push_str("route:\n");
    if !routing.fragment {
        write_entry(out, 2, "receiver", UNROUTED);
        out.push_str("  group_by: [alertname, service, severity]\n");
    }
    out.push_str("  routes:\n");
    for recipient in recipients {
        out.push_str("    - ");
        // The first key of an item stands on its line.
        let mut item = String::new();
        write_entry(&mut item, 6, "receiver", &recipient.receiver());
        out.push_str(item.trim_start());
        list(out, 6, "matchers", &recipient.matchers());
        // Two SLOs that one outage breaks are told of together.
        out.push_str("      group_by: [service, severity]\n");
        let (wait, interval, repeat) = match recipient.severity {
            Severity::Page => ("10s", "1m", "4h"),
            Severity::Ticket => ("5m", "1h", "1d"),
        };
        for (key, value) in [("group_wait", wait), ("group_interval", interval), ("repeat_interval", repeat)]
        {
            out.push_str("      ");
            out.push_str(key);
            out.push_str(": ");
            out.push_str(value);
            out.push('\n');
        }
        if recipient.severity == Severity::Ticket && routing.ticket_hours.is_some() {
            out.push_str("      active_time_intervals: [slo-ticket-hours]\n");
        }
    }
}

/// A receiver that tells nobody, for alerts that are not of SLOs.
const UNROUTED: &str = "not-of-slos";

fn inhibitions(out: &mut String, services: &[Service], recipients: &[Recipient]) {
    let of = |severity: Severity| -> BTreeSet<&String> {
        recipients.iter().filter(|one| one.severity == severity).flat_map(|one| &one.labels).collect()
    };
    let (pages, tickets) = (of(Severity::Page), of(Severity::Ticket));
    if pages.is_empty() || tickets.is_empty() {
        return;
    }
    // Labels that neither alert has are equal.
    let groups: BTreeSet<&str> =
        services.iter().flat_map(Service::slos).flat_map(Slo::by).map(LabelName::as_str).collect();
    out.push_str(
        "inhibit_rules:\n  # A page on an SLO, or on a group of it, silences the tickets on the same.\n",
    );
    let mut item = String::new();
    list(&mut item, 4, "source_matchers", &["slo!=\"\"".to_owned(), equals("severity", pages)]);
    out.push_str("  - ");
    out.push_str(item.trim_start());
    list(out, 4, "target_matchers", &["slo!=\"\"".to_owned(), equals("severity", tickets)]);
    let equal: Vec<String> = ["service", "slo"].into_iter().chain(groups).map(ToOwned::to_owned).collect();
    list(out, 4, "equal", &equal);
}

fn time_interval(out: &mut String, hours: &Hours) {
    let Hours { days: (first, last), times: (from, to), zone } = hours;
    out.push_str("time_intervals:\n  - name: slo-ticket-hours\n    time_intervals:\n");
    out.push_str("      - ");
    // Writing to a String cannot fail.
    let _ = writeln!(out, "weekdays: ['{first}:{last}']");
    let _ = writeln!(out, "        times: [{{start_time: '{from}', end_time: '{to}'}}]");
    write_entry(out, 8, "location", zone);
}

fn receivers(out: &mut String, recipients: &[Recipient], routing: &Routing) -> Result<(), Error> {
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
        for kind in ["pagerduty_configs", "slack_configs", "webhook_configs"] {
            for channel in channels.iter().filter(|channel| channel.key() == kind) {
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
                ("channel", text(channel)),
                resolved,
                ("title", text(TITLE)),
                ("text", text(SLACK_TEXT)),
                ("color", text("{{ if eq .Status \"firing\" }}danger{{ else }}good{{ end }}")),
            ],
            Self::Webhook { url: Some(url) } => vec![("url", text(url)), resolved],
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
                       {{ .Annotations.runbook_url }} {{ end }}', resolved: '{{ .Alerts.Resolved | len }}'}";

const SLACK_TEXT: &str = "{{ range .Alerts }}*{{ .Labels.service }}/{{ .Labels.slo }}* ({{ .Status }}) \
                          {{ .Annotations.description }}{{ with .Annotations.runbook_url }} <{{ . }}|runbook>{{ end }}\
                          {{ with .Annotations.dashboard_url }} <{{ . }}|dashboard>{{ end }}\n{{ end }}";

#[cfg(test)]
#[cfg(feature = "spec")]
mod tests {
    use super::*;
    use crate::spec;

    fn services(extra: &str) -> Vec<Service> {
        let slo = format!(
            "{{name: b, objective: 99.9%, window: 30d, sli: {{events: {{total: a_total, bad: b_total}}}}{extra}}}"
        );
        spec::parse(&format!("{{version: slo/v1, service: a, slos: [{slo}]}}")).unwrap()
    }

    fn routing() -> Routing {
        let mut routing = Routing::new("/s/");
        routing.page.push("pagerduty".parse().unwrap());
        routing.ticket.push("slack:#t".parse().unwrap());
        routing
    }

    #[test]
    fn nobody_is_an_error() {
        let mut routing = routing();
        routing.ticket.clear();
        let error = alertmanager(&services(""), &routing).unwrap_err();
        assert_eq!(error.message(), "nobody hears of a ticket");
        assert!(error.hint().unwrap().contains("--ticket"));
        // Where there are no tickets, nobody need hear of them.
        let silent = services(", alerting: {ticket: {silent: true}}");
        assert!(!alertmanager(&silent, &routing).unwrap().contains("inhibit"));
    }

    #[test]
    fn follows_renamed_severities_teams_and_groups() {
        let extra = ", by: [route], labels: {team: x}, alerting: {page: {labels: {severity: \"sev.1\"}}}";
        let config = alertmanager(&services(extra), &routing()).unwrap();
        for part in [
            "'team=\"x\"'\n        - 'severity=\"sev.1\"'",
            "equal:\n      - service\n      - slo\n      - route\n",
            "/s/x/pagerduty-routing-key",
        ] {
            assert!(config.contains(part), "{part} is not in\n{config}");
        }
        let several = equals("severity", ["sev.1", "page"]);
        assert_eq!(several, r#"severity=~"sev\\.1|page""#);
        for team in ["a/b", ".."] {
            assert!(alertmanager(&services(&format!(", labels: {{team: '{team}'}}")), &routing()).is_err());
        }
    }

    #[test]
    fn writes_only_what_the_version_knows() {
        let mut routing = routing();
        routing.page.push("webhook".parse().unwrap());
        assert!(
            alertmanager(&services(""), &routing).unwrap().contains("url_file: '/s/default/webhook-url'")
        );
        routing.version = "0.25".parse().unwrap();
        assert!(alertmanager(&services(""), &routing).unwrap_err().hint().unwrap().contains("0.26"));
        assert!("v0.24.1".parse::<AlertmanagerVersion>().is_err());
        assert!("new".parse::<AlertmanagerVersion>().is_err());
    }

    #[test]
    fn reads_channels_and_hours() {
        for text in ["slack", "slack:general", "slack:#", "pagerduty:x", "mail:me", "webhook:ftp://x"] {
            assert!(text.parse::<Channel>().unwrap_err().hint().is_some(), "{text}");
        }
        let hours: Hours = "mon-Friday 09:00-24:00".parse().unwrap();
        assert_eq!((hours.days, hours.zone.as_str()), (("monday", "friday"), "UTC"));
        for text in [
            "Mon-Fri",
            "Fri-Mon 09:00-17:00",
            "Mon 9:00-17:00",
            "Mon 17:00-09:00",
            "Mon 09:61-17:00",
            "Mon 09:00-25:00",
            "x 09:00-17:00",
            "Mon 09:00-17:00 UTC more",
        ] {
            assert!(text.parse::<Hours>().is_err(), "{text}");
        }
    }
}
