//! Counting the events of one tile.

use super::{
    Backend,
    context::{Context, just_short_of},
};
use crate::{
    model::{
        Bound, Comparison, Counting, EventCounters, EventPair, Gauge, HistogramKind, LabelName,
        LatencyHistogram, MatchOp, Matcher, Query, Ratio, Selector, Sli, Slo, Window,
    },
    promql::{Aggregation, BinaryOp, Expr, Function, Matching, Range, RangeFunction},
};

/// The two streams of an SLO: all events and the bad ones, counted in one fine tile.
pub(super) struct Streams {
    pub(super) total: Expr,
    pub(super) bad: Expr,
}

/// The streams of the SLO. The bad stream uses `recorded_total`, the total that a rule has recorded.
pub(super) fn streams(context: &Context<'_>, tile: Window, recorded_total: &Expr) -> Streams {
    let slo = context.slo;
    let tiles = Tiles {
        tile,
        scrape_interval: context.service.scrape_interval(),
        longest_scrape_interval: context.service.longest_scrape_interval(slo),
        slo,
        backend: context.options.backend,
        target_labels: context.service.counts_newborn_series().then(|| context.service.target_labels()),
    };
    // Summing drops the labels that the recording added.
    let recorded_total = || recorded_total.clone().sum_by(slo.by());
    match slo.sli() {
        Sli::Events(counters) => tiles.of_counters(counters, recorded_total),
        Sli::Queries(counters) => tiles.of_queries(counters, recorded_total),
        Sli::Latency(latency) if latency.kind() == HistogramKind::Native => {
            tiles.of_native_histogram(latency, recorded_total())
        }
        Sli::Latency(latency) => tiles.of_classic_histogram(latency, recorded_total()),
        Sli::Probe(probe) => {
            let over = |function| tiles.sum(Range::new(probe.clone(), just_short_of(tile)).apply(function));
            Streams {
                total: over(RangeFunction::CountOverTime),
                bad: recorded_total().sub(over(RangeFunction::SumOverTime)),
            }
        }
        Sli::Gauge(gauge) => tiles.of_gauge(gauge, recorded_total),
        Sli::Ratio(ratio) => {
            // One value for each group, of those that are numbers.
            let ratio = || tiles.grouped(Aggregation::Avg, tiles.query(ratio).greater_or_equal(zero()));
            Streams {
                total: ratio().mul(zero()).add(Expr::Number(Ratio::ONE)),
                bad: ratio().clamp_max(Ratio::ONE),
            }
        }
    }
}

fn zero() -> Expr {
    Expr::Number(Ratio::ZERO)
}

/// Whether the bad events of `sli` are all events minus the good ones. Near a restart, an estimate may make
/// one tile negative and its neighbour too large; their sum is right.
pub(super) const fn is_difference(sli: &Sli) -> bool {
    match sli {
        Sli::Events(counters) => matches!(counters.pair(), EventPair::TotalGood),
        Sli::Queries(counters) => matches!(counters.pair(), EventPair::TotalGood),
        Sli::Latency(_) | Sli::Probe(_) => true,
        Sli::Gauge(_) | Sli::Ratio(_) => false,
    }
}

/// Whether `sli` has two counters that may disagree: more bad events, or more good events, than all events.
pub(super) fn has_total_and_part(sli: &Sli) -> bool {
    match sli {
        Sli::Events(counters) => counters.pair() != EventPair::GoodBad,
        Sli::Queries(counters) => counters.pair() != EventPair::GoodBad,
        Sli::Latency(latency) => latency.kind() == HistogramKind::Classic,
        Sli::Probe(_) | Sli::Gauge(_) | Sli::Ratio(_) => false,
    }
}

/// How the events of one tile are counted.
struct Tiles<'a> {
    tile: Window,
    scrape_interval: Window,
    // The same as `scrape_interval`, if that is set.
    longest_scrape_interval: Window,
    slo: &'a Slo,
    backend: Backend,
    // The labels that identify a target; `None` if new series are not counted.
    target_labels: Option<&'a [LabelName]>,
}

