//! Service level indicators.

use super::{EventPair, LabelName, MatchOp, Matcher, Query, Ratio, Selector, Window};
use crate::Error;
use std::{fmt, str::FromStr};

/// A service level indicator: how events are counted, and which of them are bad.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Sli {
    /// Events counted by two counters.
    Events(EventCounters),
    /// Events counted by two queries.
    Queries(EventCounters<Query>),
    /// Requests faster than a threshold, from a histogram.
    Latency(LatencyHistogram),
    /// Samples of gauges that are 1 for good and 0 for bad, such as `probe_success`.
    Probe(Selector),
    /// The values of a query, compared with a bound once a tile.
    Gauge(Gauge),
    /// A share of bad events without their number. Every tile weighs the same: a quiet night counts as much
    /// as a rush hour, although it affects fewer users.
    Ratio(Query),
}

/// Two counters of an event SLI; the third follows from them.
///
/// Closed: of total, good and bad, these are all the pairs. A counter is a [`Selector`] or a [`Query`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "of total, good and bad, these are all the pairs")]
pub enum EventCounters<S = Selector> {
    /// All events and the bad ones: the preferred form, since nothing is subtracted.
    TotalBad {
        /// All valid events.
        total: S,
        /// Those that were bad.
        bad: S,
    },
    /// All events and the good ones.
    TotalGood {
        /// All valid events.
        total: S,
        /// Those that were good.
        good: S,
    },
    /// The good events and the bad ones.
    GoodBad {
        /// Events that were good.
        good: S,
        /// Events that were bad.
        bad: S,
    },
}

impl Sli {
    /// The two counters of its events, if it has them.
    ///
    /// These are the counters of an event SLI, or two series of a classic histogram.
    ///
    /// ```
    /// use slo_core::model::{EventCounters, LatencyHistogram, Selector, Sli};
    ///
    /// let latency = LatencyHistogram::new(Selector::new("request_seconds")?, "1s".parse()?)?;
    /// let counters = Sli::Latency(latency).counters().unwrap();
    /// let [total, good] = counters.both().map(ToString::to_string);
    /// assert_eq!((counters.pair().names()[1], total.as_str()), ("good", "request_seconds_count"));
    /// assert_eq!(good, r#"request_seconds_bucket{le=~"1|1\\.0"}"#);
    /// # Ok::<(), slo_core::Error>(())
    /// ```
    #[must_use]
    pub fn counters(&self) -> Option<EventCounters> {
        match self {
            Self::Events(counters) => Some(counters.clone()),
            Self::Latency(latency) if latency.kind == HistogramKind::Classic => {
                Some(EventCounters::TotalGood { total: latency.count(), good: latency.bucket() })
            }
            Self::Latency(_) | Self::Queries(_) | Self::Probe(_) | Self::Gauge(_) | Self::Ratio(_) => None,
        }
    }
}

impl<S> EventCounters<S> {
    /// The kind of the two counters.
    #[must_use]
    pub const fn pair(&self) -> EventPair {
        match self {
            Self::TotalBad { .. } => EventPair::TotalBad,
            Self::TotalGood { .. } => EventPair::TotalGood,
            Self::GoodBad { .. } => EventPair::GoodBad,
        }
    }

    /// The two counters, in the order of [`pair`](Self::pair).
    #[must_use]
    pub const fn both(&self) -> [&S; 2] {
        let (Self::TotalBad { total: first, bad: second }
        | Self::TotalGood { total: first, good: second }
        | Self::GoodBad { good: first, bad: second }) = self;
        [first, second]
    }
}

