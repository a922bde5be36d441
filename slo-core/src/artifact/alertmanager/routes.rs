//! The routes of a configuration, and what silences what.

use super::{
    super::matcher::equals,
    Hours,
    recipient::{NO_TEAM, Recipient, has_teams, labels_of, receiver_name},
    routing::Routing,
};
use crate::{
    model::{LabelName, Service, Severity},
    yaml::{write_entry, write_scalar, write_spaces},
};
use std::collections::{BTreeMap, BTreeSet};

/// A route to the receiver of alerts without a team.
pub(super) struct Other {
    pub(super) severity: Severity,
    matchers: Vec<String>,
}

/// Alerts on SLOs have this label.
const ANY_SLO: &str = "slo!=\"\"";

/// A receiver that tells nobody, for alerts that are not of SLOs.
pub(super) const UNROUTED: &str = "not-of-slos";

pub(super) fn routes(
    out: &mut String,
    services: &[Service],
    recipients: &[Recipient],
    others: &[Other],
    routing: &Routing,
) {
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
        let matchers = matchers_of(services, recipient, recipients, routing.fragment);
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
        out.push_str("      active_time_intervals: [");
        out.push_str(Hours::NAME);
        out.push_str("]\n");
    }
}

/// What the alerts of a recipient are known by, those of groups of other specifications among them: a severity may be
/// any that is of pages, or of tickets, in one of them.
fn matchers_of(
    services: &[Service],
    recipient: &Recipient,
    recipients: &[Recipient],
    is_fragment: bool,
) -> Vec<String> {
    let team = recipient.team.as_deref().unwrap_or_default();
    let mut matchers = vec![
        ANY_SLO.to_owned(),
        equals("team", [team]),
        equals("severity", labels_of(recipients, recipient.severity)),
    ];
    if is_fragment {
        matchers.insert(0, names(services));
    }
    matchers
}

fn names<'a>(services: impl IntoIterator<Item = &'a Service>) -> String {
    equals("service", services.into_iter().map(|service| service.name().as_str()).collect::<BTreeSet<_>>())
}

/// Who hears of alerts on SLOs of a team that no specification names: tickets by their labels, and of all else the
/// pager. In a fragment these are the SLOs whose groups may have a team; all others there have a route.
pub(super) fn others(services: &[Service], recipients: &[Recipient], routing: &Routing) -> Vec<Other> {
    if !routing.fragment {
        return others_of(vec![ANY_SLO.to_owned()], recipients, routing);
    }
    let mut others = Vec::new();
    for service in services {
        let slos: Vec<&str> =
            service.slos().iter().filter(|slo| has_teams(slo)).map(|slo| slo.name().as_str()).collect();
        if !slos.is_empty() {
            let of_service = vec![names([service]), equals("slo", slos)];
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

/// A page on an SLO, or on a group of it, silences the tickets on the same: a rule for all SLOs whose groups have the same
/// labels, since alerts are held against each other by the labels that they must share.
pub(super) fn inhibitions(out: &mut String, services: &[Service], recipients: &[Recipient]) {
    let (pages, tickets) = (labels_of(recipients, Severity::Page), labels_of(recipients, Severity::Ticket));
    if pages.is_empty() || tickets.is_empty() {
        return;
    }
    out.push_str(
        "inhibit_rules:\n  # A page on an SLO, or on a group of it, silences the tickets on the same.\n",
    );
    for (groups, slos) in alike(services) {
        let matchers = |severities: &BTreeSet<&String>| {
            let mut matchers = slos.clone();
            matchers.push(equals("severity", severities));
            matchers
        };
        let mut item = String::new();
        list(&mut item, 4, "source_matchers", &matchers(&pages));
        out.push_str("  - ");
        out.push_str(item.trim_start());
        list(out, 4, "target_matchers", &matchers(&tickets));
        let equal: Vec<String> =
            ["service", "slo"].into_iter().chain(groups).map(ToOwned::to_owned).collect();
        list(out, 4, "equal", &equal);
    }
}

/// The labels of groups, with the matchers of the SLOs that have them.
fn alike(services: &[Service]) -> Vec<(BTreeSet<&str>, Vec<String>)> {
    let mut rules = Vec::new();
    let mut whole: BTreeMap<BTreeSet<&str>, Vec<&Service>> = BTreeMap::new();
    for service in services {
        let mut kinds: BTreeMap<BTreeSet<&str>, Vec<&str>> = BTreeMap::new();
        for slo in service.slos() {
            kinds
                .entry(slo.by().iter().map(LabelName::as_str).collect())
                .or_default()
                .push(slo.name().as_str());
        }
        if kinds.len() == 1 {
            whole.entry(kinds.into_keys().next().unwrap_or_default()).or_default().push(service);
        } else {
            rules.extend(
                kinds.into_iter().map(|(groups, slos)| (groups, vec![names([service]), equals("slo", slos)])),
            );
        }
    }
    // Labels that neither of two alerts has are equal, so that both must be of SLOs.
    rules.extend(
        whole.into_iter().map(|(groups, services)| (groups, vec![names(services), ANY_SLO.to_owned()])),
    );
    rules
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
