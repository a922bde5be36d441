//! Reports: how SLOs did in a month, a quarter, or any other time.

mod fired;
mod html;
mod markdown;

pub use fired::Fired;

use super::words::length;
use crate::{
    Error,
    math::{BurnRate, ErrorBudget, Tally, incident_spend},
    model::{Calendar, CalendarUnit, Objective, Ratio, Service, Slo, Window},
    plain,
    replay::{Change, Series, incidents},
    stats::{Confidence, poisson_at_least},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How SLOs did in a time. Not `non_exhaustive`: who makes a report knows all of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Such as `2026-10`.
    pub title: String,
    /// The time zone of its days.
    pub zone: String,
    /// Its beginning, in milliseconds since the Unix epoch.
    pub start: i64,
    /// Its end: now, where the time is not over.
    pub end: i64,
    /// The SLOs.
    pub slos: Vec<SloReport>,
    /// Groups of SLOs that are counted, not shown.
    pub others: Vec<Others>,
    /// What the server warned of, such as a partial answer: with any, the report is incomplete.
    pub warnings: Vec<String>,
}

/// Groups of an SLO that spent less than those that are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Others {
    /// The service.
    pub service: String,
    /// The SLO.
    pub slo: String,
    /// How many groups.
    pub groups: usize,
    /// How many of them missed the objective.
    pub missed: usize,
    /// Their events.
    pub seen: Tally,
}

/// How an SLO did.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SloReport {
    /// The service.
    pub service: String,
    /// The SLO.
    pub slo: String,
    /// Of an SLO with groups, the labels and values of this one.
    pub group: Vec<(String, String)>,
    /// What is promised, in words; may be empty.
    pub description: String,
    /// The share of events that must be good.
    pub objective: Objective,
    /// The SLO's own period, such as `30d`.
    pub period: String,
    /// The events.
    pub seen: Tally,
    /// The share of the time that was recorded.
    pub coverage: f64,
    /// What spent more than its due, by more than chance would have it at the fastest alert's factor.
    pub incidents: Vec<Priced>,
    /// The alerts that fired, as far as they are known.
    pub alerts: Vec<Fired>,
    /// Each day.
    pub days: Vec<Priced>,
    /// The share of the time's budget that is left: a point for each of some moments, in milliseconds since the Unix epoch.
    pub left: Vec<(i64, f64)>,
    /// Against the time before, where there were events.
    pub change: Option<Change>,
}

/// A stretch of time, and what it spent.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Priced {
    /// Its beginning, in milliseconds since the Unix epoch.
    pub start: i64,
    /// Its end.
    pub end: i64,
    /// Its events.
    pub tally: Tally,
    /// The share of the whole time's budget that it spent.
    pub price: f64,
}

/// An incident spends at least this share of the budget.
const SIGNIFICANT: f64 = 0.01;
/// The probability of an incident where a service burns exactly its budget, as that of a guarded alert.
const CHANCE: f64 = 0.001;
/// Points of a burn-down.
const POINTS: usize = 400;
/// A time of which less was seen has no verdict.
const LITTLE: f64 = 0.5;
/// The worst days that are listed.
const WORST: usize = 5;

impl Priced {
    /// The same with the edges of what `fine`, of shorter steps around it, knows to have spent more than its due; as it is
    /// where that knows of nothing. Its events and its price stay.
    ///
    /// ```
    /// use slo_core::{artifact::SloReport, model::Window, replay::Series};
    ///
    /// let text = "{version: slo/v1, service: a, slos: [{name: b, objective: 99.9%, window: 30d,
    ///     sli: {events: {total: requests_total, bad: errors_total}}}]}";
    /// let service = slo_core::spec::parse(text)?.remove(0);
    /// let slo = &service.slos()[0];
    /// let hours = Series::new(0, Window::hours(1), &[1_000; 3], &[0, 100, 0])?;
    /// let incident = SloReport::of(&service, slo, &hours, 0, None, "UTC")?.incidents[0];
    /// assert_eq!((incident.start, incident.end), (3_600_000, 7_200_000));
    /// let quarters = Series::new(0, Window::minutes(15), &[250; 12], &[0, 0, 0, 0, 0, 60, 40, 0, 0, 0, 0, 0])?;
    /// let narrow = incident.narrowed(&quarters, slo.objective());
    /// assert_eq!((narrow.start, narrow.end, narrow.price), (4_500_000, 6_300_000, incident.price));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn narrowed(self, fine: &Series<'_>, objective: Objective) -> Self {
        let spends = |step: &usize| fine.at(*step).exceeds(objective.budget());
        let (first, last) = ((0..fine.len()).find(spends), (0..fine.len()).rev().find(spends));
        first.zip(last).map_or(self, |(first, last)| Self {
            start: fine.time_after(first),
            end: fine.time_after(last + 1),
            ..self
        })
    }
}

