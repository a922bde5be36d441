//! A history of events, from which the tally of any window can be read.

use crate::{
    Error,
    math::{Exclusions, PeriodBudget, Tally},
    model::{Objective, Timestamp, Window},
};
use std::{
    borrow::Cow,
    panic::resume_unwind,
    thread::{self, ScopedJoinHandle},
};

/// Bad and total events in equal steps of time, borrowed from two columns.
///
/// Step i counts the events after `start + i·step` up to and including `start + (i+1)·step`, so windows are
/// left-open and right-closed like Prometheus'. Sums are kept for every 64th step: a sixty-fourth of the
/// columns, from which any window follows in a few dozen additions.
///
/// ```
/// use slo_core::{model::{Timestamp, Window}, replay::Series};
///
/// let (total, bad) = ([100, 100, 100, 100], [0, 1, 5, 0]);
/// let series = Series::new(Timestamp::EPOCH, Window::minutes(1), &total, &bad)?;
/// let last_two = series.window(series.len(), 2);
/// assert_eq!((last_two.total(), last_two.bad()), (200, 5));
/// assert_eq!(series.total().error_ratio(), Some(0.015));
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Series<'a> {
    start: Timestamp,
    step: Window,
    pub(super) total: &'a [u64],
    pub(super) bad: &'a [u64],
    sums: Cow<'a, Sums>,
}

/// The running sums of two columns of a [`Series`].
///
/// Keep them to make another series over the same columns without adding everything up again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sums {
    len: usize,
    // Of all steps before chunk i; one more than there are chunks. No sum overflows, and bad never exceeds total.
    before: Vec<Tally>,
}

/// Steps per chunk.
pub(super) const CHUNK: usize = 64;

impl<'a> Series<'a> {
    /// A history that begins at `start`.
    ///
    /// # Errors
    /// Columns of different lengths, a step with more bad events than events, or more events than 64 bits
    /// hold; each with its position.
    pub fn new(start: Timestamp, step: Window, total: &'a [u64], bad: &'a [u64]) -> Result<Self, Error> {
        let sums = Cow::Owned(Sums::of(total, bad)?);
        Ok(Self { start, step, total, bad, sums })
    }

    /// The same, from precomputed `sums` of these columns.
    ///
    /// With the sums of other columns, every result is wrong.
    ///
    /// ```
    /// use slo_core::{model::{Timestamp, Window}, replay::{Series, Sums}};
    ///
    /// let (total, bad) = ([100, 100], [0, 1]);
    /// let sums = Sums::of(&total, &bad)?;
    /// assert_eq!(sums.total().bad(), 1);
    /// let series = Series::summed(Timestamp::EPOCH, Window::minutes(1), &total, &bad, &sums)?;
    /// assert_eq!(series.total(), sums.total());
    /// # Ok::<(), slo_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// Columns or sums of different lengths.
    pub fn summed(
        start: Timestamp,
        step: Window,
        total: &'a [u64],
        bad: &'a [u64],
        sums: &'a Sums,
    ) -> Result<Self, Error> {
        same_length(total, bad)?;
        if sums.len != total.len() {
            return Err(Error::new(format!(
                "sums of {} steps for a history of {} steps",
                sums.len,
                total.len()
            )));
        }
        Ok(Self { start, step, total, bad, sums: Cow::Borrowed(sums) })
    }

