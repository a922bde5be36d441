//! `slo noise`

use super::incidents::recorded;
use crate::{
    args::{Noise as Args, NoiseFormat},
    error::Error,
    history::{self, histories},
    load,
    named::named,
    table, text, time, write,
};
use serde_json::json;
use slo_core::{
    artifact::{Target, html_page},
    model::{Service, Slo, Timestamp, Window},
    page::escape,
    plain,
};
use slo_ops::{
    alert::{Delivery, LabelSet, Source},
    noise::{AlertHistory, Budgets, Change, Noise, NoiseRules, WhatIf, patch, picture, what_if},
};
use slo_prometheus::{Client, Steps};
use slo_server::logs::open;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    io::{Read as _, Write},
};

/// How often `ALERTS` is read. Alerts that fire for less may be missed.
const STEP: Window = Window::minutes(1);

/// What replays of an SLO's history say.
struct Replayed {
    /// The service and the SLO.
    key: (String, String),
    /// The SLO with its group, as it is shown.
    slo: String,
    all: Vec<WhatIf>,
}

pub(super) fn run(args: &Args, out: &mut dyn Write, talk: &mut dyn Write) -> Result<(), Error> {
    let to = time::now().on_grid(STEP, Timestamp::EPOCH);
    let from = to.before(args.last);
    let client = args.prometheus.as_deref().map(|address| args.access.client(address)).transpose()?;
    let services =
        if args.files.is_empty() { Vec::new() } else { load::services(&args.files, &args.reading, 1, talk)? };
    let alerts = alerts(args, client.as_ref(), from, to, talk)?;
    let (mut budgets, mut replays) = (Budgets::new(), Vec::new());
    if let Some(client) = &client {
        for (service, slo) in
            services.iter().flat_map(|service| service.slos().iter().map(move |slo| (service, slo)))
        {
            spent(client, service, slo, args.last, to, &mut budgets, &mut replays, talk)?;
        }
    } else if !services.is_empty() {
        writeln!(talk, "warning: without --prometheus, what alerts cost is not known")?;
    }
    let rules = NoiseRules { worth: args.worth, hours: args.hours.clone(), ..NoiseRules::default() };
    let noise = Noise::of(&alerts, &budgets, &rules)?;
    let shown = if args.patch {
        patched(args, &replays)?
    } else {
        match args.format {
            NoiseFormat::Table => tables(&noise, &replays),
            NoiseFormat::Json => {
                let mut text = Vec::new();
                let what_if: Vec<_> = replays
                    .iter()
                    .map(|one| json!({"slo": one.slo, "changes": one.all, "best": WhatIf::best(&one.all)}))
                    .collect();
                let snippets: Vec<String> =
                    noise.measures.iter().map(slo_ops::noise::Measure::snippet).collect();
                text::json(&mut text, &json!({"noise": noise, "snippets": snippets, "what_if": what_if}))?;
                String::from_utf8_lossy(&text).into_owned()
            }
            NoiseFormat::Html => page(&alerts, &noise, &replays, &args.time_zone),
        }
    };
    match &args.out {
        Some(path) => {
            write::atomically(path, &shown)?;
            writeln!(talk, "{}", path.display())?;
        }
        None => out.write_all(shown.as_bytes())?,
    }
    Ok(())
}

