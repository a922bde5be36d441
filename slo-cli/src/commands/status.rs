//! `slo status`

use crate::{
    args::{Format, Status},
    error::Error,
    load,
    recorded::{Row, check_recorded, rows},
    table, text,
};
use slo_core::model::{Severity, Tier, Window};
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
        Format::Json => text::json(out, &rows.iter().map(Row::entry).collect::<Vec<_>>())?,
        Format::Table => show(&rows, out)?,
    }
    Ok(())
}

fn show(rows: &[Row<'_>], out: &mut dyn Write) -> Result<(), Error> {
    let mut table = table::new(&[
        "SLO",
        "objective",
        "period",
        "SLI so far",
        "burn rate",
        "period's budget left",
        "budget lasts",
        "coverage",
        "alerts",
    ]);
    for row in rows {
        let status = &row.status;
        // The windows of the tiers that page.
        let paging = row.slo.policy().tiers().iter().filter(|tier| tier.severity() == Severity::Page);
        let shown: BTreeSet<Window> = paging.map(Tier::long).collect();
        let burns: Vec<String> = status
            .burn_rates
            .iter()
            .filter(|(window, _)| shown.contains(window))
            .map(|(window, rate)| format!("{window} {}", text::burn(*rate)))
            .collect();
        table.add_row([
            row.name(),
            row.slo.objective().to_string(),
            row.slo.period().to_string(),
            text::percent(status.sli, 4),
            burns.join("  "),
            text::percent(status.budget_projected, 2),
            row.lasts(),
            text::percent(status.coverage, 2),
            if status.firing.is_empty() { "none".to_owned() } else { row.alerts() },
        ]);
    }
    write!(out, "{}", table::lines(&table))?;
    Ok(())
}