    /// The number of steps.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.total.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.total.is_empty()
    }

    /// The length of a step.
    #[must_use]
    pub const fn step(&self) -> Window {
        self.step
    }

    /// The beginning of the first step.
    #[must_use]
    pub const fn start(&self) -> Timestamp {
        self.start
    }

    /// The end of the first `steps` steps.
    #[must_use]
    pub fn time_after(&self, steps: usize) -> Timestamp {
        self.start.after_steps(self.step, steps)
    }

    /// The end of the step `index`: the time of an evaluation after the
    /// step.
    #[must_use]
    pub fn end_of(&self, index: usize) -> Timestamp {
        self.time_after(index.saturating_add(1))
    }

    /// The whole steps in `window`.
    ///
    /// # Errors
    /// A window that is not a whole number of steps.
    pub fn steps_in(&self, window: Window) -> Result<usize, Error> {
        if !window.is_multiple_of(self.step) {
            return Err(Error::new(format!("{window} is not a whole number of steps of {}", self.step))
                .with_hint(
                    "use a multiple of the step, because windows are only exact at the edges of steps",
                ));
        }
        usize::try_from(window.as_millis() / self.step.as_millis())
            .map_err(|_| Error::new(format!("{window} has more steps than fit in memory")))
    }

    /// The tally of the step `index`; empty beyond the end.
    #[must_use]
    pub fn at(&self, index: usize) -> Tally {
        match (self.total.get(index), self.bad.get(index)) {
            (Some(total), Some(bad)) => Tally::new(*total, *bad).unwrap_or(Tally::EMPTY),
            _ => Tally::EMPTY,
        }
    }

    /// All steps.
    #[must_use]
    pub fn steps(&self) -> impl ExactSizeIterator<Item = Tally> {
        (0..self.len()).map(|index| self.at(index))
    }

    /// The tally of the `steps` steps before position `end`, or of fewer if the history begins later.
    #[must_use]
    pub fn window(&self, end: usize, steps: usize) -> Tally {
        let end = end.min(self.len());
        self.before(end).since(self.before(end.saturating_sub(steps))).unwrap_or(Tally::EMPTY)
    }

    /// All events.
    #[must_use]
    pub fn total(&self) -> Tally {
        self.before(self.len())
    }

    /// The expected events of a whole `period`, at least one.
    ///
    /// They are the events of the last period; those of a shorter history are scaled up to the period.
    ///
    /// ```
    /// use slo_core::{model::{Timestamp, Window}, replay::Series};
    ///
    /// let series = Series::new(Timestamp::EPOCH, Window::days(1), &[100, 300], &[0, 0])?;
    /// assert_eq!(series.expected_in(Window::days(1))?, 300);
    /// assert_eq!(series.expected_in(Window::days(30))?, 6_000);
    /// # Ok::<(), slo_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// A period that is not a whole number of steps.
    pub fn expected_in(&self, period: Window) -> Result<u64, Error> {
        let whole = self.steps_in(period)?;
        let covered = self.len().min(whole);
        Ok(self.expected_of(self.window(self.len(), covered), covered, whole))
    }

    /// The budget of `objective` over a whole `period` of events like those of the history.
    ///
    /// # Errors
    /// Those of [`expected_in`](Self::expected_in).
    pub fn budget_in(&self, period: Window, objective: Objective) -> Result<PeriodBudget, Error> {
        PeriodBudget::new(objective, self.expected_in(period)?)
    }

    /// The events of `whole` steps, of which `covered` have been `seen`.
    pub(super) fn expected_of(&self, seen: Tally, covered: usize, whole: usize) -> u64 {
        // A last period without traffic says nothing about the next one; the whole history does.
        let (seen, covered) = match seen.total() {
            0 => (self.total().total(), self.len()),
            seen => (seen, covered),
        };
        let expected = u128::from(seen) * whole as u128 / covered.max(1) as u128;
        u64::try_from(expected).unwrap_or(u64::MAX).max(1)
    }

    /// The sums of all steps before each chunk.
    pub(super) fn sums(&self) -> &[Tally] {
        &self.sums.before
    }

    /// The tally of all steps before `position`.
    pub(super) fn before(&self, position: usize) -> Tally {
        let chunk = position / CHUNK;
        let sum = self.sums.before.get(chunk).copied().unwrap_or(Tally::EMPTY);
        let rest = |column: &[u64]| -> u64 {
            // Part of a sum that was checked.
            let part = column.get(chunk * CHUNK..position.min(column.len())).unwrap_or_default();
            part.iter().fold(0, |sum, count| sum.wrapping_add(*count))
        };
        Tally::new(rest(self.total), rest(self.bad)).and_then(|rest| sum.checked_add(rest)).unwrap_or(sum)
    }

    /// All events of the chunks from `first` up to, not including, `last`.
    pub(super) fn total_of_chunks(&self, first: usize, last: usize) -> u64 {
        self.sum_of_chunks(last).total().saturating_sub(self.sum_of_chunks(first).total())
    }

    /// The bad events of the chunks from `first` up to, not including, `last`.
    pub(super) fn bad_of_chunks(&self, first: usize, last: usize) -> u64 {
        self.sum_of_chunks(last).bad().saturating_sub(self.sum_of_chunks(first).bad())
    }

    fn sum_of_chunks(&self, before: usize) -> Tally {
        self.sums.before.get(before).copied().unwrap_or_else(|| self.sums.total())
    }

    /// After each step, the error ratio of the last `steps` steps.
    ///
    /// `None` where the window has no events. At the beginning, windows are as long as the history.
    pub fn error_ratios(&self, steps: usize) -> impl Iterator<Item = Option<f64>> {
        let mut window = Tally::EMPTY;
        (0..self.len()).map(move |index| {
            window = self.slide(window, index, steps);
            window.error_ratio()
        })
    }

    /// The window that ends before `index`, moved on by the step `index`.
    pub(super) fn slide(&self, window: Tally, index: usize, steps: usize) -> Tally {
        let wider = window.checked_add(self.at(index)).unwrap_or(window);
        let leaving = index.checked_sub(steps).map_or(Tally::EMPTY, |old| self.at(old));
        wider.since(leaving).unwrap_or(wider)
    }

    /// The share of the budget that each `window` of the last `period` spent, oldest first.
    ///
    /// [`rolling_exhaustion`](crate::math::rolling_exhaustion) takes this form. Windows before the history
    /// spent nothing.
    ///
    /// ```
    /// use slo_core::{math::{BurnRate, PeriodBudget, rolling_exhaustion}, model::{Timestamp, Window}, replay::Series};
    ///
    /// let bad = [0, 50, 0, 0, 10];
    /// let series = Series::new(Timestamp::EPOCH, Window::days(1), &[20_000; 5], &bad)?;
    /// let budget = PeriodBudget::new("99.9%".parse()?, 100_000)?;
    /// let spends = series.spends(budget, Window::days(5), Window::days(1))?;
    /// assert_eq!(spends, [0.0, 0.5, 0.0, 0.0, 0.1]);
    /// assert_eq!(rolling_exhaustion(&spends, BurnRate::new(1.2)?)?, Some(4));
    /// # Ok::<(), slo_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// Windows that are not whole steps, or a period that is not whole windows.
    pub fn spends(&self, budget: PeriodBudget, period: Window, window: Window) -> Result<Vec<f64>, Error> {
        let (whole, part) = (self.steps_in(period)?, self.steps_in(window)?);
        if whole % part != 0 {
            return Err(Error::new(format!("{period} is not a whole number of windows of {window}"))
                .with_hint("choose a window that divides the period"));
        }
        let parts = (0..whole / part).rev().map(|ago| self.len().checked_sub(ago * part));
        let spent = |end: Option<usize>| budget.spent_by(end.map_or(0, |end| self.window(end, part).bad()));
        parts.map(spent).collect()
    }

    /// The columns without the events of excluded time: a step is excluded if its end is.
    ///
    /// ```
    /// use slo_core::{math::{Exclusions, Span}, model::{Timestamp, Window}, replay::Series};
    ///
    /// let series = Series::new(Timestamp::EPOCH, Window::minutes(1), &[10, 10, 10], &[0, 9, 0])?;
    /// let maintenance = Exclusions::new([Span::new(series.time_after(1), series.time_after(2))?]);
    /// let (total, bad) = series.without(&maintenance);
    /// assert_eq!((total, bad), (vec![10, 0, 10], vec![0, 0, 0]));
    /// # Ok::<(), slo_core::Error>(())
    /// ```
    #[must_use]
    pub fn without(&self, exclusions: &Exclusions) -> (Vec<u64>, Vec<u64>) {
        let counts = |index| !exclusions.contains(self.end_of(index));
        let keep = |column: &[u64]| {
            column.iter().enumerate().map(|(index, value)| if counts(index) { *value } else { 0 }).collect()
        };
        (keep(self.total), keep(self.bad))
    }
}

