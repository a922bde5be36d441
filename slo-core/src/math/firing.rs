//! Which alert tiers fire.

use super::Tally;
use crate::{
    Error,
    model::{AlertPolicy, Objective, Tier, Window},
};

/// The tiers of `policy` that fire, fastest first.
///
/// `tally` gives the counts of any window up to now. A tier fires if both its windows are strictly above its
/// threshold, in exact arithmetic, and the long one has at least the tier's fewest bad events. A window
/// without events never fires.
///
/// ```
/// use slo_core::{math::{Tally, firing}, model::{AlertPolicy, BurnTier, Window}};
///
/// let policy = AlertPolicy::for_period(Window::days(30))?;
/// let outage = Tally::new(10_000, 400)?; // 40× in every window
/// let tiers = firing(&policy, "99.9%".parse()?, |_| outage)?;
/// assert_eq!(tiers[0].burn(), BurnTier::Fast);
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// A threshold that does not fit 128 bits.
pub fn firing(
    policy: &AlertPolicy,
    objective: Objective,
    tally: impl Fn(Window) -> Tally,
) -> Result<Vec<Tier>, Error> {
    let mut tiers = Vec::new();
    for tier in policy.tiers() {
        let threshold = tier.threshold(objective)?;
        let long = tally(tier.long());
        let enough = long.bad() >= tier.fewest_bad();
        if enough && long.exceeds(threshold) && tally(tier.short()).exceeds(threshold) {
            tiers.push(*tier);
        }
    }
    Ok(tiers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needs_both_windows() {
        let policy = AlertPolicy::for_period(Window::days(30)).unwrap();
        let objective = "99.9%".parse().unwrap();
        let bad = Tally::new(1_000, 100).unwrap();
        let good = Tally::new(1_000, 0).unwrap();
        let only = |wanted: Window| move |window| if window == wanted { bad } else { good };
        assert_eq!(firing(&policy, objective, only(Window::hours(1))), Ok(vec![]));
        assert_eq!(firing(&policy, objective, |_| bad).map(|tiers| tiers.len()), Ok(4));
        assert_eq!(firing(&policy, objective, |_| Tally::EMPTY), Ok(vec![]));
    }

    #[test]
    fn a_guard_waits_for_events_that_mean_something() {
        let policy = AlertPolicy::workbook().guarded();
        let fired = |bad| {
            let tally = Tally::new(50, bad).unwrap();
            let tiers = firing(&policy, "99.9%".parse().unwrap(), |_| tally).unwrap();
            tiers.iter().map(|tier| tier.burn().as_str()).collect::<Vec<_>>()
        };
        // The trickle tier has no number of events that means something.
        assert_eq!(fired(1), ["trickle"]);
        assert_eq!(fired(4), ["fast", "trickle"]);
        assert_eq!(fired(12), ["fast", "medium", "slow", "trickle"]);
    }

    #[test]
    fn is_silent_exactly_at_the_threshold() {
        let policy = AlertPolicy::for_period(Window::days(30)).unwrap();
        let at = Tally::new(10_000, 144).unwrap();
        let above = Tally::new(10_000, 145).unwrap();
        let fast = |tally| firing(&policy, "99.9%".parse().unwrap(), |_| tally).unwrap().len();
        assert_eq!((fast(at), fast(above)), (3, 4));
    }
}
