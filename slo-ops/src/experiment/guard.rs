//! When an experiment must stop.

use super::{Experiment, Verdict, evidence::Test};
use serde::{Deserialize, Serialize};
use slo_core::{
    Error,
    math::{PeriodBudget, Tally},
    model::{Ratio, Timestamp},
};
use std::{fmt, time::Duration};

/// Watches an experiment, and says when it must stop.
///
/// It finds a healthy experiment broken with a probability of at most 1 − confidence, for all hypotheses together and
/// however often it looks (J. Ville, 1939), if failures come in bursts of at most `design_effect` events. Its evidence
/// is that of [`slo_core::stats::MixtureTest`]. The limits of spend, events and time stop an experiment besides, and so
/// do missing data and missing traffic. A plain threshold of a burn rate over a minute stops most healthy experiments of
/// a service with little traffic.
///
/// ```
/// use slo_core::math::{PeriodBudget, Tally};
/// use slo_ops::experiment::{Guard, Ruling, Stop, read};
///
/// let experiment = read("
/// version: slo-experiment/v1
/// name: kill-a-replica
/// hypothesis: [{slo: checkout/availability, tolerated_burn_rate: 10}]
/// fault: {kill: {pid_file: run/checkout.pid}}
/// limits: {spend: 1%, duration: 5m}
/// ")?;
/// let month = PeriodBudget::new("99.9%".parse()?, 10_000_000)?;
/// let start = "2026-11-30T10:00:00Z".parse()?;
/// let mut guard = Guard::new(&experiment, &[month], start)?;
/// let at = |seconds: u64| start.after_steps("1s".parse().unwrap(), seconds as usize);
/// // Half of the tolerated 1 %.
/// assert_eq!(guard.look(at(1), &[Some(Tally::new(1_000, 5)?)]), Ruling::GoOn);
/// let broken = guard.look(at(2), &[Some(Tally::new(1_100, 60)?)]);
/// assert_eq!(broken, Ruling::Stop(Stop::Broken { slo: "checkout/availability".to_owned() }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Guard {
    watched: Vec<Watched>,
    start: Timestamp,
    duration_millis: u64,
    most_events: Option<u64>,
    looks_without_data: u32,
    // How late the counts are.
    lag_millis: u64,
}

#[derive(Debug, Clone)]
struct Watched {
    slo: String,
    test: Test,
    // Bad events that spend the cap, rounded down.
    cap: u64,
    seen: Tally,
    looks_without_data: u32,
    // Events per second without a fault; 0 where nobody said it.
    usual: f64,
    // When `seen` last grew.
    grew: Timestamp,
}

/// So many events that should have come and did not are no chance: one in half a billion.
const MISSED: f64 = 20.0;

/// What a [`Guard`] says after a look.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "it goes on or it does not")]
pub enum Ruling {
    /// The fault may stay.
    GoOn,
    /// The fault must be undone now.
    Stop(Stop),
}

/// Why an experiment stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Stop {
    /// It ran for as long as it was meant to.
    Done,
    /// The limit of events was reached.
    Events,
    /// An SLO burns its budget faster than is tolerated.
    Broken {
        /// The SLO.
        slo: String,
    },
    /// The share of the budget that may be spent is spent.
    Spent {
        /// The SLO.
        slo: String,
    },
    /// There is no data about an SLO.
    NoData {
        /// The SLO.
        slo: String,
        /// For how many looks.
        looks: u32,
    },
    /// An SLO that usually has traffic has none.
    NoTraffic {
        /// The SLO.
        slo: String,
    },
    /// The counts of an SLO decreased, so the spend is not known.
    Decreased {
        /// The SLO.
        slo: String,
    },
    /// Somebody asked for it.
    Asked {
        /// Who, or which signal.
        by: String,
    },
    /// The fault could not be injected, or its lease could not be renewed.
    Failed {
        /// Why.
        error: String,
    },
    /// The controller died, or did not renew the lease.
    Died,
}

