//! CUSUM: one alert over every window at once.

use super::{binomial_at_least, special::ln_binomial};
use crate::{
    Error,
    check::{positive, unit},
    math::Tally,
    model::Ratio,
};

/// A cumulative sum of bad events above an allowed share: S ← max(0, S + B − κN), alarm at S > h.
///
/// S is the largest excess over all windows up to now, bad − κ·total, so it is a burn-rate alert over every
/// window at once (E. S. Page, 1954). With as many false alarms, it is about as fast as two windows. Its
/// advantages are that it keeps one number and has two parameters. After an outage, it falls slowly.
///
/// ```
/// use slo_core::{math::Tally, stats::Cusum};
///
/// let mut cusum = Cusum::new("0.001".parse()?, 3.0)?;
/// assert!(!cusum.observe(Tally::new(100, 2)?));
/// assert!(cusum.observe(Tally::new(100, 2)?)); // 4 bad, 0.2 allowed
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cusum {
    allowed: Ratio,
    // Zero or more.
    threshold: f64,
    excess: f64,
}

impl Cusum {
    /// A sum that allows the share `allowed` (κ) of events to be bad.
    ///
    /// The alarm is on at an excess above `threshold` bad events.
    ///
    /// # Errors
    /// A threshold that is not positive.
    pub fn new(allowed: Ratio, threshold: f64) -> Result<Self, Error> {
        Ok(Self { allowed, threshold: positive("threshold", threshold)?, excess: 0.0 })
    }

    /// Adds the next events, and returns whether the alarm is on after them.
    pub fn observe(&mut self, tally: Tally) -> bool {
        self.excess = (self.excess + excess(tally, self.allowed)).max(0.0);
        self.alarm()
    }

    /// S, the excess of bad events.
    #[must_use]
    pub const fn excess(&self) -> f64 {
        self.excess
    }

    /// Whether the excess is above the threshold.
    #[must_use]
    pub fn alarm(&self) -> bool {
        self.excess > self.threshold
    }
}

/// B − κN, subtracted exactly and rounded once.
fn excess(tally: Tally, allowed: Ratio) -> f64 {
    let bad = Ratio::whole(tally.bad().into());
    let Some(expected) = allowed.checked_mul(Ratio::whole(tally.total().into())) else {
        return tally.bad() as f64 - allowed.to_f64() * tally.total() as f64;
    };
    match (bad.checked_sub(expected), expected.checked_sub(bad)) {
        (Some(more), _) => more.to_f64(),
        (None, Some(less)) => -less.to_f64(),
        (None, None) => bad.to_f64() - expected.to_f64(),
    }
}

/// The allowed share that best distinguishes the error ratios `p0` and `p1`.
///
/// (p₁ − p₀)/ln(p₁/p₀), for rare errors. Both can be in any unit, as long as it is the same.
///
/// ```
/// use slo_core::stats::best_allowance;
///
/// assert!((best_allowance(0.001, 0.0144)? - 0.005_023_942).abs() < 1e-9);
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// Rates that are not positive, or equal.
pub fn best_allowance(p0: f64, p1: f64) -> Result<f64, Error> {
    let (low, high) = (positive("p0", p0)?, positive("p1", p1)?);
    if (low - high).abs() <= f64::EPSILON * low {
        return Err(Error::new(format!("p0 and p1 are both {p0}: there is nothing to tell apart")));
    }
    Ok((high - low) / (high.ln() - low.ln()))
}

/// Seconds until an excess of `threshold` bad events: h/(λ(e − κ)); `None` if never.
///
/// There are `traffic` events a second. The share `error_ratio` of them is bad, and the share `allowed` is
/// allowed.
///
/// ```
/// use slo_core::stats::time_to_excess;
///
/// // 2 % of a 30-day budget at 99.9 %, everything fails: as fast as the fast tier.
/// let budget = 0.02 * 0.001 * 30.0 * 86_400.0; // at one request a second
/// assert!((time_to_excess(budget, 1.0, 1.0, 0.001)?.unwrap() - 51.8919).abs() < 1e-4);
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// Shares outside 0 to 1, or a threshold or traffic that is not positive.
pub fn time_to_excess(
    threshold: f64,
    traffic: f64,
    error_ratio: f64,
    allowed: f64,
) -> Result<Option<f64>, Error> {
    positive("threshold", threshold)?;
    positive("traffic", traffic)?;
    let gain = unit("error ratio", error_ratio)? - unit("allowed", allowed)?;
    let seconds = threshold / (traffic * gain);
    Ok((gain > 0.0 && seconds.is_finite()).then_some(seconds))
}

/// The most states of the chain behind [`average_run_length`].
const MOST_STATES: usize = 600;

