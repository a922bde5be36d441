//! The rows of a table as equal steps of time.

use crate::{
    Error,
    model::{Timestamp, Window},
};
use std::{collections::BTreeMap, ops::Range};

/// The steps of the rows of a table, from their times.
///
/// A missing row is a step without events. [`place`](Self::place) puts columns of increments into their
/// steps; [`growth`](Self::growth) turns columns of counters into increments.
///
/// ```
/// use slo_core::{model::{Timestamp, Window}, replay::Rows};
///
/// // Rows that end every minute; that of the third minute is missing.
/// let rows = Rows::ending_at(&[60_000, 120_000, 240_000], None)?;
/// assert_eq!((rows.start(), rows.step(), rows.len()), (Timestamp::EPOCH, Window::minutes(1), 4));
/// assert_eq!(rows.gaps(), [2..3]);
/// assert_eq!(rows.place(&[10, 20, 40]), [10, 20, 0, 40]);
/// # Ok::<(), slo_core::replay::RowError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows {
    start: Timestamp,
    step: Window,
    // The step of each row; every one, in order, where `None`.
    steps: Option<Vec<usize>>,
    len: usize,
}

/// An invalid row of a table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{error}", .row.map_or_else(String::new, |row| format!("row {row}: ")))]
#[expect(clippy::exhaustive_structs, reason = "a fault of rows has nothing else")]
pub struct RowError {
    /// Its position; `None` if the error is about all rows.
    pub row: Option<usize>,
    /// What is wrong with it.
    pub error: Error,
}

/// The growth of two counters, from each row to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "callers that reindex rows write all of it")]
pub struct Growth {
    /// When the first step began: the time of the first row.
    pub start: Timestamp,
    /// Events in each step.
    pub total: Vec<u64>,
    /// Bad events in each step.
    pub bad: Vec<u64>,
    /// The steps in which the counters were reset.
    pub resets: Vec<usize>,
    /// The steps without a row; the growth over a gap is in the step after it.
    pub gaps: Vec<Range<usize>>,
}

impl Growth {
    /// A step with a doubtful reset: after it, the counter is far above its usual growth.
    ///
    /// The counter may be the sum of several processes, of which one was restarted.
    ///
    /// ```
    /// use slo_core::{model::{Timestamp, Window}, replay::Rows};
    ///
    /// let all: Vec<u64> = (0..20).map(|row| if row < 15 { 1_000 + 10 * row } else { 900 + 10 * row }).collect();
    /// let grown = Rows::regular(Timestamp::EPOCH, Window::minutes(1), 20).growth(&all, &[0; 20])?;
    /// assert_eq!(grown.doubtful_reset(), Some(14));
    /// # Ok::<(), slo_core::replay::RowError>(())
    /// ```
    #[must_use]
    pub fn doubtful_reset(&self) -> Option<usize> {
        const FEW: usize = 10;
        let (grown, resets) = (&self.total, &self.resets);
        if resets.is_empty() || grown.len() < resets.len() + FEW {
            return None;
        }
        let others = (grown.len() - resets.len()) as u128;
        let count = |step: &usize| grown.get(*step).map_or(0, |count| u128::from(*count));
        let reset: u128 = resets.iter().map(count).sum();
        let usual = (grown.iter().map(|count| u128::from(*count)).sum::<u128>() - reset) / others;
        resets.iter().copied().find(|step| count(step) > 20 * usual.max(1))
    }
}

/// The most steps for a number of rows: with more, one of the times is an outlier.
pub(super) const fn most_steps(rows: usize) -> usize {
    rows.saturating_mul(1_000).saturating_add(1 << 24)
}

/// The most frequent number; the smallest of several.
fn usual(numbers: impl Iterator<Item = u64>) -> u64 {
    let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
    let mut last = None;
    for number in numbers {
        // Nearly all are the same: no search for those.
        match &mut last {
            Some((of, count)) if *of == number => *count += 1,
            _ => {
                if let Some((of, count)) = last.replace((number, 1)) {
                    *counts.entry(of).or_default() += count;
                }
            }
        }
    }
    if let Some((of, count)) = last {
        *counts.entry(of).or_default() += count;
    }
    let most = counts.values().copied().max().unwrap_or(0);
    counts.into_iter().find(|(_, count)| *count == most).map_or(0, |(number, _)| number)
}

