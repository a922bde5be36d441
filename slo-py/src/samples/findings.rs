//! What is not as it should be in a history, and what looks like a mistake.

use std::ops::Range;

/// Something that is not as it should be.
#[derive(Debug, Clone)]
pub(super) struct Finding {
    pub(super) kind: Kind,
    pub(super) steps: Range<usize>,
}

/// What it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Gap,
    Reset,
    Excluded,
}

impl Kind {
    pub(super) const ALL: [Self; 3] = [Self::Gap, Self::Reset, Self::Excluded];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Gap => "gap",
            Self::Reset => "reset",
            Self::Excluded => "excluded",
        }
    }
}

/// In the order of time.
pub(super) fn findings(gaps: Vec<Range<usize>>, resets: Vec<usize>) -> Vec<Finding> {
    let resets = resets.into_iter().map(|step| Finding { kind: Kind::Reset, steps: step..step + 1 });
    let gaps = gaps.into_iter().map(|steps| Finding { kind: Kind::Gap, steps });
    let mut all: Vec<Finding> = gaps.chain(resets).collect();
    all.sort_by_key(|finding| finding.steps.start);
    all
}

/// A step with a reset after which the counter stands far above what it usually grows by.
pub(super) fn doubtful_reset(grown: &[u64], resets: &[usize]) -> Option<usize> {
    const FEW: usize = 10;
    if resets.is_empty() || grown.len() < resets.len() + FEW {
        return None;
    }
    let others = (grown.len() - resets.len()) as u128;
    let reset: u128 = resets.iter().filter_map(|step| grown.get(*step)).map(|count| u128::from(*count)).sum();
    let usual = (grown.iter().map(|count| u128::from(*count)).sum::<u128>() - reset) / others;
    resets
        .iter()
        .copied()
        .find(|step| grown.get(*step).is_some_and(|count| u128::from(*count) > 20 * usual.max(1)))
}

/// Whether a column never falls, and nearly always grows, over many rows.
pub(super) fn is_like_a_counter(column: &[u64]) -> bool {
    const MANY: usize = 100;
    if column.len() < MANY {
        return false;
    }
    // Columns that are none fall within the first rows.
    let mut grew = 0;
    for (before, after) in column.iter().zip(column.iter().skip(1)) {
        if after < before {
            return false;
        }
        grew += usize::from(after > before);
    }
    grew * 10 >= column.len() * 9
}
