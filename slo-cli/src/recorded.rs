//! The status of SLOs, from a Prometheus that evaluates their rules.

use crate::{error::Error, text};
use serde_json::Value;
use slo_core::{
    artifact::status_json,
    model::{Service, Slo},
    plain,
    promql::Expr,
    rules::{Group, Recorded, SloStatus},
};
use slo_prometheus::{Client, Sample};
use std::collections::{BTreeMap, BTreeSet};

/// The status of an SLO or of one of its groups.
pub(crate) struct Row<'a> {
    pub(crate) service: &'a Service,
    pub(crate) slo: &'a Slo,
    pub(crate) status: SloStatus,
}

impl Row<'_> {
    /// The name of the SLO and its group.
    pub(crate) fn name(&self) -> String {
        name(self.service, self.slo, &self.status.group)
    }

    /// How long the budget lasts, or `> 30d` if it lasts longer than the period.
    pub(crate) fn lasts(&self) -> String {
        let period = self.status.length.as_seconds().to_f64();
        match self.status.time_to_exhaustion {
            Some(seconds) if seconds < period => text::seconds(seconds),
            _ if self.status.budget_projected.is_some() => text::longer_than(&self.slo.period().to_string()),
            _ => "-".to_owned(),
        }
    }

    /// The firing alerts by severity: `page: fast, medium; ticket: slow`.
    pub(crate) fn alerts(&self) -> String {
        let mut severities: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for one in &self.status.firing {
            severities.entry(&one.severity).or_default().push(&one.alert);
        }
        let of_one = |(severity, alerts): (&str, Vec<&str>)| format!("{severity}: {}", alerts.join(", "));
        plain(&severities.into_iter().map(of_one).collect::<Vec<_>>().join("; ")).into_owned()
    }

    /// An entry of `--format json`.
    pub(crate) fn entry(&self) -> Value {
        status_json(self.service, self.slo, &self.status)
    }
}

/// Checks that the server has recorded at least one of the SLOs.
pub(crate) fn check_recorded(client: &Client, rows: &[Row<'_>]) -> Result<(), Error> {
    if rows.iter().any(|row| row.status.coverage.is_some()) {
        return Ok(());
    }
    Err(Error::Outside(format!(
        "{}: the server has recorded none of these SLOs\n  hint: load the rules of `slo generate` and wait \
         for two evaluations; if they were generated with `--time-scale`, give the same value; rules of \
         `--naming sloth` are not read",
        client.address()
    )))
}

/// The name of an SLO and its group.
pub(crate) fn name(service: &Service, slo: &Slo, group: &Group) -> String {
    let name = format!("{}/{}", service.name(), slo.name());
    let name = group.iter().fold(name, |name, (label, value)| format!("{name} {label}={value}"));
    // Values of labels may be any text.
    plain(&name).into_owned()
}

/// The recorded status of each SLO, or of each of its groups. The server's warnings go to `warnings`.
pub(crate) fn rows<'a>(
    client: &Client,
    services: &'a [Service],
    warnings: &mut BTreeSet<String>,
) -> Result<Vec<Row<'a>>, Error> {
    let mut ask = |query: &Expr| -> Result<Vec<Sample>, Error> {
        let answer = client.query(&query.to_string())?;
        warnings.extend(answer.warnings);
        Ok(answer.result)
    };
    let mut rows = Vec::new();
    for service in services {
        let [series, alerts] = Recorded::queries([service]);
        let (series, alerts) = (ask(&series)?, ask(&alerts)?);
        let recorded = Recorded::of(service, samples(&series), samples(&alerts));
        for slo in service.slos() {
            let statuses = recorded.statuses(slo).into_iter();
            rows.extend(statuses.map(|status| Row { service, slo, status }));
        }
    }
    Ok(rows)
}

