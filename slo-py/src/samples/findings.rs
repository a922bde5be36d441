//! Irregularities of a history, and signs of a mistake.

use std::ops::Range;

/// An irregularity of a history.
#[derive(Debug, Clone)]
pub(super) struct Finding {
    pub(super) kind: Kind,
    pub(super) steps: Range<usize>,
}

/// The kind of a finding.
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
