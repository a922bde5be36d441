//! `slo status`

use crate::{
    args::{Format, Status},
    error::Error,
    load,
    recorded::{Row, check_recorded, rows},
    table, text,
};
use slo_core::model::{Severity, Slo};
use std::{collections::BTreeSet, io::Write};

pub(super) fn run(status: &Status, out: &mut dyn Write, talk: &mut dyn Write) -> Result<(), Error> {
    let client = status.access.client(&status.prometheus)?;
    let services = load::services(&status.specs.files, &status.specs.reading, status.scale.time_scale, talk)?;
    let mut warnings = BTreeSet::new();
    let rows = rows(&client, &services, &mut warnings)?;
    for warning in warnings {
        writeln!(talk, "warning: {} says: {warning}", client.address())?;
    }
    check_recorded(&client, &rows)?;
    match status.output.format {
        Format::Json => text::json(out, &rows.iter().map(|(row, _)| row).collect::<Vec<_>>())?,
        Format::Table => show(&rows, out)?,
    }
    Ok(())
}

fn show(rows: &[(Row, &Slo)], out: &mut dyn Write) -> Result<(), Error> {
    let mut table = table::new(&[
        "SLO",
        "objective",
        "period",
        "SLI so far",
        "burn rate",
        "left of the period's budget",
        "lasts",
        "coverage",
        "alerts",
    ]);
    for (row, slo) in rows {
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
            row.name(),
            row.objective.clone(),
            row.period.clone(),
            text::percent(row.sli, 4),
            burns.join("  "),
            text::percent(row.projected_budget_remaining, 2),
            row.lasts(),
            text::percent(row.coverage, 2),
            if row.firing.is_empty() { "none".to_owned() } else { row.alerts() },
        ]);
    }
    write!(out, "{}", table::lines(&table))?;
    Ok(())
}