fn samples(samples: &[Sample]) -> impl Iterator<Item = (&Group, f64)> {
    samples.iter().map(|sample| (&sample.labels, sample.value))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: f64 = 86_400.0;

    /// The rows of an SLO with these recorded series (metric, route or an empty text for none, value) and
    /// these firing alerts (route, alert).
    fn shown(
        window: &str,
        numbers: &[(&str, &str, f64)],
        alerts: &[(&str, &str)],
    ) -> Vec<(String, Option<f64>, String, String)> {
        let text = format!(
            "{{version: slo/v1, service: a, slos: [{{name: b, objective: 99%, window: {window}, by: [route],
              sli: {{events: {{total: t, bad: b}}}}}}]}}"
        );
        let service = slo_core::spec::parse(&text).unwrap().remove(0);
        let labels = |all: &[(&str, &str)]| -> Group {
            let filled = all.iter().filter(|(_, value)| !value.is_empty());
            filled
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .chain([("service".into(), "a".into()), ("slo".into(), "b".into())])
                .collect()
        };
        let series: Vec<(Group, f64)> = numbers
            .iter()
            .map(|(metric, route, value)| (labels(&[("__name__", metric), ("route", route)]), *value))
            .collect();
        let alerts: Vec<Group> = alerts
            .iter()
            .map(|(route, alert)| labels(&[("route", route), ("alertname", alert), ("severity", "page")]))
            .collect();
        let recorded = Recorded::of(
            &service,
            series.iter().map(|(labels, value)| (labels, *value)),
            alerts.iter().map(|labels| (labels, 1.0)),
        );
        let slo = &service.slos()[0];
        let rows = recorded.statuses(slo).into_iter().map(|status| Row { service: &service, slo, status });
        rows.map(|row| (row.name(), row.status.time_to_exhaustion, row.lasts(), row.alerts())).collect()
    }

    fn row(
        name: &str,
        seconds: Option<f64>,
        lasts: &str,
        alerts: &str,
    ) -> (String, Option<f64>, String, String) {
        (name.to_owned(), seconds, lasts.to_owned(), alerts.to_owned())
    }

    const LEFT: &str = "slo:error_budget:projected_remaining_ratio";
    const BURN: &str = "slo:burn_rate:ratio1h";

    #[test]
    fn each_group_has_a_row() {
        let numbers = [
            (LEFT, "calm", 0.1),
            (LEFT, "gone", -3.0),
            (LEFT, "hot", 0.9),
            (BURN, "calm", 0.0),
            (BURN, "hot", 9.0),
        ];
        assert_eq!(
            shown("30d", &numbers, &[("hot", "fast"), ("", "SLOEventsAbsent")]),
            [
                row("a/b route=calm", None, "> 30d", "page: SLOEventsAbsent"),
                // An overspent budget lasts no time, burning or not.
                row("a/b route=gone", Some(0.0), "0s", "page: SLOEventsAbsent"),
                row("a/b route=hot", Some(3.0 * DAY), "3d", "page: SLOEventsAbsent, fast"),
            ]
        );
        assert_eq!(shown("30d", &[], &[]).len(), 1);
    }

    #[test]
    fn a_group_may_have_no_label() {
        let found = shown("30d", &[(LEFT, "", -4.0), (LEFT, "calm", 0.9)], &[("", "fast")]);
        assert_eq!(
            found,
            [row("a/b", Some(0.0), "0s", "page: fast"), row("a/b route=calm", None, "> 30d", "")]
        );
    }

    #[test]
    fn a_month_is_as_long_as_it_is() {
        let numbers = [
            (LEFT, "/", 0.9),
            (BURN, "/", 0.9),
            ("slo:calendar_period:start_seconds", "", 0.0),
            ("slo:calendar_period:end_seconds", "", 31.0 * DAY),
        ];
        let found = shown("{calendar: month, time_zone: UTC}", &numbers, &[]);
        assert_eq!(found, [row("a/b route=/", Some(31.0 * DAY), "> a month", "")]);
    }
}
