//! A history as time slices.

use super::Series;
use crate::{Error, model::TimeSlices};
use std::ops::Range;

impl Series<'_> {
    /// The time slices of a history, as columns of total and bad events.
    ///
    /// A slice is 1 event, which is bad or good; a slice that does not count is 0. The columns have steps of
    /// [`TimeSlices::length`] and begin with the history; an incomplete slice is left out. A slice whose
    /// steps are all `unseen` does not count, because no data is different from no events.
    ///
    /// ```
    /// use slo_core::{model::{EmptySlice, TimeSlices, Timestamp, Window}, replay::Series};
    ///
    /// let minutes = TimeSlices::new(Window::minutes(1), "0.95".parse()?, EmptySlice::Good)?;
    /// let (total, bad) = ([50, 50, 50, 50, 0, 0, 0, 0], [0, 5, 0, 6, 0, 0, 0, 0]);
    /// let series = Series::new(Timestamp::EPOCH, Window::seconds(30), &total, &bad)?;
    /// // 5 of 100 may be bad, 6 may not; the third minute has no events, and the fourth no data.
    /// assert_eq!(series.slices(minutes, &[6..8])?, (vec![1, 1, 1, 0], vec![0, 1, 0, 0]));
    /// # Ok::<(), slo_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// Slices that are not a whole number of steps, or slices without a target, because they are not counts.
    pub fn slices(&self, slices: TimeSlices, unseen: &[Range<usize>]) -> Result<(Vec<u64>, Vec<u64>), Error> {
        let Some(allowed) = slices.allowed() else {
            return Err(Error::new(
                "slices without a target are shares, which a history of counts cannot hold",
            )
            .with_hint("set the target of the slices, the share of events that makes a slice good"));
        };
        let steps = self.steps_in(slices.length())?;
        let (mut total, mut bad) = (Vec::new(), Vec::new());
        let mut before = None;
        let mut gaps = unseen.iter().peekable();
        for first in (0..self.len()).step_by(steps) {
            let end = first + steps;
            if end > self.len() {
                break;
            }
            while gaps.next_if(|gap| gap.end <= first).is_some() {}
            let is_unseen = gaps.peek().is_some_and(|gap| gap.start <= first && end <= gap.end);
            let events = self.window(end, steps);
            let is_bad = match events.total() {
                _ if is_unseen => None,
                0 => slices.idle().stand_in(before),
                _ => Some(events.exceeds(allowed)),
            };
            before = is_bad;
            total.push(u64::from(is_bad.is_some()));
            bad.push(u64::from(is_bad == Some(true)));
        }
        Ok((total, bad))
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        math::{Tally, time_slices},
        model::{EmptySlice, TimeSlices, Timestamp, Window},
        replay::Series,
    };
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn are_those_of_tallies(
            steps in prop::collection::vec((0..5_u64, 0..5_u64), 0..60),
            idle in prop::sample::select(vec![EmptySlice::Good, EmptySlice::Bad, EmptySlice::Skip, EmptySlice::CarryForward]),
            length in 1..4_u64,
        ) {
            let (total, bad): (Vec<u64>, Vec<u64>) = steps.iter().map(|(total, bad)| (*total, *bad.min(total))).unzip();
            let series = Series::new(Timestamp::EPOCH, Window::minutes(1), &total, &bad).unwrap();
            let target = "0.6".parse().unwrap();
            let slices = TimeSlices::new(Window::minutes(length), target, idle).unwrap();
            let (all, failed) = series.slices(slices, &[]).unwrap();
            let length = usize::try_from(length).unwrap();
            let tallies: Vec<Tally> = (1..=series.len() / length).map(|end| series.window(end * length, length)).collect();
            let expected = time_slices(tallies, target, idle).unwrap();
            prop_assert_eq!((all.iter().sum::<u64>(), failed.iter().sum::<u64>()), (expected.total(), expected.bad()));
        }
    }

    #[test]
    fn refuses_what_is_no_count() {
        let series = Series::new(Timestamp::EPOCH, Window::minutes(1), &[1; 10], &[0; 10]).unwrap();
        let ratios = TimeSlices::of_ratios(Window::minutes(1), EmptySlice::Skip);
        assert!(series.slices(ratios, &[]).is_err());
        let odd = TimeSlices::new(Window::seconds(90), "0.9".parse().unwrap(), EmptySlice::Skip).unwrap();
        assert!(series.slices(odd, &[]).unwrap_err().message().contains("whole number of steps"));
    }
}
