//! `slo logs`

use crate::{
    args::{Format, Logs as Args, Since},
    error::Error,
    history::{self, histories},
    load,
    named::named,
    table, text, time,
};
use serde_json::json;
use slo_core::{
    artifact::Target,
    model::{Timestamp, Window},
    plain,
};
use slo_ops::{
    Redactor,
    logs::{Comparison, Follower, Limits, LogFindings, LogOptions, Logs, Seen},
    time_between,
};
use slo_server::logs::{ReadLogs, read};
use std::{
    fmt::Write as _,
    io::{self, Write},
};

pub(super) fn run(args: &Args, out: &mut dyn Write, talk: &mut dyn Write) -> Result<(), Error> {
    let now = time::now();
    let at = |since: Since| match since {
        Since::At(time) => time,
        Since::Ago(window) => now.before(window),
    };
    // Whole seconds can be divided into bins.
    let whole = |time: Timestamp| Timestamp::from_seconds(time.as_millis().div_euclid(1_000));
    let window = args.since.map(|since| (whole(at(since)), whole(args.until.map_or(now, at))));
    let limits = Limits { templates: args.most_templates, ..Limits::default() };
    let options = match window {
        Some((from, to)) => LogOptions::for_window(from, to, args.bin),
        None => LogOptions { bin: args.bin, ..LogOptions::default() },
    };
    let options = LogOptions { limits, masks: !args.no_masks, ..options };
    let ReadLogs { logs, seen, left_out, .. } =
        read(&args.files, args.log_format, &args.time_zone, options, now, None)?;
    for file in &left_out {
        writeln!(talk, "warning: left out: {}", plain(file))?;
    }
    told(&logs, seen, talk)?;
    let findings = match window {
        None => None,
        Some((from, to)) => {
            let comparison =
                Comparison { from, to, baseline: args.baseline.map(at), false_alarms: args.false_alarms };
            if let Some((_, end)) = logs.span().filter(|(_, end)| *end <= from) {
                writeln!(talk, "warning: the log ends at {end}, before the window begins")?;
            }
            Some(logs.findings(comparison)?)
        }
    };
    let followers = match &args.slo {
        None => None,
        Some(slo) => Some((slo.clone(), logs.followers(&bad_events(args, slo, &logs, talk)?, 0.05))),
    };
    let redactor = Redactor::default();
    if args.output.format == Format::Json {
        return json_of(args, &logs, seen, findings, followers, &redactor, out);
    }
    let safe = |text: &str| plain(&redactor.redact(text)).into_owned();
    if let Some(findings) = &findings {
        write!(out, "{}", found(findings, args.top, &safe))?;
    }
    if let Some((slo, followers)) = &followers {
        write!(out, "{}", followed(slo, followers, logs.bin_millis(), &safe))?;
    }
    if findings.is_none() && followers.is_none() {
        write!(out, "{}", templates(&logs, args.top, &safe))?;
    }
    Ok(())
}

/// Says what was read, and what is not in the result.
fn told(logs: &Logs, seen: Seen, talk: &mut dyn Write) -> Result<(), Error> {
    let times = logs.templates().filter_map(|(_, about)| about.times());
    let span = times.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
    let span = span.map_or_else(String::new, |(from, to)| format!(", from {from} to {to}"));
    let found = text::counted(logs.templates().count() as u64, "template");
    writeln!(talk, "{}, {found}{span}", text::counted(seen.lines, "line"))?;
    let mut note = |count: u64, what: &str| -> io::Result<()> {
        if count > 0 { writeln!(talk, "{what}: {count}") } else { Ok(()) }
    };
    note(seen.continuations, "lines that belong to the line before them, such as those of a stack trace")?;
    note(seen.cut, "lines longer than 64 KiB, which were cut there")?;
    note(seen.not_utf8, "lines with bytes that are not UTF-8, which were replaced")?;
    note(logs.untimed(), "lines without a time, which count in no window")?;
    let forgotten = logs.forgotten();
    if forgotten.templates > 0 {
        writeln!(
            talk,
            "warning: {} templates with {} lines made room for others, so what is new may not be\n  hint: give --most-templates",
            forgotten.templates, forgotten.lines
        )?;
    }
    Ok(())
}

/// The bad events of an SLO in the time of the logs.
fn bad_events(
    args: &Args,
    key: &str,
    logs: &Logs,
    talk: &mut dyn Write,
) -> Result<Vec<(Timestamp, f64)>, Error> {
    let services = load::services(&args.spec, &args.reading, 1, talk)?;
    let (service, slo) = load::slo(&services, key)?;
    let Some((from, to)) = logs.span() else {
        return Err(Error::Input(
            "no line of the log has a time, so it cannot be compared with an SLO".to_owned(),
        ));
    };
    let address = args.prometheus.as_deref().unwrap_or_default();
    let client = args.access.client(address)?;
    let last = Window::from_millis(to.millis_since(from)).map_err(|error| named(service, slo, &error))?;
    let asked = history::Asked { backend: Target::default().backend(), last, end: to };
    let mut bad: Vec<(Timestamp, f64)> = Vec::new();
    for (_, history) in histories(&client, service, slo, asked, talk)? {
        let series = history.series().map_err(|error| named(service, slo, &error))?;
        bad.extend(series.steps().enumerate().map(|(step, tally)| (series.end_of(step), tally.bad() as f64)));
    }
    Ok(bad)
}

