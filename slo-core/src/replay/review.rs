//! The review of an SLO over a month, a quarter or another time.

use super::{Change, PolicyStanding, Priced, Series, incidents};
use crate::{
    Error,
    math::{BurnRate, ErrorBudget, PeriodBudget, Tally},
    model::{Calendar, CalendarUnit, Objective, Ratio, Service, Slo, Timestamp, Window},
    plain,
    stats::{Confidence, poisson_at_least},
};

/// The review of an SLO over a time, such as a month.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SloReview {
    /// The service.
    pub service: String,
    /// The SLO.
    pub slo: String,
    /// The labels and values of the group; empty without groups.
    pub group: Vec<(String, String)>,
    /// The SLO's description; may be empty.
    pub description: String,
    /// The share of events that must be good.
    pub objective: Objective,
    /// The SLO's own period, such as `30d`.
    pub period: String,
    /// The events.
    pub seen: Tally,
    /// The share of the time that was recorded.
    pub coverage: f64,
    /// The stretches that spent more budget than allowed, and more than chance explains.
    pub incidents: Vec<Priced>,
    /// The alerts that fired, as far as they are known.
    pub alerts: Vec<FiredAlert>,
    /// Each day.
    pub days: Vec<Priced>,
    /// The share of the budget that is left, at a number of points in time.
    pub left: Vec<(Timestamp, f64)>,
    /// The change since the time before, if there were events.
    pub change: Option<Change>,
    /// What the error-budget policy says, if the service has one.
    pub policy: Option<PolicyStanding>,
}

/// A time during which an alert fired.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FiredAlert {
    /// The tier of its burn rate, such as `fast`, or its name.
    pub alert: String,
    /// The value of its label `severity`.
    pub severity: String,
    /// When it began to fire.
    pub start: Timestamp,
    /// When it ended, or the end of the time that is reviewed.
    pub end: Timestamp,
}

/// Groups of an SLO that are counted, not reviewed one by one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "callers write all of it")]
pub struct OtherGroups {
    /// The service.
    pub service: String,
    /// The SLO.
    pub slo: String,
    /// The number of groups.
    pub groups: usize,
    /// The number of groups that missed the objective.
    pub missed: usize,
    /// Their events.
    pub seen: Tally,
}

/// The verdict on an objective.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// There were no events.
    NoEvents,
    /// Less than half of the time was seen.
    TooLittleSeen,
    /// It was met.
    Met,
    /// It was missed.
    Missed,
}

/// The change of an SLO since the time before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Trend {
    /// There is no time to compare with.
    Unknown,
    /// More events are bad, by more than chance.
    Worse,
    /// Fewer events are bad, by more than chance.
    Better,
    /// There is no significant difference.
    Same,
}

/// An incident spends at least this share of the budget.
const SIGNIFICANT: f64 = 0.01;
/// The probability of a chance incident in a service that burns exactly its budget, as for a guarded alert.
const CHANCE: f64 = 0.001;
/// Points of a burn-down.
const POINTS: usize = 400;
/// A time with less coverage has no verdict.
const LITTLE: f64 = 0.5;
/// The number of worst days that are listed.
const WORST: usize = 5;