/// The history of alerts.
fn alerts(
    args: &Args,
    client: Option<&Client>,
    from: Timestamp,
    to: Timestamp,
    talk: &mut dyn Write,
) -> Result<AlertHistory, Error> {
    if let Some(path) = &args.webhooks {
        let mut text = String::new();
        open(path)
            .and_then(|mut input| input.read_to_string(&mut text))
            .map_err(|error| Error::file(path, &error))?;
        let mut deliveries = Vec::new();
        let lines: Vec<&str> = text.lines().collect();
        for (number, line) in (1..).zip(&lines).filter(|(_, line)| !line.trim().is_empty()) {
            match Delivery::parse(Source::Alertmanager, line.as_bytes()) {
                Ok(delivery) => deliveries.push(delivery),
                // A file that is being written.
                Err(_) if number == lines.len() && !text.ends_with('\n') => {
                    writeln!(
                        talk,
                        "warning: {}:{number}: the last line is not complete, and is left out",
                        path.display()
                    )?;
                }
                Err(error) => return Err(Error::from(error).within(&format!("{}:{number}", path.display()))),
            }
        }
        return Ok(AlertHistory::of_deliveries(&deliveries, from, to));
    }
    if args.place.store.is_some() || args.place.config.is_some() {
        return Ok(AlertHistory::of_incidents(&recorded(&args.place)?, from, to));
    }
    let Some(client) = client else {
        return Err(Error::Usage(
            "no history of alerts\n  hint: give --prometheus, --store or --webhooks".to_owned(),
        ));
    };
    let count = usize::try_from(args.last.as_millis() / STEP.as_millis()).unwrap_or(usize::MAX);
    let mut series: BTreeMap<LabelSet, Vec<Timestamp>> = BTreeMap::new();
    let start = to.before_steps(STEP, count);
    let steps = Steps { start, step: STEP, count: count + 1 };
    let warnings = client.range(r#"ALERTS{alertstate="firing"}"#, steps, |labels, index, _| {
        let labels: LabelSet = labels.clone().into_iter().collect();
        series.entry(labels).or_default().push(start.after_steps(STEP, index));
    })?;
    for warning in warnings {
        writeln!(talk, "warning: the history is incomplete: {} says: {}", client.address(), plain(&warning))?;
    }
    Ok(AlertHistory::of_samples(series, STEP, from, to))
}

/// What an SLO spent, and the replay of its alerts.
#[expect(clippy::too_many_arguments, reason = "two of them are what is found")]
fn spent(
    client: &Client,
    service: &Service,
    slo: &Slo,
    last: Window,
    end: Timestamp,
    budgets: &mut Budgets,
    replays: &mut Vec<Replayed>,
    talk: &mut dyn Write,
) -> Result<(), Error> {
    let wrong = |error: slo_core::Error| named(service, slo, &error);
    let asked = history::Asked { backend: Target::default().backend(), last, end };
    for (group, history) in histories(client, service, slo, asked, talk)? {
        let (history, _) = history.judged(service, slo).map_err(wrong)?;
        let series = history.series().map_err(wrong)?;
        budgets.add(service, slo, &series).map_err(wrong)?;
        if series.total().total() == 0 {
            continue;
        }
        let labels: Vec<String> = group.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let name = format!("{}/{}", service.name(), slo.name());
        let slo_name = if labels.is_empty() { name } else { format!("{name} {}", labels.join(", ")) };
        let key = (service.name().to_string(), slo.name().to_string());
        replays.push(Replayed { key, slo: slo_name, all: what_if(slo, &series).map_err(wrong)? });
    }
    Ok(())
}

/// The diff that gives guards to the SLOs for which these would have spared pages.
fn patched(args: &Args, replays: &[Replayed]) -> Result<String, Error> {
    let is_guard = |one: &&Replayed| WhatIf::best(&one.all).is_some_and(|best| best.change == Change::Guard);
    let wanted: BTreeSet<&(String, String)> = replays.iter().filter(is_guard).map(|one| &one.key).collect();
    let mut text = String::new();
    for (name, content) in load::texts(&args.files, &args.reading)? {
        let services = slo_core::spec::parse(&content).unwrap_or_default();
        let all = services.iter().flat_map(|service| service.slos().iter().map(move |slo| (service, slo)));
        let there: Vec<String> = all
            .filter(|(service, slo)| wanted.contains(&(service.name().to_string(), slo.name().to_string())))
            .map(|(_, slo)| slo.name().to_string())
            .collect();
        if !there.is_empty() {
            text += &patch(&name, &content, &there.iter().map(String::as_str).collect::<Vec<_>>())?;
        }
    }
    Ok(text)
}

