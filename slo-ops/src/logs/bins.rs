//! How many lines there were in each bin of time.

use serde::{Deserialize, Serialize};

/// Counts of bins, of which most are 0.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Bins(
    /// Bins that are not empty, in order, and their counts.
    Vec<(i64, u32)>,
);

impl Bins {
    /// Adds to a bin; tells whether it was empty.
    pub(super) fn add(&mut self, bin: i64, count: u32) -> bool {
        match self.0.last_mut() {
            Some((last, lines)) if *last == bin => {
                *lines = lines.saturating_add(count);
                return false;
            }
            Some((last, _)) if *last < bin => {}
            None => {}
            Some(_) => {
                return match self.0.binary_search_by_key(&bin, |(bin, _)| *bin) {
                    Ok(at) => {
                        if let Some((_, lines)) = self.0.get_mut(at) {
                            *lines = lines.saturating_add(count);
                        }
                        false
                    }
                    Err(at) => {
                        self.0.insert(at, (bin, count));
                        true
                    }
                };
            }
        }
        self.0.push((bin, count));
        true
    }

    /// The bins that are not empty, in order.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (i64, u32)> {
        self.0.iter().copied()
    }

    /// The number of bins that are not empty.
    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }

    /// The bins from `from` on, before `to`, that are not empty.
    pub(super) fn between(&self, from: i64, to: i64) -> &[(i64, u32)] {
        let start = self.0.partition_point(|(bin, _)| *bin < from);
        let end = self.0.partition_point(|(bin, _)| *bin < to);
        self.0.get(start..end).unwrap_or_default()
    }

    /// The lines of the bins from `from` on, before `to`.
    pub(super) fn sum(&self, from: i64, to: i64) -> u64 {
        self.between(from, to).iter().map(|(_, count)| u64::from(*count)).sum()
    }

    pub(super) fn first(&self) -> Option<i64> {
        self.0.first().map(|(bin, _)| *bin)
    }

    pub(super) fn last(&self) -> Option<i64> {
        self.0.last().map(|(bin, _)| *bin)
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