impl EventCounters {
    /// The counters of only those series that have these labels, too, such as those of one version.
    ///
    #[cfg_attr(feature = "spec", doc = "```")]
    #[cfg_attr(not(feature = "spec"), doc = "```ignore")]
    /// use slo_core::{model::{EventCounters, Selector}, spec::matchers};
    ///
    /// let all = EventCounters::TotalBad { total: Selector::new("requests_total")?, bad: Selector::new("errors_total")? };
    /// let [total, _] = all.of(&matchers("version=\"2\"")?).both().map(ToString::to_string);
    /// assert_eq!(total, "requests_total{version=\"2\"}");
    /// # Ok::<(), slo_core::Error>(())
    /// ```
    #[must_use]
    pub fn of(&self, matchers: &[Matcher]) -> Self {
        let of = |selector: &Selector| selector.clone().with_all(matchers.iter().cloned());
        match self {
            Self::TotalBad { total, bad } => Self::TotalBad { total: of(total), bad: of(bad) },
            Self::TotalGood { total, good } => Self::TotalGood { total: of(total), good: of(good) },
            Self::GoodBad { good, bad } => Self::GoodBad { good: of(good), bad: of(bad) },
        }
    }
}

/// A kind of latency histogram.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HistogramKind {
    /// `_bucket` series, with one bucket exactly at the threshold.
    #[default]
    Classic,
    /// Native histograms; a threshold between two bounds is interpolated.
    Native,
}

/// A latency SLI over a histogram.
///
/// A request is good if it took at most `threshold`, as the bucket's `le` counts it.
///
/// ```
/// use slo_core::model::{LatencyHistogram, Selector};
///
/// let histogram = Selector::new("http_request_duration_seconds")?;
/// let sli = LatencyHistogram::new(histogram, "250ms".parse()?)?;
/// assert_eq!(sli.bucket_bound(), "0.25");
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LatencyHistogram {
    // A base name, without `_bucket`, `_count` or `_sum`, and no matcher on `le`.
    histogram: Selector,
    threshold: Window,
    kind: HistogramKind,
}

impl LatencyHistogram {
    /// An SLI from a classic histogram in seconds, by its base name, and the longest good latency.
    ///
    /// # Errors
    /// A name that ends in a histogram suffix, or a matcher on `le`.
    pub fn new(histogram: Selector, threshold: Window) -> Result<Self, Error> {
        Self::check(&histogram)?;
        Ok(Self { histogram, threshold, kind: HistogramKind::Classic })
    }

    /// The same over a histogram of `kind`.
    #[must_use]
    pub fn of_kind(self, kind: HistogramKind) -> Self {
        Self { kind, ..self }
    }

    /// What kind of histogram it is.
    #[must_use]
    pub const fn kind(&self) -> HistogramKind {
        self.kind
    }

    /// Refuses a selector that is not the base name of a histogram.
    pub(crate) fn check(histogram: &Selector) -> Result<(), Error> {
        for suffix in ["_bucket", "_count", "_sum"] {
            if let Some(base) = histogram.metric().strip_suffix(suffix) {
                return Err(Error::new(format!("`{}` is a part of a histogram", histogram.metric()))
                    .with_hint(format!("write the base name `{base}`")));
            }
        }
        if histogram.matchers().iter().any(|matcher| matcher.label.as_str() == "le") {
            return Err(Error::new("the histogram has a matcher on `le`")
                .with_hint("remove the matcher; `threshold` selects the bucket"));
        }
        Ok(())
    }

    /// The histogram's base name and matchers.
    #[must_use]
    pub const fn histogram(&self) -> &Selector {
        &self.histogram
    }

    /// The longest latency that is good.
    #[must_use]
    pub const fn threshold(&self) -> Window {
        self.threshold
    }

    /// The counter of all requests.
    #[must_use]
    pub fn count(&self) -> Selector {
        self.histogram.suffixed("_count")
    }

    /// The counter of requests that took at most the threshold: the bucket with that bound.
    ///
    /// It matches every spelling of the bound, since Prometheus 3 rewrites `1` to `1.0`.
    #[must_use]
    pub fn bucket(&self) -> Selector {
        let spellings = bound_spellings(&self.bucket_bound());
        let (op, value) = match spellings.as_slice() {
            [only] => (MatchOp::Equal, only.clone()),
            several => (MatchOp::Regex, several.join("|").replace('.', "\\.").replace('+', "\\+")),
        };
        let bound = Matcher { label: LabelName::from_static("le"), op, value };
        self.histogram.suffixed("_bucket").with(bound)
    }

