//! A report as HTML.

use super::{
    super::{
        chart::{Dates, burn_down_picture},
        words::{count, day, html_page, moment, percent},
    },
    Report,
    words::{basis, has_section, lasted, others, told, trend, verdict},
};
use crate::{
    page::escape,
    plain,
    replay::{SloReview, Verdict},
};
use std::fmt::Write;

pub(super) fn page(report: &Report) -> String {
    html_page(&title(report), &body(report))
}

fn title(report: &Report) -> String {
    format!("Service levels, {}", report.title)
}

pub(super) fn body(report: &Report) -> String {
    let title = title(report);
    let mut out = format!("<h1>{}</h1>\n", escape(&title));
    out.push_str("<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Table\"><table><thead><tr><th>SLO</th><th class=\"n\">objective</th><th class=\"n\">SLI</th><th>met</th><th class=\"n\">budget left</th><th class=\"n\">incidents</th><th class=\"n\">seen</th><th>trend</th></tr></thead><tbody>\n");
    for (number, slo) in report.slos.iter().enumerate() {
        let (met, class) = met(slo);
        let shown = escape(&slo.path());
        let shown = if has_section(slo) { format!("<a href=\"#s{number}\">{shown}</a>") } else { shown };
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "<tr><td>{shown}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"{class}\">{met}</td><td class=\"n {}\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td>{}</td></tr>",
            slo.objective,
            percent(slo.sli(), 4),
            class_of(slo.remaining()),
            percent(slo.remaining(), 1),
            slo.incidents.len(),
            percent(Some(slo.coverage), 1),
            trend(slo.trend()),
        );
    }
    let _ = writeln!(
        out,
        "</tbody></table></div>\n<p class=\"small\">From {} to {}, {}. <i>Seen</i> is the share of that time that was recorded. Budgets are for the events of that time.</p>",
        moment(report.start, &report.zone),
        moment(report.end, &report.zone),
        escape(&report.zone)
    );
    for one in &report.others {
        let _ = writeln!(out, "<p>{}</p>", escape(&others(one)));
    }
    for warning in &report.warnings {
        let _ =
            writeln!(out, "<p class=\"bad\">Incomplete. The server warns: {}</p>", escape(&plain(warning)));
    }
    for (number, slo) in report.slos.iter().enumerate().filter(|(_, slo)| has_section(slo)) {
        section(&mut out, slo, number, &report.zone);
    }
    out
}

fn met(slo: &SloReview) -> (&'static str, &'static str) {
    let class = match slo.verdict() {
        Verdict::Missed => "bad",
        Verdict::Met => "good",
        Verdict::NoEvents | Verdict::TooLittleSeen => "some",
    };
    (verdict(slo.verdict()), class)
}

fn class_of(remaining: Option<f64>) -> &'static str {
    match remaining {
        None => "some",
        Some(left) if left < 0.0 => "bad",
        Some(left) if left < 0.25 => "some",
        Some(_) => "good",
    }
}

fn section(out: &mut String, slo: &SloReview, number: usize, zone: &str) {
    let _ = writeln!(
        out,
        "<h2 id=\"s{number}\">{}</h2>\n<p>{}</p>\n<p>{} of {} events were bad. Budget left: <span class=\"{}\">{}</span>. {}{}</p>",
        escape(&slo.path()),
        escape(&slo.description),
        count(slo.seen.bad()),
        count(slo.seen.total()),
        class_of(slo.remaining()),
        percent(slo.remaining(), 1),
        escape(&basis(slo)),
        before(slo),
    );
    if let Some(policy) = &slo.policy {
        let _ = writeln!(out, "<p><b>Error-budget policy.</b> {}</p>", escape(&policy.sentences(zone)));
    }
    let left: Vec<f64> = slo.left.iter().map(|(_, left)| *left).collect();
    if slo.seen.total() > 0 {
        let dates = slo.left.first().zip(slo.left.last()).map(|((start, _), (end, _))| Dates {
            start: *start,
            end: *end,
            zone,
            shaded: slo.incidents.iter().map(|one| (one.start, one.end)).collect(),
        });
        out.push_str(&burn_down_picture(&left, 0.0, dates.as_ref()));
        out.push_str(
            "<p class=\"small\">Budget left; the dashed line is spent evenly. Incidents are shaded.</p>\n",
        );
        days(out, slo, zone);
    }
    if !slo.incidents.is_empty() {
        out.push_str("<h3>Incidents</h3><div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Table\"><table><thead><tr><th>began</th><th class=\"n\">lasted</th><th class=\"n\">bad events</th><th class=\"n\">budget spent</th><th>alerts</th></tr></thead><tbody>\n");
        for one in &slo.incidents {
            let _ = writeln!(
                out,
                "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td>{}</td></tr>",
                moment(one.start, zone),
                lasted(slo, one),
                count(one.tally.bad()),
                percent(Some(one.price), 1),
                escape(&told(slo, one))
            );
        }
        out.push_str("</tbody></table></div>\n");
    }
    let worst = slo.worst_days();
    if !worst.is_empty() {
        out.push_str("<h3>Worst days</h3><div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Table\"><table><thead><tr><th>day</th><th class=\"n\">bad events</th><th class=\"n\">budget spent</th></tr></thead><tbody>\n");
        for one in worst {
            let _ = writeln!(
                out,
                "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
                day(one.start, zone),
                count(one.tally.bad()),
                percent(Some(one.price), 1)
            );
        }
        out.push_str("</tbody></table></div>\n");
    }
}

fn before(slo: &SloReview) -> String {
    slo.change.map_or_else(String::new, |change| {
        format!(
            " In the time before, {} of {} events were bad. Trend: {}; the share of bad events changed by {} to {}.",
            count(change.before.bad()),
            count(change.before.total()),
            trend(slo.trend()),
            percent(Some(change.interval.low()), 4),
            percent(Some(change.interval.high()), 4)
        )
    })
}

/// A bar for each day, as high as its spend; days that spent more than an even share have another colour.
fn days(out: &mut String, slo: &SloReview, zone: &str) {
    if slo.days.len() < 2 {
        return;
    }
    let most = slo.days.iter().map(|day| day.price).fold(f64::MIN_POSITIVE, f64::max);
    let even = 1.0 / slo.days.len().max(1) as f64;
    let _ = write!(
        out,
        "<div class=\"days\"><svg role=\"img\" aria-label=\"Budget spent by day\" viewBox=\"0 0 {} 100\" preserveAspectRatio=\"none\">",
        slo.days.len() * 10
    );
    for (index, one) in slo.days.iter().enumerate() {
        let height = (100.0 * one.price / most).max(1.0);
        let _ = write!(
            out,
            "<rect x=\"{}\" width=\"8\" y=\"{:.0}\" height=\"{height:.0}\" fill=\"{}\"><title>{}: {}</title></rect>",
            index * 10,
            100.0 - height,
            if one.price > even { "#d5502f" } else { "#3b82c4" },
            day(one.start, zone),
            percent(Some(one.price), 1)
        );
    }
    out.push_str(
        "</svg></div>\n<p class=\"small\">Budget spent by day; days in red spent more than an even share.</p>\n",
    );
}
