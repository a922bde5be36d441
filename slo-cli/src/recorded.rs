//! What Prometheus has recorded of SLOs.

use crate::{error::Error, text};
use serde::Serialize;
use slo_core::{
    math::{BurnRate, time_to_exhaustion},
    model::{Service, Slo, Tier, Window},
    plain,
    rules::names,
};
use slo_prometheus::{Client, Labels, Sample};
use std::collections::{BTreeMap, BTreeSet};

/// The shape of one entry of `--format json`: what Prometheus records, `null` where it records nothing.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) service: String,
    pub(crate) slo: String,
    /// The labels of the group, of an SLO with `by`.
    group: Labels,
    pub(crate) objective: String,
    pub(crate) period: String,
    pub(crate) sli: Option<f64>,
    budget_remaining: Option<f64>,
    pub(crate) projected_budget_remaining: Option<f64>,
    pub(crate) coverage: Option<f64>,
    pub(crate) time_to_exhaustion: Option<f64>,
    /// The length of the present period.
    #[serde(skip)]
    pub(crate) length: Window,
    pub(crate) windows: Vec<WindowRow>,
    pub(crate) firing: Vec<Firing>,
}

/// An alert that fires.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Firing {
    /// The tier of its burn rate, or its name.
    alert: String,
    severity: String,
}

impl Row {
    /// The SLO, and its group.
    pub(crate) fn name(&self) -> String {
        name(&self.service, &self.slo, &self.group)
    }

    /// How long the budget lasts, where that is less than the period.
    pub(crate) fn lasts(&self) -> String {
        let period = self.length.as_seconds().to_f64();
        match self.time_to_exhaustion {
            Some(seconds) if seconds < period => text::seconds(seconds),
            _ if self.projected_budget_remaining.is_some() => text::longer_than(&self.period),
            _ => "-".to_owned(),
        }
    }

    /// What fires, by severity: `page: fast, medium; ticket: slow`.
    pub(crate) fn alerts(&self) -> String {
        let mut severities: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for one in &self.firing {
            severities.entry(&one.severity).or_default().push(&one.alert);
        }
        let of_one = |(severity, alerts): (&str, Vec<&str>)| format!("{severity}: {}", alerts.join(", "));
        plain(&severities.into_iter().map(of_one).collect::<Vec<_>>().join("; ")).into_owned()
    }

