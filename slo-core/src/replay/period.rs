//! The period at the end of a history, and equal stretches of it.

use super::Series;
#[cfg(feature = "calendar")]
use crate::model::Calendar;
use crate::{
    Error,
    math::{ErrorBudget, PeriodBudget, Tally},
    model::{Objective, Timestamp, Window},
};
use std::ops::Range;

/// The part of a history that an objective judges: the last period, or as much of it as there is.
///
/// ```
/// use slo_core::{model::{Timestamp, Window}, replay::{Judged, Series}};
///
/// // Three of thirty days, in which one in a thousand failed.
/// let series = Series::new(Timestamp::EPOCH, Window::days(1), &[100_000; 3], &[100; 3])?;
/// let judged = Judged::rolling(&series, Window::days(30))?;
/// let objective = "99.9%".parse()?;
/// assert_eq!(judged.expected(), 3_000_000);
/// assert_eq!(judged.budget(objective).remaining(), Some(0.0)); // of the events seen
/// let left = judged.burndown(&series, objective)?;
/// assert!(left.iter().zip([29.0, 28.0, 27.0]).all(|(left, of_30)| (left.unwrap() - of_30 / 30.0).abs() < 1e-12));
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    steps: Range<usize>,
    whole: usize,
    // Steps without data, and excluded steps.
    unseen: usize,
    excluded: usize,
    period: Window,
    seen: Tally,
    expected: u64,
}

impl Judged {
    /// The last `period` of a history.
    ///
    /// # Errors
    /// A period that is not a whole number of steps.
    pub fn rolling(series: &Series<'_>, period: Window) -> Result<Self, Error> {
        let whole = series.steps_in(period)?;
        Ok(Self::of(series, series.len().saturating_sub(whole)..series.len(), whole, period))
    }

    /// The calendar period in which a history ends, from the beginning of the period.
    ///
    /// ```
    /// use slo_core::{model::{Calendar, CalendarUnit, Timestamp, Window}, replay::{Judged, Series}};
    ///
    /// // From 20 February 1970 for 19 days: March has ten of 31.
    /// let series = Series::new(Timestamp::from_millis(50 * 86_400_000), Window::days(1), &[100; 19], &[0; 19])?;
    /// let judged = Judged::calendar(&series, &Calendar::new(CalendarUnit::Month, "UTC")?)?;
    /// assert_eq!((judged.seen().total(), judged.period()), (1_000, Window::days(31)));
    /// assert_eq!(judged.expected(), 3_100);
    /// # Ok::<(), slo_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// Times that the calendar cannot represent.
    #[cfg(feature = "calendar")]
    pub fn calendar(series: &Series<'_>, calendar: &Calendar) -> Result<Self, Error> {
        // A step belongs to the period in which it begins.
        let period = calendar.period_at(series.time_after(series.len().saturating_sub(1)))?;
        let length = period.window()?;
        let first = series.first_from(period.start());
        let whole = length.as_millis().div_ceil(series.step().as_millis());
        let whole = usize::try_from(whole).unwrap_or(usize::MAX);
        Ok(Self::of(series, first..series.len(), whole, length))
    }

    fn of(series: &Series<'_>, steps: Range<usize>, whole: usize, period: Window) -> Self {
        let seen = series.window(steps.end, steps.len());
        let expected = series.expected_of(seen, steps.len(), whole);
        Self { steps, whole, unseen: 0, excluded: 0, period, seen, expected }
    }

