//! The two event counts that an SLI is made of.

/// Two of the counts of all, good and bad events; the third follows from them.
///
/// ```
/// use slo_core::model::EventPair;
///
/// let pair = EventPair::of(|name| ["good", "bad"].contains(&name)).unwrap();
/// assert_eq!(pair.names(), ["good", "bad"]);
/// assert_eq!(pair.events(97, 3), Some((100, 3)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "there are three pairs of three")]
pub enum EventPair {
    /// All events and the bad ones.
    TotalBad,
    /// All events and the good ones.
    TotalGood,
    /// The good and the bad events.
    GoodBad,
}

impl EventPair {
    /// The pair for a table, where `has` says whether it has a column of that name.
    ///
    /// A table with all three columns gives `total` and `bad`, a table with fewer than two gives `None`.
    #[must_use]
    pub fn of(has: impl Fn(&str) -> bool) -> Option<Self> {
        [Self::TotalBad, Self::TotalGood, Self::GoodBad]
            .into_iter()
            .find(|pair| pair.names().into_iter().all(&has))
    }

    /// The names of the two counts.
    #[must_use]
    pub const fn names(self) -> [&'static str; 2] {
        match self {
            Self::TotalBad => ["total", "bad"],
            Self::TotalGood => ["total", "good"],
            Self::GoodBad => ["good", "bad"],
        }
    }

    /// All events and the bad ones, from the two counts; `None` if the counts contradict each other.
    #[must_use]
    pub fn events(self, first: u64, second: u64) -> Option<(u64, u64)> {
        let (total, bad) = match self {
            Self::TotalBad => (first, second),
            Self::TotalGood => (first, first.checked_sub(second)?),
            Self::GoodBad => (first.checked_add(second)?, second),
        };
        (bad <= total).then_some((total, bad))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_of_three_say_the_third() {
        for pair in [EventPair::TotalBad, EventPair::TotalGood, EventPair::GoodBad] {
            assert_eq!(EventPair::of(|name| pair.names().contains(&name)), Some(pair));
        }
        assert_eq!(EventPair::of(|_| true), Some(EventPair::TotalBad));
        assert_eq!(EventPair::of(|name| name == "total"), None);
        assert_eq!(EventPair::TotalGood.events(10, 7), Some((10, 3)));
        assert_eq!(EventPair::TotalGood.events(10, 11), None);
        assert_eq!(EventPair::TotalBad.events(10, 11), None);
        assert_eq!(EventPair::GoodBad.events(u64::MAX, 1), None);
    }
}
