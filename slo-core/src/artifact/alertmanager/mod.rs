//! Alertmanager configurations: routing of an SLO's alerts, one notification per outage.

mod channel;
mod hours;
mod receivers;
mod recipient;
mod response;
mod routes;
mod routing;
mod version;

pub use channel::{Channel, Mail};
pub use hours::Hours;
pub use response::Response;
pub use routing::Routing;
pub use version::AlertmanagerVersion;

use super::prometheus::HEADER;
use crate::{
    Error,
    model::{Service, Severity},
    yaml::Yaml,
};
use receivers::receivers;
use recipient::{Recipient, recipients};
use routes::{inhibitions, others, routes};

/// An Alertmanager configuration for the alerts of these services.
///
/// | part | contents |
/// |---|---|
/// | routes | each team, by the label `team`, has a receiver for pages and one for tickets |
/// | others | alerts of a team that is in none of the specifications, such as that of a group, go to `default` |
/// | grouping | by service and severity: two SLOs that one outage breaks are one notification |
/// | inhibition | a page of an SLO, or of a group of its `by`, silences the tickets of the same SLO or group |
/// | response | `slo serve`, if it is set, gets every group of alerts that a receiver gets |
/// | secrets | in files, `<secrets>/<team>/…`; `default` for all others |
/// | fragments | only the alerts of these services |
///
/// # Errors
/// A severity without a channel, a team that cannot be a folder name, or a setting that the version does not
/// support.
pub fn alertmanager(services: &[Service], routing: &Routing) -> Result<String, Error> {
    let mut recipients = recipients(services)?;
    for recipient in &recipients {
        if routing.channels(recipient.severity).is_empty() && routing.response.is_none() {
            let severity = recipient.severity;
            return Err(Error::new(format!("there is no channel for a {severity}"))
                .with_hint(format!("add a channel, such as `--{severity} slack:#channel`")));
        }
    }
    let others = others(services, &recipients, routing);
    for severity in others.iter().map(|other| other.severity) {
        if !recipients.iter().any(|one| one.team.is_none() && one.severity == severity) {
            recipients.push(Recipient::new(None, severity));
        }
    }
    let mut out = Yaml::begun_with(HEADER);
    routes(&mut out, services, &recipients, &others, routing);
    inhibitions(&mut out, services, &recipients);
    if let (Some(hours), true) =
        (&routing.ticket_hours, recipients.iter().any(|recipient| recipient.severity == Severity::Ticket))
    {
        hours.write(&mut out);
    }
    receivers(&mut out, &recipients, routing)?;
    Ok(out.into_text())
}

#[cfg(test)]
#[cfg(feature = "spec")]
mod tests {
    use super::{super::matcher::equals, *};
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
        assert_eq!(error.message(), "there is no channel for a ticket");
        assert!(error.hint().unwrap().contains("--ticket"));
        // Without tickets, they need no channel.
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
        assert_eq!(several.to_string(), r#"severity=~"sev\\.1|page""#);
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
        // Of routes, and of what silences what.
        for indent in ["        ", "      "] {
            let own = format!("\n{indent}- 'service=\"a\"'\n{indent}- 'slo!=\"\"'\n");
            assert_eq!(without_team.matches(&own).count(), 2, "{without_team}");
        }
        let of_team = fragment(", labels: {team: x}");
        assert!(!of_team.contains("default"));
        assert_eq!(of_team.matches("'service=\"a\"'").count(), 4, "{of_team}");
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
    fn a_page_silences_the_tickets_of_its_own_groups() {
        let slo = |name: &str, more: &str| {
            format!(
                "{{name: {name}, objective: 99%, window: 30d, sli: {{events: {{total: t, bad: b}}}}{more}}}"
            )
        };
        let text = |service: &str, slos: &[String]| {
            format!("version: slo/v1\nservice: {service}\nslos: [{}]\n", slos.join(", "))
        };
        let (plain, routes) = (slo("plain", ""), slo("routes", ", by: [route]"));
        let documents = [
            text("mixed", &[plain.clone(), routes.clone()]),
            text("one", &[plain]),
            text("other", &[routes]),
        ];
        let services = spec::parse(&documents.join("---\n")).unwrap();
        let rules = |config: &str| -> Vec<String> {
            let rules = &config[config.find("inhibit_rules").unwrap()..config.find("receivers:\n").unwrap()];
            rules.split("source_matchers").skip(1).map(|rule| rule.replace(['\n', ' '], "")).collect()
        };
        let target = |of: &str, equal: &str| {
            format!(
                ":{of}-'severity=\"page\"'target_matchers:{of}-'severity=\"ticket\"'equal:-service-slo{equal}"
            )
        };
        let found = rules(&alertmanager(&services, &routing()).unwrap()).join("\n");
        for rule in [
            target("-'service=\"one\"'-'slo!=\"\"'", ""),
            target("-'service=\"other\"'-'slo!=\"\"'", "-route"),
            target("-'service=\"mixed\"'-'slo=\"plain\"'", ""),
            target("-'service=\"mixed\"'-'slo=\"routes\"'", "-route"),
        ] {
            assert!(found.contains(&rule), "{rule} is not in\n{found}");
        }
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
        assert_eq!(
            error.unwrap_err().to_string(),
            "a/b: the severity `ticket` is used for pages and for tickets"
        );
    }

    #[test]
    fn writes_only_what_the_version_knows() {
        let mut routing = routing();
        routing.page.push("webhook".parse().unwrap());
        routing.page.push("slack:#{team}-slo".parse().unwrap());
        assert!(alertmanager(&services(", labels: {team: x}"), &routing).unwrap().contains("'#x-slo'"));
        assert!(
            alertmanager(&services(""), &routing).unwrap().contains("url_file: '/s/default/webhook-url'")
        );
        routing.version = "0.25".parse().unwrap();
        assert!(alertmanager(&services(""), &routing).unwrap_err().hint().unwrap().contains("0.26"));
        assert!("v0.24.1".parse::<AlertmanagerVersion>().is_err());
        assert!("new".parse::<AlertmanagerVersion>().is_err());
    }
}
