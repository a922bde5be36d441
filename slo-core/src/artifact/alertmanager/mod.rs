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
    services: BTreeSet<String>,
}

/// A route to the receiver of alerts without a team.
struct Other {
    severity: Severity,
    matchers: Vec<String>,
}

/// An Alertmanager configuration for the alerts of these services.
///
/// | what | how |
/// |---|---|
/// | routes | a team, by the label `team`, has a receiver for pages and one for tickets |
/// | others | alerts of a team that no specification here names, such as that of a group, go to `default`; a fragment has this for the SLOs here alone |
/// | grouping | by service and severity: two SLOs that one outage breaks are one notification |
/// | inhibition | a page of an SLO, or of a group of its `by`, silences the tickets of the same |
/// | secrets | in files, `<secrets>/<team>/…`; `default` for all others |
///
/// # Errors
/// A severity whose alerts go nowhere, a team that makes no folder, or what the version does not know.
pub fn alertmanager(services: &[Service], routing: &Routing) -> Result<String, Error> {
    let recipients = recipients(services)?;
    check_severities(&recipients)?;
    for recipient in &recipients {
        if routing.channels(recipient.severity).is_empty() {
            let severity = recipient.severity;
            return Err(Error::new(format!("nobody hears of a {severity}"))
                .with_hint(format!("say where they go, such as `--{severity} slack:#channel`")));
        }
    }
    let mut recipients = recipients;
    let others = others(services, &recipients, routing);
    for severity in others.iter().map(|other| other.severity) {
        if !recipients.iter().any(|one| one.team.is_none() && one.severity == severity) {
            let (labels, services) = (BTreeSet::new(), BTreeSet::new());
            recipients.push(Recipient { team: None, severity, labels, services });
        }
    }
    let mut out = String::from(HEADER);
    route(&mut out, &recipients, &others, routing);
    inhibitions(&mut out, services, &recipients);
    if let (Some(hours), true) =
        (&routing.ticket_hours, recipients.iter().any(|recipient| recipient.severity == Severity::Ticket))
    {
        time_interval(&mut out, hours);
    }
    receivers(&mut out, &recipients, routing)?;
    Ok(out)
}

/// A severity that is of pages and of tickets would send both to one of them.
fn check_severities(recipients: &[Recipient]) -> Result<(), Error> {
    let (pages, tickets) = (labels_of(recipients, Severity::Page), labels_of(recipients, Severity::Ticket));
    pages.intersection(&tickets).next().map_or(Ok(()), |label| {
        Err(Error::new(format!("the severity `{label}` is of pages and of tickets"))
            .with_hint("name them apart in `alerting.page.labels` and `alerting.ticket.labels`"))
    })
}

/// What the label `severity` of pages, or of tickets, is in any of the specifications.
fn labels_of(recipients: &[Recipient], severity: Severity) -> BTreeSet<&String> {
    recipients.iter().filter(|one| one.severity == severity).flat_map(|one| &one.labels).collect()
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
    let mut found: BTreeMap<(Option<String>, Severity), Recipient> = BTreeMap::new();
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
                let recipient = found.entry((team.clone(), severity)).or_insert_with(|| Recipient {
                    team,
                    severity,
                    labels: BTreeSet::new(),
                    services: BTreeSet::new(),
                });
                recipient.labels.insert(named);
                recipient.services.insert(service.name().to_string());
            }
        }
    }
    Ok(found.into_values().collect())
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

    /// What its alerts are known by, those of groups of other specifications among them: a severity may be any that is
    /// of pages, or of tickets, in one of them.
    fn matchers(&self, recipients: &[Self], is_fragment: bool) -> Vec<String> {
        let team = self.team.as_deref().unwrap_or_default();
        let severities = labels_of(recipients, self.severity);
        let mut matchers = vec![ANY_SLO.to_owned(), equals("team", [team]), equals("severity", severities)];
        // The configuration that a fragment becomes part of may have SLOs without a team of its own.
        if is_fragment && self.team.is_none() {
            matchers.insert(0, equals("service", &self.services));
        }
        matchers
    }
}

fn receiver_name(team: &str, severity: Severity) -> String {
    format!("slo-{team}-{severity}")
}

