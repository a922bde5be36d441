//! Grafana dashboards: an overview, a dashboard for incidents, and a page for each SLO.

mod dashboard;
mod incident;
mod links;
mod overview;
mod page;
mod panel;
mod queries;

pub use dashboard::Dashboard;

use crate::{Error, model::Service};

/// The dashboards of these services: `slo-overview.json`, `slo-incident.json`, and a page for each SLO.
///
/// Every query reads recorded series, so that many screens cost Prometheus almost nothing. The data source
/// and the shown SLOs are variables.
///
/// ```
/// let text = "{version: slo/v1, service: a, slos: [{name: b, objective: 99.9%, window: 30d,
///     sli: {events: {total: requests_total, bad: errors_total}}}]}";
/// let dashboards = slo_core::artifact::dashboards(&slo_core::spec::parse(text)?)?;
/// let files: Vec<&str> = dashboards.iter().map(|dashboard| dashboard.file.as_str()).collect();
/// assert_eq!(files, ["slo-overview.json", "slo-incident.json", "a-b.json"]);
/// assert_eq!(dashboards[0].json["uid"], "slo-overview");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// No SLOs, or SLOs whose rules cannot be generated.
pub fn dashboards(services: &[Service]) -> Result<Vec<Dashboard>, Error> {
    if services.iter().all(|service| service.slos().is_empty()) {
        return Err(Error::new("there are no SLOs to show"));
    }
    let mut all = vec![overview::dashboard(services)?, incident::dashboard(services)];
    for service in services {
        for slo in service.slos() {
            all.push(page::dashboard(service, slo).map_err(|error| error.of(&service.path_of(slo)))?);
        }
    }
    Ok(all)
}

#[cfg(test)]
#[cfg(feature = "spec")]
mod tests {
    use super::*;
    use crate::spec;
    use std::collections::BTreeSet;

    fn all() -> Vec<Dashboard> {
        let text = include_str!("../../../../examples/three-services/slo.yaml");
        dashboards(&spec::parse(text).unwrap()).unwrap()
    }

    #[test]
    fn panels_have_what_people_need_and_do_not_overlap() {
        for dashboard in all() {
            let mut taken = BTreeSet::new();
            let mut ids = BTreeSet::new();
            for panel in dashboard.json["panels"].as_array().unwrap() {
                let place = |key: &str| panel["gridPos"][key].as_u64().unwrap();
                assert!(place("x") + place("w") <= 24, "{}: {panel}", dashboard.file);
                for x in place("x")..place("x") + place("w") {
                    for y in place("y")..place("y") + place("h") {
                        assert!(taken.insert((x, y)), "{}: {}", dashboard.file, panel["title"]);
                    }
                }
                assert!(ids.insert(panel["id"].as_u64().unwrap()));
                if panel["type"] != "row" {
                    for key in ["title", "description"] {
                        assert!(!panel[key].as_str().unwrap().is_empty(), "{}: {panel}", dashboard.file);
                    }
                    assert!(
                        panel["fieldConfig"]["defaults"]["unit"].is_string(),
                        "{}: {}",
                        dashboard.file,
                        panel["title"]
                    );
                    assert!(
                        !panel["links"].as_array().unwrap().is_empty(),
                        "{}: {}",
                        dashboard.file,
                        panel["title"]
                    );
                }
            }
            assert!(dashboard.uid.len() <= 40);
        }
    }

    /// The queries of a dashboard, with all that is shown.
    fn queries(dashboard: &Dashboard) -> Vec<String> {
        let panels = dashboard.json["panels"].as_array().unwrap().iter();
        let targets = panels.flat_map(|panel| panel["targets"].as_array().cloned().unwrap_or_default());
        targets.map(|target| target["expr"].as_str().unwrap().replace("${__from}", "0")).collect()
    }

    #[test]
    fn kinds_of_slos_do_not_mix() {
        let slo = |name: &str, more: &str| {
            format!(
                "{{name: {name}, objective: 99%, sli: {{events: {{total: '{name}_total', bad: '{name}_bad_total'}}}}, {more}}}"
            )
        };
        let slos = [
            slo("usual", "window: 30d, by: [datasource], alerting: {page: {labels: {severity: 'p\"1('}}}"),
            slo("other", "window: 7d"),
            slo("minutes", "window: 30d, slices: {length: 1m, good: 95%, idle: ignore}"),
        ];
        let text = format!("{{version: slo/v1, service: a, slos: [{}]}}", slos.join(", "));
        let all = dashboards(&spec::parse(&text).unwrap()).unwrap();
        for dashboard in &all {
            for query in queries(dashboard) {
                promql_parser::parser::parse(&query).unwrap_or_else(|error| panic!("{query}: {error}"));
            }
        }
        let overview = queries(&all[0]).join("\n");
        let of = |slo: &str| format!("service=~\"$service\",service=\"a\",slo{slo}");
        for part in [
            format!("slo:burn_rate:ratio1h{{{}}}", of("=~\"minutes|usual\"")),
            format!("slo:burn_rate:ratio14m{{{}}}", of("=\"other\"")),
            "severity=~\"p\\\"1\\\\(|page\"".to_owned(),
        ] {
            assert!(overview.contains(&part), "{part} is not in\n{overview}");
        }
        let page = |number: usize| all[number].json.to_string();
        assert!(page(2).contains("datasource=~\\\"$group_datasource\\\""));
        assert!(page(4).contains("Bad slices left") && !page(4).contains("Bad events"));
    }

    #[test]
    #[cfg(feature = "calendar")]
    fn calendars_are_those_of_their_zone() {
        let slo = |name: &str, window: &str| {
            format!(
                "{{name: {name}, objective: 99%, window: {window}, by: [route], sli: {{events: {{total: t, bad: b}}}}}}"
            )
        };
        let slos = [
            slo("month", "{calendar: month, time_zone: Europe/Berlin}"),
            slo("moved", "{calendar: week, time_zone: UTC, start: '2026-01-07 12:00:00'}"),
            slo("rolling", "30d"),
        ];
        let text = format!("{{version: slo/v1, service: a, slos: [{}]}}", slos.join(", "));
        let all = dashboards(&spec::parse(&text).unwrap()).unwrap();
        for dashboard in &all {
            for query in queries(dashboard) {
                promql_parser::parser::parse(&query).unwrap_or_else(|error| panic!("{query}: {error}"));
            }
        }
        let shown: Vec<(&str, &str)> = all[2..]
            .iter()
            .map(|page| {
                (page.json["time"]["from"].as_str().unwrap(), page.json["timezone"].as_str().unwrap())
            })
            .collect();
        assert_eq!(shown, [("now/M", "Europe/Berlin"), ("now-7d", "UTC"), ("now-7d", "browser")]);
        let lasts = &queries(&all[0]).join("\n");
        assert!(lasts.contains("end_seconds") && lasts.contains("* 2592000 /"), "{lasts}");
    }

    #[test]
    fn identities_are_stable_and_differ() {
        let uids: Vec<String> = all().into_iter().map(|dashboard| dashboard.uid).collect();
        assert_eq!(uids[2], "slo-8d53e98b2328ac75", "links that people kept lead to it");
        assert_eq!(uids.iter().collect::<BTreeSet<_>>().len(), uids.len());
    }
}