impl Sums {
    /// The running sums of two columns.
    ///
    /// # Errors
    /// As [`Series::new`].
    pub fn of(total: &[u64], bad: &[u64]) -> Result<Self, Error> {
        Self::in_threads(total, bad, 1)
    }

    /// The same, computed by several threads: for columns of millions of steps.
    ///
    /// # Errors
    /// As [`Series::new`].
    pub fn in_threads(total: &[u64], bad: &[u64], threads: usize) -> Result<Self, Error> {
        same_length(total, bad)?;
        let part = total.len().div_ceil(threads.max(1)).next_multiple_of(CHUNK).max(CHUNK);
        let parts = total.chunks(part).zip(bad.chunks(part));
        let sums: Vec<_> = thread::scope(|scope| {
            let mut parts = parts.enumerate();
            let first = parts.next();
            let sums = |(number, (total, bad))| Self::of_part(number * part, total, bad);
            let others: Vec<_> = parts.map(|part| scope.spawn(move || sums(part))).collect();
            let first = first.map(sums);
            first.into_iter().chain(others.into_iter().map(join)).collect()
        });
        let mut before = Vec::with_capacity(total.len() / CHUNK + 2);
        before.push(Tally::EMPTY);
        for part in sums {
            let so_far = before.last().copied().unwrap_or(Tally::EMPTY);
            for sum in part?.into_iter().skip(1) {
                before.push(so_far.checked_add(sum)?);
            }
        }
        Ok(Self { len: total.len(), before })
    }

