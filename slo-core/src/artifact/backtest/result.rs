//! The backtest of one SLO.

use super::super::words::{count, length, moment, percent};
use crate::{
    Error,
    math::{BurnRate, Tally},
    model::{Objective, Service, Slo, Tier, Timestamp},
    plain,
    replay::{Backtest, History, Score, Series},
};

/// The number of parts of the time that are drawn, each with its highest burn rate.
const PARTS: usize = 600;

/// The backtest of one SLO, or of one of its groups.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SloBacktest {
    /// The service.
    pub service: String,
    /// The SLO.
    pub slo: String,
    /// The labels and values of the group; empty without groups.
    pub group: Vec<(String, String)>,
    /// The share of events that must be good.
    pub objective: Objective,
    /// The SLO's period, such as `30d`.
    pub period: String,
    /// When the history begins.
    pub start: Timestamp,
    /// When it ends.
    pub end: Timestamp,
    /// The length of its steps, in seconds.
    pub step_seconds: f64,
    /// The share of its steps with data.
    pub coverage: f64,
    /// Its events.
    pub seen: Tally,
    /// Each time that the alert of a tier fired, in order.
    pub alerts: Vec<SloFired>,
    /// The number of pages; tiers that fire at the same time are one page.
    pub pages: usize,
    /// The number of pages that were not about an incident.
    pub false_pages: usize,
    /// The number of tickets; tiers that fire at the same time are one ticket.
    pub tickets: usize,
    /// The stretches that spent 2 % of the period's budget or more, beyond the allowed rate.
    pub incidents: Vec<SloIncident>,
    /// The share of pages that were about an incident; `None` without pages.
    pub precision: Option<f64>,
    /// The share of incidents that paged; `None` without incidents.
    pub recall: Option<f64>,
    // The highest burn rate in each part of the time.
    peaks: Vec<f64>,
}

/// A time during which the alert of a tier would have fired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SloFired {
    /// The tier.
    pub tier: Tier,
    /// The evaluation at which it began.
    pub start: Timestamp,
    /// The evaluation at which it ended; `None` if it still fires at the end of the history.
    pub end: Option<Timestamp>,
}

/// An incident, and its detection by a page.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct SloIncident {
    /// Its beginning.
    pub start: Timestamp,
    /// Its end.
    pub end: Timestamp,
    /// Its events.
    pub tally: Tally,
    /// The share of the period's budget that it spent beyond the allowed rate.
    pub excess: f64,
    /// Seconds from its beginning to its page; `None` without a page.
    pub seconds: Option<f64>,
    /// The share of the period's budget that it had spent by then, or in total without a page.
    pub spent: f64,
}

impl SloFired {
    /// How long it fired, in words.
    #[must_use]
    pub fn lasted(&self, end_of_history: Timestamp) -> String {
        let lasted = length(self.end.unwrap_or(end_of_history).millis_since(self.start));
        if self.end.is_some() { lasted } else { format!("{lasted}, still firing") }
    }
}

impl SloIncident {
    /// How long it lasted, in words.
    #[must_use]
    pub fn lasted(&self) -> String {
        length(self.end.millis_since(self.start))
    }
}