impl SloReview {
    /// Reviews an SLO from `series`, of which `unseen` steps were not recorded.
    ///
    /// `before` is the time before it. Days are those of `zone`.
    ///
    #[cfg_attr(feature = "spec", doc = "```")]
    #[cfg_attr(not(feature = "spec"), doc = "```ignore")]
    /// use slo_core::{model::{Timestamp, Window}, replay::{Series, SloReview, Verdict}};
    ///
    /// let text = "{version: slo/v1, service: a, slos: [{name: b, objective: 99.9%, window: 30d,
    ///     sli: {events: {total: requests_total, bad: errors_total}}}]}";
    /// let service = slo_core::spec::parse(text)?.remove(0);
    /// let mut bad = vec![0; 48];
    /// bad[30] = 24;
    /// let series = Series::new(Timestamp::EPOCH, Window::hours(1), &[1_000; 48], &bad)?;
    /// let report = SloReview::of(&service, &service.slos()[0], &series, 0, None, "UTC")?;
    /// assert_eq!((report.verdict(), report.remaining()), (Verdict::Met, Some(0.5)));
    /// assert_eq!((report.incidents.len(), report.days[1].price), (1, 0.5));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// An unknown zone, or numbers that do not fit 128 bits.
    pub fn of(
        service: &Service,
        slo: &Slo,
        series: &Series<'_>,
        unseen: usize,
        before: Option<&Series<'_>>,
        zone: &str,
    ) -> Result<Self, Error> {
        let (objective, seen) = (slo.objective(), series.total());
        let budget = PeriodBudget::new(objective, seen.total().max(1))?;
        let priced = |start: usize, end: usize| -> Result<Priced, Error> {
            let tally = series.window(end, end - start);
            let (from, to) = (series.time_after(start), series.time_after(end));
            Ok(Priced { start: from, end: to, tally, price: budget.spent_by(tally.bad())? })
        };
        let mut found = incidents(series, budget, Ratio::ONE, SIGNIFICANT)?;
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
            left.push((series.time_after(end), 1.0 - budget.spent_by(series.window(end, end).bad())?));
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
            policy: None,
        })
    }

    /// The SLO and its group on one line, such as `shop/availability route=/cart`; safe on a terminal.
    #[must_use]
    pub fn path(&self) -> String {
        let name = format!("{}/{}", self.service, self.slo);
        let name = self.group.iter().fold(name, |name, (label, value)| format!("{name} {label}={value}"));
        // Values of labels may be any text, and this is one line that is read from left to right.
        plain(&name).into_owned()
    }

    /// The share of good events; `None` without events.
    #[must_use]
    pub fn sli(&self) -> Option<f64> {
        self.seen.sli()
    }

    /// Whether the objective was met, exactly.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self.seen.total() {
            0 => Verdict::NoEvents,
            _ if self.coverage < LITTLE => Verdict::TooLittleSeen,
            _ if self.seen.exceeds(self.objective.budget()) => Verdict::Missed,
            _ => Verdict::Met,
        }
    }

    /// The change since the time before, by the interval of the difference.
    #[must_use]
    pub fn trend(&self) -> Trend {
        match self.change {
            None => Trend::Unknown,
            Some(change) if change.interval.low() > 0.0 => Trend::Worse,
            Some(change) if change.interval.high() < 0.0 => Trend::Better,
            Some(_) => Trend::Same,
        }
    }

    /// The share of the reviewed time's budget that is left; `None` without events.
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

    /// The alerts on an incident: those that fired at some time during it, and began before the next
    /// incident.
    #[must_use]
    pub fn alerts_of(&self, incident: &Priced) -> Vec<&FiredAlert> {
        let next = self.incidents.iter().map(|one| one.start).filter(|start| *start >= incident.end).min();
        let during = |alert: &&FiredAlert| {
            alert.end > incident.start
                && alert.start <= incident.end
                && next.is_none_or(|next| alert.start < next)
        };
        self.alerts.iter().filter(during).collect()
    }
}

impl FiredAlert {
    /// The times at which one alert fired, from the sorted steps at whose ends it fired.
    ///
    /// Consecutive steps are one time. `start` is the beginning of step 0.
    ///
    /// ```
    /// use slo_core::{model::{Timestamp, Window}, replay::FiredAlert};
    ///
    /// let found = FiredAlert::of_steps("fast", "page", &[2, 3, 7], Timestamp::EPOCH, Window::minutes(1));
    /// let times: Vec<_> = found.iter().map(|one| [one.start, one.end].map(Timestamp::as_millis)).collect();
    /// assert_eq!(times, [[180_000, 300_000], [480_000, 540_000]]);
    /// ```
    #[must_use]
    pub fn of_steps(
        alert: &str,
        severity: &str,
        steps: &[usize],
        start: Timestamp,
        step: Window,
    ) -> Vec<Self> {
        let end_of = |index: usize| start.after_steps(step, index.saturating_add(1));
        let runs = steps.chunk_by(|one, next| *next == one + 1).filter_map(|run| run.first().zip(run.last()));
        runs.map(|(first, last)| Self {
            alert: alert.to_owned(),
            severity: severity.to_owned(),
            start: end_of(*first),
            end: end_of(last + 1),
        })
        .collect()
    }
}

/// Whether the bad events are more than chance explains, by the test of an alert that is guarded against low
/// traffic. The burn rate counts as at most the fastest alert's `factor`.
fn means_something(tally: Tally, objective: Objective, factor: f64) -> Result<bool, Error> {
    let burn = BurnRate::of(tally, objective).map_or(0.0, BurnRate::value).min(factor);
    if burn <= 1.0 {
        return Ok(false);
    }
    Ok(poisson_at_least(tally.bad(), tally.bad() as f64 / burn)? <= CHANCE)
}