/// The error for a row that lies between the steps of the others.
fn off(late: u64, odd: usize, rows: usize, step: Window) -> Error {
    let early = step.as_millis() - late;
    let shown =
        |millis: u64| Window::from_millis(millis).map_or_else(|_| "0s".to_owned(), |time| time.to_string());
    let what =
        if late <= early { format!("{} late", shown(late)) } else { format!("{} early", shown(early)) };
    let others = match odd {
        1 => String::new(),
        odd => format!(", and {} others are off, too", odd - 1),
    };
    Error::new(format!("the time is {what}: {} of {rows} rows are in steps of {step}{others}", rows - odd))
        .with_hint(format!(
            "round the times to whole steps of {step}, or set a step that divides all of them"
        ))
}

impl Rows {
    /// `len` rows without gaps; the first row begins at `start`.
    #[must_use]
    pub const fn regular(start: Timestamp, step: Window, len: usize) -> Self {
        Self { start, step, steps: None, len }
    }

    /// Rows that end at `times`, in milliseconds since the Unix epoch. Without a `step`, the most frequent
    /// time between two rows is the step.
    ///
    /// ```
    /// use slo_core::replay::Rows;
    ///
    /// // The third of these hours is seven seconds late.
    /// let fault = Rows::ending_at(&[3_600_000, 7_200_000, 10_807_000, 14_400_000, 18_000_000], None).unwrap_err();
    /// assert_eq!(fault.row, Some(2));
    /// assert!(fault.to_string().starts_with("row 2: the time is 7s late"));
    /// ```
    ///
    /// # Errors
    /// Times that do not increase, that are not whole steps from most others, that are so far apart that one
    /// must be an outlier, or that are too few to know the step. The error names the first row between the
    /// steps.
    pub fn ending_at(times: &[i64], step: Option<Window>) -> Result<Self, RowError> {
        let wrong = |row: usize, error: Error| RowError { row: Some(row), error };
        let of_all = |error: Error| RowError { row: None, error };
        for (row, pair) in times.windows(2).enumerate() {
            let [before, after] = pair else { continue };
            if after <= before {
                let what = if after == before { "a duplicate" } else { "earlier than the one before" };
                let error = Error::new(format!("the time is {what}"));
                let hint = if after == before {
                    "remove duplicates, or set the time zone if an hour repeats when the clocks go back"
                } else {
                    "sort by time, or set the time zone if an hour repeats when the clocks go back"
                };
                return Err(wrong(row + 1, error.with_hint(hint)));
            }
        }
        let step = match step {
            Some(step) => step,
            None if times.is_empty() => {
                let error = Error::new("without rows, the step is not known").with_hint("set the step");
                return Err(of_all(error));
            }
            None if times.len() < 2 => {
                let error = Error::new("one row does not define a step").with_hint("set the step");
                return Err(of_all(error));
            }
            None => {
                let apart = times.windows(2).filter_map(|pair| Some(pair.last()?.abs_diff(*pair.first()?)));
                Window::from_millis(usual(apart)).map_err(of_all)?
            }
        };
        let Some(first) = times.first().copied() else { return Ok(Self::regular(Timestamp::EPOCH, step, 0)) };
        let millis = i64::try_from(step.as_millis()).unwrap_or(i64::MAX);
        let phase = |time: i64| time.rem_euclid(millis).unsigned_abs();
        if times.iter().any(|time| phase(*time) != phase(first)) {
            let usual = usual(times.iter().map(|time| phase(*time)));
            let mut odd = times.iter().enumerate().filter(|(_, time)| phase(**time) != usual);
            if let Some((row, time)) = odd.next() {
                let late = (phase(*time) + step.as_millis() - usual) % step.as_millis();
                return Err(wrong(row, off(late, 1 + odd.count(), times.len(), step)));
            }
        }
        let most = most_steps(times.len());
        let mut steps = Vec::with_capacity(times.len());
        for (row, time) in times.iter().enumerate() {
            let step_of_row = usize::try_from(time.abs_diff(first) / step.as_millis()).unwrap_or(usize::MAX);
            if step_of_row >= most {
                let error = Error::new(format!(
                    "the time is {step_of_row} steps of {step} after the first, with {} rows in all",
                    times.len()
                ));
                return Err(wrong(row, error.with_hint("remove the outlier, or set a longer step")));
            }
            steps.push(step_of_row);
        }
        let len = steps.last().map_or(0, |last| last + 1);
        let is_whole = len == steps.len();
        Ok(Self {
            start: Timestamp::from_millis(first).before(step),
            step,
            steps: (!is_whole).then_some(steps),
            len,
        })
    }