    /// The same period with steps without data, and with excluded steps, such as those of
    /// [`Exclusions`](crate::math::Exclusions).
    ///
    /// The rest of the period is expected to be like the steps that count. Steps without data are not traffic
    /// without errors: they add nothing to the budget.
    ///
    /// ```
    /// use slo_core::{model::{Timestamp, Window}, replay::{Judged, Series}};
    ///
    /// // Fifteen of thirty days, of which five do not count, and two were not scraped.
    /// let total = [[0; 5].as_slice(), &[100; 8], &[0; 2]].concat();
    /// let series = Series::new(Timestamp::EPOCH, Window::days(1), &total, &[0; 15])?;
    /// let judged = Judged::rolling(&series, Window::days(30))?.knowing(&series, &[13..15], &[0..5]);
    /// assert_eq!((judged.coverage(), judged.coverage_so_far()), (8.0 / 25.0, 0.8));
    /// assert_eq!(judged.expected(), 2_000); // 800 in ten days, of 25
    /// # Ok::<(), slo_core::Error>(())
    /// ```
    #[must_use]
    pub fn knowing(self, series: &Series<'_>, unseen: &[Range<usize>], excluded: &[Range<usize>]) -> Self {
        let within = |ranges: &[Range<usize>]| -> usize {
            let part = |one: &Range<usize>| {
                one.end.min(self.steps.end).saturating_sub(one.start.max(self.steps.start))
            };
            ranges.iter().map(part).sum()
        };
        let (unseen, excluded) = (within(unseen), within(excluded));
        let past = self.steps.len().saturating_sub(excluded);
        let whole = self.whole.saturating_sub(excluded);
        let expected = if self.seen.total() > 0 && past > 0 {
            // Steps without data earn no budget: they are expected to be like the steps with data.
            series.expected_of(self.seen, past, whole)
        } else {
            self.expected
        };
        Self { unseen, excluded, expected, ..self }
    }

    /// The steps of the history that belong to the period.
    #[must_use]
    pub const fn steps(&self) -> &Range<usize> {
        &self.steps
    }

    /// The length of the whole period.
    #[must_use]
    pub const fn period(&self) -> Window {
        self.period
    }

    /// The events in it so far.
    #[must_use]
    pub const fn seen(&self) -> Tally {
        self.seen
    }

    /// The expected events of the whole period, as in [`Series::expected_in`].
    #[must_use]
    pub const fn expected(&self) -> u64 {
        self.expected
    }

    /// The share of the whole period with data; excluded steps do not count.
    #[must_use]
    pub fn coverage(&self) -> f64 {
        let known = self.steps.len().saturating_sub(self.unseen + self.excluded);
        known as f64 / self.whole.saturating_sub(self.excluded).max(1) as f64
    }

    /// The share of the period so far with data; excluded steps do not count.
    #[must_use]
    pub fn coverage_so_far(&self) -> f64 {
        let past = self.steps.len().saturating_sub(self.excluded);
        past.saturating_sub(self.unseen) as f64 / past.max(1) as f64
    }

    /// The budget of the events seen so far.
    #[must_use]
    pub const fn budget(&self, objective: Objective) -> ErrorBudget {
        ErrorBudget::observed(objective, self.seen)
    }

    /// The share of the whole period's budget that `bad` bad events spend; `None` if the period has no
    /// events.
    ///
    /// # Errors
    /// A spend that is too large for a number.
    pub fn spent(&self, bad: u64, objective: Objective) -> Result<Option<f64>, Error> {
        if self.seen.total() == 0 {
            return Ok(None);
        }
        PeriodBudget::new(objective, self.expected)?.spent_by(bad).map(Some)
    }

    /// The share of the whole period's budget that is left after each step; `None` if the period has no
    /// events.
    ///
    /// # Errors
    /// As [`spent`](Self::spent).
    pub fn burndown(&self, series: &Series<'_>, objective: Objective) -> Result<Vec<Option<f64>>, Error> {
        let mut bad = 0_u64;
        let left = self.steps.clone().map(|step| {
            bad = bad.saturating_add(series.at(step).bad());
            Ok(self.spent(bad, objective)?.map(|spent| 1.0 - spent))
        });
        left.collect()
    }

    /// The share of the budget that would be left after each step, if it were spent evenly.
    pub fn ideal(&self) -> impl Iterator<Item = f64> {
        let whole = self.whole.max(1) as f64;
        (1..=self.steps.len()).map(move |step| 1.0 - step as f64 / whole)
    }
}

