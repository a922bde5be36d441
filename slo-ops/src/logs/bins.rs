//! How many lines there were in each bin of time.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Counts of bins, of which most are 0.
///
/// The bin that was counted last is kept apart, since most lines are of the same bin as the line before.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Bins {
    others: BTreeMap<i64, u32>,
    last: Option<(i64, u32)>,
}

impl Bins {
    /// Adds to a bin; tells whether it was empty.
    pub(super) fn add(&mut self, bin: i64, count: u32) -> bool {
        match &mut self.last {
            Some((last, lines)) if *last == bin => {
                *lines = lines.saturating_add(count);
                false
            }
            _ => {
                if let Some((bin, lines)) = self.last.take() {
                    let known = self.others.entry(bin).or_default();
                    *known = known.saturating_add(lines);
                }
                let known = self.others.remove(&bin);
                self.last = Some((bin, known.unwrap_or(0).saturating_add(count)));
                known.is_none()
            }
        }
    }

    /// The bins that are not empty, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (i64, u32)> {
        self.between(i64::MIN, i64::MAX)
    }

    /// The number of bins that are not empty.
    pub(super) fn len(&self) -> usize {
        self.others.len() + usize::from(self.last.is_some())
    }

    /// The bins from `from` on, before `to`, that are not empty, in order.
    pub(super) fn between(&self, from: i64, to: i64) -> impl Iterator<Item = (i64, u32)> {
        let (last_bin, last) = self.last.unzip();
        let is_inside = last_bin.is_some_and(|bin| from <= bin && bin < to);
        let middle = last_bin.filter(|_| is_inside).unwrap_or(from).max(from).min(to);
        let range = move |from: i64, to: i64| {
            self.others.range(from..to.max(from)).map(|(bin, count)| (*bin, *count))
        };
        let own = if is_inside { last_bin.zip(last) } else { None };
        range(from, middle).chain(own).chain(range(middle, to))
    }

    /// The lines of the bins from `from` on, before `to`.
    pub(super) fn sum(&self, from: i64, to: i64) -> u64 {
        self.between(from, to).map(|(_, count)| u64::from(count)).sum()
    }

    pub(super) fn first(&self) -> Option<i64> {
        let first = self.others.first_key_value().map(|(bin, _)| *bin);
        first.into_iter().chain(self.last.map(|(bin, _)| bin)).min()
    }

    pub(super) fn end(&self) -> Option<i64> {
        let last = self.others.last_key_value().map(|(bin, _)| *bin);
        last.into_iter().chain(self.last.map(|(bin, _)| bin)).max().map(|bin| bin + 1)
    }

    /// The same counts in bins of double width.
    pub(super) fn coarsen(&mut self) {
        let mut wide = Self::default();
        for (bin, count) in self.iter() {
            wide.add(bin.div_euclid(2), count);
        }
        *self = wide;
    }
}

#[cfg(test)]
mod tests {
    use super::Bins;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn counts_are_those_of_a_map(added in prop::collection::vec((-20_i64..20, 1_u32..5), 0..60), from in -25_i64..25, length in 0_i64..30) {
            let (mut bins, mut map) = (Bins::default(), BTreeMap::new());
            for (bin, count) in added {
                prop_assert_eq!(bins.add(bin, count), !map.contains_key(&bin));
                *map.entry(bin).or_insert(0) += count;
            }
            let all: Vec<(i64, u32)> = map.iter().map(|(bin, count)| (*bin, *count)).collect();
            prop_assert_eq!(bins.iter().collect::<Vec<_>>(), all);
            let some: Vec<(i64, u32)> = map.range(from..from + length).map(|(bin, count)| (*bin, *count)).collect();
            prop_assert_eq!(bins.between(from, from + length).collect::<Vec<_>>(), some);
            prop_assert_eq!((bins.len(), bins.first()), (map.len(), map.keys().next().copied()));
            prop_assert_eq!(bins.end(), map.keys().next_back().map(|bin| bin + 1));
        }
    }
}
