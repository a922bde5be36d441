//! `slo status`

use crate::{
    args::{Format, Status},
    error::Error,
    load,
    prometheus::{Prometheus, Sample},
    table, text,
};
use serde::Serialize;
use slo_core::{
    math::{BurnRate, time_to_exhaustion},
    model::{Service, Severity, Slo, Tier, Window},
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

/// Everything that is recorded of one service.
struct Recorded {
    // By metric and SLO.
    values: BTreeMap<(String, String), f64>,
    // Firing tiers by SLO.
    firing: BTreeMap<String, BTreeSet<String>>,
}

impl Recorded {
    fn fetch(prometheus: &Prometheus, service: &Service) -> Result<Self, Error> {
        // A service's name has no character that a query must escape.
        let name = service.name();
        let series = prometheus
            .query(&format!(r#"{{__name__=~"slo:.+",__name__!~".*:increase.*",service="{name}"}}"#))?;
        let alerts =
            prometheus.query(&format!(r#"ALERTS{{burn_tier!="",alertstate="firing",service="{name}"}}"#))?;
        let key = |sample: &Sample| (sample.label("__name__").to_owned(), sample.label("slo").to_owned());
        let mut values: BTreeMap<(String, String), f64> = BTreeMap::new();
        for (key, value) in series.iter().filter_map(|sample| Some((key(sample), sample.value()?))) {
            // Of an SLO with groups, the worst of each number.
            let less_is_worse =
                key.0.starts_with("slo:error_budget:") || key.0.starts_with("slo:sli_coverage:");
            let worse = if less_is_worse { f64::min } else { f64::max };
            values.entry(key).and_modify(|known| *known = worse(*known, value)).or_insert(value);
        }
        let mut firing: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for alert in &alerts {
            firing
                .entry(alert.label("slo").to_owned())
                .or_default()
                .insert(alert.label("burn_tier").to_owned());
        }
        Ok(Self { values, firing })
    }

    fn value(&self, slo: &Slo, metric: &str) -> Option<f64> {
        self.values.get(&(metric.to_owned(), slo.name().to_string())).copied()
    }
}

fn row(service: &Service, slo: &Slo, recorded: &Recorded) -> Row {
    let period = slo.period().length();
    let burn = |window: Window| recorded.value(slo, &names::burn_rate(window));
    let projected = recorded.value(slo, names::BUDGET_PROJECTED);
    let fastest = slo.policy().tiers().first().map(Tier::long).and_then(burn);
    let exhaustion = match (projected, fastest.map(BurnRate::new)) {
        (Some(left), Some(Ok(burn))) => time_to_exhaustion(left, burn, period).ok().flatten(),
        _ => None,
    };
    Row {
        service: service.name().to_string(),
        slo: slo.name().to_string(),
        objective: slo.objective().to_string(),
        period: slo.period().to_string(),
        sli: recorded.value(slo, &names::error_ratio(names::period(slo.period()))).map(|ratio| 1.0 - ratio),
        budget_remaining: recorded.value(slo, names::BUDGET_REMAINING),
        projected_budget_remaining: projected,
        coverage: recorded.value(slo, &names::coverage(names::period(slo.period()))),
        time_to_exhaustion: exhaustion,
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
fn lasts(row: &Row, slo: &Slo) -> String {
    let period = slo.period().length().as_seconds().to_f64();
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
            lasts(row, slo),
            text::percent(row.coverage, 2),
            if row.firing.is_empty() { "none".to_owned() } else { row.firing.join(", ") },
        ]);
    }
    write!(out, "{}", table::lines(&table))?;
    Ok(())
}
