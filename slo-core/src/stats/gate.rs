//! Release gates: may a change go out now?

#[cfg(doc)]
use super::fewest_bad_events;
use super::{burn_above, poisson_at_least};
use crate::{
    Error,
    check::{not_negative, unit},
    math::{BurnRate, Tally},
    model::Objective,
};

/// A release gate: the conditions under which changes may go out.
///
/// ```
/// use slo_core::{math::Tally, stats::{Doubt, GateState, Hold, ReleaseGate, Verdict}};
///
/// let (gate, objective) = (ReleaseGate::default(), "99.9%".parse()?);
/// let quiet = GateState { remaining: Some(0.4), recent: Tally::new(10_000, 8)?, coverage: 1.0 };
/// assert_eq!(gate.judge(objective, quiet)?.verdict(), Verdict::Open);
/// let burning = GateState { recent: Tally::new(10_000, 80)?, ..quiet };
/// assert!(matches!(gate.judge(objective, burning)?.holds[..], [Hold::Burning { .. }]));
/// let spent = GateState { remaining: Some(-0.2), ..quiet };
/// assert!(matches!(gate.judge(objective, spent)?.holds[..], [Hold::BudgetSpent { .. }]));
/// // One failure among ten requests is not significant, and does not hold changes back.
/// let few = gate.judge(objective, GateState { recent: Tally::new(10, 1)?, ..quiet })?;
/// assert_eq!((few.verdict(), few.may_go(), few.doubts), (Verdict::Inconclusive, true, vec![Doubt::FewEvents]));
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "callers write it as a literal over `ReleaseGate::default()`")]
pub struct ReleaseGate {
    /// The share of the period's budget that must be left.
    pub min_budget: f64,
    /// The burn rate that recent events must not exceed.
    pub max_burn_rate: f64,
    /// How certain it must be that they exceed it.
    pub confidence: f64,
    /// The share of the period so far that must have been seen.
    pub min_coverage: f64,
}

/// The judgement of a [`ReleaseGate`].
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Judgement {
    /// The reasons to hold changes back.
    pub holds: Vec<Hold>,
    /// The unknowns; they do not hold changes back.
    pub doubts: Vec<Doubt>,
}

/// The verdict of a [`Judgement`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// There is no reason against a change.
    Open,
    /// The budget is spent, or is being spent too fast.
    Closed,
    /// There are too few events to decide.
    Inconclusive,
}

/// Something that is unknown about the recent events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Doubt {
    /// There were no recent events, so it is unknown whether anything is going wrong now.
    NoRecentEvents,
    /// Some recent events failed, but too few to be significant.
    FewEvents,
}

impl Judgement {
    /// Whether changes may go out: nothing holds them back.
    #[must_use]
    pub const fn may_go(&self) -> bool {
        self.holds.is_empty()
    }

    /// The verdict.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let is_known = |hold: &Hold| matches!(hold, Hold::BudgetSpent { .. } | Hold::Burning { .. });
        if self.holds.iter().any(is_known) {
            Verdict::Closed
        } else if self.holds.is_empty() && self.doubts.is_empty() {
            Verdict::Open
        } else {
            Verdict::Inconclusive
        }
    }
}

impl Verdict {
    /// `open`, `closed` or `inconclusive`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Inconclusive => "inconclusive",
        }
    }
}

/// The input of a [`ReleaseGate`].
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "the gate needs all of it")]
pub struct GateState {
    /// The share of the period's budget that is left; `None` without events.
    pub remaining: Option<f64>,
    /// The recent events.
    pub recent: Tally,
    /// The share of the period so far that was seen.
    pub coverage: f64,
}

