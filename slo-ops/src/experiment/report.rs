//! Findings as a report.

use super::{Finding, SloFinding, Verdict};
use slo_core::{artifact::html_page, page::escape, plain};
use std::fmt::Write;

/// The width and height of a picture.
const SIZE: (f64, f64) = (640.0, 160.0);

/// The findings as Markdown, the newest last.
///
/// Texts of people are escaped, so that they make no markup.
#[must_use]
pub fn markdown(findings: &[Finding]) -> String {
    let mut out = "# Experiments\n".to_owned();
    for finding in findings {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "\n## {}: {}\n", clean(&finding.experiment), finding.outcome.as_str());
        if !finding.description.is_empty() {
            let _ = writeln!(out, "{}\n", clean(&finding.description));
        }
        for (name, value) in facts(finding) {
            let _ = writeln!(out, "- {name}: {}", clean(&value));
        }
        out.push_str("\n| SLO | verdict | bad events | burn rate | tolerated | without a fault | budget spent |\n|---|---|--:|--:|--:|--:|--:|\n");
        for slo in &finding.slos {
            let cells = [
                verdict(slo),
                events(slo),
                rate(slo.burn_rate),
                rate(Some(slo.tolerated_burn_rate)),
                rate(slo.usual_burn_rate),
                percent(slo.spent),
            ];
            let _ = writeln!(out, "| {} | {} |", clean(&slo.slo), cells.join(" | "));
        }
        let _ = writeln!(out, "\n**Next:** {}", clean(&finding.next_step));
    }
    out
}

/// The findings as a page, the newest last, with a picture of the bad events of each SLO.
#[must_use]
pub fn html(findings: &[Finding]) -> String {
    let mut out = "<h1>Experiments</h1>\n<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Table\"><table><thead><tr><th>experiment</th><th>outcome</th><th>fault</th><th class=\"n\">lasted</th><th class=\"n\">budget spent</th></tr></thead><tbody>\n".to_owned();
    for (number, finding) in findings.iter().enumerate() {
        let spent = finding.slos.iter().map(|slo| slo.spent).fold(0.0, f64::max);
        let _ = writeln!(
            out,
            "<tr><td><a href=\"#r{number}\">{}</a></td><td class=\"{}\">{}</td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
            text(&finding.experiment),
            class(finding.outcome.as_str()),
            finding.outcome.as_str(),
            text(&finding.fault),
            seconds(finding.lasted_seconds),
            percent(spent),
        );
    }
    out.push_str("</tbody></table></div>\n");
    for (number, finding) in findings.iter().enumerate() {
        section(&mut out, number, finding);
    }
    html_page("Experiments", &out)
}

fn section(out: &mut String, number: usize, finding: &Finding) {
    let outcome = finding.outcome.as_str();
    let _ = writeln!(
        out,
        "<h2 id=\"r{number}\">{}: <span class=\"{}\">{outcome}</span></h2>",
        text(&finding.experiment),
        class(outcome)
    );
    if !finding.description.is_empty() {
        let _ = writeln!(out, "<p>{}</p>", text(&finding.description));
    }
    out.push_str("<table><tbody>\n");
    for (name, value) in facts(finding) {
        let _ = writeln!(out, "<tr><td>{name}</td><td>{}</td></tr>", text(&value));
    }
    out.push_str("</tbody></table>\n<h3>SLOs</h3>\n<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Table\"><table><thead><tr><th>SLO</th><th>verdict</th><th class=\"n\">bad events</th><th class=\"n\">burn rate</th><th class=\"n\">tolerated</th><th class=\"n\">without a fault</th><th class=\"n\">budget spent</th></tr></thead><tbody>\n");
    for slo in &finding.slos {
        let _ = writeln!(
            out,
            "<tr><td>{}</td><td class=\"{}\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
            text(&slo.slo),
            class(slo.verdict.as_str()),
            verdict(slo),
            events(slo),
            rate(slo.burn_rate),
            rate(Some(slo.tolerated_burn_rate)),
            rate(slo.usual_burn_rate),
            percent(slo.spent),
        );
    }
    out.push_str("</tbody></table></div>\n");
    for slo in finding.slos.iter().filter(|slo| slo.course.len() > 1) {
        let _ = writeln!(
            out,
            "{}\n<p class=\"small\">{}: bad events since the fault began. The dashed line is what is tolerated.</p>",
            picture(slo),
            text(&slo.slo)
        );
    }
    let _ = writeln!(out, "<p><b>Next:</b> {}</p>", text(&finding.next_step));
}