fn tables(noise: &Noise, replays: &[Replayed]) -> String {
    let days = noise.to.millis_since(noise.from) as f64 / 86_400_000.0;
    let mut text = format!("{} firings and {} pages in {days:.0} days\n", noise.firings, noise.pages);
    if noise.alerts.is_empty() {
        return text;
    }
    text += "\n";
    text += &table::lines(&alert_table(noise));
    if !noise.pairs.is_empty() {
        text += "\nalerts that come with another one\n";
        let mut rows = table::new(&["alert", "comes with", "together"]);
        for pair in &noise.pairs {
            rows.add_row([
                plain(&pair.target.to_string()).into_owned(),
                plain(&pair.source.to_string()).into_owned(),
                format!("{} of {}", pair.together, pair.firings),
            ]);
        }
        text += &table::lines(&rows);
    }
    if !noise.measures.is_empty() {
        text += "\nwhat would have spared firings\n";
        let mut rows = table::new(&["measure", "spared"]);
        for measure in &noise.measures {
            rows.add_row([plain(&measure.to_string()).into_owned(), measure.spared().to_string()]);
        }
        text += &table::lines(&rows);
    }
    if !replays.is_empty() {
        text += "\npages of SLOs, replayed\n";
        text += &table::lines(&replay_table(replays));
    }
    text
}

fn alert_table(noise: &Noise) -> comfy_table::Table {
    let mut rows = table::new(&[
        "alert",
        "firings",
        "for nothing",
        "precision",
        "median",
        "flaps",
        "repeats",
        "out of hours",
        "spent",
    ]);
    for alert in &noise.alerts {
        let unknown = || "-".to_owned();
        rows.add_row([
            plain(&alert.key.to_string()).into_owned(),
            alert.firings.to_string(),
            if alert.priced == 0 { unknown() } else { format!("{} of {}", alert.for_nothing, alert.priced) },
            alert.precision.map_or_else(unknown, |(share, interval)| {
                format!(
                    "{} ({}–{})",
                    text::percent(Some(share), 0),
                    text::percent(Some(interval.low()), 0),
                    text::percent(Some(interval.high()), 0)
                )
            }),
            text::seconds(alert.median_seconds),
            alert.flaps.to_string(),
            alert.repeats.to_string(),
            alert.out_of_hours.map_or_else(unknown, |count| count.to_string()),
            text::percent(alert.spent, 1),
        ]);
    }
    rows
}

fn replay_table(replays: &[Replayed]) -> comfy_table::Table {
    let mut rows = table::new(&[
        "SLO",
        "alerts",
        "pages",
        "for nothing",
        "incidents paged",
        "median detection",
        "tickets",
    ]);
    for Replayed { slo, all, .. } in replays {
        for one in all {
            rows.add_row([
                slo.clone(),
                one.change.to_string(),
                one.pages.to_string(),
                (one.pages - one.true_pages.min(one.pages)).to_string(),
                format!("{} of {}", one.detected, one.incidents),
                one.median_detection_seconds.map_or_else(|| "-".to_owned(), text::seconds),
                one.tickets.to_string(),
            ]);
        }
    }
    rows
}

fn page(alerts: &AlertHistory, noise: &Noise, replays: &[Replayed], zone: &str) -> String {
    let mut body = format!(
        "<h1>Alerts that fired</h1>\n<p>{} firings and {} pages, from {} to {}.</p>\n",
        noise.firings, noise.pages, noise.from, noise.to
    );
    body += &picture(alerts, noise, zone);
    body += "\n<h2>Each alert</h2>\n";
    body += &html(&alert_table(noise));
    if !noise.measures.is_empty() {
        body += "<h2>What would have spared firings</h2>\n";
        for measure in &noise.measures {
            // Writing to a String cannot fail.
            let _ = writeln!(
                body,
                "<p>{}: <b>{}</b></p>\n<pre>{}</pre>",
                escape(&measure.to_string()),
                measure.spared(),
                escape(&measure.snippet())
            );
        }
    }
    if !replays.is_empty() {
        body += "<h2>Pages of SLOs, replayed</h2>\n";
        body += &html(&replay_table(replays));
    }
    html_page("Alerts that fired", &body)
}

/// A table of text as one of HTML.
fn html(rows: &comfy_table::Table) -> String {
    let mut out = String::from("<table>");
    let mut row = |row: &comfy_table::Row, tag: &str| {
        out.push_str("<tr>");
        for cell in row.cell_iter() {
            // Writing to a String cannot fail.
            let _ = write!(out, "<{tag}>{}</{tag}>", escape(&cell.content()));
        }
        out.push_str("</tr>\n");
    };
    if let Some(head) = rows.header() {
        row(head, "th");
    }
    rows.row_iter().for_each(|one| row(one, "td"));
    out.push_str("</table>\n");
    out
}
