//! The probability that a budget lasts through future incidents.

use crate::{
    Error,
    check::{not_negative, unit},
};

/// A model of incidents: how many come in a period, and how much budget each spends.
///
/// A compound Poisson process. The spends are shares of the period's budget with their probabilities.
///
/// ```
/// use slo_core::forecast::{Incidents, survival};
///
/// // Three incidents a quarter; most cost 5 % of the budget, some 20 %, one in ten 60 %.
/// let history = Incidents::new(3.0, &[(0.05, 0.6), (0.20, 0.3), (0.60, 0.1)])?;
/// assert!((history.mean_spend() - 0.45).abs() < 1e-12);
/// // How likely are we to meet the objective next quarter?
/// assert!((survival(&history, 0.01)? - 0.913_782).abs() < 1e-6);
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Incidents {
    // Finite, zero or more.
    rate: f64,
    // Spends above zero with probabilities that add up to one.
    spends: Vec<(f64, f64)>,
}

impl Incidents {
    /// `rate` incidents per period, whose spends are (share of the budget, probability).
    ///
    /// # Errors
    /// A rate that is negative or above 10^9, no spends, spends that are not positive, or probabilities that do not add
    /// up to one.
    pub fn new(rate: f64, spends: &[(f64, f64)]) -> Result<Self, Error> {
        if not_negative("rate", rate)? > MOST_INCIDENTS {
            return Err(Error::new(format!("a rate of {rate} incidents a period is too high")));
        }
        if spends.is_empty() {
            return Err(Error::new("there are no spends").with_hint("give the spend of each incident"));
        }
        for (index, (spend, probability)) in spends.iter().enumerate() {
            crate::check::positive(&format!("spends[{index}]"), *spend)?;
            unit(&format!("spends[{index}]: probability"), *probability)?;
        }
        let sum: f64 = spends.iter().map(|(_, probability)| probability).sum();
        if (sum - 1.0).abs() > 1e-9 {
            return Err(Error::new(format!("the probabilities of the spends add up to {sum}, not to 1")));
        }
        Ok(Self { rate, spends: spends.to_vec() })
    }

    /// The model from the spend of each incident in a history of `periods` periods.
    ///
    /// ```
    /// use slo_core::forecast::{Incidents, survival};
    ///
    /// // Four incidents in two quarters.
    /// let history = Incidents::observed(&[0.05, 0.1, 0.1, 0.6], 2.0)?;
    /// assert!((history.mean_spend() - 0.425).abs() < 1e-12);
    /// assert!(survival(&history, 0.05)? > 0.9);
    /// # Ok::<(), slo_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// No spends, spends that are not positive, or a number of periods that is not positive.
    pub fn observed(spends: &[f64], periods: f64) -> Result<Self, Error> {
        let share = 1.0 / spends.len() as f64;
        let spends: Vec<(f64, f64)> = spends.iter().map(|spend| (*spend, share)).collect();
        Self::new(spends.len() as f64 / crate::check::positive("periods", periods)?, &spends)
    }

    /// The mean spend in a period, νE\[X\].
    #[must_use]
    pub fn mean_spend(&self) -> f64 {
        self.rate * self.spends.iter().map(|(spend, probability)| spend * probability).sum::<f64>()
    }

    /// The variance of the spend in a period, νE\[X²\].
    #[must_use]
    pub fn spend_variance(&self) -> f64 {
        self.rate * self.spends.iter().map(|(spend, probability)| spend * spend * probability).sum::<f64>()
    }
}

/// The most incidents in one period.
const MOST_INCIDENTS: f64 = 1e9;

/// The most steps that [`survival`] divides a budget into.
const MOST_STEPS: usize = 100_000;

/// The probability that the budget of a period lasts: P(S ≤ 1), where S is the spend of all incidents.
///
/// By Panjer's recursion over multiples of `grid`, a share of the budget: `g₀ = e^{−ν}`,
/// `g_s = (ν/s) Σ j·f_j·g_{s−j}` (H. H. Panjer, 1981), in logarithms if ν is large. Spends are rounded up to
/// the grid, so the result errs on the safe side. It is exact if the spends are multiples of the grid; with a
/// coarse grid, the error is large. The rate is taken as known. For a rate from only a few incidents,
/// [`garwood`] gives an interval; use its ends to get a range of results.
///
/// [`garwood`]: crate::stats::garwood
///
/// | | probability |
/// |---|---|
/// | no incidents, ν = 0 | 1 |
/// | every incident spends more than the budget | e^−ν |
///
/// ```
/// use slo_core::forecast::{Incidents, survival};
///
/// // Two incidents a quarter that cost more than the budget each.
/// let hopeless = Incidents::new(2.0, &[(1.5, 1.0)])?;
/// assert!((survival(&hopeless, 0.1)? - (-2.0_f64).exp()).abs() < 1e-15);
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// A grid that is not positive, or makes more than 100,000 steps.
pub fn survival(incidents: &Incidents, grid: f64) -> Result<f64, Error> {
    spend_at_most(incidents, grid, 1.0)
}