    /// Rows that begin at `times`, as in tables that are grouped by the hour or the day.
    ///
    /// The same as [`ending_at`](Self::ending_at), but one step later.
    ///
    /// ```
    /// use slo_core::replay::Rows;
    ///
    /// let hours = [0, 3_600_000, 7_200_000];
    /// let (beginning, ending) = (Rows::beginning_at(&hours, None)?, Rows::ending_at(&hours, None)?);
    /// assert_eq!([beginning.start(), ending.start()].map(|time| time.as_millis()), [0, -3_600_000]);
    /// # Ok::<(), slo_core::replay::RowError>(())
    /// ```
    ///
    /// # Errors
    /// As [`ending_at`](Self::ending_at).
    pub fn beginning_at(times: &[i64], step: Option<Window>) -> Result<Self, RowError> {
        let rows = Self::ending_at(times, step)?;
        Ok(Self { start: rows.start.after(rows.step), ..rows })
    }

    /// When the first step began.
    #[must_use]
    pub const fn start(&self) -> Timestamp {
        self.start
    }

    /// The length of a step.
    #[must_use]
    pub const fn step(&self) -> Window {
        self.step
    }

    /// The number of steps, including those without a row.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether every step has a row, so that columns need not be placed.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.steps.is_none()
    }

    /// The row of a step.
    #[must_use]
    pub fn row_of(&self, step: usize) -> Option<usize> {
        match &self.steps {
            None => (step < self.len).then_some(step),
            Some(steps) => steps.binary_search(&step).ok(),
        }
    }

    /// The steps that have no row.
    #[must_use]
    pub fn gaps(&self) -> Vec<Range<usize>> {
        let pairs = self.steps.as_deref().unwrap_or_default().windows(2);
        let gap = |pair: &[usize]| match pair {
            [before, after] if after - before > 1 => Some(before + 1..*after),
            _ => None,
        };
        pairs.filter_map(gap).collect()
    }

    /// A column with a value for each step; 0 for steps without a row or a value.
    #[must_use]
    pub fn place(&self, column: &[u64]) -> Vec<u64> {
        let mut placed = vec![0; self.len];
        for (row, count) in column.iter().enumerate() {
            let step = self.steps.as_ref().map_or(Some(row), |steps| steps.get(row).copied());
            if let Some(place) = step.and_then(|step| placed.get_mut(step)) {
                *place = *count;
            }
        }
        placed
    }

    /// The growth of two counters of the same process, from each row to the next.
    ///
    /// If one of them falls, both were reset, because the same process counts them: both have counted from
    /// zero since then. The first row only serves as the base of the others. The growth over a gap is in the
    /// step after it.
    ///
    /// ```
    /// use slo_core::{model::{Timestamp, Window}, replay::Rows};
    ///
    /// let rows = Rows::regular(Timestamp::EPOCH, Window::minutes(1), 4);
    /// let grown = rows.growth(&[100, 150, 20, 30], &[4, 5, 7, 7])?; // restarted, and seven failed since
    /// assert_eq!((grown.total, grown.bad), (vec![50, 20, 10], vec![1, 7, 0]));
    /// assert_eq!(grown.resets, [1]);
    /// # Ok::<(), slo_core::replay::RowError>(())
    /// ```
    ///
    /// # Errors
    /// Columns of different lengths, or a row with more new bad events than new events.
    pub fn growth(&self, total: &[u64], bad: &[u64]) -> Result<Growth, RowError> {
        if total.len() != bad.len() {
            let error = Error::new(format!("{} rows of total and {} of bad events", total.len(), bad.len()));
            return Err(RowError { row: Some(total.len().min(bad.len())), error });
        }
        let len = self.len.saturating_sub(1);
        let (mut totals, mut bads, mut resets) = (vec![0; len], vec![0; len], Vec::new());
        for (before, pair) in total.windows(2).zip(bad.windows(2)).enumerate() {
            let ([total_before, total], [bad_before, bad]) = pair else { continue };
            let row = before + 1;
            let step = self.steps.as_ref().map_or(row, |steps| steps.get(row).copied().unwrap_or(row)) - 1;
            let grown = total.checked_sub(*total_before).zip(bad.checked_sub(*bad_before));
            if grown.is_none() {
                resets.push(step);
            }
            let (more, more_bad) = grown.unwrap_or((*total, *bad));
            if more_bad > more {
                let error = Error::new(format!("{more_bad} new bad events, but only {more} new events"));
                return Err(RowError {
                    row: Some(row),
                    error: error.with_hint("check that both columns count the same events"),
                });
            }
            if let (Some(total), Some(bad)) = (totals.get_mut(step), bads.get_mut(step)) {
                (*total, *bad) = (more, more_bad);
            }
        }
        let gaps = self.gaps().into_iter().map(|gap| gap.start - 1..gap.end - 1).collect();
        Ok(Growth { start: self.start.after(self.step), total: totals, bad: bads, resets, gaps })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MINUTE: Window = Window::minutes(1);

    fn refused(times: &[i64], step: Option<Window>) -> (Option<usize>, String) {
        let fault = Rows::ending_at(times, step).unwrap_err();
        assert!(fault.error.hint().is_some());
        (fault.row, fault.to_string())
    }

    #[test]
    fn says_which_time_is_wrong() {
        assert_eq!(refused(&[0, 5, 5], None), (Some(2), "row 2: the time is a duplicate".into()));
        assert_eq!(
            refused(&[0, 5, 4], None),
            (Some(2), "row 2: the time is earlier than the one before".into())
        );
        assert_eq!(refused(&[0], None), (None, "one row does not define a step".into()));
        assert_eq!(refused(&[0, 60_000, 150_000], Some(MINUTE)).0, Some(2));
        let hours = |odd: &[i64]| {
            (1..=20_i64)
                .map(|hour| hour * 3_600_000 + odd.get(usize::try_from(hour).unwrap()).unwrap_or(&0))
                .collect::<Vec<_>>()
        };
        let early = refused(&hours(&[0, 0, 0, 0, -240_000]), None);
        assert_eq!(early, (Some(3), "row 3: the time is 4m early: 19 of 20 rows are in steps of 1h".into()));
        // From the eleventh row on, all are a minute late: the ten before it are as many.
        let shifted = refused(&hours(&[[0; 11].as_slice(), &[60_000; 10]].concat()), None);
        assert_eq!((shifted.0, shifted.1.contains("and 9 others are off")), (Some(10), true));
        // A time in another unit would ask for all memory there is.
        assert_eq!(refused(&[0, 1, 253_402_300_799_000], None).0, Some(2));
        assert_eq!(refused(&[i64::MIN, i64::MAX], Some(MINUTE)).0, Some(1));
        assert!(Rows::ending_at(&[], Some(MINUTE)).unwrap().is_empty());
        assert_eq!(Rows::ending_at(&[7], Some(MINUTE)).unwrap().start(), Timestamp::from_millis(7 - 60_000));
    }

    #[test]
    fn counters_are_reset_together() {
        let rows = Rows::regular(Timestamp::EPOCH, MINUTE, 3);
        // Only the bad ones fell: the others had grown beyond what they were.
        let grown = rows.growth(&[100, 150, 160], &[5, 2, 3]).unwrap();
        assert_eq!((grown.total, grown.bad, grown.resets), (vec![150, 10], vec![2, 1], vec![0]));
        let fault = rows.growth(&[0, 5, 6], &[0, 0, 2]).unwrap_err();
        assert_eq!((fault.row, fault.error.message()), (Some(2), "2 new bad events, but only 1 new events"));
        assert!(rows.growth(&[0, 5], &[0]).is_err());
    }

    #[test]
    fn what_grew_over_a_gap_is_in_the_step_after() {
        let rows = Rows::ending_at(&[0, 60_000, 240_000], None).unwrap();
        let grown = rows.growth(&[0, 10, 40], &[0, 0, 3]).unwrap();
        assert_eq!((grown.total, grown.bad), (vec![10, 0, 0, 30], vec![0, 0, 0, 3]));
        assert_eq!((grown.gaps.first(), grown.gaps.len(), grown.start), (Some(&(1..3)), 1, Timestamp::EPOCH));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]
        #[test]
        fn nothing_is_lost_in_counters_and_gaps(
            rows in prop::collection::vec((1..5_i64, 0..100_u64, 0..100_u64, prop::bool::weighted(0.1)), 2..60)
        ) {
            let (mut time, mut total, mut bad) = (0, 0, 0);
            let (mut times, mut totals, mut bads, mut all) = (vec![], vec![], vec![], (0, 0));
            for (index, (pause, good_now, bad_now, restart)) in rows.into_iter().enumerate() {
                time += pause * 60_000;
                // A restart that is seen: the counter does not grow beyond where it was.
                if restart && good_now + bad_now < total {
                    (total, bad) = (0, 0);
                }
                (total, bad) = (total + good_now + bad_now, bad + bad_now);
                if index > 0 {
                    all = (all.0 + good_now + bad_now, all.1 + bad_now);
                }
                times.push(time);
                totals.push(total);
                bads.push(bad);
            }
            let rows = Rows::ending_at(&times, Some(MINUTE)).unwrap();
            let grown = rows.growth(&totals, &bads).unwrap();
            prop_assert_eq!((grown.total.iter().sum::<u64>(), grown.bad.iter().sum::<u64>()), all);
            let steps = grown.total.len();
            prop_assert_eq!(steps as u64, times[times.len() - 1].abs_diff(times[0]) / 60_000);
            prop_assert_eq!(rows.place(&totals).iter().sum::<u64>(), totals.iter().sum::<u64>());
        }
    }
}