impl Tiles<'_> {
    fn sum(&self, series: Expr) -> Expr {
        self.grouped(Aggregation::Sum, series)
    }

    /// Raw series, aggregated for each group. Labels that the rules set themselves are renamed.
    fn grouped(&self, op: Aggregation, series: Expr) -> Expr {
        let (raw, recorded) = (self.slo.by_raw(), self.slo.by());
        let mut grouped = Expr::Aggregate { op, by: raw.to_vec(), operand: Box::new(series) };
        let renamed = raw.iter().zip(recorded).filter(|(raw, recorded)| raw != recorded);
        for (from, to) in renamed {
            grouped = Expr::Renamed { operand: Box::new(grouped), from: from.clone(), to: to.clone() };
        }
        // Each is one series already: this drops the old names.
        if raw == recorded { grouped } else { grouped.sum_by(recorded) }
    }

    fn of_counters(&self, counters: &EventCounters, recorded_total: impl Fn() -> Expr) -> Streams {
        let count = |series: &Selector, witness: &Selector| {
            self.count(series, self.surviving(witness), &Matching::All)
        };
        match counters {
            EventCounters::TotalBad { total, bad } => {
                Streams { total: count(total, total), bad: or_zero(count(bad, total), recorded_total()) }
            }
            EventCounters::TotalGood { total, good } => Streams {
                total: count(total, total),
                bad: recorded_total().sub(or_zero(count(good, total), recorded_total())),
            },
            EventCounters::GoodBad { good, bad } => {
                let witness = || self.surviving(good).or(self.surviving(bad));
                let count = |selector| self.count(selector, witness(), &Matching::All);
                Streams {
                    total: or_zero(count(good), count(bad)).add(or_zero(count(bad), count(good))),
                    bad: or_zero(count(bad), recorded_total()),
                }
            }
        }
    }

    fn of_queries(&self, counters: &EventCounters<Query>, recorded_total: impl Fn() -> Expr) -> Streams {
        let count = |query: &Query| self.count_query(query);
        match counters {
            EventCounters::TotalBad { total, bad } => {
                Streams { total: count(total), bad: or_zero(count(bad), recorded_total()) }
            }
            EventCounters::TotalGood { total, good } => Streams {
                total: count(total),
                bad: recorded_total().sub(or_zero(count(good), recorded_total())),
            },
            EventCounters::GoodBad { good, bad } => Streams {
                total: or_zero(count(good), count(bad)).add(or_zero(count(bad), count(good))),
                bad: or_zero(count(bad), recorded_total()),
            },
        }
    }

    /// The events that `query` counts in the last tile. NaN counts as no value.
    fn count_query(&self, query: &Query) -> Expr {
        let counted = self.sum(self.query(query)).greater_or_equal(zero());
        let tile = Expr::Number(self.tile.as_seconds());
        match query.counting() {
            Counting::PerSecond => counted.mul(tile),
            Counting::PerWindow => counted.mul(Expr::Number(self.tile.ratio_to(self.with_longest_before()))),
            Counting::Samples | Counting::Level => counted,
        }
    }

    /// `query` over the samples of the last tile. A query of differences also needs the sample before: a
    /// range has one difference less than it has samples.
    fn query(&self, query: &Query) -> Expr {
        let window = match query.counting() {
            Counting::PerSecond | Counting::PerWindow => self.with_longest_before(),
            Counting::Samples => just_short_of(self.tile),
            Counting::Level => self.tile,
        };
        Expr::Query(query.over(window))
    }

    fn of_classic_histogram(&self, latency: &LatencyHistogram, recorded_total: Expr) -> Streams {
        let (total, bucket) = (latency.count(), latency.bucket());
        let le = |matcher: &&Matcher| matcher.label.as_str() == "le" && matcher.op == MatchOp::Regex;
        // A bucket bound may be spelled differently in the next tile.
        let matching = match bucket.matchers().iter().find(le) {
            Some(bound) => Matching::Ignoring(vec![bound.label.clone()]),
            None => Matching::All,
        };
        Streams {
            total: self.count(&total, self.surviving(&total), &Matching::All),
            // No fallback to zero: a bucket that is missing means that the threshold is not a bucket
            // bound, which must not read as a hundred percent of slow requests.
            bad: recorded_total.sub(self.count(&bucket, self.surviving(&total), &matching)),
        }
    }

    /// The requests of the last tile and their share under the threshold, from the rate of the histogram.
    fn of_native_histogram(&self, latency: &LatencyHistogram, recorded_total: Expr) -> Streams {
        let rate = || {
            self.sum(
                Range::new(latency.histogram().clone(), self.with_longest_before())
                    .apply(RangeFunction::Rate),
            )
        };
        let count =
            || Expr::call(Function::HistogramCount, vec![rate()]).mul(Expr::Number(self.tile.as_seconds()));
        let threshold = Expr::Number(latency.threshold().as_seconds());
        let fast = Expr::call(Function::HistogramFraction, vec![zero(), threshold, rate()]);
        // Without requests, the share is NaN.
        let fast = fast.greater_or_equal(zero()).mul(count()).or(count().mul(zero()));
        Streams { total: count(), bad: recorded_total.sub(fast) }
    }

    /// Every series of the gauge is an event; a series whose value is NaN is bad.
    fn of_gauge(&self, gauge: &Gauge, recorded_total: impl Fn() -> Expr) -> Streams {
        let query = || Expr::Query(gauge.query().to_owned());
        let Bound { comparison, number } = gauge.good();
        let bound = Expr::Number(number);
        let good = match comparison {
            Comparison::Less => query().less(bound),
            Comparison::LessOrEqual => query().less_or_equal(bound),
            Comparison::Greater => query().greater(bound),
            Comparison::GreaterOrEqual => query().greater_or_equal(bound),
        };
        Streams {
            total: self.grouped(Aggregation::Count, query()),
            bad: recorded_total().sub(or_zero(self.grouped(Aggregation::Count, good), recorded_total())),
        }
    }

    /// The events of `series` in the last tile, over all its series.
    ///
    /// Each series is counted by the first case that applies:
    /// 1. It existed a tile ago and has not been reset since: the difference. Consecutive differences
    ///    neither overlap nor leave gaps, so every event is counted in exactly one tile, without extrapolation.
    /// 2. It is new, and `witness` finds an older series of the same target: its whole value. Otherwise the
    ///    first errors of an outage would be lost, because their series is new.
    /// 3. All other series (a reset, a new target, the end of a target, new labels on all of its series): the
    ///    rate over the tile and the scrape before it, so that every difference between scrapes is included.
    ///    If the scrape interval is not set, that range may hold a single scrape. After a reset, the range is
    ///    then long enough for the longest interval: events that are counted in part there are also counted
    ///    in part in the tiles around it.
    ///
    /// `matching` names the labels that identify a series from one tile to the next.
    fn count(&self, series: &Selector, witness: Expr, matching: &Matching) -> Expr {
        let range = |window| Range::new(series.clone(), window);
        let now = || Expr::from(series.clone());
        let newborn = |target: &[LabelName]| {
            let new = now().binary(BinaryOp::Unless, matching.clone(), self.before(series));
            new.binary(BinaryOp::And, Matching::On(target.to_vec()), witness)
        };
        match self.backend {
            Backend::Prometheus | Backend::AzureMonitor => {}
            Backend::PrometheusAnchored => {
                // Differences that handle resets. They miss the first sample of a new series, so new series
                // come first.
                let grown = range(self.tile).anchored().apply(RangeFunction::Increase);
                return self.sum(match self.target_labels {
                    None => grown,
                    Some(target) => newborn(target).binary(BinaryOp::Or, matching.clone(), grown),
                });
            }
            Backend::VictoriaMetrics => {
                // Its `increase` begins with the sample before the window, and with zero for a new series.
                return self.sum(range(self.tile).apply(RangeFunction::Increase));
            }
        }
        let rate =
            |window| range(window).apply(RangeFunction::Rate).mul(Expr::Number(self.tile.as_seconds()));

        let reset = range(self.with_longest_before()).apply(RangeFunction::Resets).greater(zero());
        let difference = now().binary(BinaryOp::Subtract, matching.clone(), self.before(series));
        let grown = difference.greater_or_equal(zero()).binary(BinaryOp::Unless, matching.clone(), reset);
        let counted = match self.target_labels {
            None => grown,
            Some(target) => grown.binary(BinaryOp::Or, matching.clone(), newborn(target)),
        };
        let counted = if self.longest_scrape_interval > self.scrape_interval {
            let long = rate(self.with_longest_before());
            let reset = long.binary(BinaryOp::And, matching.clone(), self.there_and_before(series, matching));
            counted.binary(BinaryOp::Or, matching.clone(), reset)
        } else {
            counted
        };
        let rated = rate(self.with_scrape_before());
        self.sum(counted.binary(BinaryOp::Or, matching.clone(), rated))
    }

    /// The series that exist now and existed a tile ago; `matching` names the labels that identify a series.
    fn there_and_before(&self, series: &Selector, matching: &Matching) -> Expr {
        Expr::from(series.clone()).binary(BinaryOp::And, matching.clone(), self.before(series))
    }

    /// The series of `selector` that exist now and existed a tile ago, with the same labels.
    fn surviving(&self, selector: &Selector) -> Expr {
        Expr::from(selector.clone()).and(self.before(selector))
    }

    fn before(&self, selector: &Selector) -> Expr {
        Expr::Instant { selector: selector.clone(), offset: Some(self.tile) }
    }

    /// The tile and the scrape before it, at which its first difference begins; but not a second scrape, if
    /// scrapes happen exactly when tiles end.
    fn with_scrape_before(&self) -> Window {
        self.with_before(self.scrape_interval)
    }

    /// The same for the longest scrape interval that is possible.
    fn with_longest_before(&self) -> Window {
        self.with_before(self.longest_scrape_interval)
    }

    fn with_before(&self, interval: Window) -> Window {
        let both = Window::from_millis(self.tile.as_millis() + interval.as_millis());
        just_short_of(both.unwrap_or(self.tile))
    }
}

/// `stream`, or zero while only `other` has series.
fn or_zero(stream: Expr, other: Expr) -> Expr {
    stream.or(other.mul(Expr::Number(Ratio::ZERO)))
}