/// The templates with most lines.
fn templates(logs: &Logs, top: usize, safe: &impl Fn(&str) -> String) -> String {
    let mut all: Vec<_> = logs.templates().collect();
    all.sort_by(|a, b| b.0.lines().cmp(&a.0.lines()).then(a.0.id().cmp(&b.0.id())));
    let mut rows = table::new(&["lines", "share", "level", "template"]);
    left(&mut rows, 2);
    for (template, about) in all.iter().take(top) {
        rows.add_row([
            template.lines().to_string(),
            text::percent(Some(template.lines() as f64 / logs.lines().max(1) as f64), 1),
            about.level().map_or_else(|| "-".to_owned(), |level| level.to_string()),
            safe(&template.to_string()),
        ]);
    }
    let more = all.len().saturating_sub(top);
    let more = if more > 0 { format!("and {more} more\n") } else { String::new() };
    table::lines(&rows) + &more
}

/// Aligns columns from the `first` on to the left.
fn left(rows: &mut comfy_table::Table, first: usize) {
    for column in rows.column_iter_mut().skip(first) {
        column.set_cell_alignment(comfy_table::CellAlignment::Left);
    }
}

fn found(findings: &LogFindings, top: usize, safe: &impl Fn(&str) -> String) -> String {
    let length = time_between(findings.from, findings.to);
    let mut text = format!(
        "{} from {} to {}, compared with {} of {length} before: {}",
        text::counted(findings.lines, "line"),
        findings.from,
        findings.to,
        text::counted(findings.windows, "window"),
        text::counted(findings.compared, "template")
    );
    if (findings.traffic - 1.0).abs() > 0.2 {
        // Writing to a String cannot fail.
        let _ = write!(text, "; the usual ones have {:.1} times as many lines as before", findings.traffic);
    }
    text.push('\n');
    if findings.lines == 0 && findings.findings.is_empty() {
        return text + "there is no line in the window\n";
    }
    if findings.findings.is_empty() {
        return text + "nothing is unusual\n";
    }
    let mut rows = table::new(&["change", "level", "lines", "expected", "before", "p", "template"]);
    left(&mut rows, 0);
    for finding in findings.findings.iter().take(top) {
        let unsure = if finding.significant { "" } else { " ?" };
        rows.add_row([
            format!("{}{unsure}", finding.change.as_str()),
            finding.level.map_or_else(|| "-".to_owned(), |level| level.to_string()),
            finding.lines.to_string(),
            if finding.expected < 10.0 {
                format!("{:.1}", finding.expected)
            } else {
                format!("{:.0}", finding.expected)
            },
            finding.extreme_before.to_string(),
            if finding.p < 0.001 { "<0.001".to_owned() } else { format!("{:.3}", finding.p) },
            safe(&finding.text),
        ]);
    }
    let unsure = findings.findings.iter().filter(|finding| !finding.significant).count();
    let hint =
        if unsure > 0 { "?: the baseline has new templates as often, or is too short to tell\n" } else { "" };
    let more = findings.findings.len().saturating_sub(top);
    let more = if more > 0 { format!("and {more} more\n") } else { String::new() };
    text + &table::lines(&rows) + &more + hint
}

fn followed(slo: &str, followers: &[Follower], bin: i64, safe: &impl Fn(&str) -> String) -> String {
    let mut text = format!("templates whose lines come with bad events of {slo}\n");
    if followers.is_empty() {
        return text + "none\n";
    }
    let mut rows = table::new(&["correlation", "lines come", "level", "lines", "template"]);
    left(&mut rows, 1);
    for follower in followers {
        rows.add_row([
            format!("{:.2}", follower.correlation),
            match follower.lead.signum() {
                0 => "the same time".to_owned(),
                sign => {
                    let apart = text::seconds((follower.lead.abs() * bin) as f64 / 1_000.0);
                    format!("{apart} {}", if sign > 0 { "before" } else { "after" })
                }
            },
            follower.level.map_or_else(|| "-".to_owned(), |level| level.to_string()),
            follower.lines.to_string(),
            safe(&follower.text),
        ]);
    }
    text += &table::lines(&rows);
    text
}

fn json_of(
    args: &Args,
    logs: &Logs,
    seen: Seen,
    findings: Option<LogFindings>,
    followers: Option<(String, Vec<Follower>)>,
    redactor: &Redactor,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let mut all: Vec<_> = logs.templates().collect();
    all.sort_by(|a, b| b.0.lines().cmp(&a.0.lines()).then(a.0.id().cmp(&b.0.id())));
    let templates: Vec<_> = all
        .iter()
        .take(args.top)
        .map(|(template, about)| {
            json!({
                "template": template.id(),
                "text": template.to_string(),
                "lines": template.lines(),
                "level": about.level(),
                "first": about.times().map(|(first, _)| first.to_string()),
                "last": about.times().map(|(_, last)| last.to_string()),
                "example": about.example(),
            })
        })
        .collect();
    let mut report = json!({
        "lines": seen.lines,
        "continuations": seen.continuations,
        "cut": seen.cut,
        "not_utf8": seen.not_utf8,
        "untimed": logs.untimed(),
        "templates": {"count": all.len(), "forgotten": logs.forgotten().templates, "top": templates},
    });
    if let Some(report) = report.as_object_mut() {
        if let Some(findings) = findings {
            report.insert("window".to_owned(), serde_json::to_value(findings).map_err(io::Error::from)?);
        }
        if let Some((slo, followers)) = followers {
            report.insert("followers".to_owned(), json!({"slo": slo, "templates": followers}));
        }
    }
    redactor.redact_json(&mut report);
    text::json(out, &report)
}
