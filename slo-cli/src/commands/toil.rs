//! `slo toil`

use super::incidents::recorded;
use crate::{
    args::{Format, Toil},
    error::Error,
    load, table, text,
};
use slo_core::page;
use slo_ops::{
    incident::Incident,
    toil::{HandsOn, ToilReport, Verdict, read_toil},
};
use std::{fs, io::Write};

/// The seed of the interval: the same file gives the same numbers.
const SEED: u64 = 0;

pub(super) fn run(args: &Toil, out: &mut dyn Write, talk: &mut dyn Write) -> Result<(), Error> {
    let text = fs::read_to_string(&args.file).map_err(|error| Error::file(&args.file, &error))?;
    let sheet = read_toil(&text).map_err(|faults| load::faulty(&args.file, &faults))?;
    let has_record = args.place.store.is_some() || args.place.config.is_some();
    let incidents = if has_record { recorded(&args.place)? } else { Vec::new() };
    let answers: Vec<HandsOn> =
        incidents.iter().flat_map(Incident::episodes).filter_map(HandsOn::of).collect();
    let report = ToilReport::of(&sheet, &answers, SEED)?;
    match args.output.format {
        Format::Json => text::json(out, &report)?,
        Format::Table => show(&report, out)?,
    }
    if report.unfinished > 0 {
        writeln!(
            talk,
            "warning: answers to alerts that have not ended are not in the numbers: {}\n  hint: say when users were no longer affected with `slo incidents mitigated`",
            report.unfinished
        )?;
    }
    Ok(())
}

fn show(report: &ToilReport, out: &mut dyn Write) -> Result<(), Error> {
    let percent = |share: f64| page::percent(Some(share), 1);
    let mut table = table::new(&["toil", "from", "runs", "hours", "share of toil"]);
    for source in &report.sources {
        table.add_row([
            slo_core::plain(&source.name).into_owned(),
            if source.is_runbook { "the record" } else { "the file" }.to_owned(),
            source.runs.map_or_else(|| "-".to_owned(), |runs| runs.to_string()),
            format!("{:.1}", source.hours),
            percent(source.share),
        ]);
    }
    write!(out, "{}", table::lines(&table))?;
    let interval = match report.interval {
        Some((low, high)) => {
            let verdict = match report.verdict {
                Verdict::Below => "below",
                Verdict::Above => "above",
                Verdict::Uncertain => "not told apart from",
            };
            let cap = report.cap * 100.0;
            format!(" ({} to {} at 95 %), {verdict} the cap of {cap:.0} %", percent(low), percent(high))
        }
        None => format!("; from {} weeks on, there is an interval", ToilReport::FEWEST),
    };
    let (share, hours) = (percent(report.share), report.worked_hours);
    writeln!(out, "{share} of {hours:.0} h in {} weeks was toil{interval}", report.weeks)?;
    Ok(())
}
