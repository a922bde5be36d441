//! What an experiment will cost, and whether it can teach anything.

use super::{Experiment, evidence::Test, guard::cap};
use serde::Serialize;
use slo_core::{
    Error,
    math::{PeriodBudget, Tally},
};

/// What is known of an SLO before the experiment.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "whoever plans says all of it")]
pub struct Before {
    /// Its budget.
    pub budget: PeriodBudget,
    /// The share of the budget that is left; `None` if it is not known.
    pub left: Option<f64>,
    /// Its events in a time without a fault.
    pub usual: Tally,
    /// How long that time was, in seconds.
    pub seconds: f64,
    /// The alerts of it that are firing.
    pub alerts: usize,
}

/// What an experiment will cost, and whether it can teach anything.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Plan {
    /// For each hypothesis, in their order.
    pub slos: Vec<SloPlan>,
    /// What the fault would hit, in words; empty where nobody has looked.
    pub targets: Vec<String>,
    /// What forbids the experiment; it may begin if there is nothing.
    pub obstacles: Vec<String>,
    /// What should be known before it begins.
    pub warnings: Vec<String>,
}

/// What an experiment will cost an SLO.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SloPlan {
    /// The SLO.
    pub slo: String,
    /// The error ratio that is tolerated.
    pub tolerated: f64,
    /// Its events per second.
    pub events_per_second: f64,
    /// The events that will come while the fault lasts.
    pub events: f64,
    /// The share of the budget that is spent if the fault has no effect.
    pub spend_without_effect: f64,
    /// The share that is spent if the SLO burns at the tolerated rate all the time.
    pub spend_as_tolerated: f64,
    /// The share that is spent at most while the fault lasts: the cap, and the events until the guard can know.
    pub spend_at_most: f64,
    /// After how many seconds the guard stops if every event fails.
    pub stops_after_seconds: Option<f64>,
    /// How many events it takes to find that it held, if it burns at half of the tolerated rate.
    pub events_to_hold: Option<u64>,
    /// How many events it takes to find that it broke, if it burns at twice the tolerated rate.
    pub events_to_break: Option<u64>,
}

impl Before {
    /// Events per second.
    #[must_use]
    pub fn events_per_second(&self) -> f64 {
        if self.seconds > 0.0 { self.usual.total() as f64 / self.seconds } else { 0.0 }
    }
}

impl Plan {
    /// The plan of `experiment`, with what is known of the SLO of each hypothesis, in their order.
    ///
    /// # Errors
    /// A tolerated burn rate at which every event may fail, or a number that is not that of the hypotheses.
    pub fn of(experiment: &Experiment, before: &[Before]) -> Result<Self, Error> {
        if before.len() != experiment.hypotheses.len() {
            return Err(Error::new("each hypothesis needs what is known of its SLO"));
        }
        let mut plan =
            Self { slos: Vec::new(), targets: Vec::new(), obstacles: Vec::new(), warnings: Vec::new() };
        // The limit of events is that of the busiest SLO.
        let fastest = before.iter().map(Before::events_per_second).fold(0.0, f64::max);
        let longest = seconds(experiment.limits.duration.as_millis());
        let lasts = match experiment.limits.events {
            Some(most) if fastest > 0.0 => longest.min(most as f64 / fastest),
            _ => longest,
        };
        for (hypothesis, before) in experiment.hypotheses.iter().zip(before) {
            let tolerated = hypothesis.error_ratio(before.budget.objective())?;
            plan.add(experiment, &hypothesis.slo, tolerated, before, lasts)?;
        }
        Ok(plan)
    }

    /// Whether the experiment may begin.
    #[must_use]
    pub fn may_begin(&self) -> bool {
        self.obstacles.is_empty()
    }

    fn add(
        &mut self,
        experiment: &Experiment,
        slo: &str,
        tolerated: f64,
        before: &Before,
        lasts: f64,
    ) -> Result<(), Error> {
        let rules = &experiment.guard;
        let test = Test::new(tolerated, rules.alpha(experiment.hypotheses.len()), rules.design_effect)?;
        let rate = before.events_per_second();
        let events = rate * lasts;
        let allowed = before.budget.bad_events();
        let usual = before.usual.error_ratio().unwrap_or(0.0);
        let look = seconds(rules.every.as_millis());
        let in_flight = rate * look * f64::from(rules.looks_without_data);
        let cap = cap(experiment, before.budget) as f64;
        let fatal = test.events_to_tell(1.0).map(|needed| (needed as f64).min(cap + 1.0));
        let plan = SloPlan {
            slo: slo.to_owned(),
            tolerated,
            events_per_second: rate,
            events,
            spend_without_effect: usual * events / allowed,
            spend_as_tolerated: tolerated * events / allowed,
            spend_at_most: (cap + 1.0 + in_flight).min(events.max(1.0)) / allowed,
            stops_after_seconds: fatal
                .filter(|_| rate > 0.0)
                .map(|needed| (needed / rate / look).ceil() * look),
            events_to_hold: test.events_to_tell(tolerated / 2.0),
            events_to_break: test.events_to_tell((tolerated * 2.0).min(1.0)),
        };
        self.obstacles(experiment, &plan, before, usual);
        self.slos.push(plan);
        Ok(())
    }

    fn obstacles(&mut self, experiment: &Experiment, plan: &SloPlan, before: &Before, usual: f64) {
        let (slo, floor) = (&plan.slo, experiment.before.budget_left.to_f64());
        match before.left {
            Some(left) if left < floor => self.obstacles.push(format!(
                "{slo}: {:.1} % of the budget is left, and the experiment asks for {:.1} %",
                left * 100.0,
                floor * 100.0
            )),
            None if floor > 0.0 => {
                self.obstacles.push(format!(
                    "{slo}: it is not known how much of the budget is left; load the rules of `slo generate`, or remove `before.budget_left`"
                ));
            }
            _ => {}
        }
        if experiment.before.no_alerts && before.alerts > 0 {
            self.obstacles.push(format!("{slo}: {} of its alerts are firing", before.alerts));
        }
        if before.usual.total() == 0 {
            self.obstacles.push(format!("{slo}: there is no traffic, so nothing can be learned"));
            return;
        }
        if usual >= plan.tolerated {
            self.obstacles.push(format!(
                "{slo}: {:.3} % of its events are bad without a fault, and {:.3} % are tolerated",
                usual * 100.0,
                plan.tolerated * 100.0
            ));
        }
        if before.left.is_some_and(|left| left < plan.spend_at_most) {
            let most = plan.spend_at_most * 100.0;
            self.warnings.push(format!(
                "{slo}: the experiment may spend {most:.2} % of the budget, more than is left"
            ));
        }
        let needed = plan.events_to_hold.map_or(f64::INFINITY, |needed| needed as f64);
        if plan.tolerated / 2.0 * needed > cap(experiment, before.budget) as f64 {
            self.warnings.push(format!(
                "{slo}: at half of the tolerated burn rate, the limit of spend would stop it before it is found to have held"
            ));
        }
        if needed > plan.events {
            let time = match needed / plan.events_per_second {
                seconds if seconds < 120.0 => format!("{seconds:.0} s"),
                seconds => format!("{:.0} min", seconds / 60.0),
            };
            self.warnings.push(format!(
                "{slo}: {:.0} events will come, and up to {needed:.0} are needed to find that it held, fewer if fewer fail: {time}, or more traffic",
                plan.events
            ));
        }
    }
}

fn seconds(millis: u64) -> f64 {
    millis as f64 / 1000.0
}