    /// The threshold in seconds, as an exact decimal: the bucket's bound.
    #[must_use]
    pub fn bucket_bound(&self) -> String {
        self.threshold.as_seconds().to_string()
    }
}

/// The spellings of a bound. A fraction has one, since thresholds are whole milliseconds; a whole number has
/// several.
fn bound_spellings(decimal: &str) -> Vec<String> {
    if decimal.contains('.') {
        return vec![decimal.to_owned()];
    }
    let mut spellings = vec![decimal.to_owned(), format!("{decimal}.0")];
    if decimal.len() > 6 {
        spellings.push(scientific(decimal));
    }
    spellings
}

/// A whole number as Go's `%g` writes large ones.
fn scientific(digits: &str) -> String {
    let (first, rest) = digits.split_at(1);
    let (exponent, rest) = (rest.len(), rest.trim_end_matches('0'));
    let point = if rest.is_empty() { "" } else { "." };
    format!("{first}{point}{rest}e+{exponent:02}")
}

/// A query whose values are good or bad, such as the length of a queue.
///
/// Each series is one event per tile.
///
/// ```
/// use slo_core::model::Gauge;
///
/// let short = Gauge::new("queue_length{job=\"checkout\"}", "<= 100".parse()?)?;
/// assert_eq!(short.good().to_string(), "<= 100");
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Gauge {
    // PromQL, without a window to fill in.
    query: String,
    good: Bound,
}

impl Gauge {
    /// A query, and the bound of its good values. The PromQL itself is checked when a spec is read.
    ///
    /// # Errors
    /// An empty query.
    pub fn new(query: impl Into<String>, good: Bound) -> Result<Self, Error> {
        let query = query.into();
        if query.trim().is_empty() {
            return Err(Error::new("the query is empty"));
        }
        Ok(Self { query, good })
    }

    /// The query.
    #[must_use]
    pub fn query(&self) -> &str {
        &self.query
    }

    /// Its good values.
    #[must_use]
    pub const fn good(&self) -> Bound {
        self.good
    }
}

/// A comparison with an exact number, written `<= 100`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "a bound has nothing else")]
pub struct Bound {
    /// How it is compared.
    pub comparison: Comparison,
    /// The number it is compared with.
    pub number: Ratio,
}

/// A comparison operator; closed, because a gauge is good on one side of its bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a gauge is good on one side of its bound")]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

const COMPARISONS: [(&str, Comparison); 4] = [
    ("<=", Comparison::LessOrEqual),
    (">=", Comparison::GreaterOrEqual),
    ("<", Comparison::Less),
    (">", Comparison::Greater),
];

impl FromStr for Bound {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let read = || {
            let (sign, comparison) = COMPARISONS.into_iter().find(|(sign, _)| text.starts_with(sign))?;
            let number = text.strip_prefix(sign)?.trim_start().parse().ok()?;
            Some(Self { comparison, number })
        };
        read().ok_or_else(|| {
            Error::new(format!("`{text}` is not a comparison"))
                .with_hint("write `<`, `<=`, `>` or `>=` and a number that is not negative, such as `<= 100`")
        })
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = COMPARISONS.iter().find(|(_, one)| *one == self.comparison).map_or("", |(sign, _)| sign);
        write!(f, "{sign} {}", self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MatchOp;

    #[test]
    fn spells_bounds_as_every_client_does() {
        for (bound, spellings) in [
            ("0.25", vec!["0.25"]),
            ("1", vec!["1", "1.0"]),
            ("0.001", vec!["0.001"]),
            ("2500000", vec!["2500000", "2500000.0", "2.5e+06"]),
        ] {
            assert_eq!(bound_spellings(bound), spellings);
        }
    }

    #[test]
    fn refuses_a_part_of_a_histogram() {
        let error =
            LatencyHistogram::new(Selector::new("a_bucket").unwrap(), Window::minutes(1)).unwrap_err();
        assert_eq!(error.hint(), Some("write the base name `a`"));
        let narrowed = Selector::new("a").unwrap().matching("le", MatchOp::Equal, "1").unwrap();
        assert!(LatencyHistogram::new(narrowed, Window::minutes(1)).is_err());
    }
}
