//! Notes on how exactly the events of an SLO are counted.

use super::{Backend, Options, Plan};
#[cfg(feature = "calendar")]
use crate::model::Period;
use crate::model::{Counting, HistogramKind, Service, Sli, Slo, Window};

/// Notes for readers of the numbers of `slo`: how its tiles are counted, and how exact they are.
pub(super) fn notes(service: &Service, slo: &Slo, plan: &Plan, options: Options) -> Vec<String> {
    let mut notes = vec![counting(service, slo, plan, options)];
    if service.scrape_interval_is_assumed() {
        notes.push(format!(
            "The scrape interval is not set: costs assume {}, and ranges are long enough for scrapes up to \
             {} apart. For cheaper and more exact rules, set `scrape_interval` in the specification, or pass \
             `--scrape-interval`.",
            service.scrape_interval(),
            just_enough(plan, service.longest_scrape_interval(slo)),
        ));
    }
    if let Some(slices) = slo.slices() {
        notes.push(match slices.target() {
            Some(target) => format!(
                "Judged by time slices of {}: a slice is bad if less than {}% of its events are good, \
                 however few it has.",
                slices.length(),
                target.to_f64() * 100.0
            ),
            None => format!(
                "Every time slice of {} weighs the same: a quiet slice counts as much as a busy one.",
                slices.length()
            ),
        });
    }
    if !slo.by().is_empty() {
        let by: Vec<String> = slo.by().iter().map(ToString::to_string).collect();
        notes.push(format!(
            "Every value of {} has its own budget and alerts: series and samples are counted for one value.",
            by.join(", ")
        ));
    }
    #[cfg(feature = "calendar")]
    if let Period::Calendar(calendar) = slo.period() {
        notes.push(format!(
            "The period begins with the {} in {}, with an error of at most {}. The rules contain its bounds \
             for two years; generate them again before then.",
            calendar.unit(),
            calendar.zone(),
            sum(plan),
        ));
    }
    notes
}

/// The longest scrape interval at which a range over raw series always holds two scrapes.
fn just_enough(plan: &Plan, longest: Window) -> String {
    let seconds = (plan.fine().as_millis() + longest.as_millis()) / 2_000;
    Window::seconds(seconds).to_string()
}

/// How far back the first tile of a period looks.
#[cfg(feature = "calendar")]
fn sum(plan: &Plan) -> String {
    let millis = plan.fine().as_millis() + 2 * plan.coarse().as_millis();
    Window::from_millis(millis).map_or_else(|_| String::new(), |window| window.to_string())
}

fn counting(service: &Service, slo: &Slo, plan: &Plan, options: Options) -> String {
    let (tile, scrape) = (plan.fine(), service.longest_scrape_interval(slo));
    match slo.sli() {
        Sli::Latency(latency) if latency.kind() == HistogramKind::Native => format!(
            "Counted from the rate of its native histogram over each {tile} tile: exact if scrapes are \
             regular. A threshold between two bucket bounds of the histogram is interpolated."
        ),
        Sli::Events(_) | Sli::Latency(_) if options.backend == Backend::VictoriaMetrics => format!(
            "Counted with VictoriaMetrics' `increase` in tiles of {tile}: every event once, including the \
             first events of a new series. Missed: events between a process' last scrape and its exit, at \
             most {scrape} of events per restart."
        ),
        Sli::Events(_) | Sli::Latency(_) if options.backend == Backend::PrometheusAnchored => format!(
            "Counted from scrape to scrape in tiles of {tile}, with Prometheus' anchored ranges: every event \
             once, including the first events of a new series and the events after a restart. Missed: events \
             between a process' last scrape and its exit, at most {scrape} of events per restart; events of \
             a new target before its first scrape; and events between two scrapes that are further apart \
             than the look-back."
        ),
        Sli::Events(_) | Sli::Latency(_) => format!(
            "Counted from scrape to scrape in tiles of {tile}: every event once, including the first events \
             of a new series. Missed: events between a process' last scrape and its exit, at most {scrape} \
             of events per restart. The tile of a restart is estimated from the rate around it."
        ),
        Sli::Queries(counters) => {
            let [one, other] = counters.both();
            let levels = [one, other].iter().any(|query| query.counting() == Counting::Level);
            if levels {
                format!(
                    "Counted by queries that do not count events: each {tile} tile is weighted by their \
                     values, and budgets in events have no meaning."
                )
            } else if [one, other].iter().all(|query| query.counting() == Counting::Samples) {
                format!("Counted by queries over the samples of each {tile} tile: every sample once.")
            } else {
                format!(
                    "Counted by queries over each {tile} tile and the scrape before it: exact if scrapes are \
                     regular. Missed: the first value of every new series, such as the first errors of an \
                     outage. To count it, write counters instead of queries."
                )
            }
        }
        Sli::Probe(_) => format!("Every sample of each {tile} tile is an event: a sample of 0 is bad."),
        Sli::Gauge(_) => format!("Evaluated once every {tile}: changes in between are missed."),
        Sli::Ratio(_) => format!(
            "The number of events is not known: over long windows, the ratio is the mean of its {tile} \
             tiles, and each tile weighs the same. A quiet night counts as much as a rush hour, so this is \
             not the share of bad requests. If possible, write the queries of bad and of all events \
             instead."
        ),
    }
}