impl Guard {
    /// The guard of an experiment whose fault is injected at `start`, with the budget of each hypothesis' SLO, in their order.
    ///
    /// # Errors
    /// A tolerated burn rate at which every event may fail, or budgets that are not those of the hypotheses.
    pub fn new(experiment: &Experiment, budgets: &[PeriodBudget], start: Timestamp) -> Result<Self, Error> {
        if budgets.len() != experiment.hypotheses.len() {
            let (hypotheses, budgets) = (experiment.hypotheses.len(), budgets.len());
            return Err(Error::new(format!("{hypotheses} hypotheses need as many budgets, not {budgets}")));
        }
        let rules = &experiment.guard;
        let alpha = rules.alpha(budgets.len());
        let watched = experiment.hypotheses.iter().zip(budgets).map(|(hypothesis, budget)| {
            let tolerated = hypothesis.error_ratio(budget.objective())?;
            Ok(Watched {
                slo: hypothesis.slo.clone(),
                test: Test::new(tolerated, alpha, rules.design_effect)?,
                cap: cap(experiment, *budget),
                seen: Tally::EMPTY,
                looks_without_data: 0,
                usual: 0.0,
                grew: start,
            })
        });
        Ok(Self {
            watched: watched.collect::<Result<_, Error>>()?,
            start,
            duration_millis: experiment.limits.duration.as_millis(),
            most_events: experiment.limits.events,
            looks_without_data: rules.looks_without_data,
            lag_millis: 0,
        })
    }

    /// The same guard, which also stops if the traffic of an SLO ends: with its usual events per second for each
    /// hypothesis, in their order. `lag` is how late counts may be, such as the time between two scrapes.
    #[must_use]
    pub fn expecting(mut self, events_per_second: &[f64], lag: Duration) -> Self {
        self.lag_millis = u64::try_from(lag.as_millis()).unwrap_or(u64::MAX);
        for (watched, usual) in self.watched.iter_mut().zip(events_per_second) {
            watched.usual = usual.max(0.0);
        }
        self
    }

    /// Looks at the events since the fault was injected, of each hypothesis' SLO; `None` where there is no data.
    pub fn look(&mut self, at: Timestamp, counts: &[Option<Tally>]) -> Ruling {
        let counts = counts.iter().copied().chain(std::iter::repeat(None));
        let mut stop = None;
        for (watched, count) in self.watched.iter_mut().zip(counts) {
            let found = watched.look(at, count, self.looks_without_data, self.lag_millis);
            stop = stop.or(found);
        }
        if let Some(stop) = stop {
            return Ruling::Stop(stop);
        }
        let events = self.watched.iter().map(|watched| watched.seen.total()).max().unwrap_or(0);
        if self.most_events.is_some_and(|most| events >= most) {
            return Ruling::Stop(Stop::Events);
        }
        if at.millis_since(self.start) >= self.duration_millis {
            Ruling::Stop(Stop::Done)
        } else {
            Ruling::GoOn
        }
    }

    /// The events that were seen of each SLO.
    #[must_use]
    pub fn seen(&self) -> Vec<Tally> {
        self.watched.iter().map(|watched| watched.seen).collect()
    }

    /// What they say about each hypothesis.
    #[must_use]
    pub fn verdicts(&self) -> Vec<Verdict> {
        self.watched.iter().map(|watched| watched.test.verdict(watched.seen)).collect()
    }
}

impl Watched {
    fn look(
        &mut self,
        at: Timestamp,
        count: Option<Tally>,
        looks_without_data: u32,
        lag_millis: u64,
    ) -> Option<Stop> {
        let slo = || self.slo.clone();
        let Some(count) = count else {
            self.looks_without_data += 1;
            let looks = self.looks_without_data;
            return (looks >= looks_without_data).then(|| Stop::NoData { slo: slo(), looks });
        };
        if count.total() < self.seen.total() || count.bad() < self.seen.bad() {
            return Some(Stop::Decreased { slo: slo() });
        }
        self.looks_without_data = 0;
        if count.total() > self.seen.total() {
            self.grew = at;
        } else {
            let silent = at.millis_since(self.grew).saturating_sub(lag_millis) as f64 / 1000.0;
            if self.usual * silent >= MISSED {
                return Some(Stop::NoTraffic { slo: slo() });
            }
        }
        self.seen = count;
        if count.bad() > self.cap {
            return Some(Stop::Spent { slo: slo() });
        }
        self.test.is_broken(count).then(|| Stop::Broken { slo: slo() })
    }
}