    /// The sums of steps from `first` on.
    fn of_part(first: usize, total: &[u64], bad: &[u64]) -> Result<Vec<Tally>, Error> {
        let mut before = Vec::with_capacity(total.len() / CHUNK + 2);
        let mut sum = Tally::EMPTY;
        before.push(sum);
        for (chunk, (totals, bads)) in total.chunks(CHUNK).zip(bad.chunks(CHUNK)).enumerate() {
            sum = add_chunk(sum, totals, bads)
                .ok_or_else(|| first_fault(sum, first + chunk * CHUNK, totals, bads))?;
            before.push(sum);
        }
        Ok(before)
    }

    /// All events.
    #[must_use]
    pub const fn total(&self) -> Tally {
        match self.before.as_slice() {
            [.., all] => *all,
            [] => Tally::EMPTY,
        }
    }
}

fn join<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| resume_unwind(panic))
}

fn same_length(total: &[u64], bad: &[u64]) -> Result<(), Error> {
    if total.len() == bad.len() {
        return Ok(());
    }
    Err(Error::new(format!("{} steps of total and {} of bad events", total.len(), bad.len())))
}

/// `sum` plus the steps of a chunk; `None` if a step has more bad events than events, or if the sum
/// overflows.
fn add_chunk(sum: Tally, totals: &[u64], bads: &[u64]) -> Option<Tally> {
    // Plain loops over small numbers, so that they run as fast as memory is read.
    let (mut good, mut bad, mut fault) = (0_u64, 0_u64, 0_u64);
    for (step_total, step_bad) in totals.iter().zip(bads) {
        let step_good = step_total.wrapping_sub(*step_bad);
        good = good.wrapping_add(step_good);
        bad = bad.wrapping_add(*step_bad);
        // High bits are set where a count is so large that a sum could wrap, and, between smaller counts, where
        // bad exceeds total.
        fault |= step_good | step_bad;
    }
    if fault >> (u64::BITS - CHUNK.ilog2() - 1) != 0 {
        return totals
            .iter()
            .zip(bads)
            .try_fold(sum, |sum, (total, bad)| sum.checked_add(Tally::new(*total, *bad).ok()?).ok());
    }
    sum.checked_add(Tally::from_good_and_bad(good, bad).ok()?).ok()
}