    /// The burn rate over a window.
    pub(crate) fn burn_over(&self, window: Window) -> Option<f64> {
        let name = window.to_string();
        self.windows.iter().find(|one| one.window == name)?.burn_rate
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct WindowRow {
    pub(crate) window: String,
    pub(crate) burn_rate: Option<f64>,
}

/// That some of the SLOs are known there.
pub(crate) fn check_recorded(client: &Client, rows: &[(Row, &Slo)]) -> Result<(), Error> {
    if rows.iter().any(|(row, _)| row.coverage.is_some()) {
        return Ok(());
    }
    Err(Error::Outside(format!(
        "{}: none of these SLOs is recorded there\n  hint: load the rules of `slo generate` and wait for two evaluations; if they have a `--time-scale`, give it",
        client.address()
    )))
}

/// An SLO, and its group.
pub(crate) fn name(service: &str, slo: &str, group: &Labels) -> String {
    let name = group
        .iter()
        .fold(format!("{service}/{slo}"), |name, (label, value)| format!("{name} {label}={value}"));
    // Values of labels may be any text.
    plain(&name).into_owned()
}

/// Those of the labels of a series that tell the groups of an SLO apart.
pub(crate) fn group_of(slo: &Slo, labels: &Labels) -> Labels {
    let by = slo.by().iter().filter_map(|label| labels.get_key_value(label.as_str()));
    by.map(|(label, value)| (label.clone(), value.clone())).collect()
}

/// What is recorded of each SLO, or of each of its groups. What the server warns of goes to `warnings`.
pub(crate) fn rows<'a>(
    client: &Client,
    services: &'a [Service],
    warnings: &mut BTreeSet<String>,
) -> Result<Vec<(Row, &'a Slo)>, Error> {
    let mut rows = Vec::new();
    for service in services {
        let recorded = Recorded::fetch(client, service, warnings)?;
        for slo in service.slos() {
            let groups = recorded.groups(slo);
            rows.extend(groups.iter().map(|group| (row(service, slo, group, &recorded), slo)));
        }
    }
    Ok(rows)
}

/// A number of each group of an SLO, by the group's labels; one, without groups.
type Groups = BTreeMap<Labels, f64>;

/// Everything that is recorded of one service.
struct Recorded {
    /// By metric and SLO.
    values: BTreeMap<(String, String), Groups>,
    /// By SLO, with the group.
    firing: BTreeMap<String, BTreeSet<(Labels, Firing)>>,
}

impl Recorded {
    fn fetch(client: &Client, service: &Service, warnings: &mut BTreeSet<String>) -> Result<Self, Error> {
        // A service's name has no character that a query must escape.
        let name = service.name();
        let mut ask = |query: &str| -> Result<Vec<Sample>, Error> {
            let answer = client.query(query)?;
            warnings.extend(answer.warnings);
            Ok(answer.result)
        };
        let series = ask(&format!(r#"{{__name__=~"slo:.+",__name__!~".*:increase.*",service="{name}"}}"#))?;
        let alerts = ask(&format!(r#"ALERTS{{slo!="",alertstate="firing",service="{name}"}}"#))?;
        let slos: BTreeMap<&str, &Slo> =
            service.slos().iter().map(|slo| (slo.name().as_str(), slo)).collect();
        let mut values: BTreeMap<(String, String), Groups> = BTreeMap::new();
        for sample in series {
            let Some(slo) = slos.get(label(&sample, "slo")).filter(|_| sample.value.is_finite()) else {
                continue;
            };
            let (value, key) =
                (sample.value, (label(&sample, "__name__").to_owned(), slo.name().to_string()));
            values.entry(key).or_default().insert(group_of(slo, &sample.labels), value);
        }
        let mut firing: BTreeMap<String, BTreeSet<(Labels, Firing)>> = BTreeMap::new();
        for sample in alerts {
            let Some(slo) = slos.get(label(&sample, "slo")) else { continue };
            let tier = Some(label(&sample, "burn_tier")).filter(|tier| !tier.is_empty());
            let alert = tier.unwrap_or_else(|| label(&sample, "alertname")).to_owned();
            let found = Firing { alert, severity: label(&sample, "severity").to_owned() };
            let of_slo = firing.entry(slo.name().to_string()).or_default();
            of_slo.insert((group_of(slo, &sample.labels), found));
        }
        Ok(Self { values, firing })
    }

    /// Those of which a budget is known, or an alert of their own fires; one without a name where there are none.
    fn groups(&self, slo: &Slo) -> Vec<Labels> {
        let known: BTreeSet<&Labels> =
            self.of(slo, names::BUDGET_PROJECTED).into_iter().flat_map(BTreeMap::keys).collect();
        let firing = self.firing.get(slo.name().as_str()).into_iter().flatten().map(|(group, _)| group);
        let others = firing.filter(|group| !known.iter().any(|known| is_of(group, known)));
        let all: BTreeSet<&Labels> = known.iter().copied().chain(others).collect();
        if all.is_empty() { vec![Labels::new()] } else { all.into_iter().cloned().collect() }
    }

    /// What fires on a group: alerts of its own, and those that are of several.
    fn firing(&self, slo: &Slo, group: &Labels) -> Vec<Firing> {
        let is_group = |labels: &Labels| {
            self.of(slo, names::BUDGET_PROJECTED).is_some_and(|groups| groups.contains_key(labels))
        };
        let all = self.firing.get(slo.name().as_str()).into_iter().flatten();
        let own = all.filter(|(alert, _)| alert == group || !is_group(alert) && is_of(alert, group));
        own.map(|(_, alert)| alert.clone()).collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn of(&self, slo: &Slo, metric: &str) -> Option<&Groups> {
        self.values.get(&(metric.to_owned(), slo.name().to_string()))
    }

    fn value(&self, slo: &Slo, metric: &str, group: &Labels) -> Option<f64> {
        self.of(slo, metric)?.get(group).copied()
    }

    /// The length of the present period.
    fn length(&self, slo: &Slo) -> Window {
        // A calendar has no groups.
        let bound = |metric: &str| self.value(slo, metric, &Labels::new());
        let recorded = bound(names::PERIOD_END).zip(bound(names::PERIOD_START)).and_then(|(end, start)| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "seconds of a period"
            )]
            let millis = ((end - start) * 1_000.0).round() as u64;
            Window::from_millis(millis).ok()
        });
        recorded.unwrap_or_else(|| slo.period().length())
    }
}

/// Whether all that is known of an alert's group is so of another.
fn is_of(alert: &Labels, group: &Labels) -> bool {
    alert.iter().all(|(label, value)| group.get(label) == Some(value))
}

fn label<'a>(sample: &'a Sample, name: &str) -> &'a str {
    sample.labels.get(name).map_or("", String::as_str)
}

fn row(service: &Service, slo: &Slo, group: &Labels, recorded: &Recorded) -> Row {
    let value = |metric: &str| recorded.value(slo, metric, group);
    let burn = |window: Window| value(&names::burn_rate(window));
    let (period, length) = (names::period(slo.period()), recorded.length(slo));
    let projected = value(names::BUDGET_PROJECTED);
    let fastest = slo.policy().tiers().first().map(Tier::long);
    let fastest = fastest.and_then(burn).and_then(|burn| BurnRate::new(burn).ok());
    Row {
        service: service.name().to_string(),
        slo: slo.name().to_string(),
        group: group.clone(),
        objective: slo.objective().to_string(),
        period: slo.period().to_string(),
        sli: value(&names::error_ratio(&period)).map(|ratio| 1.0 - ratio),
        budget_remaining: value(names::BUDGET_REMAINING),
        projected_budget_remaining: projected,
        coverage: value(&names::coverage(&period)),
        time_to_exhaustion: projected
            .and_then(|left| time_to_exhaustion(left, fastest, length).ok().flatten()),
        length,
        windows: slo
            .policy()
            .windows()
            .into_iter()
            .map(|window| WindowRow { window: window.to_string(), burn_rate: burn(window) })
            .collect(),
        firing: recorded.firing(slo, group),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers of the groups of an SLO, or of all of it where the group has no name.
    fn recorded(numbers: &[(&str, &str, f64)]) -> Recorded {
        let mut values: BTreeMap<(String, String), Groups> = BTreeMap::new();
        for (metric, route, value) in numbers {
            let groups = values.entry(((*metric).to_owned(), "b".to_owned())).or_default();
            let route = Some(route).filter(|route| !route.is_empty());
            let labels = route.map(|route| ("route".to_owned(), (*route).to_owned()));
            groups.insert(labels.into_iter().collect(), *value);
        }
        Recorded { values, firing: BTreeMap::new() }
    }

    fn rows(window: &str, recorded: &Recorded) -> Vec<Row> {
        let text = format!(
            "{{version: slo/v1, service: a, slos: [{{name: b, objective: 99%, window: {window}, by: [route],
              sli: {{events: {{total: t, bad: b}}}}}}]}}"
        );
        let service = slo_core::spec::parse(&text).unwrap().remove(0);
        let slo = &service.slos()[0];
        recorded.groups(slo).iter().map(|group| row(&service, slo, group, recorded)).collect()
    }

    const DAY: f64 = 86_400.0;

    #[test]
    fn each_group_has_a_row() {
        let burn = names::burn_rate(Window::hours(1));
        let mut recorded = recorded(&[
            (names::BUDGET_PROJECTED, "calm", 0.1),
            (names::BUDGET_PROJECTED, "gone", -3.0),
            (names::BUDGET_PROJECTED, "hot", 0.9),
            (&burn, "calm", 0.0),
            (&burn, "hot", 9.0),
        ]);
        let alert = |alert: &str| Firing { alert: alert.to_owned(), severity: "page".to_owned() };
        let hot = Labels::from([("route".to_owned(), "hot".to_owned())]);
        let alerts = BTreeSet::from([(hot, alert("fast")), (Labels::new(), alert("SLOEventsAbsent"))]);
        recorded.firing.insert("b".to_owned(), alerts);
        let found = rows("30d", &recorded);
        let told: Vec<_> =
            found.iter().map(|row| (row.name(), row.time_to_exhaustion, row.lasts(), row.alerts())).collect();
        let row = |name: &str, seconds: Option<f64>, lasts: &str, alerts: &str| {
            (format!("a/b route={name}"), seconds, lasts.to_owned(), alerts.to_owned())
        };
        assert_eq!(
            told,
            [
                row("calm", None, "> 30d", "page: SLOEventsAbsent"),
                // What is overspent lasts no time, burning or not.
                row("gone", Some(0.0), "0s", "page: SLOEventsAbsent"),
                row("hot", Some(3.0 * DAY), "3d", "page: SLOEventsAbsent, fast"),
            ]
        );
        assert_eq!(rows("30d", &self::recorded(&[])).len(), 1);
    }

    #[test]
    fn a_group_may_have_no_label() {
        let mut recorded =
            recorded(&[(names::BUDGET_PROJECTED, "", -4.0), (names::BUDGET_PROJECTED, "calm", 0.9)]);
        let alert = Firing { alert: "fast".to_owned(), severity: "page".to_owned() };
        recorded.firing.insert("b".to_owned(), BTreeSet::from([(Labels::new(), alert)]));
        let found = rows("30d", &recorded);
        let told: Vec<_> = found.iter().map(|row| (row.name(), row.alerts())).collect();
        let row = |name: &str, alerts: &str| (name.to_owned(), alerts.to_owned());
        assert_eq!(told, [row("a/b", "page: fast"), row("a/b route=calm", "")]);
    }

    #[test]
    fn a_month_is_as_long_as_it_is() {
        let burn = names::burn_rate(Window::hours(1));
        let recorded = recorded(&[
            (names::BUDGET_PROJECTED, "/", 0.9),
            (&burn, "/", 0.9),
            (names::PERIOD_START, "", 0.0),
            (names::PERIOD_END, "", 31.0 * DAY),
        ]);
        let rows = rows("{calendar: month, time_zone: UTC}", &recorded);
        let told: Vec<_> = rows.iter().map(|row| (row.time_to_exhaustion, row.lasts())).collect();
        assert_eq!(told, [(Some(31.0 * DAY), "> a month".to_owned())]);
    }
}
