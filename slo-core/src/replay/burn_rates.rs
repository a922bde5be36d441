//! Whole series of burn rates.

use super::Series;
use crate::model::Objective;
use std::ops::Range;

/// Burn rates after every step of a [`Series`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct BurnRates {
    /// The burn rates; 0 where the window had no events.
    pub values: Vec<f64>,
    /// The runs of steps whose windows had no events.
    pub without_events: Vec<Range<usize>>,
}

impl Series<'_> {
    /// After each step, the burn rate of the last `steps` steps against `objective`.
    ///
    /// The same as [`error_ratios`](Self::error_ratios) divided by the budget, in one column. It is as fast
    /// as reading memory.
    ///
    /// ```
    /// use slo_core::{model::{Timestamp, Window}, replay::Series};
    ///
    /// let series = Series::new(Timestamp::EPOCH, Window::minutes(1), &[100, 100, 0, 0], &[0, 1, 0, 0])?;
    /// let rates = series.burn_rates(2, "99%".parse()?);
    /// assert_eq!(rates.values, [0.0, 0.5, 1.0, 0.0]);
    /// assert_eq!(rates.without_events, [3..4]); // the value there has no meaning
    /// # Ok::<(), slo_core::Error>(())
    /// ```
    #[must_use]
    pub fn burn_rates(&self, steps: usize, objective: Objective) -> BurnRates {
        let budget = objective.budget().to_f64();
        let (mut total, mut bad, mut is_whole) = (0_u64, 0_u64, true);
        let mut rate = |(new_total, new_bad): (&u64, &u64), (old_total, old_bad): (&u64, &u64)| {
            // No sum overflows, so neither does a part of one.
            total = total.wrapping_add(*new_total).wrapping_sub(*old_total);
            bad = bad.wrapping_add(*new_bad).wrapping_sub(*old_bad);
            is_whole &= total != 0;
            if total == 0 { 0.0 } else { bad as f64 / (total as f64 * budget) }
        };
        let mut values = Vec::with_capacity(self.len());
        let rows = || self.total.iter().zip(self.bad);
        // First the windows that are as long as the history, then those that steps leave again.
        values.extend(rows().take(steps).map(|new| rate(new, (&0, &0))));
        values.extend(rows().skip(steps).zip(rows()).map(|(new, old)| rate(new, old)));
        let without_events = if is_whole { vec![] } else { self.runs_without_events(steps) };
        BurnRates { values, without_events }
    }

    /// The runs of steps after which the last `steps` steps have no events.
    fn runs_without_events(&self, steps: usize) -> Vec<Range<usize>> {
        let mut runs: Vec<Range<usize>> = Vec::new();
        let mut window = 0_u64;
        for (index, total) in self.total.iter().enumerate() {
            let leaving = index.checked_sub(steps).and_then(|old| self.total.get(old)).copied().unwrap_or(0);
            window = window.wrapping_add(*total).wrapping_sub(leaving);
            match runs.last_mut() {
                _ if window > 0 => {}
                Some(run) if run.end == index => run.end = index + 1,
                _ => runs.push(index..index + 1),
            }
        }
        runs
    }
}
