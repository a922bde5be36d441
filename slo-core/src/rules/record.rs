//! Recording rules: tiles, error ratios, burn rates, the budget and its coverage.

use super::{Rule, Series, Span, Stream, context::Context, count};
use crate::{
    model::{EmptySlice, Period, Ratio, TimeSlices, Timestamp, Window},
    promql::{BinaryOp, Expr, Function, Matching, RangeFunction},
};

/// The number of times in a period at which its first tile is looked for: every hour of thirty days.
const MOMENTS: u64 = 720;

impl Context<'_> {
    /// The fine tiles, counted from the raw series.
    pub(super) fn fine_tiles(&self) -> Vec<Rule> {
        let tile = self.plan.fine();
        let streams = |total: Series, bad: Series| {
            let streams = count::streams(self, tile, &self.series(total));
            [self.record(total, streams.total), self.record(bad, streams.bad)]
        };
        if !self.judges_what_it_makes() {
            return streams(Series::Tile(Stream::Total, tile), Series::Tile(Stream::Bad, tile)).into();
        }
        let events = streams(Series::Counted(Stream::Total, tile), Series::Counted(Stream::Bad, tile));
        let judged = match self.slo.slices() {
            Some(slices) => self.slices(slices),
            None => [Stream::Total, Stream::Bad]
                .map(|stream| self.series(Series::Counted(stream, tile)).sum_by(self.slo.by())),
        };
        let [total, bad] = judged.map(|stream| self.outside_exclusions(stream));
        let judged = [
            self.record(Series::Tile(Stream::Total, tile), total),
            self.record(Series::Tile(Stream::Bad, tile), bad),
        ];
        events.into_iter().chain(judged).collect()
    }

    /// Whether the SLO judges something other than its counted events, so that both are recorded.
    fn judges_what_it_makes(&self) -> bool {
        self.slo.slices().is_some() || !self.service.exclusions().is_empty()
    }

    /// The series of a tile's events as they were counted, before time slices and exclusions.
    pub(super) fn counted(&self, stream: Stream) -> Series {
        let tile = self.plan.fine();
        if self.judges_what_it_makes() { Series::Counted(stream, tile) } else { Series::Tile(stream, tile) }
    }

    /// A stream without the tiles that overlap an excluded time.
    fn outside_exclusions(&self, stream: Expr) -> Expr {
        let clock = || Expr::call(Function::Vector, vec![Expr::time()]);
        // `Exclusion` begins in 1970 or later.
        let moment = |time: Timestamp| Expr::Number(time.as_seconds().unwrap_or(Ratio::ZERO));
        let spans = self.service.exclusions().iter().map(|exclusion| {
            let after = clock().greater(moment(exclusion.from()));
            after.and(clock().less(moment(exclusion.to().after(self.plan.fine()))))
        });
        match spans.reduce(Expr::or) {
            Some(any) => stream.binary(BinaryOp::Unless, Matching::On(Vec::new()), any),
            None => stream,
        }
    }

    /// The time slice of a tile, one or none, made of its events.
    fn slices(&self, slices: TimeSlices) -> [Expr; 2] {
        let tile = self.plan.fine();
        let (one, zero) = (|| Expr::Number(Ratio::ONE), || Expr::Number(Ratio::ZERO));
        let counted = |stream| self.series(Series::Counted(stream, tile)).sum_by(self.slo.by());
        let events = || counted(Stream::Total);
        let share = counted(Stream::Bad).div(events().greater(zero()));
        let judged = match slices.allowed() {
            Some(allowed) => share.greater_bool(Expr::Number(allowed)),
            None => share.clamp_min(Ratio::ZERO),
        };
        let before = || {
            let selector = self.selector(Series::Tile(Stream::Bad, tile));
            Expr::Instant { selector, offset: Some(tile) }.sum_by(self.slo.by())
        };
        let (total, bad) = match slices.idle() {
            EmptySlice::Skip => (events().greater_bool(zero()), judged.or(events().mul(zero()))),
            EmptySlice::Good => (events().mul(zero()).add(one()), judged.or(events().mul(zero()))),
            EmptySlice::Bad => (events().mul(zero()).add(one()), judged.or(events().mul(zero()).add(one()))),
            EmptySlice::CarryForward => (
                // A slice without events counts if there is a slice to carry forward.
                events()
                    .greater_bool(zero())
                    .and(events().greater(zero()))
                    .or(before().mul(zero()).add(one())),
                judged.or(before()),
            ),
        };
        [total, bad]
    }

    /// The coarse tiles, each a sum of fine ones.
    ///
    /// They look one fine tile back: their group and that of the fine tiles are evaluated at unrelated
    /// moments, and a fine tile that is just being written must not fall between two coarse ones.
    pub(super) fn coarse_tiles(&self) -> [Rule; 2] {
        let (fine, coarse) = (self.plan.fine(), self.plan.coarse());
        [Stream::Total, Stream::Bad].map(|stream| {
            let tiles = self.tiles(Series::Tile(stream, fine), coarse).offset(fine);
            self.record(Series::Tile(stream, coarse), tiles.apply(RangeFunction::SumOverTime))
        })
    }

    /// Error ratio and burn rate of `window`.
    pub(super) fn ratios(&self, window: Window) -> [Rule; 2] {
        let tile = self.plan.tile_of(window);
        let sum = |stream| self.tiles(Series::Tile(stream, tile), window).apply(RangeFunction::SumOverTime);
        self.ratio(window.into(), sum(Stream::Bad), sum(Stream::Total))
    }

    /// Error ratio and burn rate of the period.
    pub(super) fn period_ratios(&self) -> [Rule; 2] {
        let sum =
            |stream| self.over_period(Series::Tile(stream, self.plan.coarse()), RangeFunction::SumOverTime);
        self.ratio(self.slo.period().into(), sum(Stream::Bad), sum(Stream::Total))
    }

    /// The share of `bad` in `total`, and the burn rate. Without events both are absent,
    /// never NaN.
    fn ratio(&self, span: Span, bad: Expr, total: Expr) -> [Rule; 2] {
        let total = total.greater(Expr::Number(Ratio::ZERO));
        let bad = if count::is_difference(self.slo.sli()) { bad.clamp_min(Ratio::ZERO) } else { bad };
        let budget = Expr::Number(self.slo.objective().budget());
        let error_ratio = self.series(Series::ErrorRatio(span));
        [
            self.record(Series::ErrorRatio(span), bad.div(total)),
            self.record(Series::BurnRate(span), error_ratio.div(budget)),
        ]
    }

    /// The budget left of the period, and the coverage of the period.
    pub(super) fn budget(&self) -> [Rule; 3] {
        let (tile, one) = (self.plan.coarse(), || Expr::Number(Ratio::ONE));
        let period = Span::from(self.slo.period());
        let burn = || self.series(Series::BurnRate(period));
        let seen = || self.over_period(Series::Tile(Stream::Total, tile), RangeFunction::CountOverTime);
        // The coverage of the elapsed period, and the spent share of the whole period's budget.
        let (coverage, spent) = match self.slo.period() {
            Period::Rolling(length) => {
                let coverage = seen().div(Expr::Number(length.ratio_to(tile)));
                let recorded = || self.series(Series::Coverage(period));
                let since = self.since_first(*length);
                (coverage, burn().mul(since.greater(recorded()).or(recorded())))
            }
            #[cfg(feature = "calendar")]
            Period::Calendar(_) => {
                let seconds = || seen().mul(Expr::Number(tile.as_seconds()));
                // After the last bound in the rules, a scalar is NaN.
                let zero = || Expr::Number(Ratio::ZERO);
                let part = self.elapsed_seconds().div(self.period_seconds());
                (
                    seconds().div(self.elapsed_seconds()).clamp_max(Ratio::ONE).greater_or_equal(zero()),
                    burn().mul(part).greater_or_equal(zero()),
                )
            }
        };
        [
            self.record(Series::Coverage(period), coverage),
            self.record(Series::BudgetRemaining, one().sub(burn())),
            self.record(Series::BudgetProjected, one().sub(spent)),
        ]
    }

    /// The share of `period` since its first tile, including gaps: a gap does not count as traffic without
    /// errors. The first tile is looked for in steps, so it may be found a little late.
    fn since_first(&self, period: Window) -> Expr {
        let step = Window::from_millis((period.as_millis() / MOMENTS).max(self.plan.coarse().as_millis()));
        let tile = self.series(Series::Tile(Stream::Total, self.plan.coarse()));
        let first = Expr::OverSubquery {
            function: RangeFunction::MinOverTime,
            operand: Box::new(Expr::call(Function::Timestamp, vec![tile])),
            window: period,
            step: step.unwrap_or(self.plan.coarse()),
        };
        Expr::time().sub(first).div(Expr::Number(period.as_seconds()))
    }

    /// `function` of the coarse tiles of the period.
    fn over_period(&self, series: Series, function: RangeFunction) -> Expr {
        match self.slo.period() {
            Period::Rolling(period) => self.tiles(series, *period).apply(function),
            #[cfg(feature = "calendar")]
            Period::Calendar(calendar) => self.since_start(series, calendar, function),
        }
    }
}