/// What is told of a run besides its SLOs.
fn facts(finding: &Finding) -> Vec<(&'static str, String)> {
    let mut facts = vec![("run", finding.run.clone()), ("fault", finding.fault.clone())];
    if let Some(at) = &finding.injected {
        let lasted = finding
            .lasted_seconds
            .map_or_else(String::new, |lasted| format!(", for {}", seconds(Some(lasted))));
        facts.push(("injected", format!("{at}{lasted}")));
    }
    facts.extend(finding.stop.as_ref().map(|stop| ("stopped because", stop.to_string())));
    facts.extend(finding.alerted_seconds.map(|time| ("first alert after", seconds(Some(time)))));
    facts.extend(finding.undone_seconds.map(|time| ("undone within", seconds(Some(time)))));
    facts.extend(finding.recovered_seconds.map(|time| ("recovered after", seconds(Some(time)))));
    for slo in &finding.slos {
        facts.extend(slo.labels.iter().map(|found| ("found", format!("{}: {found}", slo.slo))));
    }
    facts.extend(finding.not_undone.iter().map(|left| ("not undone", left.clone())));
    facts
}

/// Bad events over time, and what is tolerated.
fn picture(slo: &SloFinding) -> String {
    let (width, height) = SIZE;
    let most_seconds = slo.course.iter().map(|look| look.seconds).fold(1.0, f64::max);
    let tolerated = |events: u64| slo.tolerated * events as f64;
    let most =
        slo.course.iter().map(|look| (look.bad as f64).max(tolerated(look.events))).fold(1.0, f64::max);
    let (left, bottom, top) = (48.0, height - 22.0, 8.0);
    let x = |seconds: f64| left + seconds / most_seconds * (width - left - 8.0);
    let y = |events: f64| bottom - events / most * (bottom - top);
    let line = |value: &dyn Fn(&super::Look) -> f64| {
        let start = format!("{:.1},{:.1}", x(0.0), y(0.0));
        let points = slo.course.iter().map(|look| format!("{:.1},{:.1}", x(look.seconds), y(value(look))));
        std::iter::once(start).chain(points).collect::<Vec<_>>().join(" ")
    };
    format!(
        "<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"bad events of {name}\">\
         <line x1=\"{left}\" x2=\"{right}\" y1=\"{bottom}\" y2=\"{bottom}\" stroke=\"currentColor\" stroke-opacity=\"0.4\"/>\
         <polyline points=\"{allowed}\" fill=\"none\" stroke=\"currentColor\" stroke-dasharray=\"4 4\"/>\
         <polyline points=\"{bad}\" fill=\"none\" stroke=\"#d5502f\" stroke-width=\"2\"/>\
         <g fill=\"currentColor\" font-size=\"11\"><text x=\"{end}\" y=\"{top_text}\" text-anchor=\"end\">{most:.0}</text>\
         <text x=\"{end}\" y=\"{bottom}\" text-anchor=\"end\">0</text>\
         <text x=\"{right}\" y=\"{below}\" text-anchor=\"end\">{last}</text></g></svg>",
        name = text(&slo.slo),
        right = width - 8.0,
        allowed = line(&|look| tolerated(look.events)),
        bad = line(&|look| look.bad as f64),
        end = left - 6.0,
        top_text = top + 8.0,
        below = bottom + 16.0,
        last = seconds(Some(most_seconds)),
    )
}

fn class(word: &str) -> &'static str {
    match word {
        "held" => "good",
        "broken" => "bad",
        _ => "some",
    }
}

fn verdict(slo: &SloFinding) -> String {
    match slo.verdict {
        Verdict::Inconclusive { events_needed: Some(needed) } => {
            format!("inconclusive, {needed} more events needed")
        }
        verdict => verdict.as_str().to_owned(),
    }
}

fn events(slo: &SloFinding) -> String {
    format!("{} of {}", slo.bad, slo.events)
}

fn rate(rate: Option<f64>) -> String {
    rate.map_or_else(|| "–".to_owned(), |rate| format!("{rate:.2}"))
}

fn percent(share: f64) -> String {
    format!("{:.3} %", share * 100.0)
}

fn seconds(seconds: Option<f64>) -> String {
    match seconds {
        None => "–".to_owned(),
        Some(seconds) if seconds < 1.0 => format!("{:.0} ms", seconds * 1_000.0),
        Some(seconds) if seconds < 120.0 => format!("{seconds:.1} s"),
        Some(seconds) => format!("{:.1} min", seconds / 60.0),
    }
}

fn text(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    escape(&plain(&text))
}

/// Text of people in Markdown, in one line.
fn clean(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = plain(&text);
    // A heading or a list would begin with one of these.
    let start = if text.starts_with(['#', '-', '+']) { "\\" } else { "" };
    text.chars().fold(start.to_owned(), |mut out, character| {
        if "\\`*_[]<>|~".contains(character) {
            out.push('\\');
        }
        out.push(character);
        out
    })
}
