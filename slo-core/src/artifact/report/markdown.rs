//! A report as Markdown.

use super::{
    super::{
        capital::capital,
        words::{count, day, moment, percent},
    },
    Report,
    words::{basis, has_section, lasted, others, told, trend, verdict},
};
use crate::{
    plain,
    replay::{SloReview, Verdict},
};
use std::fmt::Write;

pub(super) fn page(report: &Report) -> String {
    let mut out = format!("# Service levels, {}\n\n", report.title);
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "From {} to {}, {}. *Seen* is the share of that time that was recorded. Budgets are for the events of that time.\n",
        moment(report.start, &report.zone),
        moment(report.end, &report.zone),
        report.zone
    );
    out.push_str("| SLO | objective | SLI | met | budget left | incidents | seen | trend |\n|---|---|---|---|---|---|---|---|\n");
    for slo in &report.slos {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} | {} |",
            escape(&slo.path()),
            slo.objective,
            percent(slo.sli(), 4),
            met(slo),
            percent(slo.remaining(), 1),
            slo.incidents.len(),
            percent(Some(slo.coverage), 1),
            trend(slo.trend()),
        );
    }
    for one in &report.others {
        let _ = writeln!(out, "\n{}", escape(&others(one)));
    }
    for warning in &report.warnings {
        let _ = writeln!(out, "\n**Incomplete.** The server warns: {}", escape(&plain(warning)));
    }
    for slo in report.slos.iter().filter(|slo| has_section(slo)) {
        section(&mut out, slo, &report.zone);
    }
    out
}

fn met(slo: &SloReview) -> &'static str {
    match slo.verdict() {
        Verdict::Missed => "**no**",
        other => verdict(other),
    }
}

fn section(out: &mut String, slo: &SloReview, zone: &str) {
    let _ = write!(out, "\n## {}\n\n", escape(&slo.path()));
    if !slo.description.is_empty() {
        let _ = writeln!(out, "{}\n", escape(&slo.description));
    }
    let _ = writeln!(
        out,
        "{} of {} events were bad; the objective is {}. Budget left: {}. {}",
        count(slo.seen.bad()),
        count(slo.seen.total()),
        slo.objective,
        percent(slo.remaining(), 1),
        basis(slo)
    );
    if let Some(change) = slo.change {
        let _ = writeln!(
            out,
            "In the time before, {} of {} events were bad. {} (the share of bad events changed by {} to {}).",
            count(change.before.bad()),
            count(change.before.total()),
            capital(trend(slo.trend())),
            percent(Some(change.interval.low()), 4),
            percent(Some(change.interval.high()), 4),
        );
    }
    if let Some(policy) = &slo.policy {
        let _ = writeln!(out, "\n**Error-budget policy.** {}", escape(&policy.sentences(zone)));
    }
    if !slo.incidents.is_empty() {
        out.push_str("\n| incident | lasted | bad events | budget spent | alerts |\n|---|---|---|---|---|\n");
        for one in &slo.incidents {
            let _ = writeln!(
                out,
                "| {} | {} | {} | {} | {} |",
                moment(one.start, zone),
                lasted(slo, one),
                count(one.tally.bad()),
                percent(Some(one.price), 1),
                escape(&told(slo, one))
            );
        }
    }
    let worst = slo.worst_days();
    if !worst.is_empty() {
        out.push_str("\n| worst days | bad events | budget spent |\n|---|---|---|\n");
        for one in worst {
            let _ = writeln!(
                out,
                "| {} | {} | {} |",
                day(one.start, zone),
                count(one.tally.bad()),
                percent(Some(one.price), 1)
            );
        }
    }
}

/// Escapes characters that have a meaning in Markdown.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        if r"\`*_[]<>&|~#".contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}
