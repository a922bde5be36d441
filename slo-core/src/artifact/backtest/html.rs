//! A backtest as a page.

use super::{
    super::words::{count, html_page, moment, percent},
    BacktestPage, SloBacktest,
    picture::picture,
};
use crate::{model::Severity, page::escape, replay::Replay};
use std::fmt::Write;

pub(super) fn page(page: &BacktestPage) -> String {
    let mut out = "<h1>Backtest: what the alerts would have done</h1>\n".to_owned();
    out.push_str("<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Table\"><table><thead><tr><th>SLO</th><th class=\"n\">pages</th><th class=\"n\">false pages</th><th class=\"n\">tickets</th><th class=\"n\">incidents</th><th class=\"n\">incidents paged</th></tr></thead><tbody>\n");
    for (number, slo) in page.slos.iter().enumerate() {
        let _ = writeln!(
            out,
            "<tr><td><a href=\"#s{number}\">{}</a></td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
            escape(&slo.name()),
            slo.pages,
            slo.false_pages,
            slo.tickets,
            slo.incidents.len(),
            percent(slo.recall, 0),
        );
    }
    let _ = writeln!(
        out,
        "</tbody></table></div>\n<p class=\"small\">Times are in {}. An incident spent {} of a period's \
         budget or more, beyond the allowed rate. A page is false if it was not about an incident.</p>",
        escape(&page.zone),
        percent(Some(Replay::SIGNIFICANT), 0),
    );
    for (number, slo) in page.slos.iter().enumerate() {
        section(&mut out, slo, number, &page.zone);
    }
    html_page("Backtest", &out)
}

fn section(out: &mut String, slo: &SloBacktest, number: usize, zone: &str) {
    let _ = writeln!(
        out,
        "<h2 id=\"s{number}\">{}</h2>\n<p>{}.</p>\n<p><b>{}</b>.</p>\n{}\n<p class=\"small\">The highest burn rate over an hour, for \
         each part of the time; incidents are shaded. Below: when alerts fired, pages in red, tickets in \
         yellow.</p>",
        escape(&slo.name()),
        escape(&slo.history(zone)),
        escape(&slo.summary()),
        picture(slo, zone),
    );
    if !slo.incidents.is_empty() {
        out.push_str("<h3>Incidents</h3><div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Table\"><table><thead><tr><th>began</th><th class=\"n\">lasted</th><th class=\"n\">bad events</th><th class=\"n\">excess budget spent</th><th class=\"n\">paged after</th><th class=\"n\">budget spent by then</th></tr></thead><tbody>\n");
        for one in &slo.incidents {
            let paged = one
                .seconds
                .map_or_else(|| "never".to_owned(), |seconds| format!("{:.1} min", seconds / 60.0));
            let class = if one.seconds.is_some() { "" } else { " bad" };
            let _ = writeln!(
                out,
                "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n{class}\">{paged}</td><td class=\"n\">{}</td></tr>",
                moment(one.start, zone),
                one.lasted(),
                count(one.tally.bad()),
                percent(Some(one.excess), 1),
                percent(Some(one.spent), 1),
            );
        }
        out.push_str("</tbody></table></div>\n");
    }
    if !slo.alerts.is_empty() {
        out.push_str("<h3>Alerts</h3><div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Table\"><table><thead><tr><th>fired</th><th>alert</th><th>severity</th><th class=\"n\">lasted</th></tr></thead><tbody>\n");
        for alert in &slo.alerts {
            let class = if alert.tier.severity() == Severity::Page { "bad" } else { "some" };
            let _ = writeln!(
                out,
                "<tr><td>{}</td><td>{}</td><td class=\"{class}\">{}</td><td class=\"n\">{}</td></tr>",
                moment(alert.start, zone),
                alert.tier.burn(),
                alert.tier.severity(),
                escape(&alert.lasted(slo.end)),
            );
        }
        out.push_str("</tbody></table></div>\n");
    }
}
