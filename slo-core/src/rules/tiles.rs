//! Counting the events of one tile.

use super::names;
use crate::{
    model::{
        EventCounters, LabelName, LatencyHistogram, MatchOp, Matcher, Ratio, Selector, Service, Sli, Slo,
        Window,
    },
    promql::{BinaryOp, Expr, Matching, Range, RangeFunction},
};

/// The two streams of an SLO: all events and the bad ones, counted in one fine tile.
pub(super) struct Streams {
    pub(super) total: Expr,
    pub(super) bad: Expr,
}

/// Labels that Prometheus puts on every series of a scrape target.
const TARGET_LABELS: [&str; 2] = ["job", "instance"];

pub(super) fn streams(service: &Service, slo: &Slo, tile: Window) -> Streams {
    // A rule sees the results of those before it in its group, so `bad` can build on the total that
    // has just been recorded; summing it drops the labels that the recording added.
    let recorded_total = || Expr::from(names::series(names::total_tile(tile), service, slo)).sum();
    let tiles = Tiles { tile, scrape_interval: service.scrape_interval() };
    let count =
        |series: &Selector, witness: &Selector| tiles.count(series, tiles.surviving(witness), &Matching::All);
    match slo.sli() {
        Sli::Events(EventCounters::TotalBad { total, bad }) => {
            Streams { total: count(total, total), bad: or_zero(count(bad, total), recorded_total()) }
        }
        Sli::Events(EventCounters::TotalGood { total, good }) => Streams {
            total: count(total, total),
            bad: recorded_total().sub(or_zero(count(good, total), recorded_total())),
        },
        Sli::Events(EventCounters::GoodBad { good, bad }) => {
            let witness = || tiles.surviving(good).or(tiles.surviving(bad));
            let count = |selector| tiles.count(selector, witness(), &Matching::All);
            Streams {
                total: or_zero(count(good), count(bad)).add(or_zero(count(bad), count(good))),
                bad: or_zero(count(bad), recorded_total()),
            }
        }
        Sli::Latency(latency) => {
            let total = latency.histogram().suffixed("_count");
            let (bucket, matching) = bucket(latency);
            Streams {
                total: count(&total, &total),
                // No fallback to zero: a bucket that is missing means that the threshold is not a bucket
                // bound, which must not read as a hundred percent of slow requests.
                bad: recorded_total().sub(tiles.count(&bucket, tiles.surviving(&total), &matching)),
            }
        }
    }
}

/// How the events of one tile are counted.
struct Tiles {
    tile: Window,
    scrape_interval: Window,
}

impl Tiles {
    /// The events of `series` in the last tile, over all its series.
    ///
    /// Three cases, each series in the first that holds:
    /// 1. It was there a tile ago and has not been reset since: the difference. Differences telescope,
    ///    so every event is counted in exactly one tile, without extrapolation.
    /// 2. It is new on a target of which `witness` finds a series that was there before: all of it is
    ///    new. Without this the first errors of an outage would be lost with the birth of their series.
    /// 3. Otherwise (a reset, a new target, new labels on all of a target's series): its rate, over the
    ///    tile and the scrape before it, so that all of its scrapes' differences are seen.
    ///
    /// `matching` says which labels identify a series from one tile to the next.
    fn count(&self, series: &Selector, witness: Expr, matching: &Matching) -> Expr {
        let now = || Expr::from(series.clone());
        let zero = || Expr::Number(Ratio::ZERO);
        let over = |function| Range::new(series.clone(), self.with_scrape_before()).apply(function);
        let target = Matching::On(TARGET_LABELS.map(LabelName::from_static).to_vec());

        let reset = over(RangeFunction::Resets).greater(zero());
        let difference = now().binary(BinaryOp::Subtract, matching.clone(), self.before(series));
        let grown = difference.greater_or_equal(zero()).binary(BinaryOp::Unless, matching.clone(), reset);
        let newborn = now().binary(BinaryOp::Unless, matching.clone(), self.before(series)).binary(
            BinaryOp::And,
            target,
            witness,
        );
        let rated = over(RangeFunction::Rate).mul(Expr::Number(self.tile.as_seconds()));
        grown
            .binary(BinaryOp::Or, matching.clone(), newborn)
            .binary(BinaryOp::Or, matching.clone(), rated)
            .sum()
    }

    /// The series of `selector` that are there now and were a tile ago, under the same labels.
    fn surviving(&self, selector: &Selector) -> Expr {
        Expr::from(selector.clone()).and(self.before(selector))
    }

    fn before(&self, selector: &Selector) -> Expr {
        Expr::Instant { selector: selector.clone(), offset: Some(self.tile) }
    }

    /// The tile, and the scrape before it that its first difference begins with.
    fn with_scrape_before(&self) -> Window {
        Window::from_millis(self.tile.as_millis() + self.scrape_interval.as_millis()).unwrap_or(self.tile)
    }
}

/// `stream`, or zero while it has no series but `other` has.
fn or_zero(stream: Expr, other: Expr) -> Expr {
    stream.or(other.mul(Expr::Number(Ratio::ZERO)))
}

/// The bucket of requests that took at most the threshold, and how its series are matched over time.
///
/// Prometheus 3 rewrites the bound `1` to `1.0`, so every spelling of the same number is the same bucket.
fn bucket(latency: &LatencyHistogram) -> (Selector, Matching) {
    let spellings = bound_spellings(&latency.bucket_bound());
    let label = || LabelName::from_static("le");
    let (op, value, matching) = match spellings.as_slice() {
        [only] => (MatchOp::Equal, only.clone(), Matching::All),
        several => {
            let pattern = several.join("|").replace('.', "\\.").replace('+', "\\+");
            (MatchOp::Regex, pattern, Matching::Ignoring(vec![label()]))
        }
    };
    (latency.histogram().suffixed("_bucket").with(Matcher { label: label(), op, value }), matching)
}

/// A fraction has one spelling, since thresholds are whole milliseconds; a whole number has several.
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
