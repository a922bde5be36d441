//! The status page.

use super::report::StatusReport;
use crate::{Service, SloStatus, State};
use slo_core::{
    model::Severity,
    page::{STYLE, burn_rate, duration, escape, percent},
};
use std::fmt::Write;

/// Replaces the page's content every second; says so when the service no longer answers.
const SCRIPT: &str = r"
const stale = document.getElementById('stale');
let last = Date.now();
setInterval(async () => {
  try {
    const response = await fetch(location.href, {cache: 'no-store'});
    if (!response.ok) throw new Error(response.status);
    const page = new DOMParser().parseFromString(await response.text(), 'text/html');
    document.querySelector('main').replaceWith(page.querySelector('main'));
    document.title = page.title;
    last = Date.now();
    stale.hidden = true;
  } catch {
    stale.textContent = `No answer for ${Math.round((Date.now() - last) / 1000)} s: these numbers are old.`;
    stale.hidden = false;
  }
}, 1000);
";

/// The page `/slo` of one or several services, which refreshes itself.
///
/// It is for servers without an axum router; those with one use `status_routes`.
///
/// ```
/// use slo_instrument::{Service, status_page};
///
/// let service = Service::builder("checkout").availability("99.9%").install()?;
/// assert!(status_page(&[service]).contains("checkout"));
/// # Ok::<(), slo_instrument::Error>(())
/// ```
#[must_use]
pub fn status_page(services: &[Service]) -> String {
    render(&StatusReport::of(services))
}

fn render(report: &StatusReport) -> String {
    let rows: String = report.slos.iter().map(row).collect();
    let scale = match report.time_scale {
        1 => String::new(),
        speed => format!("Time runs {speed}× faster here. "),
    };
    let (headline, detail, class) = headline(&report.slos);
    format!(
        r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{STYLE}</style>
<noscript><meta http-equiv="refresh" content="2"></noscript>
<p id="stale" class="stale" role="alert" hidden></p>
<main>
<header class="headline {class}"><h1>{headline}</h1><p>{detail}</p></header>
<table class="slos">
<thead><tr><th>State<th>SLO<th class="n">SLI <small>so far</small><th class="n">Burn rate<th class="n">Budget left <small>of the period</small><th class="n">Lasts</tr></thead>
<tbody>{rows}</tbody>
</table>
<footer>{scale}Counted in this process since it started; earlier parts of a period count as free of bad events.
The budget left of the period assumes that no more bad events come.
<a href="slo.json">JSON</a></footer>
</main>
<script>{SCRIPT}</script>
</html>
"#,
        title = if class == "ok" { "SLOs: ok".to_owned() } else { format!("● {headline}") },
    )
}

/// The first line for an engineer who was just paged.
fn headline(slos: &[SloStatus]) -> (String, String, &'static str) {
    let is_urgent = |state| matches!(state, State::Page | State::Exhausted | State::Ticket | State::Invalid);
    let urgent: Vec<&SloStatus> = slos.iter().filter(|slo| is_urgent(slo.state)).collect();
    let counted: Vec<&SloStatus> = slos.iter().filter(|slo| slo.state != State::NotCounted).collect();
    let silent = counted.iter().filter(|slo| slo.state == State::NoData).count();
    let Some(worst) = urgent.first() else {
        return match silent {
            0 if counted.is_empty() => (
                "Only the rules judge these SLOs".to_owned(),
                "This process counts none of them.".to_owned(),
                "none",
            ),
            0 => (format!("{} SLOs are within budget", counted.len()), "Nothing to do.".to_owned(), "ok"),
            silent if silent == counted.len() => {
                ("No events yet".to_owned(), "Nothing has been counted so far.".to_owned(), "none")
            }
            silent => {
                let good = counted.len() - silent;
                (format!("{good} SLOs are within budget"), format!("{silent} have no events yet."), "ok")
            }
        };
    };
    let name = format!("{}/{}", escape(&worst.service), escape(&worst.slo));
    let burn = escape(&burn_rate(burn_of_fastest(worst)));
    let headline = match (worst.state, worst.time_to_exhaustion) {
        (State::Invalid, _) => format!("{name} cannot be counted"),
        (State::Exhausted, _) => format!("{name} has spent its error budget"),
        (_, Some(seconds)) if seconds <= 0.0 => format!("{name} burns at {burn}: its budget is gone"),
        (_, Some(seconds)) => format!("{name} burns at {burn}: its budget lasts {}", duration(seconds)),
        (_, None) => format!("{name} is burning its error budget"),
    };
    let others = match urgent.len() {
        1 if silent == 0 => "The other SLOs are fine.".to_owned(),
        1 => format!("1 of {} SLOs is alerting.", counted.len()),
        count => format!("{count} of {} SLOs are alerting.", counted.len()),
    };
    let detail = worst.problem.as_deref().unwrap_or(&worst.description);
    (headline, format!("{} {others}", escape(detail)), class(worst.state))
}

