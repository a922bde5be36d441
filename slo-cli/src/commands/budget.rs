//! `slo budget`

use crate::{
    args::{Budget, Format},
    error::Error,
    table, text,
};
use serde::Serialize;
use slo_core::{
    math::{BurnRate, ErrorBudget, Outage, Tally, allowed_downtime},
    model::{AlertPolicy, Ratio},
};
use std::io::Write;

/// The shape of `--format json`. Exact numbers are decimal text, measurements are numbers.
#[derive(Debug, Serialize)]
struct Report {
    objective: String,
    window: String,
    budget: String,
    allowed_downtime_seconds: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<Events>,
    alerts: Vec<Alert>,
}

#[derive(Debug, Serialize)]
struct Events {
    total: u64,
    bad: u64,
    sli: Option<f64>,
    allowed: String,
    burn_rate: Option<f64>,
    consumed: Option<f64>,
    remaining: Option<f64>,
}

#[derive(Debug, Serialize)]
struct Alert {
    burn_tier: &'static str,
    severity: &'static str,
    long: String,
    short: String,
    factor: String,
    threshold: String,
    full_outage_fires_after_seconds: Option<f64>,
}

pub(super) fn run(budget: &Budget, out: &mut dyn Write) -> Result<(), Error> {
    let report = report(budget)?;
    match budget.output.format {
        Format::Json => {
            text::json(out, &report)?;
        }
        Format::Table => show(&report, out)?,
    }
    Ok(())
}

fn report(budget: &Budget) -> Result<Report, Error> {
    let objective = budget.objective;
    // A period that is too short for alerts has a budget all the same.
    let policy = AlertPolicy::for_period(budget.window).ok();
    let mut alerts = Vec::new();
    for tier in policy.iter().flat_map(AlertPolicy::tiers) {
        let outage = Outage::FULL.detection(tier, objective)?;
        alerts.push(Alert {
            burn_tier: tier.burn().as_str(),
            severity: tier.severity().as_str(),
            long: tier.long().to_string(),
            short: tier.short().to_string(),
            factor: tier.factor()?.to_string(),
            threshold: tier.threshold(objective)?.to_string(),
            full_outage_fires_after_seconds: outage.map(|outage| outage.fires_after.to_f64()),
        });
    }
    let events = match (budget.total, budget.bad) {
        (Some(total), Some(bad)) => {
            let tally = Tally::new(total, bad)?;
            let spent = ErrorBudget::observed(objective, tally);
            Some(Events {
                total,
                bad,
                sli: tally.sli(),
                allowed: spent.allowed().to_string(),
                burn_rate: BurnRate::of(tally, objective).map(BurnRate::value),
                consumed: spent.consumed(),
                remaining: spent.remaining(),
            })
        }
        _ => None,
    };
    Ok(Report {
        objective: objective.to_string(),
        window: budget.window.to_string(),
        budget: objective.budget().to_string(),
        allowed_downtime_seconds: allowed_downtime(objective, budget.window).to_string(),
        events,
        alerts,
    })
}

fn show(report: &Report, out: &mut dyn Write) -> Result<(), Error> {
    let downtime: Ratio = report.allowed_downtime_seconds.parse()?;
    writeln!(
        out,
        "{} over {}: {}% of the events may be bad, or {} of downtime.",
        report.objective,
        report.window,
        report.budget.parse::<Ratio>()?.checked_mul(Ratio::whole(100)).unwrap_or(Ratio::ZERO),
        text::seconds(downtime.to_f64()),
    )?;
    if let Some(events) = &report.events {
        writeln!(
            out,
            "{} of {} events were bad ({} allowed): SLI {}, burn rate {}, budget spent {}, left {}.",
            events.bad,
            events.total,
            events.allowed,
            text::percent(events.sli, 4),
            text::burn(events.burn_rate),
            text::percent(events.consumed, 2),
            text::percent(events.remaining, 2),
        )?;
    }
    if report.alerts.is_empty() {
        return Ok(());
    }
    let mut table = table::new(&[
        "alert",
        "severity",
        "windows",
        "burn rate above",
        "error ratio above",
        "full outage fires in",
    ]);
    for alert in &report.alerts {
        table.add_row([
            alert.burn_tier.to_owned(),
            alert.severity.to_owned(),
            format!("{} and {}", alert.long, alert.short),
            alert.factor.clone(),
            alert.threshold.clone(),
            alert.full_outage_fires_after_seconds.map_or_else(|| "never".to_owned(), text::seconds),
        ]);
    }
    writeln!(
        out,
        "\n{}\n\nScrape and rule evaluation intervals add to these times.",
        table::lines(&table).trim_end()
    )?;
    Ok(())
}
