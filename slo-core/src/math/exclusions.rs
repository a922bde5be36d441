//! Excluded times: maintenance, corrections.

use crate::{Error, model::Timestamp};

/// A span of time, left-open and right-closed: (from, to].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    // from < to
    from: Timestamp,
    to: Timestamp,
}

impl Span {
    /// The time after `from` up to and including `to`.
    ///
    /// # Errors
    /// `to` at or before `from`.
    pub fn new(from: Timestamp, to: Timestamp) -> Result<Self, Error> {
        if to <= from {
            return Err(Error::new(format!("the span from {from} to {to} is empty"))
                .with_hint("choose an end after the beginning"));
        }
        Ok(Self { from, to })
    }

    /// Its beginning, which it does not contain.
    #[must_use]
    pub const fn from(self) -> Timestamp {
        self.from
    }

    /// Its end, which it contains.
    #[must_use]
    pub const fn to(self) -> Timestamp {
        self.to
    }

    /// Its length in milliseconds.
    #[must_use]
    pub const fn millis(self) -> u64 {
        self.to.millis_since(self.from)
    }

    /// Whether it contains the moment `time`.
    #[must_use]
    pub fn contains(self, time: Timestamp) -> bool {
        self.from < time && time <= self.to
    }
}

/// A set of excluded spans; overlapping ones are merged.
///
/// ```
/// use slo_core::{math::{Exclusions, Span}, model::Timestamp};
///
/// let span = |from, to| Span::new(Timestamp::from_seconds(from), Timestamp::from_seconds(to));
/// let maintenance = Exclusions::new([span(0, 60)?, span(30, 90)?]);
/// assert_eq!(maintenance.spans(), [span(0, 90)?]);
/// assert_eq!(maintenance.excluded_millis(span(60, 120)?), 30_000);
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exclusions {
    // In order; they neither overlap nor touch.
    spans: Vec<Span>,
}

impl Exclusions {
    /// The union of `spans`.
    #[must_use]
    pub fn new(spans: impl IntoIterator<Item = Span>) -> Self {
        let mut given: Vec<Span> = spans.into_iter().collect();
        given.sort_unstable();
        let mut spans: Vec<Span> = Vec::with_capacity(given.len());
        for span in given {
            match spans.last_mut() {
                Some(last) if span.from <= last.to => last.to = last.to.max(span.to),
                _ => spans.push(span),
            }
        }
        Self { spans }
    }

    /// The spans, in order, merged.
    #[must_use]
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// Whether the moment `time` is excluded.
    #[must_use]
    pub fn contains(&self, time: Timestamp) -> bool {
        let next = self.spans.partition_point(|span| span.to < time);
        self.spans.get(next).is_some_and(|span| span.contains(time))
    }

    /// How much of `span` is excluded, in milliseconds.
    ///
    /// Subtract this from the period of a time budget.
    #[must_use]
    pub fn excluded_millis(&self, span: Span) -> u64 {
        let overlap = |one: &Span| {
            let (from, to) = (one.from.max(span.from), one.to.min(span.to));
            to.millis_since(from)
        };
        self.spans.iter().map(overlap).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn span(from: i64, to: i64) -> Result<Span, Error> {
        Span::new(Timestamp::from_millis(from), Timestamp::from_millis(to))
    }

    #[test]
    fn refuses_empty_spans() {
        assert!(span(5, 5).is_err());
        assert!(span(6, 5).is_err());
        #[cfg(feature = "calendar")]
        assert_eq!(
            span(6_000, 5_000).unwrap_err().message(),
            "the span from 1970-01-01T00:00:06Z to 1970-01-01T00:00:05Z is empty"
        );
        assert_eq!(span(i64::MIN, i64::MAX).unwrap().millis(), u64::MAX);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]
        #[test]
        fn counts_every_moment_once(spans in prop::collection::vec((0..200_i64, 1..40_i64), 0..12)) {
            let given: Vec<Span> = spans.iter().map(|(from, length)| span(*from, from + length).unwrap()).collect();
            let merged = Exclusions::new(given.iter().copied());
            let inside = |time: Timestamp| given.iter().any(|span| span.contains(time));
            for time in (0..250).map(Timestamp::from_millis) {
                prop_assert_eq!(merged.contains(time), inside(time));
            }
            let whole = span(0, 250).unwrap();
            prop_assert_eq!(merged.excluded_millis(whole), (1..=250).filter(|time| inside(Timestamp::from_millis(*time))).count() as u64);
        }
    }
}