fn row(slo: &SloStatus) -> String {
    let left = slo.projected_budget_remaining;
    let width = left.unwrap_or(0.0).clamp(0.0, 1.0) * 100.0;
    let windows = burn_windows(slo);
    let lasts = match slo.time_to_exhaustion {
        Some(seconds) if seconds <= 0.0 => "gone".to_owned(),
        Some(seconds) if seconds < slo.period_seconds => duration(seconds),
        _ if slo.total == 0 => "–".to_owned(),
        _ => format!("&gt; {}", slo.period),
    };
    format!(
        r#"
<tr class="{class}"><td class="at"><b class="state">{state}</b>
<td class="name"><strong>{service}/{name}</strong><br><small>{description}</small>
<td class="n sli">{sli}<br><small>of {objective}</small>
<td class="n burn">{windows}
<td class="n budget"><span title="{observed} left for the events seen; {coverage} of the period seen">{left}</span><svg class="meter{level}" viewBox="0 0 100 5" preserveAspectRatio="none" aria-hidden="true"><path d="M0 2h{width:.1}"/></svg>
<td class="n lasts">{lasts}</tr>"#,
        class = class(slo.state),
        state = label(slo.state),
        service = escape(&slo.service),
        name = escape(&slo.slo),
        description = escape(slo.problem.as_deref().unwrap_or(&slo.description)),
        sli = percent(slo.sli, 3),
        objective = slo.objective,
        level = if width < LOW { " low" } else { "" },
        left = percent(left, 1),
        observed = percent(slo.budget_remaining, 1),
        coverage = percent(Some(slo.coverage), 2),
    )
}

/// Percent of the budget below which its bar warns.
const LOW: f64 = 25.0;

/// Burn rates over the windows of the tiers that page: what an on-call engineer acts on.
fn burn_windows(slo: &SloStatus) -> String {
    let paging = || slo.tiers.iter().filter(|tier| tier.severity == Severity::Page);
    let windows = paging().take(1).map(|tier| tier.short).chain(paging().map(|tier| tier.long));
    windows.fold(String::new(), |mut text, window| {
        let rate = slo.burn_rate(window);
        let class = if rate.is_some_and(|rate| rate > 1.0) { "high" } else { "" };
        let _ = write!(
            text,
            "<span class=\"{class}\"><small>{window}</small> {}</span>",
            escape(&burn_rate(rate))
        );
        text
    })
}

fn burn_of_fastest(slo: &SloStatus) -> Option<f64> {
    slo.burn_rate(slo.tiers.first()?.long)
}

const fn class(state: State) -> &'static str {
    match state {
        State::Page => "page",
        State::Exhausted => "spent",
        State::Ticket => "ticket",
        State::Invalid => "invalid",
        State::Ok => "ok",
        State::NoData | State::NotCounted => "none",
    }
}

const fn label(state: State) -> &'static str {
    match state {
        State::Page => "Page",
        State::Exhausted => "Spent",
        State::Ticket => "Ticket",
        State::Invalid => "Invalid",
        State::Ok => "OK",
        State::NoData => "No data",
        State::NotCounted => "By rules",
    }
}
