//! Alertmanager configurations: who hears of an SLO's alerts, once.

mod receivers;
mod routing;

pub use routing::{AlertmanagerVersion, Channel, Hours, Routing};

use super::prometheus::HEADER;
use crate::{
    Error,
    model::{LabelName, Service, Severity, Slo},
    rules::alert_labels,
    yaml::{write_entry, write_scalar, write_spaces},
};
use receivers::receivers;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

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
