//! Counting the events of one tile.

use super::names;
use crate::{
    model::{
        EventCounters, LabelName, LatencyHistogram, MatchOp, Matcher, Ratio, Selector, Service, Sli, Slo,
        Window,
    },
    promql::{Expr, Range, RangeFunction},
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
    let before = |selector: &Selector| Expr::Instant { selector: selector.clone(), offset: Some(tile) };
    match slo.sli() {
        Sli::Events(EventCounters::TotalBad { total, bad }) => Streams {
            total: count(total, before(total), tile),
            bad: or_zero(count(bad, before(total), tile), recorded_total()),
        },
        Sli::Events(EventCounters::TotalGood { total, good }) => Streams {
            total: count(total, before(total), tile),
            bad: recorded_total().sub(or_zero(count(good, before(total), tile), recorded_total())),
        },
        Sli::Events(EventCounters::GoodBad { good, bad }) => {
            let count = |selector| count(selector, before(good).or(before(bad)), tile);
            Streams {
                total: or_zero(count(good), count(bad)).add(or_zero(count(bad), count(good))),
                bad: or_zero(count(bad), recorded_total()),
            }
        }
        Sli::Latency(latency) => {
            let total = latency.histogram().suffixed("_count");
            Streams {
                total: count(&total, before(&total), tile),
                // No fallback to zero: a bucket that is missing means that the threshold is not a bucket
                // bound, which must not read as a hundred percent of slow requests.
                bad: recorded_total().sub(count(&bucket(latency), before(&total), tile)),
            }
        }
    }
}

/// The events of `series` in the last `tile`, over all its series.
///
/// Three cases, each series in the first that holds:
/// 1. It was there a tile ago and has not been reset: the difference. Differences telescope, so every
///    event is counted in exactly one tile, without extrapolation.
/// 2. It is new on a target that was scraped before (`witness` saw it): all of it is new. Without this
///    the first errors of an outage would be lost with the birth of their series.
/// 3. Otherwise (a reset, a new target): what `increase` makes of it.
fn count(series: &Selector, witness: Expr, tile: Window) -> Expr {
    let now = || Expr::from(series.clone());
    let before = || Expr::Instant { selector: series.clone(), offset: Some(tile) };
    let over = |function| Range::new(series.clone(), tile).apply(function);
    let zero = || Expr::Number(Ratio::ZERO);
    let target = TARGET_LABELS.map(LabelName::from_static).to_vec();

    let grown =
        now().sub(before()).greater_or_equal(zero()).unless(over(RangeFunction::Resets).greater(zero()));
    let newborn = now().unless(before()).and_on(target, witness);
    grown.or(newborn).or(over(RangeFunction::Increase)).sum()
}

/// `stream`, or zero while it has no series but `other` has.
fn or_zero(stream: Expr, other: Expr) -> Expr {
    stream.or(other.mul(Expr::Number(Ratio::ZERO)))
}

/// The bucket of requests that took at most the threshold.
///
/// Prometheus 3 rewrites the bound `1` to `1.0`, and client libraries differ on very small ones, so
/// every spelling of the same number is matched.
fn bucket(latency: &LatencyHistogram) -> Selector {
    let spellings = bound_spellings(&latency.bucket_bound());
    let (op, value) = match spellings.as_slice() {
        [only] => (MatchOp::Equal, only.clone()),
        several => (MatchOp::Regex, several.join("|").replace('.', "\\.").replace('+', "\\+")),
    };
    latency.histogram().suffixed("_bucket").with(Matcher { label: LabelName::from_static("le"), op, value })
}

fn bound_spellings(decimal: &str) -> Vec<String> {
    let Some((whole, fraction)) = decimal.split_once('.') else {
        let mut spellings = vec![decimal.to_owned(), format!("{decimal}.0")];
        if decimal.len() > 6 {
            spellings.push(scientific(decimal, decimal.len() - 1, '+'));
        }
        return spellings;
    };
    let zeros = fraction.bytes().take_while(|digit| *digit == b'0').count();
    if whole == "0" && zeros >= 3 {
        return vec![decimal.to_owned(), scientific(fraction.trim_start_matches('0'), zeros + 1, '-')];
    }
    vec![decimal.to_owned()]
}

/// Go's `%g`: at least two digits of exponent.
fn scientific(digits: &str, exponent: usize, sign: char) -> String {
    let (first, rest) = digits.split_at(1);
    let rest = rest.trim_end_matches('0');
    let point = if rest.is_empty() { "" } else { "." };
    format!("{first}{point}{rest}e{sign}{exponent:02}")
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
            ("0.0005", vec!["0.0005", "5e-04"]),
            ("2500000", vec!["2500000", "2500000.0", "2.5e+06"]),
        ] {
            assert_eq!(bound_spellings(bound), spellings);
        }
    }
}