impl SloReport {
    /// What `series` says of an SLO; `unseen` of its steps were not recorded. `before` is the time before it, and days are
    /// those of `zone`.
    ///
    /// ```
    /// use slo_core::{artifact::SloReport, model::Window, replay::Series};
    ///
    /// let text = "{version: slo/v1, service: a, slos: [{name: b, objective: 99.9%, window: 30d,
    ///     sli: {events: {total: requests_total, bad: errors_total}}}]}";
    /// let service = slo_core::spec::parse(text)?.remove(0);
    /// let mut bad = vec![0; 48];
    /// bad[30] = 24;
    /// let series = Series::new(0, Window::hours(1), &[1_000; 48], &bad)?;
    /// let report = SloReport::of(&service, &service.slos()[0], &series, 0, None, "UTC")?;
    /// assert_eq!((report.met(), report.remaining()), (Some(true), Some(0.5)));
    /// assert_eq!((report.incidents.len(), report.days[1].price), (1, 0.5));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// A zone that is not known, or numbers that do not fit 128 bits.
    pub fn of(
        service: &Service,
        slo: &Slo,
        series: &Series<'_>,
        unseen: usize,
        before: Option<&Series<'_>>,
        zone: &str,
    ) -> Result<Self, Error> {
        let (objective, seen) = (slo.objective(), series.total());
        let expected = seen.total().max(1);
        let price = |bad: u64| incident_spend(Tally::new(bad, bad)?, Ratio::ZERO, objective, expected);
        let priced = |start: usize, end: usize| -> Result<Priced, Error> {
            let tally = series.window(end, end - start);
            let (from, to) = (series.time_after(start), series.time_after(end));
            Ok(Priced { start: from, end: to, tally, price: price(tally.bad())? })
        };
        let mut found = incidents(series, objective, Ratio::ONE, expected, SIGNIFICANT)?;
        let fastest = slo.policy().tiers().first().and_then(|tier| tier.factor().ok()).map(Ratio::to_f64);
        let mut told = Vec::with_capacity(found.len());
        for incident in &found {
            told.push(means_something(incident.tally, objective, fastest.unwrap_or(f64::INFINITY))?);
        }
        let mut told = told.into_iter();
        found.retain(|_| told.next() == Some(true));
        let days = series.calendar_stretches(&Calendar::new(CalendarUnit::Day, zone)?)?;
        let every = series.len().div_ceil(POINTS).max(1);
        let mut left = vec![(series.start(), 1.0)];
        for end in (0..series.len()).step_by(every).map(|step| (step + every).min(series.len())) {
            left.push((series.time_after(end), 1.0 - price(series.window(end, end).bad())?));
        }
        // Of six hours, in whole steps.
        let step = series.step().as_millis();
        let block = Window::from_millis(step * (Window::hours(6).as_millis() / step).max(1))?;
        let change = match before {
            Some(before) => Change::between(before, series, Confidence::P95, block)?,
            None => None,
        };
        let known = series.len().saturating_sub(unseen);
        Ok(Self {
            service: service.name().to_string(),
            slo: slo.name().to_string(),
            group: Vec::new(),
            description: slo.description().to_owned(),
            objective,
            period: slo.period().to_string(),
            seen,
            alerts: Vec::new(),
            coverage: known as f64 / series.len().max(1) as f64,
            incidents: found.iter().map(|one| priced(one.start, one.end)).collect::<Result<_, _>>()?,
            days: days.into_iter().map(|day| priced(day.start, day.end)).collect::<Result<_, _>>()?,
            left,
            change,
        })
    }

    /// The share of good events; `None` without events.
    #[must_use]
    pub fn sli(&self) -> Option<f64> {
        self.seen.sli()
    }

    /// Whether the objective was met, exactly; `None` without events, or where less than half of the time was seen.
    #[must_use]
    pub fn met(&self) -> Option<bool> {
        let is_known = self.seen.total() > 0 && self.coverage >= LITTLE;
        is_known.then(|| !self.seen.exceeds(self.objective.budget()))
    }

    /// The share of the time's budget that is left; `None` without events.
    #[must_use]
    pub fn remaining(&self) -> Option<f64> {
        ErrorBudget::observed(self.objective, self.seen).remaining()
    }

    /// The days that spent most, the worst first.
    #[must_use]
    pub fn worst_days(&self) -> Vec<&Priced> {
        let mut days: Vec<&Priced> = self.days.iter().filter(|day| day.tally.bad() > 0).collect();
        days.sort_by(|one, other| other.price.total_cmp(&one.price));
        days.truncate(WORST);
        days
    }

    /// The SLO, and its group.
    fn name(&self) -> String {
        let slo = format!("{}/{}", self.service, self.slo);
        let name = self.group.iter().fold(slo, |name, (label, value)| format!("{name} {label}={value}"));
        // Values of labels may be any text, and this is one line that is read from left to right.
        plain(&name).into_owned()
    }

    /// Whether there is more to say of it than a line: of groups, which may be many, only where something happened.
    fn has_section(&self) -> bool {
        self.group.is_empty() || !self.incidents.is_empty() || self.met() == Some(false)
    }

