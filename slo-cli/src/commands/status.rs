//! `slo status`

use crate::{
    args::{Format, Status},
    error::Error,
    load,
    prometheus::{Labels, Prometheus},
    table, text,
};
use serde::Serialize;
use slo_core::{
    math::{BurnRate, time_to_exhaustion},
    model::{Service, Severity, Slo, Window},
    rules::names,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
};

/// The shape of one entry of `--format json`: what Prometheus records, `null` where it records nothing.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) service: String,
    pub(super) slo: String,
    pub(super) objective: String,
    pub(super) period: String,
    pub(super) sli: Option<f64>,
    budget_remaining: Option<f64>,
    pub(super) projected_budget_remaining: Option<f64>,
    pub(super) coverage: Option<f64>,
    pub(super) time_to_exhaustion: Option<f64>,
    /// The length of the present period.
    #[serde(skip)]
    pub(super) length: Window,
    windows: Vec<WindowRow>,
    pub(super) firing: Vec<String>,
}

impl Row {
    /// The burn rate over a window.
    pub(super) fn burn_over(&self, window: Window) -> Option<f64> {
        let name = window.to_string();
        self.windows.iter().find(|one| one.window == name)?.burn_rate
    }
}

#[derive(Debug, Serialize)]
struct WindowRow {
    window: String,
    burn_rate: Option<f64>,
}

pub(super) fn run(status: &Status, out: &mut dyn Write, talk: &mut dyn Write) -> Result<(), Error> {
    let services = load::services(&status.specs.files, status.scale.time_scale, talk)?;
    let rows = rows(&Prometheus::new(&status.prometheus), &services)?;
    if rows.iter().all(|row| row.coverage.is_none()) {
        return Err(Error::Outside(format!(
            "{}: none of these SLOs is recorded there\n  hint: load the rules of `slo generate` and wait for two evaluations; if they have a `--time-scale`, give it",
            status.prometheus
        )));
    }
    match status.output.format {
        Format::Json => {
            text::json(out, &rows)?;
        }
        Format::Table => show(&rows, &services, out)?,
    }
    Ok(())
}

/// What is recorded of each SLO.
pub(super) fn rows(prometheus: &Prometheus, services: &[Service]) -> Result<Vec<Row>, Error> {
    let mut rows = Vec::new();
    for service in services {
        let recorded = Recorded::fetch(prometheus, service)?;
        rows.extend(service.slos().iter().map(|slo| row(service, slo, &recorded)));
    }
    Ok(rows)
}

/// A number of each group of an SLO, by its labels; one, without groups.
type Groups = BTreeMap<Labels, f64>;

/// Everything that is recorded of one service.
struct Recorded {
    /// By metric and SLO.
    values: BTreeMap<(String, String), Groups>,
    /// What fires, by SLO: tiers, and alerts that have none.
    firing: BTreeMap<String, BTreeSet<String>>,
}