/// The most bad events that the cap on spend allows.
pub(super) fn cap(experiment: &Experiment, budget: PeriodBudget) -> u64 {
    let expected = Ratio::whole(budget.expected().into());
    let share = experiment.limits.spend.checked_mul(budget.objective().budget());
    let allowed = share.and_then(|share| share.checked_mul(expected));
    allowed
        .map_or(0, |allowed| u64::try_from(allowed.numerator() / allowed.denominator()).unwrap_or(u64::MAX))
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => write!(f, "it ran for as long as planned"),
            Self::Events => write!(f, "it reached its limit of events"),
            Self::Broken { slo } => write!(f, "{slo} burned its budget faster than tolerated"),
            Self::Spent { slo } => {
                write!(f, "{slo} spent the share of the budget that the experiment may spend")
            }
            Self::NoData { slo, looks } => write!(f, "there was no data about {slo} for {looks} looks"),
            Self::NoTraffic { slo } => write!(f, "{slo} has no traffic any more"),
            Self::Decreased { slo } => write!(f, "the counts of {slo} decreased"),
            Self::Asked { by } => write!(f, "{by} stopped it"),
            Self::Failed { error } => write!(f, "the fault failed: {error}"),
            Self::Died => write!(f, "the controller died, or did not answer in time"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::read;

    fn guard(spend: &str, expected: u64) -> Guard {
        let text = format!(
            "{{version: slo-experiment/v1, name: x, hypothesis: [{{slo: a/b, tolerated_burn_rate: 10}}],
              fault: {{stop: {{pid_file: x}}}}, limits: {{spend: {spend}, duration: 1h}}}}"
        );
        let budget = PeriodBudget::new("99%".parse().unwrap(), expected).unwrap();
        Guard::new(&read(&text).unwrap(), &[budget], at(0)).unwrap()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_790_000_000 + seconds)
    }

    fn tally(total: u64, bad: u64) -> Tally {
        Tally::new(total, bad).unwrap()
    }

    #[test]
    fn the_cap_is_exact() {
        // 29 % of 1 % of 10,000.
        assert_eq!(guard("29%", 10_000).look(at(1), &[Some(tally(10_000, 29))]), Ruling::GoOn);
        let stop = Ruling::Stop(Stop::Spent { slo: "a/b".to_owned() });
        assert_eq!(guard("29%", 10_000).look(at(1), &[Some(tally(10_000, 30))]), stop);
    }

    #[test]
    fn silence_where_there_was_traffic_stops() {
        let mut guard = guard("50%", 1_000_000).expecting(&[2.0], Duration::ZERO);
        assert_eq!(guard.look(at(9), &[Some(tally(0, 0))]), Ruling::GoOn);
        assert_eq!(
            guard.look(at(10), &[Some(tally(0, 0))]),
            Ruling::Stop(Stop::NoTraffic { slo: "a/b".to_owned() })
        );
    }

    #[test]
    fn counts_that_are_late_are_no_silence() {
        let mut guard = guard("50%", 1_000_000).expecting(&[2.0], Duration::from_secs(15));
        assert_eq!(guard.look(at(24), &[Some(tally(0, 0))]), Ruling::GoOn);
        assert_eq!(
            guard.look(at(25), &[Some(tally(0, 0))]),
            Ruling::Stop(Stop::NoTraffic { slo: "a/b".to_owned() })
        );
    }

    #[test]
    fn silence_of_which_nothing_is_known_does_not() {
        let mut guard = guard("50%", 1_000_000);
        assert_eq!(guard.look(at(1_000), &[Some(tally(0, 0))]), Ruling::GoOn);
    }
}