/// The average number of batches until a CUSUM alarms.
///
/// Each batch has `events` events, of which the share `error_ratio` is bad. Exact for independent errors, by
/// the Markov chain of its states. The number of states, which is limited, depends on the `allowed` bad
/// events per batch (κ) and on the `threshold` (h).
///
/// ```
/// use slo_core::stats::average_run_length;
///
/// // Batches of 100 requests, 0.5 allowed, alarm at 3: how long between false alarms, at 0.1 %?
/// let healthy = average_run_length(100, 0.001, "0.5".parse()?, "3".parse()?)?;
/// let broken = average_run_length(100, 0.0144, "0.5".parse()?, "3".parse()?)?;
/// assert!(healthy > 45_000.0 && broken < 4.4);
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// An error ratio outside 0 to 1, more than 600 states, or a sum that never alarms.
pub fn average_run_length(
    events: u64,
    error_ratio: f64,
    allowed: Ratio,
    threshold: Ratio,
) -> Result<f64, Error> {
    unit("error ratio", error_ratio)?;
    let too_fine = || {
        Error::new(format!("{allowed} and {threshold} make more than {MOST_STATES} states"))
            .with_hint("round both to a coarser common step")
    };
    // One state per step of 1/denominator: bad events and allowance are whole numbers of steps.
    let per_event = usize::try_from(allowed.denominator()).map_err(|_| too_fine())?;
    let drain = usize::try_from(allowed.numerator()).map_err(|_| too_fine())?;
    let highest = threshold.checked_mul(Ratio::whole(allowed.denominator())).map(Ratio::floor);
    let states =
        highest.and_then(|step| usize::try_from(step).ok()).map_or(usize::MAX, |step| step.saturating_add(1));
    if states > MOST_STATES {
        return Err(too_fine());
    }
    // GTH elimination (W. K. Grassmann, M. I. Taksar and D. P. Heyman, 1985): nothing is subtracted, so that
    // runs of any length keep their digits.
    let mut chain = Vec::with_capacity(states);
    for from in 0..states {
        chain.push(State::new(from, states, events, error_ratio, per_event, drain)?);
    }
    // From the last state to the first, which is left over.
    while let Some(last) = chain.pop() {
        let leaves = last.moves.iter().take(chain.len()).sum::<f64>() + last.alarm;
        if chain.is_empty() {
            let length = last.batches / leaves;
            return if length.is_finite() { Ok(length) } else { Err(Error::new("the sum never alarms")) };
        }
        let place = chain.len();
        for state in &mut chain {
            let comes = state.moves.get(place).copied().unwrap_or(0.0);
            if comes > 0.0 && leaves <= 0.0 {
                // From a state that is never left, no alarm comes.
                return Err(Error::new("the sum never alarms"));
            }
            if comes > 0.0 {
                state.take(&last, comes / leaves);
            }
        }
    }
    Err(Error::new("the sum never alarms"))
}

/// A state of the chain: where a batch leads from it.
struct State {
    // Probabilities of the other states.
    moves: Vec<f64>,
    // Probability of an alarm.
    alarm: f64,
    // Batches spent in it, and in states that have been eliminated, per visit.
    batches: f64,
}

impl State {
    fn new(
        from: usize,
        states: usize,
        events: u64,
        error_ratio: f64,
        per_event: usize,
        drain: usize,
    ) -> Result<Self, Error> {
        let mut moves = vec![0.0; states];
        // Up to so many bad events lead to zero, from so many on to an alarm.
        let count = |steps: usize| (steps / per_event) as u64;
        let to_zero = drain.checked_sub(from).map(count);
        let to_alarm = count(states.saturating_add(drain).saturating_sub(from).saturating_add(per_event - 1));
        let at_least = |bad: u64| binomial_at_least(bad, events, error_ratio);
        let first = match to_zero {
            Some(most) => {
                if let Some(zero) = moves.first_mut() {
                    // The complement, summed from the smaller side.
                    *zero = binomial_at_least(events.saturating_sub(most), events, 1.0 - error_ratio)?;
                }
                most.saturating_add(1)
            }
            None => 0,
        };
        for bad in first..to_alarm.min(events.saturating_add(1)) {
            let to = usize::try_from(bad)
                .ok()
                .and_then(|bad| bad.checked_mul(per_event)?.checked_add(from)?.checked_sub(drain));
            if let Some(cell) = to.and_then(|to| moves.get_mut(to)) {
                *cell += ln_binomial(bad as f64, (events - bad) as f64, error_ratio, 1.0 - error_ratio).exp();
            }
        }
        Ok(Self { moves, alarm: at_least(to_alarm)?, batches: 1.0 })
    }

    /// Adds what follows from going to the state `last`, which is eliminated, `comes` times per visit.
    fn take(&mut self, last: &Self, comes: f64) {
        for (mine, theirs) in self.moves.iter_mut().zip(&last.moves) {
            *mine += comes * theirs;
        }
        self.alarm += comes * last.alarm;
        self.batches += comes * last.batches;
    }
}
