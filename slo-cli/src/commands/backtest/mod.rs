//! `slo backtest`

mod cells;
mod table;

use crate::{
    args::{Backtest as Asked, BacktestFormat},
    error::Error,
    history::{self, histories},
    load,
    named::{Group, named},
    table as lines, text, time, write,
};
use slo_core::{
    artifact::{BacktestPage, SloBacktest},
    model::{Service, Slo, Tier, Window},
    replay::{Backtest, FittedTiers, History, Replay},
};
use std::{collections::BTreeSet, fmt::Write as _, io::Write};

pub(super) fn run(asked: &Asked, out: &mut dyn Write, talk: &mut dyn Write) -> Result<(), Error> {
    let services = load::services(&asked.specs.files, &asked.specs.reading, 1, talk)?;
    let mut slos: Vec<(&Service, &Slo)> =
        services.iter().flat_map(|service| service.slos().iter().map(move |slo| (service, slo))).collect();
    if let Some(key) = &asked.slo {
        slos.retain(|(service, slo)| format!("{}/{}", service.name(), slo.name()) == *key);
        if slos.is_empty() {
            return Err(Error::Usage(format!(
                "--slo {key}: no such SLO in these files\n  hint: write SERVICE/SLO"
            )));
        }
    }
    let (mut found, mut told) = (Vec::new(), BTreeSet::new());
    match (&asked.history, &asked.prometheus) {
        (Some(path), _) => {
            let table = table::Table::read(path, asked, &slos)?;
            let of_nobody = table.of_nobody(&slos);
            if of_nobody > 0 {
                writeln!(talk, "{}: {of_nobody} rows belong to none of these SLOs", path.display())?;
            }
            for (service, slo) in slos {
                for (group, history) in table.histories(service, slo, talk)? {
                    found.extend(replayed(service, slo, group, history, &mut told, talk)?);
                }
            }
        }
        (None, Some(address)) => {
            let client = asked.access.client(address)?;
            let asked = history::Asked {
                backend: asked.target.backend(),
                last: asked.last,
                end: asked.end.unwrap_or_else(time::now),
            };
            for (service, slo) in slos {
                for (group, history) in histories(&client, service, slo, asked, talk)? {
                    found.extend(replayed(service, slo, group, history, &mut told, talk)?);
                }
            }
        }
        (None, None) => {
            return Err(Error::Usage(
                "no history\n  hint: give `--history FILE` or `--prometheus URL`".to_owned(),
            ));
        }
    }
    if found.is_empty() {
        return Err(Error::Input("there are no events of these SLOs in that time".to_owned()));
    }
    let page = BacktestPage { zone: asked.time_zone.clone(), slos: found };
    let text = match asked.format {
        BacktestFormat::Table => shown(&page),
        BacktestFormat::Json => format!("{:#}\n", page.to_json()),
        BacktestFormat::Html => page.to_html(),
    };
    match &asked.out {
        Some(path) => {
            write::atomically(path, &text)?;
            writeln!(talk, "{}", path.display())?;
        }
        None => out.write_all(text.as_bytes())?,
    }
    Ok(())
}

/// The replay of an SLO's alerts on a history; `None` if the history has no events.
fn replayed(
    service: &Service,
    slo: &Slo,
    group: Group,
    history: History,
    told: &mut BTreeSet<String>,
    talk: &mut dyn Write,
) -> Result<Option<SloBacktest>, Error> {
    let name = format!("{}/{}", service.name(), slo.name());
    let wrong = |error: slo_core::Error| named(service, slo, &error);
    let (history, _) = history.judged(service, slo).map_err(wrong)?;
    let series = history.series().map_err(wrong)?;
    if series.total().total() == 0 {
        writeln!(talk, "{name}: no events in that time")?;
        return Ok(None);
    }
    let fitted =
        FittedTiers::of(slo.policy(), slo.objective(), series.step(), series.len()).map_err(wrong)?;
    for remark in remarks(&fitted, series.step()) {
        let remark = format!("{name}: {remark}");
        // Histories of the same length have the same remarks.
        if told.insert(remark.clone()) {
            writeln!(talk, "{remark}")?;
        }
    }
    let replay = Replay::new(slo.objective(), slo.period().length());
    let done = Backtest::of(&series, &fitted.tiers, &replay).map_err(wrong)?;
    let score = done.score(&series, &replay).map_err(wrong)?.0;
    SloBacktest::of(service, slo, group, &history, &done, &score).map(Some).map_err(wrong)
}

/// Remarks about tiers that cannot fire and windows that are rounded.
fn remarks(fitted: &FittedTiers, step: Window) -> Vec<String> {
    let windows = |tier: &Tier| format!("{} over {} and {}", tier.burn(), tier.long(), tier.short());
    let rounded = (!fitted.rounded.is_empty()).then(|| {
        let all = fitted.rounded.iter().map(windows).collect::<Vec<_>>();
        format!("the windows are rounded to steps of {step}: {}", all.join(", "))
    });
    let unreachable = fitted
        .unreachable
        .iter()
        .map(|tier| format!("the {} tier never fires: no error ratio can exceed its threshold", tier.burn()));
    let blind = fitted.blind.iter().map(|tier| {
        format!(
            "the {} tier cannot fire: the history is shorter than its window of {}",
            tier.burn(),
            tier.long()
        )
    });
    rounded.into_iter().chain(unreachable).chain(blind).collect()
}

/// For a terminal.
fn shown(page: &BacktestPage) -> String {
    let mut text = String::new();
    for slo in &page.slos {
        if !text.is_empty() {
            text.push('\n');
        }
        // Writing to a String cannot fail.
        let _ = write!(text, "{}\n{}\n{}\n", slo.name(), slo.history(&page.zone), slo.summary());
        if !slo.alerts.is_empty() {
            let mut table = lines::new(&["alert", "severity", "fired", "lasted"]);
            for alert in &slo.alerts {
                table.add_row([
                    alert.tier.burn().to_string(),
                    alert.tier.severity().to_string(),
                    page.moment(alert.start),
                    alert.lasted(slo.end),
                ]);
            }
            let _ = write!(text, "\n{}", lines::lines(&table));
        }
        if !slo.incidents.is_empty() {
            let mut table = lines::new(&[
                "incident",
                "lasted",
                "bad events",
                "excess budget spent",
                "paged after",
                "budget spent by then",
            ]);
            for incident in &slo.incidents {
                table.add_row([
                    page.moment(incident.start),
                    incident.lasted(),
                    incident.tally.bad().to_string(),
                    text::percent(Some(incident.excess), 1),
                    incident.seconds.map_or_else(|| "never".to_owned(), text::seconds),
                    text::percent(Some(incident.spent), 1),
                ]);
            }
            let _ = write!(text, "\n{}", lines::lines(&table));
        }
    }
    text
}