/// Why changes are held back.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Hold {
    /// Not enough of the budget is left.
    BudgetSpent {
        /// The share that is left.
        remaining: f64,
        /// The share that must be left.
        least: f64,
    },
    /// Recent events spend the budget too fast.
    Burning {
        /// The probability that the burn rate is above the allowed one.
        probability: f64,
        /// The allowed burn rate.
        most: f64,
    },
    /// Too little of the period was seen.
    Unseen {
        /// The share that was seen.
        coverage: f64,
        /// The share that must be seen.
        least: f64,
    },
    /// There were no events in the period, so the state of the budget is unknown.
    NoEvents,
}

impl Default for ReleaseGate {
    /// Open while some of the budget is left, it is not clearly being spent too fast, and nine tenths of the
    /// period so far were seen.
    fn default() -> Self {
        Self { min_budget: 0.0, max_burn_rate: 1.0, confidence: 0.95, min_coverage: 0.9 }
    }
}

impl ReleaseGate {
    /// All reasons to hold changes back, and all unknowns.
    ///
    /// More than `min_budget` must be left, even if that is 0. Recent events burn too fast if that is certain
    /// enough, and if as many events failed as an alert with a guard against low traffic needs
    /// ([`fewest_bad_events`]).
    ///
    /// # Errors
    /// A confidence or coverage outside 0 to 1, a `min_budget` above 1, or a `max_burn_rate` that is negative
    /// or not finite.
    pub fn judge(&self, objective: Objective, state: GateState) -> Result<Judgement, Error> {
        let confidence = unit("the confidence of a gate", self.confidence)?;
        let min_coverage = unit("the coverage that a gate requires", self.min_coverage)?;
        not_negative("the burn rate that a gate allows", self.max_burn_rate)?;
        if !self.min_budget.is_finite() || self.min_budget > 1.0 {
            return Err(Error::new(format!("the remaining share of a budget cannot be {}", self.min_budget))
                .with_hint("write a number up to 1, such as 0.1 for 10 %"));
        }
        let (mut holds, mut doubts) = (Vec::new(), Vec::new());
        match state.remaining {
            None => holds.push(Hold::NoEvents),
            Some(remaining) if remaining <= self.min_budget => {
                holds.push(Hold::BudgetSpent { remaining, least: self.min_budget });
            }
            Some(_) => {}
        }
        if state.recent.total() == 0 && state.remaining.is_some() {
            doubts.push(Doubt::NoRecentEvents);
        }
        let probability = burn_above(state.recent, objective, self.max_burn_rate)?;
        if state.recent.bad() > 0 && probability >= confidence {
            if self.means_something(objective, state.recent, confidence)? {
                holds.push(Hold::Burning { probability, most: self.max_burn_rate });
            } else {
                doubts.push(Doubt::FewEvents);
            }
        }
        if state.coverage < min_coverage {
            holds.push(Hold::Unseen { coverage: state.coverage, least: min_coverage });
        }
        Ok(Judgement { holds, doubts })
    }

    /// Whether the failures are more than chance would cause in a service at the allowed burn rate.
    fn means_something(&self, objective: Objective, recent: Tally, confidence: f64) -> Result<bool, Error> {
        let alpha = 1.0 - confidence;
        if self.max_burn_rate <= 0.0 || alpha <= 0.0 {
            return Ok(true);
        }
        let burn = BurnRate::of(recent, objective).map_or(0.0, BurnRate::value);
        // Limited to the factor of the fastest tier, however high the ratio of a few events is.
        let factor = (burn / self.max_burn_rate).min(FASTEST);
        Ok(factor > 1.0 && poisson_at_least(recent.bad(), recent.bad() as f64 / factor)? <= alpha)
    }
}

/// The factor of the fastest alert tier (SRE Workbook, ch. 5, table 5-8).
const FASTEST: f64 = 14.4;

impl std::fmt::Display for Doubt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NoRecentEvents => "there were no recent events",
            Self::FewEvents => "some recent events failed, but too few to be significant",
        })
    }
}