/// A matcher of one of some values, as Alertmanager and Prometheus write it.
pub(super) fn equals(label: &str, values: impl IntoIterator<Item = impl AsRef<str>>) -> String {
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

/// Who hears of alerts on SLOs of a team that no specification names: tickets by their labels, and of all else the
/// pager. In a fragment these are the SLOs whose groups may have a team; all others there have a route.
fn others(services: &[Service], recipients: &[Recipient], routing: &Routing) -> Vec<Other> {
    if !routing.fragment {
        return others_of(vec![ANY_SLO.to_owned()], recipients, routing);
    }
    let has_teams = |slo: &&Slo| slo.by().iter().any(|label| label.as_str() == "team");
    let mut others = Vec::new();
    for service in services {
        let slos: Vec<&str> =
            service.slos().iter().filter(has_teams).map(|slo| slo.name().as_str()).collect();
        if !slos.is_empty() {
            let of_service = vec![equals("service", [service.name().as_str()]), equals("slo", slos)];
            others.extend(others_of(of_service, recipients, routing));
        }
    }
    others
}

fn others_of(slos: Vec<String>, recipients: &[Recipient], routing: &Routing) -> Vec<Other> {
    let tickets = labels_of(recipients, Severity::Ticket);
    let mut others = Vec::new();
    if !tickets.is_empty() {
        let mut matchers = slos.clone();
        matchers.push(equals("severity", tickets));
        others.push(Other { severity: Severity::Ticket, matchers });
    }
    if !routing.page.is_empty() {
        others.push(Other { severity: Severity::Page, matchers: slos });
    }
    others
}

fn route(out: &mut String, recipients: &[Recipient], others: &[Other], routing: &Routing) {
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
    // A receiver without labels is that of the others alone.
    for recipient in recipients.iter().filter(|recipient| !recipient.labels.is_empty()) {
        let matchers = recipient.matchers(recipients, routing.fragment);
        one_route(out, &recipient.receiver(), recipient.severity, &matchers, routing);
    }
    for Other { severity, matchers } in others {
        one_route(out, &receiver_name(NO_TEAM, *severity), *severity, matchers, routing);
    }
}

fn one_route(out: &mut String, receiver: &str, severity: Severity, matchers: &[String], routing: &Routing) {
    out.push_str("    - ");
    // The first key of an item stands on its line.
    let mut item = String::new();
    write_entry(&mut item, 6, "receiver", receiver);
    out.push_str(item.trim_start());
    list(out, 6, "matchers", matchers);
    // Two SLOs that one outage breaks are told of together.
    out.push_str("      group_by: [service, severity]\n");
    let waits = severity == Severity::Ticket && routing.ticket_hours.is_some();
    let (wait, interval, repeat) = match severity {
        Severity::Page => ("10s", "1m", "4h"),
        // Whether the hours have begun is seen at each interval.
        Severity::Ticket if waits => ("5m", "5m", "1d"),
        Severity::Ticket => ("5m", "1h", "1d"),
    };
    for (key, value) in [("group_wait", wait), ("group_interval", interval), ("repeat_interval", repeat)] {
        out.push_str("      ");
        out.push_str(key);
        out.push_str(": ");
        out.push_str(value);
        out.push('\n');
    }
    if waits {
        out.push_str("      active_time_intervals: [slo-ticket-hours]\n");
    }
}

/// Alerts on SLOs have this label.
const ANY_SLO: &str = "slo!=\"\"";

/// A receiver that tells nobody, for alerts that are not of SLOs.
const UNROUTED: &str = "not-of-slos";

fn inhibitions(out: &mut String, services: &[Service], recipients: &[Recipient]) {
    let (pages, tickets) = (labels_of(recipients, Severity::Page), labels_of(recipients, Severity::Ticket));
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
    list(&mut item, 4, "source_matchers", &[ANY_SLO.to_owned(), equals("severity", pages)]);
    out.push_str("  - ");
    out.push_str(item.trim_start());
    list(out, 4, "target_matchers", &[ANY_SLO.to_owned(), equals("severity", tickets)]);
    let equal: Vec<String> = ["service", "slo"].into_iter().chain(groups).map(ToOwned::to_owned).collect();
    list(out, 4, "equal", &equal);
}

fn time_interval(out: &mut String, hours: &Hours) {
    out.push_str("time_intervals:\n  - name: slo-ticket-hours\n    time_intervals:\n");
    for (days, from, to) in &hours.spans {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "      - weekdays: ['{}']", days.join("', '"));
        let _ = writeln!(out, "        times: [{{start_time: '{from}', end_time: '{to}'}}]");
        write_entry(out, 8, "location", &hours.zone);
    }
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
    fn a_fragment_takes_nobody_elses_alerts() {
        let catches_all = "matchers:\n        - 'slo!=\"\"'\n      group_by";
        let full = alertmanager(&services(""), &routing()).unwrap();
        assert!(full.contains(catches_all), "{full}");
        let mut routing = routing();
        routing.fragment = true;
        let fragment = |extra: &str| alertmanager(&services(extra), &routing).unwrap();
        let without_team = fragment("");
        assert!(!without_team.contains(catches_all), "{without_team}");
        assert_eq!(
            without_team.matches("- 'service=\"a\"'\n        - 'slo!=\"\"'").count(),
            2,
            "{without_team}"
        );
        assert!(!fragment(", labels: {team: x}").contains("default"));
        let groups = fragment(", by: [team]");
        let other = "- receiver: slo-default-page\n      matchers:\n        - 'service=\"a\"'\n        - 'slo=\"b\"'\n";
        assert!(groups.contains(other), "{groups}");
        assert!(groups.contains("/s/default/pagerduty-routing-key"), "{groups}");
    }

    #[test]
    fn a_team_hears_of_groups_whatever_their_severity_is_called() {
        let slo = |name: &str, extra: &str| {
            format!(
                "{{name: {name}, objective: 99%, window: 30d, sli: {{events: {{total: t, bad: b}}}}{extra}}}"
            )
        };
        let own = slo("own", ", labels: {team: x}, alerting: {page: {labels: {severity: sev1}}}");
        let text =
            format!("{{version: slo/v1, service: a, slos: [{own}, {}]}}", slo("groups", ", by: [team]"));
        let config = alertmanager(&spec::parse(&text).unwrap(), &routing()).unwrap();
        assert!(config.contains("'team=\"x\"'\n        - 'severity=~\"page|sev1\"'"), "{config}");
    }

    #[test]
    fn tickets_that_waited_are_sent_when_their_hours_begin() {
        let mut routing = routing();
        assert!(alertmanager(&services(""), &routing).unwrap().contains("group_interval: 1h"));
        routing.ticket_hours = Some("Mon 09:00-17:00".parse().unwrap());
        assert!(!alertmanager(&services(""), &routing).unwrap().contains("group_interval: 1h"));
    }

    #[test]
    fn a_severity_is_of_pages_or_of_tickets() {
        let error = alertmanager(&services(", alerting: {page: {labels: {severity: ticket}}}"), &routing());
        assert_eq!(error.unwrap_err().message(), "the severity `ticket` is of pages and of tickets");
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
        let span = |days: &[&str], from: &str, to: &str| {
            (days.iter().map(|day| (*day).to_owned()).collect::<Vec<_>>(), from.to_owned(), to.to_owned())
        };
        assert_eq!(hours.spans, [span(&["monday:friday"], "09:00", "24:00")]);
        assert_eq!(hours.zone, "UTC");
        let spans = |text: &str| text.parse::<Hours>().unwrap().spans;
        assert_eq!(spans("Sat-Sun 09:00-17:00"), [span(&["sunday", "saturday"], "09:00", "17:00")]);
        assert_eq!(spans("Mon-Sun 00:00-24:00"), [span(&["sunday:saturday"], "00:00", "24:00")]);
        // From Saturday night to Sunday morning.
        let night = [span(&["saturday"], "22:00", "24:00"), span(&["sunday"], "00:00", "06:00")];
        assert_eq!(spans("Sat 22:00-06:00"), night);
        assert_eq!(spans("Sat 22:00-00:00"), [span(&["saturday"], "22:00", "24:00")]);
        for text in [
            "Mon-Fri",
            "Fri-Mo 09:00-17:00",
            "Mon 9:00-17:00",
            "Mon 09:00-09:00",
            "Mon 09:00-09:29",
            "Mon 24:00-00:00",
            "Mon 09:61-17:00",
            "Mon 09:00-25:00",
            "x 09:00-17:00",
            "Mon 09:00-17:00 UTC more",
        ] {
            assert!(text.parse::<Hours>().is_err(), "{text}");
        }
    }
}