    /// Whether it was met, in words.
    fn verdict(&self) -> &'static str {
        match self.met() {
            None if self.seen.total() == 0 => "no events",
            None => "too little was seen",
            Some(true) => "yes",
            Some(false) => "no",
        }
    }

    /// The alerts that told of an incident: those that fired during it, and until the longest window after it.
    fn alerts_of(&self, incident: &Priced) -> Vec<&Fired> {
        let next = self.incidents.iter().map(|one| one.start).filter(|start| *start >= incident.end).min();
        let during = |alert: &&Fired| {
            alert.end > incident.start
                && alert.start <= incident.end
                && next.is_none_or(|next| alert.start < next)
        };
        self.alerts.iter().filter(during).collect()
    }

    /// What told of an incident, and how soon.
    fn told(&self, incident: &Priced) -> String {
        let told: Vec<String> =
            self.alerts_of(incident).into_iter().map(|alert| alert.after(incident.start)).collect();
        if told.is_empty() { "none".to_owned() } else { told.join("; ") }
    }

    /// What the budget is of, where that is not the SLO's own period.
    fn basis(&self) -> String {
        let span =
            self.left.first().zip(self.left.last()).map_or(0, |((start, _), (end, _))| end.abs_diff(*start));
        format!(
            "The budget is that of the {} reported; the SLO's own period is {}.",
            length(span),
            self.period
        )
    }

    /// How long an incident lasted.
    fn lasted(&self, incident: &Priced) -> String {
        let is_over = self.left.last().is_none_or(|(end, _)| incident.end < *end);
        let lasted = length(incident.end.abs_diff(incident.start));
        if is_over { lasted } else { format!("{lasted}, and goes on") }
    }

    /// What became of it, in a word.
    fn trend(&self) -> &'static str {
        match self.change {
            None => "no time to compare with",
            Some(change) if change.interval.low() > 0.0 => "worse",
            Some(change) if change.interval.high() < 0.0 => "better",
            Some(_) => "no difference shown",
        }
    }
}

/// Whether so many bad events are more than chance, as an alert that is guarded against low traffic asks: of no more than
/// what the fastest alert's `factor` would have them come from.
fn means_something(tally: Tally, objective: Objective, factor: f64) -> Result<bool, Error> {
    let burn = BurnRate::of(tally, objective).map_or(0.0, BurnRate::value).min(factor);
    if burn <= 1.0 {
        return Ok(false);
    }
    Ok(poisson_at_least(tally.bad(), tally.bad() as f64 / burn)? <= CHANCE)
}

impl Report {
    /// For people who read text.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        markdown::page(self)
    }

    /// A page of its own: no other file, no script, light and dark.
    #[must_use]
    pub fn to_html(&self) -> String {
        html::page(self)
    }

    /// For programs: shares of one, times in milliseconds since the Unix epoch, `null` where nothing is known.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let priced = |one: &Priced| json!({"start": one.start, "end": one.end, "total": one.tally.total(), "bad": one.tally.bad(), "budget_spent": one.price});
        let slos = self.slos.iter().map(|slo| {
            json!({
                "service": slo.service,
                "slo": slo.slo,
                "group": slo.group.iter().cloned().collect::<BTreeMap<String, String>>(),
                "description": slo.description,
                "objective": slo.objective.to_string(),
                "period": slo.period,
                "total": slo.seen.total(),
                "bad": slo.seen.bad(),
                "sli": slo.sli(),
                "met": slo.met(),
                "verdict": slo.verdict(),
                "budget_remaining": slo.remaining(),
                "coverage": slo.coverage,
                "incidents": slo.incidents.iter().map(|one| {
                    let mut incident = priced(one);
                    if let Some(fields) = incident.as_object_mut() {
                        let alerts = slo.alerts_of(one).into_iter().map(Fired::to_json).collect();
                        fields.insert("alerts".to_owned(), alerts);
                    }
                    incident
                }).collect::<Vec<_>>(),
                "alerts": slo.alerts.iter().map(Fired::to_json).collect::<Vec<_>>(),
                "days": slo.days.iter().map(priced).collect::<Vec<_>>(),
                "trend": slo.change.map(|change| json!({
                    "before": {"total": change.before.total(), "bad": change.before.bad()},
                    "difference": change.difference,
                    "low": change.interval.low(),
                    "high": change.interval.high(),
                    "probability_worse": change.worse,
                    "verdict": slo.trend(),
                })),
            })
        });
        let others = self.others.iter().map(|one| {
            json!({
                "service": one.service,
                "slo": one.slo,
                "groups": one.groups,
                "missed": one.missed,
                "total": one.seen.total(),
                "bad": one.seen.bad(),
            })
        });
        json!({
            "title": self.title,
            "zone": self.zone,
            "start": self.start,
            "end": self.end,
            "warnings": self.warnings,
            "slos": slos.collect::<Vec<_>>(),
            "other_groups": others.collect::<Vec<_>>(),
        })
    }
}
