//! Counts of tables and servers as whole numbers.

use std::ops::Range;

/// A number as a count; `None` if it is not whole, is negative, or is more than a double holds exactly.
///
/// ```
/// use slo_core::replay::whole_count;
///
/// assert_eq!([3.0, 3.5, -1.0, f64::NAN, 1e17].map(whole_count), [Some(3), None, None, None, None]);
/// ```
#[must_use]
pub fn whole_count(number: f64) -> Option<u64> {
    // The largest count that a double holds exactly, with all below it.
    const MOST: f64 = 9_007_199_254_740_992.0;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is whole and in range")]
    (number.fract() == 0.0 && (0.0..=MOST).contains(&number)).then_some(number as u64)
}

/// Recorded events of each step as whole numbers; `None` and values that are not finite count as zero.
///
/// Recorded counts are estimates near the restart of a process. The rounding error of a step goes to the next
/// step, so that sums are right; a negative count corrects the counts before it. A step never has more bad
/// events than events: excess bad events go to the next step with room, or else to the last one before it.
///
/// ```
/// use slo_core::replay::whole_events;
///
/// let (total, bad) = whole_events(&[Some(2.4), None, Some(2.4), Some(2.2)], &[Some(0.0), None, Some(0.6), Some(-0.6)]);
/// assert_eq!((total, bad), (vec![2, 0, 3, 2], vec![0, 0, 1, 0]));
/// ```
#[must_use]
pub fn whole_events(total: &[Option<f64>], bad: &[Option<f64>]) -> (Vec<u64>, Vec<u64>) {
    let mut all = Whole::default();
    let total: Vec<u64> = total.iter().map(|count| all.next(*count, u64::MAX)).collect();
    let mut bads = Whole::default();
    let mut bad: Vec<u64> = bad.iter().zip(&total).map(|(count, room)| bads.next(*count, *room)).collect();
    let mut left = bads.due();
    for (bad, total) in bad.iter_mut().zip(&total).rev() {
        let part = left.min(total - *bad);
        *bad += part;
        left -= part;
    }
    (total, bad)
}

/// Rounds estimates to whole numbers, and keeps their sum.
#[derive(Default)]
struct Whole {
    sum: f64,
    given: u64,
}

impl Whole {
    /// The part of the sum so far that has not been given to a step.
    fn due(&self) -> u64 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates, at 0 too")]
        let sum = self.sum.round() as u64;
        sum.saturating_sub(self.given)
    }

    /// The count of the next step, at most `room`.
    fn next(&mut self, count: Option<f64>, room: u64) -> u64 {
        self.sum += count.filter(|count| count.is_finite()).unwrap_or(0.0);
        let part = self.due().min(room);
        self.given = self.given.saturating_add(part);
        part
    }
}

/// Whether a column looks like a counter: over many rows, it never falls and nearly always grows.
///
/// ```
/// use slo_core::replay::is_like_a_counter;
///
/// assert!(is_like_a_counter(&(0..200).collect::<Vec<_>>()));
/// assert!(!is_like_a_counter(&[7; 200]));
/// ```
#[must_use]
pub fn is_like_a_counter(column: &[u64]) -> bool {
    const MANY: usize = 100;
    if column.len() < MANY {
        return false;
    }
    // Other columns fall within the first rows.
    let mut grew = 0;
    for (before, after) in column.iter().zip(column.iter().skip(1)) {
        if after < before {
            return false;
        }
        grew += usize::from(after > before);
    }
    grew * 10 >= column.len() * 9
}

/// Sorted steps as stretches of consecutive steps.
pub(super) fn stretches(steps: impl IntoIterator<Item = usize>) -> Vec<Range<usize>> {
    let mut stretches: Vec<Range<usize>> = Vec::new();
    for step in steps {
        match stretches.last_mut() {
            Some(last) if last.end == step => last.end = step + 1,
            _ => stretches.push(step..step + 1),
        }
    }
    stretches
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn whole(counts: &[Option<f64>]) -> Vec<u64> {
        whole_events(counts, &[]).0
    }

    #[test]
    fn sums_are_kept() {
        assert_eq!(whole(&[Some(0.4), Some(0.4), None, Some(0.4), Some(5.0)]), [0, 1, 0, 0, 5]);
        assert_eq!(whole(&[Some(0.3); 10]).iter().sum::<u64>(), 3);
        assert_eq!(whole(&[Some(2.0), Some(-1.0), Some(0.5), Some(2.0), Some(-9.0)]), [2, 0, 0, 2, 0]);
        assert_eq!(whole(&[Some(2.0), Some(f64::NAN), Some(f64::INFINITY), Some(1.0)]), [2, 0, 0, 1]);
        // What has no room where it is.
        assert_eq!(whole_events(&[Some(0.6), Some(0.4)], &[Some(0.4), Some(0.4)]), (vec![1, 0], vec![1, 0]));
        assert_eq!(whole_events(&[None, Some(10.0)], &[Some(3.0), Some(0.0)]), (vec![0, 10], vec![0, 3]));
    }

    proptest! {
        #[test]
        fn no_event_is_lost_to_rounding(steps in prop::collection::vec((0.0..3.0_f64, 0.0..1.0_f64), 1..50)) {
            let total: Vec<_> = steps.iter().map(|(total, _)| Some(*total)).collect();
            let bad: Vec<_> = steps.iter().map(|(total, share)| Some(total * share)).collect();
            let (totals, bads) = whole_events(&total, &bad);
            prop_assert!(totals.iter().zip(&bads).all(|(total, bad)| bad <= total));
            let sum = |counts: &[Option<f64>]| counts.iter().flatten().sum::<f64>();
            let near = |whole: &[u64], sum: f64| (whole.iter().sum::<u64>() as f64 - sum).abs() <= 0.5 + 1e-9;
            prop_assert!(near(&totals, sum(&total)));
            let is_full = bads.iter().sum::<u64>() == totals.iter().sum::<u64>();
            prop_assert!(near(&bads, sum(&bad)) || is_full, "{:?}", bads);
        }

        #[test]
        fn stretches_hold_every_step_once(steps in prop::collection::btree_set(0..60_usize, 0..40)) {
            let found = stretches(steps.iter().copied());
            prop_assert!(found.iter().flat_map(Clone::clone).eq(steps));
            prop_assert!(found.windows(2).all(|pair| pair[0].end < pair[1].start));
        }
    }
}