/// P(S ≤ `budget`) for any multiple of the budget, rounded down to the grid; see [`survival`].
///
/// ```
/// use slo_core::forecast::{Incidents, spend_at_most};
///
/// let incidents = Incidents::new(3.0, &[(0.05, 0.6), (0.20, 0.3), (0.60, 0.1)])?;
/// // One step of the grid below the whole budget.
/// assert!((spend_at_most(&incidents, 0.05, 0.95)? - 0.900_955_483).abs() < 1e-9);
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// A grid that is not positive, or makes more than 100,000 steps.
pub fn spend_at_most(incidents: &Incidents, grid: f64, budget: f64) -> Result<f64, Error> {
    crate::check::positive("grid", grid)?;
    not_negative("budget", budget)?;
    // 1/0.05 is a little less or more than 20; a whole number of steps must not be lost or won to that.
    let steps = |share: f64, round: fn(f64) -> f64| {
        let exact = share / grid;
        let whole = exact.round();
        if (exact - whole).abs() <= 1e-9 * whole.max(1.0) { whole } else { round(exact) }
    };
    let states = steps(budget, f64::floor);
    if states > MOST_STEPS as f64 {
        return Err(Error::new(format!("a grid of {grid} makes {states} steps"))
            .with_hint(format!("use a coarser grid, with at most {MOST_STEPS} steps")));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
    let states = states as usize;
    let spends: Vec<(usize, f64)> = incidents
        .spends
        .iter()
        .map(|(spend, probability)| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "positive, and saturates"
            )]
            let spend = steps(*spend, f64::ceil) as usize;
            (spend.max(1), *probability)
        })
        .collect();
    // Scaled by e^ν/2^shift, so that neither a large rate nor a long sum leaves the doubles.
    let mut scaled = vec![1.0_f64];
    let mut shift = 0.0_f64;
    for state in 1..=states {
        let sum: f64 = spends
            .iter()
            .filter_map(|(spend, probability)| {
                let before = scaled.get(state.checked_sub(*spend)?)?;
                Some(*spend as f64 * probability * before)
            })
            .sum();
        let next = incidents.rate / state as f64 * sum;
        scaled.push(next);
        if next > 1e200 {
            for value in &mut scaled {
                *value *= 1e-200;
            }
            shift += 200.0 * std::f64::consts::LN_10;
        }
    }
    let sum: f64 = scaled.iter().sum();
    Ok((sum.ln() + shift - incidents.rate).exp().min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_kind_of_incident_is_poisson() {
        let incidents = Incidents::new(2.0, &[(0.3, 1.0)]).unwrap();
        // At most three incidents.
        assert!((survival(&incidents, 0.1).unwrap() - 0.857_123_460_498_547).abs() < 1e-14);
        // A coarse grid takes 0.3 for 0.5: at most two.
        assert!((survival(&incidents, 0.5).unwrap() - 5.0 * (-2.0_f64).exp()).abs() < 1e-14);
        assert!((incidents.spend_variance() - 0.18).abs() < 1e-15);
    }

    #[test]
    fn survives_large_rates() {
        let many = Incidents::new(5_000.0, &[(0.0001, 1.0)]).unwrap();
        assert!((survival(&many, 0.0001).unwrap() - 1.0).abs() < 1e-12);
        let too_many = Incidents::new(20_000.0, &[(0.0001, 1.0)]).unwrap();
        assert!(survival(&too_many, 0.0001).unwrap() < 1e-300);
        assert_eq!(survival(&Incidents::new(0.0, &[(1.0, 1.0)]).unwrap(), 0.1), Ok(1.0));
    }

    #[test]
    fn refuses_what_is_no_history() {
        assert!(Incidents::new(-1.0, &[(0.1, 1.0)]).is_err());
        assert!(Incidents::new(1.0, &[(0.1, 0.5)]).is_err());
        assert!(Incidents::new(1.0, &[(0.0, 1.0)]).is_err());
        let one = Incidents::new(1.0, &[(0.1, 1.0)]).unwrap();
        assert!(survival(&one, 0.0).is_err() && survival(&one, 1e-9).is_err());
    }
}
