//! The routes and inhibition rules of a configuration.

use super::{
    super::matcher::equals,
    Hours,
    recipient::{NO_TEAM, Recipient, has_teams, labels_of, receiver_name},
    routing::Routing,
};
use crate::{
    model::{LabelName, MatchOp, Matcher, Service, Severity},
    yaml::Yaml,
};
use std::collections::{BTreeMap, BTreeSet};

/// A route to the receiver of alerts without a team.
pub(super) struct Other {
    pub(super) severity: Severity,
    matchers: Vec<Matcher>,
}

/// Alerts on SLOs have this label.
fn any_slo() -> Matcher {
    Matcher { label: LabelName::from_static("slo"), op: MatchOp::NotEqual, value: String::new() }
}

/// A receiver without a channel, for alerts that are not of SLOs.
pub(super) const UNROUTED: &str = "not-of-slos";

pub(super) fn routes(
    out: &mut Yaml,
    services: &[Service],
    recipients: &[Recipient],
    others: &[Other],
    routing: &Routing,
) {
    if routing.fragment {
        out.comment("Merge these routes into your `route.routes`, before routes that match everything.");
    }
    out.nested("route", |out| {
        if !routing.fragment {
            out.entry("receiver", UNROUTED);
            out.bare("group_by", "[alertname, service, severity]");
        }
        out.nested("routes", |out| {
            // A recipient without labels only gets the other alerts.
            for recipient in recipients.iter().filter(|recipient| !recipient.labels.is_empty()) {
                let matchers = matchers_of(services, recipient, recipients, routing.fragment);
                one_route(out, &recipient.receiver(), recipient.severity, &matchers, routing);
            }
            for Other { severity, matchers } in others {
                one_route(out, &receiver_name(NO_TEAM, *severity), *severity, matchers, routing);
            }
        });
    });
}

fn one_route(out: &mut Yaml, receiver: &str, severity: Severity, matchers: &[Matcher], routing: &Routing) {
    let waits = severity == Severity::Ticket && routing.ticket_hours.is_some();
    let (wait, interval, repeat) = match severity {
        Severity::Page => ("10s", "1m", "4h"),
        // Alertmanager checks at each interval whether the hours have begun.
        Severity::Ticket if waits => ("5m", "5m", "1d"),
        Severity::Ticket => ("5m", "1h", "1d"),
    };
    out.item(|out| {
        out.entry("receiver", receiver);
        list(out, "matchers", matchers);
        // Two SLOs that one outage breaks are one notification.
        out.bare("group_by", "[service, severity]");
        out.bare("group_wait", wait);
        out.bare("group_interval", interval);
        out.bare("repeat_interval", repeat);
        if waits {
            out.bare("active_time_intervals", format_args!("[{}]", Hours::NAME));
        }
    });
}

/// The matchers for the alerts of a recipient, including those of groups in other specifications: the
/// severity may have any value that pages, or tickets, have in one of them.
fn matchers_of(
    services: &[Service],
    recipient: &Recipient,
    recipients: &[Recipient],
    is_fragment: bool,
) -> Vec<Matcher> {
    let team = recipient.team.as_deref().unwrap_or_default();
    let mut matchers = vec![
        any_slo(),
        equals("team", [team]),
        equals("severity", labels_of(recipients, recipient.severity)),
    ];
    if is_fragment {
        matchers.insert(0, names(services));
    }
    matchers
}

fn names<'a>(services: impl IntoIterator<Item = &'a Service>) -> Matcher {
    equals("service", services.into_iter().map(|service| service.name().as_str()).collect::<BTreeSet<_>>())
}

/// Routes for alerts on SLOs of a team that is in no specification: tickets by their labels, and everything
/// else to the pager. In a fragment, these are the SLOs whose groups may have a team; all other SLOs have a
/// route.
pub(super) fn others(services: &[Service], recipients: &[Recipient], routing: &Routing) -> Vec<Other> {
    if !routing.fragment {
        return others_of(vec![any_slo()], recipients, routing);
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

fn others_of(slos: Vec<Matcher>, recipients: &[Recipient], routing: &Routing) -> Vec<Other> {
    let tickets = labels_of(recipients, Severity::Ticket);
    let mut others = Vec::new();
    if !tickets.is_empty() {
        let mut matchers = slos.clone();
        matchers.push(equals("severity", tickets));
        others.push(Other { severity: Severity::Ticket, matchers });
    }
    if !routing.page.is_empty() || routing.response.is_some() {
        others.push(Other { severity: Severity::Page, matchers: slos });
    }
    others
}

/// A page on an SLO, or on one of its groups, silences the tickets on the same SLO or group. One rule covers
/// all SLOs whose groups have the same labels, because these are the labels that the alerts must share.
pub(super) fn inhibitions(out: &mut Yaml, services: &[Service], recipients: &[Recipient]) {
    let (pages, tickets) = (labels_of(recipients, Severity::Page), labels_of(recipients, Severity::Ticket));
    if pages.is_empty() || tickets.is_empty() {
        return;
    }
    out.nested("inhibit_rules", |out| {
        out.comment(
            "A page on an SLO, or on one of its groups, silences the tickets on the same SLO or group.",
        );
        for (groups, slos) in alike(services) {
            let matchers = |severities| [&slos[..], &[equals("severity", severities)]].concat();
            out.item(|out| {
                list(out, "source_matchers", &matchers(&pages));
                list(out, "target_matchers", &matchers(&tickets));
                let equal: Vec<&str> = ["service", "slo"].into_iter().chain(groups).collect();
                list(out, "equal", &equal);
            });
        }
    });
}

/// The labels of groups, with the matchers of the SLOs that have them.
fn alike(services: &[Service]) -> Vec<(BTreeSet<&str>, Vec<Matcher>)> {
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
    // Labels that both alerts lack count as equal, so both alerts must be on SLOs.
    rules.extend(whole.into_iter().map(|(groups, services)| (groups, vec![names(services), any_slo()])));
    rules
}

fn list(out: &mut Yaml, key: &str, values: &[impl ToString]) {
    out.nested(key, |out| {
        for value in values {
            out.item_scalar(&value.to_string());
        }
    });
}
