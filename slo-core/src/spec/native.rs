//! The native format, `version: slo/v1`.

use super::{Defaults, lower};
use crate::{
    Diagnostics, Error,
    document::{Faults, Node, Position, documents},
    model::Service,
};
use std::collections::BTreeSet;

/// Reads a native document: one service, or several separated by `---`.
///
/// ```yaml
/// version: slo/v1
/// service: checkout
/// scrape_interval: 30s                  # as in Prometheus' configuration
/// labels: {team: payments}              # on slo_info and on alerts
/// slos:
///   - name: availability
///     description: Checkout requests succeed.
///     objective: 99.9%
///     window: 30d
///     sli:
///       events:                         # two of total, good, bad
///         total: http_requests_total{job="checkout"}
///         bad: http_requests_total{job="checkout", code=~"5.."}
///     alerting:
///       page: {labels: {severity: critical}, runbook: "https://…", dashboard: "https://…"}
///       ticket: {}
///       low_traffic: guard              # alerts wait for a significant number of failures
///       exhausted: page                 # optional alerts
///       low: {left: 25%, severity: ticket}
///       absent: {for: 10m, severity: ticket}
///   - name: latency
///     objective: 99%
///     window: 30d
///     sli:
///       latency:
///         histogram: http_request_duration_seconds{job="checkout"}
///         threshold: 250ms
/// ```
///
/// # Errors
/// Every fault of the text at once, with its position and a hint.
pub fn parse(text: &str) -> Result<Vec<Service>, Diagnostics> {
    let mut faults = Faults::default();
    let mut services = Vec::new();
    match documents(text) {
        Ok(documents) => {
            let written = documents.iter().filter(|document| !document.is_nothing());
            services.extend(written.filter_map(|document| {
                let service = lower::service(document, &Defaults::default(), &mut faults)?;
                Some((document.position, service))
            }));
            if documents.iter().all(Node::is_nothing) {
                faults.add(start_of(&documents), "", empty());
            }
        }
        Err(fault) => faults.push(fault),
    }
    let services = distinct(services, &mut faults);
    if faults.is_empty() { Ok(services) } else { Err(Diagnostics::new(faults.into_vec())) }
}

/// Where a text begins.
pub(super) fn start_of(documents: &[Node]) -> Position {
    documents.first().map_or(Position { line: 1, column: 1 }, |node| node.position)
}

pub(super) fn empty() -> Error {
    Error::new("the document is empty").with_hint("begin with `version: slo/v1`")
}

/// The services. Two services with the same name are a fault.
pub(super) fn distinct(services: Vec<(Position, Service)>, faults: &mut Faults) -> Vec<Service> {
    let mut names = BTreeSet::new();
    for (position, service) in &services {
        if !names.insert(service.name()) {
            let error = Error::new(format!("service `{}` is written twice", service.name()))
                .with_hint("put its SLOs into one document");
            faults.add(*position, "service", error);
        }
    }
    services.into_iter().map(|(_, service)| service).collect()
}

/// JSON Schema of the native format (draft 2020-12), for editors.
///
/// It checks the keys and the shape of their values. [`parse`] checks more, such as whether selectors are
/// valid.
///
/// ```
/// assert!(slo_core::spec::SCHEMA.contains("\"title\": \"SLOs of a service, slo/v1\""));
/// ```
pub const SCHEMA: &str = include_str!("native.schema.json");

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let faults = parse(text).map(|_| ()).unwrap_err();
        let found: Vec<String> = faults.faults().iter().map(ToString::to_string).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn reports_every_fault_at_once_in_order() {
        check(
            "version: slo/v1\nservice: check out\nslos:\n  - name: a\n    objectiv: 99.9%\n    window: 30 days\n    sli:\n      events: {total: 'm{', bad: b}\n",
            &[
                "2:10: service: `check out` is not a name\n  hint: use letters, digits, `-`, `_` and `.`, begin with a letter or digit, 63 characters at most",
                "4:5: slos[0]: `objective` is missing\n  hint: write `objective: 99.9%`",
                "5:5: slos[0]: unknown key `objectiv`\n  hint: did you mean `objective`?",
                "6:13: slos[0].window: `30 days` is not a length of time\n  hint: write days, such as 30d; or `{calendar: month, time_zone: Europe/Berlin}`",
                "8:23: slos[0].sli.events.total: `m{` is not valid PromQL: unexpected end of input inside braces\n  hint: balance `{` and `}`",
            ],
        );
    }

    #[test]
    fn says_what_is_missing() {
        check("", &["1:1: the document is empty\n  hint: begin with `version: slo/v1`"]);
        check(
            "version: slo/v2\nservice: a\nslos: []\n",
            &[
                "1:10: version: `slo/v2` is not a supported version\n  hint: write `version: slo/v1`",
                "3:7: slos: no SLO\n  hint: add an item that begins with `- name: availability`",
            ],
        );
    }
}
