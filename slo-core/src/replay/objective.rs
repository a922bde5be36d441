//! Objectives that a history supports.

use super::{Bootstrap, Series};
use crate::{
    Error,
    model::{AlertPolicy, Objective, Ratio, Window},
    stats::{Confidence, Interval, quantile},
};

/// An objective that a history supports, and the evidence for it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Proposal {
    /// The highest objective of the ladder that is met with the given confidence.
    ///
    /// `None` if even the lowest is not met, or if the history holds too few periods.
    pub objective: Option<Objective>,
    /// The number of independent periods in the history, span/T; all other numbers depend on it.
    pub independent_periods: f64,
    /// The number of independent periods needed for a claim at that confidence, 1/α.
    pub periods_needed: f64,
    /// The interval of a period's attainment, from resampling the history.
    pub attainment: Interval,
    /// For each objective of the ladder, the share of resampled periods that met it.
    pub met: Vec<(Objective, f64)>,
    /// The share of the history's budget that the proposed objective would have used.
    pub budget_used: Option<f64>,
    /// The number of whole days of the history below the proposed objective.
    pub days_below: Option<usize>,
    /// The objective above which all alert tiers for the period can fire; `None` for a period without tiers.
    pub reachable_above: Option<Objective>,
}

/// The objectives that people choose, from 90 % to 99.99 %: a ladder for [`propose`].
///
/// ```
/// let ladder = slo_core::replay::usual_objectives();
/// assert_eq!((ladder.len(), ladder[6].to_string()), (9, "99.9%".to_owned()));
/// ```
#[must_use]
pub fn usual_objectives() -> Vec<Objective> {
    let ladder = ["90%", "95%", "98%", "99%", "99.5%", "99.8%", "99.9%", "99.95%", "99.99%"];
    ladder.iter().filter_map(|rung| rung.parse().ok()).collect()
}

/// Proposes an objective for a period of `window` from a history.
///
/// `bootstrap` resamples the attainment of a period. The periods begin equally often on every day of the
/// week, or at every time of the day. The proposal is the highest objective that is met with at least the
/// given confidence. Ninety days hold only three independent periods of thirty days: they do not support a
/// claim at 95 %, so there is no proposal, only the interval.
///
/// ```
/// use slo_core::{model::{Timestamp, Window}, replay::{Bootstrap, Series, propose, usual_objectives}, stats::Confidence};
///
/// // Half a year of hours; a bad hour now and then.
/// let total = vec![10_000; 24 * 182];
/// let bad: Vec<u64> = (0..total.len()).map(|hour| if hour % 97 == 0 { 900 } else { 2 }).collect();
/// let series = Series::new(Timestamp::EPOCH, Window::hours(1), &total, &bad)?;
/// let ladder = usual_objectives();
/// let bootstrap = Bootstrap::new(Window::hours(6), 1);
/// let week = propose(&series, Window::days(7), &ladder, Confidence::P95, bootstrap)?;
/// assert_eq!(week.objective, Some("99.5%".parse()?)); // 99.8 % is met nine times out of ten
/// let month = propose(&series, Window::days(30), &ladder, Confidence::P95, bootstrap)?;
/// assert_eq!((month.objective, month.periods_needed), (None, 20.0)); // six months are fewer than twenty
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// An empty history or ladder, no events in the history, no resamples, or windows that are not whole steps.
pub fn propose(
    series: &Series<'_>,
    window: Window,
    ladder: &[Objective],
    confidence: Confidence,
    bootstrap: Bootstrap,
) -> Result<Proposal, Error> {
    let steps = series.steps_in(window)?;
    if ladder.is_empty() {
        return Err(Error::new("the ladder of objectives has no rungs"));
    }
    let mut draws = bootstrap.on(series)?;
    let first = first_period(series, window);
    let mut attained: Vec<f64> = Vec::new();
    let mut missed = vec![0_u32; ladder.len()];
    for _ in 0..bootstrap.resamples {
        let tally = draws.tally(first, steps)?;
        let Some(sli) = tally.sli() else { continue };
        attained.push(sli);
        for (missed, objective) in missed.iter_mut().zip(ladder) {
            *missed += u32::from(tally.exceeds(objective.budget()));
        }
    }
    if attained.is_empty() {
        return Err(Error::new("the history has no events"));
    }
    attained.sort_by(f64::total_cmp);
    let share = |missed: u32| 1.0 - f64::from(missed) / attained.len() as f64;
    let met: Vec<(Objective, f64)> =
        ladder.iter().zip(missed).map(|(rung, missed)| (*rung, share(missed))).collect();
    let independent_periods = series.len() as f64 / steps as f64;
    // 1 − 0.95 is a little more than 0.05; a claim must not fail for that.
    let periods_needed = (1.0 / confidence.alpha() * 1e9).round() / 1e9;
    let supported = independent_periods >= periods_needed;
    let holds = met.iter().filter(|(_, met)| supported && *met >= confidence.level());
    let objective = holds.map(|(objective, _)| *objective).max();
    let half = confidence.alpha() / 2.0;
    Ok(Proposal {
        objective,
        independent_periods,
        periods_needed,
        attainment: Interval::new(quantile(&attained, half), quantile(&attained, 1.0 - half)),
        met,
        budget_used: objective
            .and_then(|objective| crate::math::ErrorBudget::observed(objective, series.total()).consumed()),
        days_below: objective.map(|objective| days_below(series, objective)).transpose()?,
        reachable_above: AlertPolicy::for_period(window)
            .ok()
            .map(|policy| reachable_above(&policy))
            .transpose()?,
    })
}

