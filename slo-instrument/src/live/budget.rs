//! From counters to status: one tracker per SLO.

use super::{SloStatus, State, TierStatus, WindowStatus};
use crate::count::{Store, why_not_counted};
use slo_core::{
    Error,
    math::{BurnRate, ErrorBudget, Tally, Tracker, WindowTally, firing, time_to_exhaustion},
    model::{Service, Severity, Slo, Tier, Window},
    stats::fewest_bad_events,
};
use std::{sync::Arc, time::Duration};

/// The trackers of the SLOs that this process counts.
#[derive(Debug)]
pub(crate) struct LiveBudget {
    service: Service,
    store: Arc<Store>,
    trackers: Vec<Tracker>,
    // What was wrong with the last reading of each SLO.
    problems: Vec<Option<Error>>,
}

impl LiveBudget {
    pub(crate) fn new(service: Service, store: Arc<Store>, tick: Window) -> Self {
        let tracker = |slo: &Slo| {
            let mut windows = slo.policy().windows();
            windows.push(slo.period().length());
            Tracker::new(&windows, tick)
        };
        let counted = service.slos().iter().filter(|slo| why_not_counted(slo).is_none());
        let trackers: Vec<Tracker> = counted.map(tracker).collect();
        let problems = vec![None; trackers.len()];
        Self { service, store, trackers, problems }
    }

    /// Reads the counters at `time` after the start, and computes the state of every SLO.
    ///
    /// Counters that contradict each other are not used: the status reports them, and its numbers stay those
    /// of the last good reading.
    pub(crate) fn tick(&mut self, time: Duration) -> Vec<SloStatus> {
        let sums = self.store.sums();
        let readings = self.trackers.iter_mut().zip(&mut self.problems).zip(self.store.slos()).zip(sums);
        for (((tracker, problem), counter), sums) in readings {
            *problem = counter.tally(sums).and_then(|tally| tracker.record(time, tally)).err();
        }
        let mut counted = self.trackers.iter().zip(&self.problems);
        let twice = self.store.has_layer_in_vain().then(|| SEEN_TWICE.to_owned());
        let with_twice =
            |status: SloStatus| SloStatus { problem: status.problem.or_else(|| twice.clone()), ..status };
        let status_of = |slo: &Slo| match why_not_counted(slo) {
            Some(why) => Some(not_counted(&self.service, slo, why)),
            None => counted
                .next()
                .and_then(|(tracker, problem)| status(&self.service, slo, tracker, problem.as_ref())),
        };
        self.service.slos().iter().filter_map(status_of).map(with_twice).collect()
    }
}

/// The problem of a layer that is applied twice.
const SEEN_TWICE: &str =
    "two layers of this service see the same requests; remove the inner one (the outer one counts them)";

fn status(service: &Service, slo: &Slo, tracker: &Tracker, problem: Option<&Error>) -> Option<SloStatus> {
    let objective = slo.objective();
    let period = slo.period().length();
    let seen = tracker.window(period)?;
    let tally = |window: Window| tracker.window(window).map_or(Tally::EMPTY, |window| window.tally);
    let burn = |window: Window| BurnRate::of(tally(window), objective);
    let windows = slo.policy().windows().into_iter().map(|window| WindowStatus {
        window,
        total: tally(window).total(),
        bad: tally(window).bad(),
        burn_rate: burn(window).map(BurnRate::value),
    });
    // Thresholds were derived when the SLO was made, so they fit.
    let tiers = firing(slo.policy(), objective, tally).unwrap_or_default();
    let projected = projected(slo, &seen).ok().and_then(|budget| budget.remaining());
    let fastest = slo.policy().tiers().first().map(Tier::long);
    let lasts = |remaining| time_to_exhaustion(remaining, fastest.and_then(burn), period).ok().flatten();
    let exhaustion = projected.and_then(lasts);
    let state = match projected {
        _ if problem.is_some() => State::Invalid,
        None => State::NoData,
        _ if tiers.iter().any(|tier| tier.severity() == Severity::Page) => State::Page,
        Some(remaining) if remaining <= 0.0 => State::Exhausted,
        Some(_) if !tiers.is_empty() => State::Ticket,
        Some(_) => State::Ok,
    };
    Some(SloStatus {
        service: service.name().to_string(),
        slo: slo.name().to_string(),
        description: slo.description().to_owned(),
        objective: objective.to_string(),
        period: slo.period().to_string(),
        period_seconds: period.as_duration().as_secs_f64(),
        state,
        problem: problem.map(ToString::to_string),
        total: seen.tally.total(),
        bad: seen.tally.bad(),
        sli: seen.tally.sli(),
        budget_remaining: ErrorBudget::observed(objective, seen.tally).remaining(),
        projected_budget_remaining: projected,
        coverage: seen.covered.as_secs_f64() / period.as_duration().as_secs_f64(),
        time_to_exhaustion: exhaustion,
        windows: windows.collect(),
        tiers: slo.policy().tiers().iter().map(|tier| tier_status(tier, tiers.contains(tier))).collect(),
    })
}

/// The status of an SLO that only the rules judge.
fn not_counted(service: &Service, slo: &Slo, why: &str) -> SloStatus {
    SloStatus {
        service: service.name().to_string(),
        slo: slo.name().to_string(),
        description: slo.description().to_owned(),
        objective: slo.objective().to_string(),
        period: slo.period().to_string(),
        period_seconds: slo.period().length().as_duration().as_secs_f64(),
        state: State::NotCounted,
        problem: Some(why.to_owned()),
        total: 0,
        bad: 0,
        sli: None,
        budget_remaining: None,
        projected_budget_remaining: None,
        coverage: 0.0,
        time_to_exhaustion: None,
        windows: Vec::new(),
        tiers: Vec::new(),
    }
}

/// The fewest bad events with which firing is not chance, at a probability of 0.001.
fn fewest_bad(tier: &Tier) -> u64 {
    const ALPHA: f64 = 0.001;
    let fewest = tier.factor().ok().and_then(|factor| fewest_bad_events(factor, ALPHA).ok().flatten());
    fewest.unwrap_or(1)
}

fn tier_status(tier: &Tier, firing: bool) -> TierStatus {
    TierStatus {
        burn_tier: tier.burn(),
        severity: tier.severity(),
        long: tier.long(),
        short: tier.short(),
        factor: tier.factor().map_or(f64::INFINITY, slo_core::model::Ratio::to_f64),
        fewest_bad: fewest_bad(tier),
        firing,
    }
}

/// The budget of the whole period, if its traffic stays as this process has seen it.
fn projected(slo: &Slo, seen: &WindowTally) -> Result<ErrorBudget, Error> {
    let total = seen.tally.total();
    let period = slo.period().length().as_duration().as_millis();
    let covered = seen.covered.as_millis().clamp(1, period);
    let expected = u64::try_from(u128::from(total) * period / covered).unwrap_or(u64::MAX);
    ErrorBudget::projected(slo.objective(), seen.tally, expected.max(total))
}
