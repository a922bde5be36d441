//! `slo explain`

use crate::{
    args::{Explain, Format},
    error::Error,
    load, table, text, time,
};
use slo_core::{
    artifact::explanation_json,
    model::Severity,
    rules::{self, Backend, Explanation, TierExplanation},
};
use std::io::Write;

pub(super) fn run(explain: &Explain, out: &mut dyn Write, talk: &mut dyn Write) -> Result<(), Error> {
    let backend = if explain.anchored { Backend::PrometheusAnchored } else { Backend::Prometheus };
    let options = rules::Options { backend, now: Some(time::now()), ..rules::Options::default() };
    let mut explained = Vec::new();
    for service in &load::services(&explain.specs.files, &explain.specs.reading, 1, talk)? {
        explained.extend(rules::explain(service, options)?);
    }
    match explain.output.format {
        Format::Json => {
            text::json(out, &explained.iter().map(explanation_json).collect::<Vec<_>>())?;
        }
        Format::Table => {
            for (index, slo) in explained.iter().enumerate() {
                if index > 0 {
                    writeln!(out)?;
                }
                show(slo, out)?;
            }
        }
    }
    Ok(())
}

/// When a tier fires, and how much of the budget is spent by then.
fn sentence(explained: &TierExplanation) -> String {
    let tier = &explained.tier;
    let [full, ..] = explained.detection;
    let who = match tier.severity() {
        Severity::Page => "pages",
        _ => "opens a ticket",
    };
    let Some(full) = full else {
        return format!("{}: no outage makes it fire.", tier.burn());
    };
    let [fires, resets] = [full.fires_after, full.resets_after].map(|time| text::seconds(time.to_f64()));
    let guard = match (tier.fewest_bad(), explained.quiet_below) {
        (0, Some(events)) => {
            format!("with fewer than {events} events in {}, a single bad event is enough", tier.long())
        }
        (fewest, _) => format!("it needs at least {fewest} bad events"),
    };
    format!(
        "{}: {who} when {} of the budget is spent. A full outage spends that share in {fires}, and is \
         detected up to {} later. The alert resolves {resets} after the outage ends. {}{}.",
        tier.burn(),
        text::percent(Some(tier.share().to_f64()), 2),
        explained.delay,
        guard.get(..1).unwrap_or_default().to_uppercase(),
        guard.get(1..).unwrap_or_default(),
    )
}

fn show(slo: &Explanation, out: &mut dyn Write) -> Result<(), Error> {
    writeln!(
        out,
        "{}/{}: {} series; the rules read {} samples an hour, plus {} for each raw series.",
        slo.service,
        slo.slo,
        slo.series(),
        slo.samples_per_hour(),
        slo.samples_per_hour_and_raw_series(),
    )?;
    for note in &slo.notes {
        writeln!(out, "{note}")?;
    }
    writeln!(out)?;
    let mut rules = table::new(&["rule", "every", "samples read", "per raw series", "max delay"]);
    for rule in &slo.rules {
        rules.add_row([
            rule.name.clone(),
            rule.interval.to_string(),
            rule.samples.to_string(),
            rule.samples_per_raw_series.to_string(),
            rule.delay.to_string(),
        ]);
    }
    writeln!(out, "{}", table::lines(&rules))?;
    for explained in &slo.tiers {
        writeln!(out, "{}", sentence(explained))?;
    }
    writeln!(out)?;
    let mut alerts = table::new(&[
        "alert",
        "burn rate above",
        "budget spent",
        "100% outage fires, resets",
        "10% outage",
        "1% outage",
        "max delay",
        "one failure fires below",
    ]);
    for explained in &slo.tiers {
        let tier = &explained.tier;
        let [full, tenth, hundredth] = explained.detection.map(|found| match found {
            Some(found) => {
                let [fires, resets] =
                    [found.fires_after, found.resets_after].map(|time| text::seconds(time.to_f64()));
                format!("{fires}, {resets}")
            }
            None => "never".to_owned(),
        });
        let guard = match explained.quiet_below {
            Some(events) => format!("{events} in {}", tier.long()),
            None => format!("needs {} failures", tier.fewest_bad()),
        };
        alerts.add_row([
            format!("{} ({})", tier.burn(), tier.severity()),
            explained.factor.to_string() + "×",
            text::percent(Some(tier.share().to_f64()), 2),
            full,
            tenth,
            hundredth,
            explained.delay.to_string(),
            guard,
        ]);
    }
    write!(out, "{}", table::lines(&alerts))?;
    Ok(())
}
