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
