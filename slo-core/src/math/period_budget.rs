//! The error budget of a whole period, and the share of it that has been spent.

use super::Tally;
use crate::{
    Error,
    model::{Objective, Ratio},
};

/// The error budget of a whole period: an objective and a number of expected events.
///
/// ```
/// use slo_core::{math::{PeriodBudget, Tally}, model::Ratio};
///
/// let month = PeriodBudget::new("99.9%".parse()?, 5_000_000)?;
/// assert_eq!(month.bad_events(), 5_000.0);
/// assert_eq!(month.spent_by(510)?, 0.102);
/// // Of an incident, in which one event in a thousand would have been bad anyway:
/// assert_eq!(month.spent_above(Tally::new(10_000, 510)?, "0.001".parse()?)?, 0.1);
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeriodBudget {
    objective: Objective,
    // At least one.
    expected: u64,
}

impl PeriodBudget {
    /// The budget of a period in which `expected` events are expected.
    ///
    /// # Errors
    /// No expected events: there would be no budget.
    pub fn new(objective: Objective, expected: u64) -> Result<Self, Error> {
        if expected == 0 {
            return Err(Error::new("no events are expected in the period, so there is no budget to spend"));
        }
        Ok(Self { objective, expected })
    }

    /// The objective.
    #[must_use]
    pub const fn objective(&self) -> Objective {
        self.objective
    }

    /// The events that are expected in the period.
    #[must_use]
    pub const fn expected(&self) -> u64 {
        self.expected
    }

    /// How many of them may be bad: βN̂.
    #[must_use]
    pub fn bad_events(&self) -> f64 {
        self.objective.budget().to_f64() * self.expected as f64
    }

    /// The share of the budget that `bad` events spend: B/(βN̂).
    ///
    /// # Errors
    /// Numbers that do not fit 128 bits.
    pub fn spent_by(&self, bad: u64) -> Result<f64, Error> {
        self.spent_above(Tally::new(bad, bad)?, Ratio::ZERO)
    }

    /// The share of the budget that an incident has spent above a baseline: Σ(B − e₀N)/(βN̂).
    ///
    /// `baseline` is the error ratio e₀ without the incident. Negative if the incident had fewer bad events
    /// than that.
    ///
    /// # Errors
    /// Numbers that do not fit 128 bits.
    pub fn spent_above(&self, incident: Tally, baseline: Ratio) -> Result<f64, Error> {
        let bad = Ratio::whole(incident.bad().into());
        let exact = || {
            let usual = baseline.checked_mul(Ratio::whole(incident.total().into()))?;
            let allowed = self.objective.budget().checked_mul(Ratio::whole(self.expected.into()))?;
            match bad.checked_sub(usual) {
                Some(more) => Some(more.checked_div(allowed)?.to_f64()),
                None => Some(-usual.checked_sub(bad)?.checked_div(allowed)?.to_f64()),
            }
        };
        exact().ok_or_else(|| {
            Error::new(format!(
                "the share of {} in {} events does not fit 128 bits",
                self.objective, self.expected
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quiet_incident_gives_back() {
        let budget = PeriodBudget::new("99.9%".parse().unwrap(), 1_000).unwrap();
        let calm = budget.spent_above(Tally::new(1_000, 0).unwrap(), "0.001".parse().unwrap());
        assert_eq!(calm, Ok(-1.0));
        assert!(PeriodBudget::new("99.9%".parse().unwrap(), 0).is_err());
    }
}