impl SloBacktest {
    /// The backtest of an SLO, or of one `group` of its events.
    ///
    /// ```
    /// use slo_core::{artifact::{BacktestPage, SloBacktest}, model::{Timestamp, Window}, replay::{Backtest, History, Replay}};
    ///
    /// let text = "{version: slo/v1, service: a, slos: [{name: b, objective: 99.9%, window: 30d,
    ///     sli: {events: {total: requests_total, bad: errors_total}}}]}";
    /// let service = slo_core::spec::parse(text)?.remove(0);
    /// let slo = &service.slos()[0];
    /// // Ten days of minutes; everything fails for ten of them.
    /// let (total, mut bad) = (vec![600; 14_400], vec![0; 14_400]);
    /// bad[10_000..10_010].fill(600);
    /// let history = History { start: Timestamp::EPOCH, step: Window::minutes(1), total, bad, gaps: vec![] };
    /// let replay = Replay::new(slo.objective(), Window::days(30));
    /// let series = history.series()?;
    /// let done = Backtest::of(&series, slo.policy().tiers(), &replay)?;
    /// let score = done.score(&series, &replay)?.0;
    /// let shown = SloBacktest::of(&service, slo, vec![], &history, &done, &score)?;
    /// assert_eq!(shown.summary(), "1 page, none false; 1 ticket; 1 incident, 1 of them paged");
    /// let page = BacktestPage { zone: "UTC".to_owned(), slos: vec![shown] };
    /// assert_eq!(page.to_json()["slos"][0]["incidents"][0]["paged_after_seconds"], 60.0);
    /// assert!(page.to_html().contains("<svg "));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Columns that do not make a [`Series`].
    pub fn of(
        service: &Service,
        slo: &Slo,
        group: Vec<(String, String)>,
        history: &History,
        done: &Backtest,
        score: &Score,
    ) -> Result<Self, Error> {
        let series = history.series()?;
        let len = series.len();
        let alerts = done.fired().iter().map(|fired| SloFired {
            tier: fired.tier,
            start: series.end_of(fired.episode.start),
            end: (fired.episode.end < len).then(|| series.end_of(fired.episode.end)),
        });
        let incidents = score.incidents.iter().map(|one| SloIncident {
            start: series.time_after(one.incident.start),
            end: series.time_after(one.incident.end),
            tally: one.incident.tally,
            excess: one.incident.excess,
            seconds: one.seconds,
            spent: one.spent,
        });
        let missing: usize = history.gaps.iter().map(ExactSizeIterator::len).sum();
        Ok(Self {
            service: service.name().to_string(),
            slo: slo.name().to_string(),
            group,
            objective: slo.objective(),
            period: slo.period().to_string(),
            start: series.start(),
            end: series.time_after(len),
            step_seconds: series.step().as_seconds().to_f64(),
            coverage: len.saturating_sub(missing) as f64 / len.max(1) as f64,
            seen: series.total(),
            alerts: alerts.collect(),
            pages: done.pages().len(),
            false_pages: score.alerts.saturating_sub(score.true_alerts),
            tickets: done.tickets().len(),
            incidents: incidents.collect(),
            precision: score.precision(),
            recall: score.recall(),
            peaks: peaks(&series, slo.objective()),
        })
    }

    /// The highest burn rate in each of some parts of the time.
    pub(super) fn peaks(&self) -> &[f64] {
        &self.peaks
    }

    /// The SLO, and its group.
    #[must_use]
    pub fn name(&self) -> String {
        let slo = format!("{}/{}", self.service, self.slo);
        let name = self.group.iter().fold(slo, |name, (label, value)| format!("{name} {label}={value}"));
        plain(&name).into_owned()
    }

    /// The history, in words.
    #[must_use]
    pub fn history(&self, zone: &str) -> String {
        let missing = if self.coverage < 1.0 {
            format!("; {} of the time is missing", percent(Some(1.0 - self.coverage), 1))
        } else {
            String::new()
        };
        format!(
            "{} over {}; {} to {}: {} of {} events were bad{missing}",
            self.objective,
            self.period,
            moment(self.start, zone),
            moment(self.end, zone),
            count(self.seen.bad()),
            count(self.seen.total()),
        )
    }

    /// The result, in words.
    #[must_use]
    pub fn summary(&self) -> String {
        let some =
            |number: usize, noun: &str| format!("{number} {noun}{}", if number == 1 { "" } else { "s" });
        let falsely = match (self.pages, self.false_pages) {
            (0, _) => String::new(),
            (_, 0) => ", none false".to_owned(),
            (_, number) => format!(", {number} false"),
        };
        let paged = self.incidents.iter().filter(|one| one.seconds.is_some()).count();
        let paged =
            if self.incidents.is_empty() { String::new() } else { format!(", {paged} of them paged") };
        format!(
            "{}{falsely}; {}; {}{paged}",
            some(self.pages, "page"),
            some(self.tickets, "ticket"),
            some(self.incidents.len(), "incident")
        )
    }
}

/// The highest burn rate in each part of the time, over an hour, or over a step if that is longer: over
/// shorter times, it is noise at low traffic.
fn peaks(series: &Series<'_>, objective: Objective) -> Vec<f64> {
    let hour = usize::try_from(3_600_000 / series.step().as_millis().max(1)).unwrap_or(1).max(1);
    let parts = series.len().clamp(1, PARTS);
    let edge = |part: usize| series.len() * part / parts;
    let rate = |end: usize| BurnRate::of(series.window(end, hour), objective).map_or(0.0, BurnRate::value);
    (0..parts).map(|part| (edge(part) + 1..=edge(part + 1)).map(rate).fold(0.0, f64::max)).collect()
}
