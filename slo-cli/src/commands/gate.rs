//! `slo gate`

use super::serve::runtime;
use crate::{
    args::{self, Format, Rules, Since},
    error::Error,
    load, table, text, time,
};
use slo_core::{
    math::Tally,
    model::{Service, Timestamp, Window},
    page,
    stats::ReleaseRules,
};
use slo_ops::release::{Compare, Gate, GateCounts, GateReport, GateRun, OldVersion, SloGate};
use slo_prometheus::AsyncClient;
use slo_server::gate::Judge;
use std::{
    collections::BTreeMap,
    io::Write,
    time::{Duration, Instant},
};
use tokio::time::sleep;

/// How often the state is told while it waits.
const TELL_EVERY: Duration = Duration::from_secs(60);
/// The shortest time between two looks.
const SHORTEST: Duration = Duration::from_secs(1);

pub(super) fn run(args: &args::Gate, out: &mut dyn Write, talk: &mut dyn Write) -> Result<(), Error> {
    // The exit code of input that is wrong must not be that of a version that fails.
    let report = judged(args, talk).map_err(|error| match error {
        Error::Input(told) => Error::Usage(told),
        other => other,
    })?;
    show(&report, args.output.format, out)?;
    if report.verdict() == "pass" {
        for slo in &report.slos {
            writeln!(talk, "{}", slo_core::plain(&slo.to_string()))?;
        }
    }
    concluded(&report)
}

fn judged(args: &args::Gate, talk: &mut dyn Write) -> Result<GateReport, Error> {
    let gate = gate(args);
    gate.check()?;
    if let (Some(new), Some(objective)) = (args.new_counts, args.objective) {
        let old = match (args.old_counts, args.before_counts) {
            (Some(old), _) => OldVersion::Beside(vec![(old, new)]),
            (None, Some(before)) => OldVersion::Before(before),
            (None, None) => OldVersion::Unknown,
        };
        let counts = GateCounts::given("the new version".to_owned(), objective, new, old);
        return Ok(GateRun::default().look(&gate, &[counts])?);
    }
    let services = load::services(&args.files, &args.reading, args.scale.time_scale, talk)?;
    runtime()?.block_on(look(args, &gate, &services, talk))
}

fn gate(args: &args::Gate) -> Gate {
    Gate {
        slos: args.slo.clone(),
        new: args.new.clone(),
        compare: match (&args.old, args.before) {
            (Some(old), _) => Compare::Beside(old.clone()),
            (None, Some(before)) => Compare::Before(before),
            (None, None) => Compare::Objective,
        },
        ..ruled(&args.rules)
    }
}

/// A gate with these rules, and nothing else.
pub(super) fn ruled(rules: &Rules) -> Gate {
    let Rules { allowed_burn_rate, harmful_burn_rate, harmful_ratio, false_fail, false_pass, design_effect } =
        *rules;
    let defaults = ReleaseRules::default();
    let rules =
        ReleaseRules { allowed_burn_rate, harmful_ratio, false_fail, false_pass, design_effect, ..defaults };
    Gate { rules, harmful_burn_rate, ..Gate::default() }
}

/// Looks until there is a verdict, or the time is over.
async fn look(
    args: &args::Gate,
    gate: &Gate,
    services: &[Service],
    talk: &mut dyn Write,
) -> Result<GateReport, Error> {
    let (address, settings) = args.access.settings(args.prometheus.as_deref().unwrap_or_default())?;
    let client = AsyncClient::new(&address, settings)?;
    let judge = Judge::new(&client, services, gate)?;
    let began = match (args.since, args.wait) {
        (Some(Since::At(at)), _) => at,
        (Some(Since::Ago(window)), _) => time::now().before(window),
        (None, Some(_)) => time::now(),
        (None, None) => {
            return Err(Error::Usage(
                "since when is the new version live?\n  hint: give `--since 20m`, or `--wait 30m` to begin now".to_owned(),
            ));
        }
    };
    if began > time::now() {
        return Err(Error::Usage(format!("--since: {began} is in the future")));
    }
    let wait = args.wait.map_or(Duration::ZERO, Window::as_duration);
    until_verdict(&judge, gate, began, wait, talk).await
}