/// The number of steps before the first period, which begins at midnight in UTC, or at a part of the day.
fn first_period(series: &Series<'_>, window: Window) -> usize {
    let day = Window::days(1);
    let grid = if window.is_multiple_of(day) { day } else { window };
    if !day.is_multiple_of(grid) {
        return 0;
    }
    let Ok(stretches) = series.stretches(grid) else { return 0 };
    let is_whole =
        |stretch: &std::ops::Range<usize>| series.steps_in(grid).is_ok_and(|steps| stretch.len() == steps);
    stretches.first().map_or(0, |first| if is_whole(first) { 0 } else { first.end })
}

fn days_below(series: &Series<'_>, objective: Objective) -> Result<usize, Error> {
    let day = series.steps_in(Window::days(1))?;
    let days = series.stretches(Window::days(1))?.into_iter().filter(|stretch| stretch.len() == day);
    let days = days.map(|stretch| series.window(stretch.end, day));
    Ok(days.filter(|tally| tally.exceeds(objective.budget())).count())
}

/// The objective above which every tier of `policy` can fire, rounded up to four decimals of a percent.
fn reachable_above(policy: &AlertPolicy) -> Result<Objective, Error> {
    let mut highest = Ratio::ONE;
    for tier in policy.tiers() {
        highest = highest.max(tier.factor()?);
    }
    let millionths = Ratio::whole(1_000_000).checked_div(highest).map_or(0, Ratio::floor);
    let percent = Ratio::new(1_000_000 - millionths, 10_000)?;
    format!("{percent}%").parse()
}

/// The attainment of a history, rounded down to two significant figures.
///
/// The SRE Workbook starts a first SLO like this (ch. 2): 97.123 % becomes 97 %. From 99 % on, the figures of
/// the unavailability count, and are rounded up: 99.973 % becomes 99.97 %. `None` without events or failures,
/// and if the attainment is below 1 %.
///
/// ```
/// use slo_core::{math::Tally, replay::round_down};
///
/// assert_eq!(round_down(Tally::new(100_000, 2_877)?), Some("97%".parse()?));
/// assert_eq!(round_down(Tally::new(1_000_000, 262)?), Some("99.97%".parse()?));
/// # Ok::<(), slo_core::Error>(())
/// ```
#[must_use]
pub fn round_down(tally: crate::math::Tally) -> Option<Objective> {
    if tally.total() == 0 || tally.bad() == 0 {
        return None;
    }
    let bad = Ratio::new(tally.bad().into(), tally.total().into()).ok()?;
    // Hundredths; or, from 99 % on, one figure more than the first that is not a nine.
    let mut parts = 100_u128;
    while bad.checked_mul(Ratio::whole(parts))? <= Ratio::ONE && parts < 1_000_000_000_000 {
        parts *= 10;
    }
    let scaled = bad.checked_mul(Ratio::whole(parts))?;
    let budget = Ratio::new(scaled.numerator().div_ceil(scaled.denominator()), parts).ok()?;
    let percent = Ratio::ONE.checked_sub(budget)?.checked_mul(Ratio::whole(100))?;
    format!("{percent}%").parse().ok()
}
