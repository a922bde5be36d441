//! How exact the counting of an SLO is, in words.

use super::{Backend, Options, Plan};
#[cfg(feature = "calendar")]
use crate::model::Period;
use crate::model::{Counting, HistogramKind, Service, Sli, Slo, Window};

/// What somebody should know before they trust the numbers of `slo`: the form of its tiles, and its bounds.
pub(super) fn notes(service: &Service, slo: &Slo, plan: &Plan, options: Options) -> Vec<String> {
    let mut notes = vec![counting(service, slo, plan, options)];
    if service.scrape_interval_is_assumed() {
        notes.push(format!(
            "How often its metrics are scraped is not said: costs are those of {}, and the ranges over them are long enough \
             for a scrape in {}. With `scrape_interval` in the specification, or `--scrape-interval`, the rules are cheaper \
             and more exact.",
            service.scrape_interval(),
            just_enough(plan, service.longest_scrape_interval(slo)),
        ));
    }
    if let Some(slices) = slo.slices() {
        notes.push(match slices.target() {
            Some(target) => format!(
                "Judged by slices of {}: one is bad when less than {}% of its events are good, however many it has.",
                slices.length(),
                target.to_f64() * 100.0
            ),
            None => format!(
                "Every slice of {} weighs the same: a quiet one counts as much as one of the rush hour.",
                slices.length()
            ),
        });
    }
    if !slo.by().is_empty() {
        let by: Vec<String> = slo.by().iter().map(ToString::to_string).collect();
        notes.push(format!(
            "Every value of {} has a budget and alerts of its own: series and samples are those of one of them.",
            by.join(", ")
        ));
    }
    #[cfg(feature = "calendar")]
    if let Period::Calendar(calendar) = slo.period() {
        notes.push(format!(
            "The period begins with the {} in {}, to {} at most. Its bounds are written down for two years; generate \
             the rules again before.",
            calendar.unit(),
            calendar.zone(),
            sum(plan),
        ));
    }
    notes
}

/// The scrapes of which a range over raw series always holds two.
fn just_enough(plan: &Plan, longest: Window) -> String {
    let seconds = (plan.fine().as_millis() + longest.as_millis()) / 2_000;
    Window::seconds(seconds).to_string()
}

/// The first tile of a period looks so far back.
#[cfg(feature = "calendar")]
fn sum(plan: &Plan) -> String {
    let millis = plan.fine().as_millis() + 2 * plan.coarse().as_millis();
    Window::from_millis(millis).map_or_else(|_| String::new(), |window| window.to_string())
}

fn counting(service: &Service, slo: &Slo, plan: &Plan, options: Options) -> String {
    let (tile, scrape) = (plan.fine(), service.longest_scrape_interval(slo));
    match slo.sli() {
        Sli::Latency(latency) if latency.kind() == HistogramKind::Native => format!(
            "Counted from the rate of its native histogram over each {tile} tile: exact for scrapes that come regularly. \
             A threshold between two bounds of the histogram is interpolated."
        ),
        Sli::Events(_) | Sli::Latency(_) if options.backend == Backend::VictoriaMetrics => format!(
            "Counted by VictoriaMetrics' `increase` in tiles of {tile}: every event once, also those of a series that is \
             born in the tile. Missed: what a process counted after its last scrape, at most {scrape} of events a restart."
        ),
        Sli::Events(_) | Sli::Latency(_) if options.backend == Backend::PrometheusAnchored => format!(
            "Counted from scrape to scrape in tiles of {tile}, with Prometheus' anchored ranges: every event once, also those of \
             a series that is born in an outage, and those after a restart. Missed: what a process counted after its last \
             scrape, at most {scrape} of events a restart, what a new target counted before its first, and what came between \
             two scrapes further apart than the look-back."
        ),
        Sli::Events(_) | Sli::Latency(_) => format!(
            "Counted from scrape to scrape in tiles of {tile}: every event once, also those of a series that is born in an \
             outage. Missed: what a process counted after its last scrape, at most {scrape} of events a restart; the tile \
             of a restart is estimated from the rate around it."
        ),
        Sli::Queries(counters) => {
            let [one, other] = counters.both();
            let levels = [one, other].iter().any(|query| query.counting() == Counting::Level);
            if levels {
                format!(
                    "Counted by queries that give no number of events: each {tile} tile weighs what their values say, and \
                     budgets in events mean nothing."
                )
            } else if [one, other].iter().all(|query| query.counting() == Counting::Samples) {
                format!("Counted by queries over the samples of each {tile} tile: every sample once.")
            } else {
                format!(
                    "Counted by queries over each {tile} tile and the scrape before it: exact for scrapes that come \
                     regularly. Missed: the first value of every new series, such as the first errors of an outage. \
                     Counters in place of queries do not lose it."
                )
            }
        }
        Sli::Probe(_) => format!("Every sample of each {tile} tile is an event: one that is 0 is bad."),
        Sli::Gauge(_) => format!("Looked at once in {tile}: what happens in between is missed."),
        Sli::Ratio(_) => format!(
            "A share without its events: over long windows it is the mean of its {tile} tiles, each of which weighs the \
             same. A quiet night counts as much as a rush hour, so this is not the share of users' requests that were bad; \
             give the queries of bad and of all events, where there are any."
        ),
    }
}