impl Recorded {
    fn fetch(prometheus: &Prometheus, service: &Service) -> Result<Self, Error> {
        // A service's name has no character that a query must escape.
        let name = service.name();
        let series = prometheus
            .query(&format!(r#"{{__name__=~"slo:.+",__name__!~".*:increase.*",service="{name}"}}"#))?;
        let alerts =
            prometheus.query(&format!(r#"ALERTS{{slo!="",alertstate="firing",service="{name}"}}"#))?;
        let mut values: BTreeMap<(String, String), Groups> = BTreeMap::new();
        for sample in series {
            let Some(value) = sample.value() else { continue };
            let mut labels = sample.labels;
            let name = labels.remove("__name__").unwrap_or_default();
            let slo = labels.get("slo").cloned().unwrap_or_default();
            values.entry((name, slo)).or_default().insert(labels, value);
        }
        let mut firing: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for alert in &alerts {
            let tier = Some(alert.label("burn_tier")).filter(|tier| !tier.is_empty());
            let name = tier.unwrap_or_else(|| alert.label("alertname"));
            firing.entry(alert.label("slo").to_owned()).or_default().insert(name.to_owned());
        }
        Ok(Self { values, firing })
    }

    fn groups(&self, slo: &Slo, metric: &str) -> impl Iterator<Item = (&Labels, f64)> {
        let groups = self.values.get(&(metric.to_owned(), slo.name().to_string()));
        groups.into_iter().flatten().map(|(labels, value)| (labels, *value))
    }

    /// The least of all groups.
    fn least(&self, slo: &Slo, metric: &str) -> Option<f64> {
        self.groups(slo, metric).map(|(_, value)| value).reduce(f64::min)
    }

    /// The most of all groups.
    fn most(&self, slo: &Slo, metric: &str) -> Option<f64> {
        self.groups(slo, metric).map(|(_, value)| value).reduce(f64::max)
    }

    /// The length of the present period.
    fn length(&self, slo: &Slo) -> Window {
        let bound = |metric: &str| self.most(slo, metric);
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

    /// How long the budget of the group lasts whose budget is gone first, in seconds.
    fn exhaustion(&self, slo: &Slo) -> Option<f64> {
        let burn_rate = names::burn_rate(slo.policy().tiers().first()?.long());
        let burns: Groups =
            self.groups(slo, &burn_rate).map(|(labels, burn)| (labels.clone(), burn)).collect();
        let period = self.length(slo);
        let lasts = |(labels, left): (&Labels, f64)| {
            let burn = burns.get(labels).and_then(|burn| BurnRate::new(*burn).ok());
            time_to_exhaustion(left, burn, period).ok().flatten()
        };
        self.groups(slo, names::BUDGET_PROJECTED).filter_map(lasts).reduce(f64::min)
    }
}

fn row(service: &Service, slo: &Slo, recorded: &Recorded) -> Row {
    let burn = |window: Window| recorded.most(slo, &names::burn_rate(window));
    let period = names::period(slo.period());
    Row {
        service: service.name().to_string(),
        slo: slo.name().to_string(),
        objective: slo.objective().to_string(),
        period: slo.period().to_string(),
        sli: recorded.most(slo, &names::error_ratio(&period)).map(|ratio| 1.0 - ratio),
        budget_remaining: recorded.least(slo, names::BUDGET_REMAINING),
        projected_budget_remaining: recorded.least(slo, names::BUDGET_PROJECTED),
        coverage: recorded.least(slo, &names::coverage(&period)),
        time_to_exhaustion: recorded.exhaustion(slo),
        length: recorded.length(slo),
        windows: slo
            .policy()
            .windows()
            .into_iter()
            .map(|window| WindowRow { window: window.to_string(), burn_rate: burn(window) })
            .collect(),
        firing: recorded.firing.get(slo.name().as_str()).into_iter().flatten().cloned().collect(),
    }
}

/// How long the budget lasts, where that is less than the period.
fn lasts(row: &Row) -> String {
    let period = row.length.as_seconds().to_f64();
    match row.time_to_exhaustion {
        Some(seconds) if seconds < period => text::seconds(seconds),
        _ if row.projected_budget_remaining.is_some() => format!("> {}", row.period),
        _ => "-".to_owned(),
    }
}

fn show(rows: &[Row], services: &[Service], out: &mut dyn Write) -> Result<(), Error> {
    let mut table = table::new(&[
        "SLO",
        "objective",
        "period",
        "SLI",
        "burn rate",
        "budget left",
        "lasts",
        "coverage",
        "alerts",
    ]);
    let slos = services.iter().flat_map(Service::slos);
    for (row, slo) in rows.iter().zip(slos) {
        // The windows of the tiers that page.
        let shown: BTreeSet<String> = slo
            .policy()
            .tiers()
            .iter()
            .filter(|tier| tier.severity() == Severity::Page)
            .map(|tier| tier.long().to_string())
            .collect();
        let burns: Vec<String> = row
            .windows
            .iter()
            .filter(|window| shown.contains(&window.window))
            .map(|window| format!("{} {}", window.window, text::burn(window.burn_rate)))
            .collect();
        table.add_row([
            format!("{}/{}", row.service, row.slo),
            row.objective.clone(),
            row.period.clone(),
            text::percent(row.sli, 4),
            burns.join("  "),
            text::percent(row.projected_budget_remaining, 2),
            lasts(row),
            text::percent(row.coverage, 2),
            if row.firing.is_empty() { "none".to_owned() } else { row.firing.join(", ") },
        ]);
    }
    write!(out, "{}", table::lines(&table))?;
    Ok(())
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

    fn row(window: &str, numbers: &[(&str, &str, f64)]) -> Row {
        let text = format!(
            "{{version: slo/v1, service: a, slos: [{{name: b, objective: 99%, window: {window}, by: [route],
              sli: {{events: {{total: t, bad: b}}}}}}]}}"
        );
        let service = slo_core::spec::parse(&text).unwrap().remove(0);
        super::row(&service, &service.slos()[0], &recorded(numbers))
    }

    const DAY: f64 = 86_400.0;

    #[test]
    fn each_group_has_a_time_of_its_own() {
        // One has little left and does not burn, the other burns and has much left.
        let burn = names::burn_rate(Window::hours(1));
        let mut numbers = vec![
            (names::BUDGET_PROJECTED, "calm", 0.1),
            (names::BUDGET_PROJECTED, "hot", 0.9),
            (&burn, "calm", 0.0),
            (&burn, "hot", 9.0),
        ];
        let found = row("30d", &numbers);
        assert_eq!(found.projected_budget_remaining, Some(0.1));
        assert_eq!(found.burn_over(Window::hours(1)), Some(9.0));
        assert_eq!(found.time_to_exhaustion, Some(3.0 * DAY));
        // What is overspent lasts no time, burning or not.
        numbers.push((names::BUDGET_PROJECTED, "gone", -3.0));
        let found = row("30d", &numbers);
        assert_eq!((found.time_to_exhaustion, lasts(&found).as_str()), (Some(0.0), "0s"));
    }

    #[test]
    fn a_month_is_as_long_as_it_is() {
        let burn = names::burn_rate(Window::hours(1));
        let numbers = [
            (names::BUDGET_PROJECTED, "/", 0.9),
            (&burn, "/", 0.9),
            (names::PERIOD_START, "", 0.0),
            (names::PERIOD_END, "", 31.0 * DAY),
        ];
        let found = row("{calendar: month, time_zone: UTC}", &numbers);
        assert_eq!(found.time_to_exhaustion, Some(31.0 * DAY));
        assert_eq!(lasts(&found), "> a month in UTC");
    }
}