fn first_fault(mut sum: Tally, first: usize, totals: &[u64], bads: &[u64]) -> Error {
    for (index, (total, bad)) in totals.iter().zip(bads).enumerate() {
        let added = Tally::new(*total, *bad).and_then(|step| sum.checked_add(step));
        match added {
            Ok(added) => sum = added,
            Err(error) => {
                let at = Error::new(format!("step {}: {error}", first + index));
                return match error.hint() {
                    Some(hint) => at.with_hint(hint),
                    None => at,
                };
            }
        }
    }
    Error::new("the steps do not add up")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MINUTE: Window = Window::minutes(1);

    #[test]
    fn says_where_the_columns_are_wrong() {
        let mut total = vec![10; 200];
        let bad = vec![5; 200];
        total[130] = 4;
        let error = Series::new(Timestamp::EPOCH, MINUTE, &total, &bad).unwrap_err();
        assert_eq!(error.message(), "step 130: 5 bad events are more than the total of 4");
        assert!(error.hint().is_some());
        assert!(Series::new(Timestamp::EPOCH, MINUTE, &total[..5], &bad).is_err());
        let error = Series::new(Timestamp::EPOCH, MINUTE, &[u64::MAX, 1], &[0, 0]).unwrap_err();
        assert!(error.message().starts_with("step 1: "), "{error}");
        assert!(Series::new(Timestamp::EPOCH, MINUTE, &[u64::MAX], &[u64::MAX]).is_ok());
        assert!(Series::new(Timestamp::EPOCH, MINUTE, &[0, 10], &[u64::MAX, 5]).is_err());
        assert!(Series::new(Timestamp::EPOCH, MINUTE, &[], &[]).unwrap().is_empty());
    }

    #[test]
    fn takes_whole_steps_only() {
        let series = Series::new(Timestamp::EPOCH, MINUTE, &[], &[]).unwrap();
        assert_eq!(series.steps_in(Window::hours(1)), Ok(60));
        assert!(series.steps_in(Window::seconds(90)).is_err());
    }

    #[test]
    fn sums_of_threads_are_the_same() {
        let total: Vec<u64> = (0..1_000).map(|step| step % 17).collect();
        let bad: Vec<u64> = total.iter().map(|total| total / 5).collect();
        let once = Sums::of(&total, &bad).unwrap();
        for threads in 0..20 {
            assert_eq!(Sums::in_threads(&total, &bad, threads).unwrap(), once);
        }
        assert_eq!(Sums::in_threads(&[], &[], 3), Sums::of(&[], &[]));
        let mut wrong = bad;
        wrong[900] = 99;
        let error = Sums::in_threads(&total, &wrong, 4).unwrap_err();
        assert!(error.message().starts_with("step 900: "), "{error}");
        assert!(Sums::in_threads(&[u64::MAX; 200], &[0; 200], 2).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]
        #[test]
        fn windows_are_the_sums_of_their_steps(
            steps in prop::collection::vec((0..100_u64, 0..100_u64), 0..300), end in 0..310_usize, length in 0..310_usize
        ) {
            let total: Vec<u64> = steps.iter().map(|(good, bad)| good + bad).collect();
            let bad: Vec<u64> = steps.iter().map(|(_, bad)| *bad).collect();
            let series = Series::new(Timestamp::EPOCH, MINUTE, &total, &bad).unwrap();
            let to = end.min(steps.len());
            let range = to.saturating_sub(length)..to;
            let window = series.window(end, length);
            prop_assert_eq!(window.total(), total[range.clone()].iter().sum::<u64>());
            prop_assert_eq!(window.bad(), bad[range].iter().sum::<u64>());
        }
    }
}