/// Looks at the events since `began` until there is a verdict, or `wait` is over.
pub(super) async fn until_verdict(
    judge: &Judge<'_>,
    gate: &Gate,
    began: Timestamp,
    wait: Duration,
    talk: &mut dyn Write,
) -> Result<GateReport, Error> {
    let series = gate.series(&BTreeMap::new())?;
    let deadline = Instant::now() + wait;
    let every = judge.scrape_interval().as_duration().max(SHORTEST);
    let mut run = GateRun::default();
    let mut told = None;
    loop {
        let counts = judge.look(&series, began, time::now()).await;
        let left = deadline.saturating_duration_since(Instant::now());
        match counts.and_then(|counts| run.look(gate, &counts)) {
            Ok(report) if report.verdict() == "inconclusive" && !left.is_zero() => {
                // Now and then, so that a log of half an hour stays short.
                if told.is_none_or(|told: Instant| told.elapsed() >= TELL_EVERY) {
                    told = Some(Instant::now());
                    for slo in &report.slos {
                        writeln!(talk, "{}", slo_core::plain(&slo.to_string()))?;
                    }
                }
            }
            Ok(report) => return Ok(report),
            // A server that is away for a moment ends nothing; what it does not know at the end is not known.
            Err(error) if left.is_zero() => return Err(Error::outside(error)),
            Err(error) => writeln!(talk, "warning: {error}")?,
        }
        sleep(every.min(left)).await;
    }
}

pub(super) fn show(report: &GateReport, format: Format, out: &mut dyn Write) -> Result<(), Error> {
    if format == Format::Json {
        return text::json(out, &report.to_json());
    }
    let mut table = table::new(&[
        "SLO",
        "verdict",
        "bad",
        "events",
        "error ratio",
        "burn rate",
        "old version",
        "good up to",
        "harmful from",
        "p if good",
        "p if harmful",
    ]);
    for slo in &report.slos {
        table.add_row([
            slo_core::plain(&slo.slo).into_owned(),
            slo.verdict.to_owned(),
            slo.bad_events.to_string(),
            slo.events.to_string(),
            page::percent(slo.error_ratio, 3),
            page::burn_rate(slo.burn_rate),
            old(slo),
            share(slo.good_up_to),
            share(slo.harmful_from),
            probability(slo.p_if_good),
            probability(slo.p_if_harmful),
        ]);
    }
    Ok(write!(out, "{}", table::lines(&table))?)
}

/// A share with as many decimals as it needs.
fn share(share: f64) -> String {
    let decimals = if share > 0.0 { (1.0 - (100.0 * share).log10().floor()).clamp(1.0, 12.0) } else { 1.0 };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is clamped")]
    let decimals = decimals as usize;
    let text = format!("{:.decimals$}", 100.0 * share);
    format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
}

fn probability(p: f64) -> String {
    if p >= 0.001 { format!("{p:.3}") } else { format!("{p:.0e}") }
}

fn old(slo: &SloGate) -> String {
    match (slo.old_bad_events, slo.old_events) {
        (Some(bad), Some(events)) => {
            let tally = Tally::new(events, bad).ok().and_then(Tally::error_ratio);
            format!("{bad}/{events} ({})", page::percent(tally, 3))
        }
        _ => "-".to_owned(),
    }
}

pub(super) fn concluded(report: &GateReport) -> Result<(), Error> {
    let because: Vec<String> =
        report.slos.iter().map(|slo| slo_core::plain(&slo.to_string()).into_owned()).collect();
    let because = because.join("\n");
    match report.verdict() {
        "pass" => Ok(()),
        "fail" => Err(Error::Broken(because)),
        _ => Err(Error::Inconclusive(because)),
    }
}