impl Series<'_> {
    /// The steps of each stretch of `length`, counted from the Unix epoch in UTC: days begin at midnight, weeks on Monday.
    ///
    /// A step belongs to the stretch in which it begins. The first and the last stretch may be shorter.
    ///
    /// ```
    /// use slo_core::{model::{Timestamp, Window}, replay::Series};
    ///
    /// // Six hours from 21:00 on.
    /// let series = Series::new(Timestamp::from_millis(21 * 3_600_000), Window::hours(1), &[1; 6], &[0; 6])?;
    /// assert_eq!(series.stretches(Window::days(1))?, [0..3, 3..6]);
    /// # Ok::<(), slo_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// A length that is not a whole number of steps.
    pub fn stretches(&self, length: Window) -> Result<Vec<Range<usize>>, Error> {
        // The epoch was a Thursday.
        const MONDAY: Timestamp = Timestamp::EPOCH.before(Window::days(3));
        let steps = self.steps_in(length)?;
        let origin = if length.is_multiple_of(Window::days(7)) { MONDAY } else { Timestamp::EPOCH };
        let mut first = 0;
        let mut end = self.first_from(self.start().on_grid(length, origin).after(length));
        let mut found = Vec::new();
        while first < self.len() {
            found.push(first..end.min(self.len()));
            (first, end) = (end, end.saturating_add(steps));
        }
        Ok(found)
    }

    /// The steps of each period of a calendar.
    ///
    /// # Errors
    /// Times that the calendar cannot represent.
    #[cfg(feature = "calendar")]
    pub fn calendar_stretches(&self, calendar: &Calendar) -> Result<Vec<Range<usize>>, Error> {
        let mut found = Vec::new();
        let mut first = 0;
        while first < self.len() {
            let period = calendar.period_at(self.time_after(first))?;
            let end = self.first_from(period.end()).clamp(first + 1, self.len());
            found.push(first..end);
            first = end;
        }
        Ok(found)
    }

    /// The first step that begins at `time` or later; the number of steps if there is none.
    fn first_from(&self, time: Timestamp) -> usize {
        let steps = time.millis_since(self.start()).div_ceil(self.step().as_millis());
        usize::try_from(steps).unwrap_or(usize::MAX).min(self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Window = Window::days(1);

    #[test]
    fn a_period_without_events_has_no_budget() {
        let series = Series::new(Timestamp::EPOCH, DAY, &[5, 0, 0], &[1, 0, 0]).unwrap();
        let judged = Judged::rolling(&series, Window::days(2)).unwrap();
        let objective = "99%".parse().unwrap();
        assert_eq!(judged.burndown(&series, objective).unwrap(), [None, None]);
        assert_eq!(judged.budget(objective).remaining(), None);
        let none = Series::new(Timestamp::EPOCH, DAY, &[], &[]).unwrap();
        let judged = Judged::rolling(&none, DAY).unwrap();
        assert_eq!((judged.coverage(), judged.ideal().count()), (0.0, 0));
    }

    #[test]
    fn weeks_begin_on_monday() {
        // From Saturday, 3 January 1970, for ten days.
        let series = Series::new(Timestamp::from_millis(2 * 86_400_000), DAY, &[1; 10], &[0; 10]).unwrap();
        assert_eq!(series.stretches(Window::days(7)).unwrap(), [0..2, 2..9, 9..10]);
        assert!(series.stretches(Window::hours(1)).is_err());
    }

    #[cfg(feature = "calendar")]
    #[test]
    fn a_step_across_the_end_of_a_month_is_of_the_month_that_it_begins_in() {
        use crate::model::CalendarUnit;

        // February 2026 in days of UTC: its last one ends after March has begun in Berlin.
        let series =
            Series::new(Timestamp::from_millis(1_769_904_000_000), DAY, &[1_000; 28], &[1; 28]).unwrap();
        let berlin = Calendar::new(CalendarUnit::Month, "Europe/Berlin").unwrap();
        let judged = Judged::calendar(&series, &berlin).unwrap();
        assert_eq!((judged.seen().total(), judged.steps().clone()), (28_000, 0..28));
    }

    #[cfg(feature = "calendar")]
    #[test]
    fn days_of_a_zone_have_their_own_length() {
        use crate::model::CalendarUnit;

        // 28 March 2026, 00:00 UTC, for two days: the clocks go forward on the 29th.
        let series =
            Series::new(Timestamp::from_millis(1_774_656_000_000), Window::hours(1), &[1; 48], &[0; 48])
                .unwrap();
        let berlin = Calendar::new(CalendarUnit::Day, "Europe/Berlin").unwrap();
        assert_eq!(series.calendar_stretches(&berlin).unwrap(), [0..23, 23..46, 46..48]);
    }
}
