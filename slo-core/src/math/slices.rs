//! Time slices: counting good minutes instead of good events.

use super::Tally;
use crate::{
    Error,
    model::{EmptySlice, Objective, Ratio, Window},
};

/// Counts slices as events: good if at most 1 − `target` of their own events are bad.
///
/// OpenSLO's `Timeslices`. Pass complete slices only; one that is still open would be judged too early. The
/// comparison is exact. If a slice is judged by a metric and a threshold, pass it as a tally of one event.
///
/// ```
/// use slo_core::{math::{Tally, time_slices}, model::EmptySlice};
///
/// let minutes = [Tally::new(100, 0)?, Tally::new(100, 6)?, Tally::EMPTY, Tally::new(100, 5)?];
/// let slices = time_slices(minutes, "0.95".parse()?, EmptySlice::Skip)?;
/// assert_eq!((slices.total(), slices.bad()), (3, 1));
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// A target above one.
pub fn time_slices(
    slices: impl IntoIterator<Item = Tally>,
    target: Ratio,
    empty: EmptySlice,
) -> Result<Tally, Error> {
    let allowed = Ratio::ONE
        .checked_sub(target)
        .ok_or_else(|| Error::new(format!("{target} is not a slice target: it is more than all events")))?;
    let (mut total, mut bad) = (0, 0);
    let mut before = None;
    for slice in slices {
        let is_bad = if slice.total() > 0 { Some(slice.exceeds(allowed)) } else { empty.stand_in(before) };
        before = is_bad;
        total += u64::from(is_bad.is_some());
        bad += u64::from(is_bad == Some(true));
    }
    Tally::new(total, bad)
}

/// The mean share of good events per slice, or `None` if no slice counts.
///
/// OpenSLO's `RatioTimeslices`: every minute weighs the same, however many events it had. It differs from
/// the share of good events by [`ratio_bias`](crate::replay::ratio_bias).
///
/// ```
/// use slo_core::{math::{Tally, ratio_time_slices}, model::EmptySlice};
///
/// let minutes = [Tally::new(1_000, 0)?, Tally::new(10, 5)?];
/// assert_eq!(ratio_time_slices(minutes, EmptySlice::Skip), Some(0.75)); // by events, it is 99.5 %
/// # Ok::<(), slo_core::Error>(())
/// ```
#[must_use]
pub fn ratio_time_slices(slices: impl IntoIterator<Item = Tally>, empty: EmptySlice) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0_u64);
    let mut before = None;
    for slice in slices {
        let sli = slice.sli().or(match empty {
            EmptySlice::Good => Some(1.0),
            EmptySlice::Bad => Some(0.0),
            EmptySlice::Skip => None,
            EmptySlice::CarryForward => before,
        });
        before = sli;
        sum += sli.unwrap_or(0.0);
        count += u64::from(sli.is_some());
    }
    (count > 0).then(|| sum / count as f64)
}

/// The fewest bad slices within `window` that exceed `threshold`: ⌊θ·W/slice⌋ + 1.
///
/// Slices are coarse events: with one-minute slices at 99.9 %, one bad minute in an hour is 1.67 % and
/// fires the fast tier.
///
/// ```
/// use slo_core::{math::slices_to_fire, model::{AlertPolicy, Window}};
///
/// let policy = AlertPolicy::workbook();
/// let needed = |objective: &str| -> Result<Vec<u64>, slo_core::Error> {
///     let objective = objective.parse()?;
///     let tiers = policy.tiers().iter();
///     tiers.map(|tier| slices_to_fire(tier.long(), Window::minutes(1), tier.threshold(objective)?)).collect()
/// };
/// assert_eq!(needed("99.9%")?, [1, 3, 5, 5]);
/// assert_eq!(needed("99%")?, [9, 22, 44, 44]);
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// A number that does not fit 64 bits.
pub fn slices_to_fire(window: Window, slice: Window, threshold: Ratio) -> Result<u64, Error> {
    let slices = threshold.checked_mul(window.ratio_to(slice)).map(Ratio::floor);
    slices
        .and_then(|slices| u64::try_from(slices).ok()?.checked_add(1))
        .ok_or_else(|| Error::new(format!("{threshold} of the slices of {window} do not fit 64 bits")))
}

/// How long a degradation may last: T·(g − s)/(g − d), in seconds, for a mean of shares.
///
/// `usual` is the share of good events the rest of the time, `during` the share during the degradation.
/// `None` if it may last for the whole period, and 0 if the usual share does not meet the objective.
///
/// ```
/// use slo_core::{math::tolerable_seconds, model::Window};
///
/// // Two weeks at 95 %; usually 99 % are good, under attack 1 %.
/// let seconds = tolerable_seconds(Window::days(14), "95%".parse()?, "0.99".parse()?, "0.01".parse()?)?;
/// assert!((seconds.unwrap().to_f64() / 60.0 - 822.857).abs() < 1e-3);
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// Numbers that do not fit 128 bits.
pub fn tolerable_seconds(
    period: Window,
    objective: Objective,
    usual: Ratio,
    during: Ratio,
) -> Result<Option<Ratio>, Error> {
    let objective = objective.ratio();
    if during >= objective {
        return Ok(None);
    }
    if usual <= objective {
        return Ok(Some(Ratio::ZERO));
    }
    let exact = || {
        let share = usual.checked_sub(objective)?.checked_div(usual.checked_sub(during)?)?;
        period.as_seconds().checked_mul(share)
    };
    exact().map(Some).ok_or_else(|| Error::new(format!("{usual} and {during} have too many digits")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_slices_count_as_the_policy_says() {
        let bad = Tally::new(10, 10).unwrap();
        let good = Tally::new(10, 0).unwrap();
        let slices = [Tally::EMPTY, bad, Tally::EMPTY, good, Tally::EMPTY];
        for (policy, total, bad, mean) in [
            (EmptySlice::Good, 5, 1, 0.8),
            (EmptySlice::Bad, 5, 4, 0.2),
            (EmptySlice::Skip, 2, 1, 0.5),
            (EmptySlice::CarryForward, 4, 2, 0.5),
        ] {
            let counted = time_slices(slices, Ratio::ONE, policy).unwrap();
            assert_eq!((counted.total(), counted.bad()), (total, bad), "{policy:?}");
            assert_eq!(ratio_time_slices(slices, policy), Some(mean), "{policy:?}");
        }
        assert_eq!(ratio_time_slices([Tally::EMPTY], EmptySlice::CarryForward), None);
        assert!(time_slices(slices, Ratio::whole(2), EmptySlice::Good).is_err());
    }

    #[test]
    fn a_degradation_that_keeps_the_objective_may_last() {
        let tolerable = |usual: &str, during: &str| {
            let (usual, during) = (usual.parse().unwrap(), during.parse().unwrap());
            tolerable_seconds(Window::days(1), "95%".parse().unwrap(), usual, during)
        };
        assert_eq!(tolerable("0.99", "0.95"), Ok(None));
        assert_eq!(tolerable("0.94", "0.5"), Ok(Some(Ratio::ZERO)));
    }
}