impl std::fmt::Display for Hold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::BudgetSpent { remaining, least } => {
                write!(
                    f,
                    "{:.1} % of the period's budget is left (projected), and more than {:.1} % is required",
                    remaining * 100.0,
                    least * 100.0
                )
            }
            Self::Burning { probability, most } => {
                write!(f, "the burn rate is above {most} with {:.1} % certainty", probability * 100.0)
            }
            Self::Unseen { coverage, least } => {
                write!(
                    f,
                    "{:.1} % of the period so far was seen, and at least {:.1} % is required",
                    coverage * 100.0,
                    least * 100.0
                )
            }
            Self::NoEvents => f.write_str("there were no events in the period"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_back_for_every_reason() {
        let objective = "99.9%".parse().unwrap();
        let gate = ReleaseGate { min_budget: 0.1, min_coverage: 0.5, ..ReleaseGate::default() };
        let state = GateState { remaining: Some(0.1), recent: Tally::new(100, 90).unwrap(), coverage: 0.2 };
        let words: Vec<String> =
            gate.judge(objective, state).unwrap().holds.iter().map(ToString::to_string).collect();
        assert_eq!(
            words,
            [
                "10.0 % of the period's budget is left (projected), and more than 10.0 % is required",
                "the burn rate is above 1 with 100.0 % certainty",
                "20.0 % of the period so far was seen, and at least 50.0 % is required"
            ]
        );
        let none = GateState { remaining: None, recent: Tally::EMPTY, coverage: 1.0 };
        let judged = gate.judge(objective, none).unwrap();
        assert_eq!((judged.verdict(), judged.holds), (Verdict::Inconclusive, vec![Hold::NoEvents]));
    }

    #[test]
    fn few_events_hold_nobody_back() {
        use Verdict::{Closed, Inconclusive, Open};
        for (objective, total, bad, verdict) in [
            ("99%", 10, 1, Inconclusive),
            ("99.9%", 10, 1, Inconclusive),
            ("99.9%", 20, 1, Inconclusive),
            ("99.99%", 1, 1, Inconclusive),
            ("95%", 20, 1, Open),
            ("99.9%", 0, 0, Inconclusive),
            ("99.9%", 10, 0, Open),
            ("99.9%", 10, 3, Closed),
            ("99.9%", 1_000, 1, Open),
            ("99.9%", 1_000, 6, Closed),
        ] {
            let state =
                GateState { remaining: Some(0.9), recent: Tally::new(total, bad).unwrap(), coverage: 1.0 };
            let judged = ReleaseGate::default().judge(objective.parse().unwrap(), state).unwrap();
            assert_eq!(
                (judged.verdict(), judged.may_go()),
                (verdict, verdict != Closed),
                "{objective} {bad}/{total}"
            );
        }
        let unseen = GateState { remaining: Some(0.9), recent: Tally::new(100, 0).unwrap(), coverage: 0.5 };
        let judged = ReleaseGate::default().judge("99%".parse().unwrap(), unseen).unwrap();
        assert_eq!((judged.verdict(), judged.may_go()), (Inconclusive, false));
        let wrong = ReleaseGate { min_budget: 10.0, ..ReleaseGate::default() };
        assert!(wrong.judge("99.9%".parse().unwrap(), unseen).unwrap_err().hint().is_some());
    }

    /// A service that is exactly as good as promised is held back seldom, whatever its traffic is.
    #[test]
    fn a_service_that_keeps_its_promise_is_seldom_held_back() {
        use crate::stats::Random;
        let objective = "99.9%".parse().unwrap();
        let mut random = Random::new(7);
        for requests in [3, 10, 100, 1_000, 10_000] {
            let mut held = 0;
            for _ in 0..2_000 {
                let bad = (0..requests).filter(|_| random.unit() < 0.001).count() as u64;
                let recent = Tally::new(requests, bad).unwrap();
                let state = GateState { remaining: Some(0.5), recent, coverage: 1.0 };
                held += u32::from(!ReleaseGate::default().judge(objective, state).unwrap().may_go());
            }
            assert!(f64::from(held) / 2_000.0 <= 0.06, "{requests}: {held}");
        }
    }
}
