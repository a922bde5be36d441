//! Release gates: may a change go out now?

use super::burn_above;
use crate::{
    Error,
    check::{not_negative, unit},
    math::Tally,
    model::Objective,
};

/// When changes may go out.
///
/// ```
/// use slo_core::{math::Tally, stats::{GateState, Hold, ReleaseGate}};
///
/// let (gate, objective) = (ReleaseGate::default(), "99.9%".parse()?);
/// let quiet = GateState { remaining: Some(0.4), recent: Tally::new(10_000, 8)?, coverage: 1.0 };
/// assert_eq!(gate.holds(objective, quiet)?, []);
/// let burning = GateState { recent: Tally::new(10_000, 80)?, ..quiet };
/// assert!(matches!(gate.holds(objective, burning)?[..], [Hold::Burning { .. }]));
/// let spent = GateState { remaining: Some(-0.2), ..quiet };
/// assert!(matches!(gate.holds(objective, spent)?[..], [Hold::BudgetSpent { .. }]));
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReleaseGate {
    /// The share of the period's budget that must be left.
    pub least_remaining: f64,
    /// The burn rate that recent events must not exceed.
    pub most_burn: f64,
    /// How sure it must be that they do: a failure among ten requests holds nobody back.
    pub confidence: f64,
    /// The share of the period that must have been seen.
    pub least_coverage: f64,
}

/// What a [`ReleaseGate`] looks at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GateState {
    /// The share of the period's budget that is left; `None` without events.
    pub remaining: Option<f64>,
    /// The events of the last while.
    pub recent: Tally,
    /// The share of the period that was seen.
    pub coverage: f64,
}

/// Why changes are held back.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Hold {
    /// Less of the budget is left than must be.
    BudgetSpent {
        /// What is left.
        remaining: f64,
        /// What must be.
        least: f64,
    },
    /// Something is going wrong now.
    Burning {
        /// How likely the burn rate is above the one allowed.
        probability: f64,
        /// The one allowed.
        most: f64,
    },
    /// Too little of the period was seen.
    Unseen {
        /// What was.
        coverage: f64,
        /// What must be.
        least: f64,
    },
    /// There were no events in the period: nobody knows.
    NoEvents,
    /// There were none in the last while: nobody knows whether anything is going wrong now.
    NoRecentEvents,
}

impl Default for ReleaseGate {
    /// Open while some of the budget is left and it is not clearly being spent too fast.
    fn default() -> Self {
        Self { least_remaining: 0.0, most_burn: 1.0, confidence: 0.95, least_coverage: 0.0 }
    }
}

impl ReleaseGate {
    /// All that holds changes back; nothing where the gate is open.
    ///
    /// Nothing left is too little: at a `least_remaining` of 0 the gate is open only above it.
    ///
    /// # Errors
    /// A confidence or coverage outside 0 to 1, a `least_remaining` above 1, or a burn rate that is none.
    pub fn holds(&self, objective: Objective, state: GateState) -> Result<Vec<Hold>, Error> {
        let confidence = unit("the confidence of a gate", self.confidence)?;
        let least_coverage = unit("the coverage that a gate asks for", self.least_coverage)?;
        not_negative("the burn rate that a gate allows", self.most_burn)?;
        if !self.least_remaining.is_finite() || self.least_remaining > 1.0 {
            return Err(Error::new(format!("a budget never has {} of itself left", self.least_remaining))
                .with_hint("write a share of one, such as 0.1 for 10 %"));
        }
        let mut holds = Vec::new();
        match state.remaining {
            None => holds.push(Hold::NoEvents),
            Some(remaining) if remaining <= self.least_remaining => {
                holds.push(Hold::BudgetSpent { remaining, least: self.least_remaining });
            }
            Some(_) => {}
        }
        if state.recent.total() == 0 && state.remaining.is_some() {
            holds.push(Hold::NoRecentEvents);
        }
        let probability = burn_above(state.recent, objective, self.most_burn)?;
        if state.recent.bad() > 0 && probability >= confidence {
            holds.push(Hold::Burning { probability, most: self.most_burn });
        }
        if state.coverage < least_coverage {
            holds.push(Hold::Unseen { coverage: state.coverage, least: least_coverage });
        }
        Ok(holds)
    }
}

impl std::fmt::Display for Hold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::BudgetSpent { remaining, least } => {
                write!(
                    f,
                    "{:.1} % of the period's budget is left, if it goes on like this, of at least {:.1} %",
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
                    "{:.1} % of the period was seen, of at least {:.1} %",
                    coverage * 100.0,
                    least * 100.0
                )
            }
            Self::NoEvents => f.write_str("there were no events in the period"),
            Self::NoRecentEvents => f.write_str("there were no recent events"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_back_for_every_reason() {
        let objective = "99.9%".parse().unwrap();
        let gate = ReleaseGate { least_remaining: 0.1, least_coverage: 0.5, ..ReleaseGate::default() };
        let state = GateState { remaining: Some(0.1), recent: Tally::new(100, 90).unwrap(), coverage: 0.2 };
        let words: Vec<String> =
            gate.holds(objective, state).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(
            words,
            [
                "10.0 % of the period's budget is left, if it goes on like this, of at least 10.0 %",
                "the burn rate is above 1 with 100.0 % certainty",
                "20.0 % of the period was seen, of at least 50.0 %"
            ]
        );
        let none = GateState { remaining: None, recent: Tally::EMPTY, coverage: 1.0 };
        assert_eq!(gate.holds(objective, none).unwrap(), [Hold::NoEvents]);
    }

    #[test]
    fn a_single_failure_of_few_requests_holds_nobody_back() {
        let objective = "99.9%".parse().unwrap();
        let state = |total, bad| GateState {
            remaining: Some(0.9),
            recent: Tally::new(total, bad).unwrap(),
            coverage: 1.0,
        };
        let holds = |state| ReleaseGate::default().holds(objective, state).unwrap().len();
        assert_eq!((holds(state(1_000, 1)), holds(state(1_000, 5)), holds(state(0, 0))), (0, 1, 1));
        let wrong = ReleaseGate { least_remaining: 10.0, ..ReleaseGate::default() };
        assert!(wrong.holds(objective, state(1, 0)).unwrap_err().hint().is_some());
    }
}
