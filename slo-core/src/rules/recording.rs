//! Recording rules: tiles, error ratios, burn rates, the budget and its coverage.

use super::{Options, Plan, Rule, names, tiles};
use crate::{
    Error,
    model::{
        EmptySlice, EventCounters, HistogramKind, Matcher, Period, Ratio, Selector, Service, Sli, Slo, Tier,
        TimeSlices, Window,
    },
    promql::{BinaryOp, Expr, Function, Matching, Range, RangeFunction},
};
use std::sync::Arc;

/// Moments of a period at which its first tile is looked for: each hour of thirty days.
const MOMENTS: u64 = 720;

/// The rules of one SLO, on its plan.
pub(super) struct Recording<'a> {
    pub(super) service: &'a Service,
    pub(super) slo: &'a Slo,
    pub(super) plan: &'a Plan,
    pub(super) options: Options,
    // What selects the series that are recorded.
    selecting: Arc<[Matcher]>,
}

impl<'a> Recording<'a> {
    pub(super) fn new(service: &'a Service, slo: &'a Slo, plan: &'a Plan, options: Options) -> Self {
        Self { service, slo, plan, options, selecting: names::selecting(service, slo) }
    }

    /// Selects the series `metric` of the SLO.
    pub(super) fn selector(&self, metric: String) -> Selector {
        Selector::composed(metric, Arc::clone(&self.selecting))
    }

    /// The fine tiles, counted from the raw series.
    pub(super) fn fine_tiles(&self) -> Vec<Rule> {
        let tile = self.plan.fine();
        let streams = |total: String, bad: String| {
            let streams = tiles::streams(self, tile, &self.series(total.clone()));
            [self.record(total, streams.total), self.record(bad, streams.bad)]
        };
        if !self.has_raw_tiles() {
            return streams(names::total_tile(tile), names::bad_tile(tile)).into();
        }
        let events = streams(names::events_tile(tile), names::bad_events_tile(tile));
        let judged = match self.slo.slices() {
            Some(slices) => self.slices(slices),
            None => [names::events_tile(tile), names::bad_events_tile(tile)]
                .map(|metric| self.series(metric).sum_by(self.slo.by())),
        };
        let [total, bad] = judged.map(|stream| self.outside_exclusions(stream));
        let judged = [self.record(names::total_tile(tile), total), self.record(names::bad_tile(tile), bad)];
        events.into_iter().chain(judged).collect()
    }

    /// Whether what is judged is made of the events that are counted, so that both are recorded.
    fn has_raw_tiles(&self) -> bool {
        self.slo.slices().is_some() || !self.service.exclusions().is_empty()
    }

    /// All events of a tile, whether they count or not.
    pub(super) fn raw_total(&self) -> Expr {
        let tile = self.plan.fine();
        self.series(if self.has_raw_tiles() { names::events_tile(tile) } else { names::total_tile(tile) })
    }

    /// A stream without the tiles that lie in an excluded time, be it in part.
    fn outside_exclusions(&self, stream: Expr) -> Expr {
        let clock = || Expr::call(Function::Vector, vec![Expr::call(Function::Time, vec![])]);
        let tile = self.plan.fine().as_millis().div_ceil(1_000);
        let second = |seconds: u64| Expr::Number(Ratio::whole(seconds.into()));
        let spans = self.service.exclusions().iter().map(|exclusion| {
            let after = clock().greater(second(exclusion.from()));
            after.and(clock().less(second(exclusion.to().saturating_add(tile))))
        });
        match spans.reduce(Expr::or) {
            Some(any) => stream.binary(BinaryOp::Unless, Matching::On(Vec::new()), any),
            None => stream,
        }
    }

    /// The slices of a tile, one or none, made of its events.
    fn slices(&self, slices: TimeSlices) -> [Expr; 2] {
        let tile = self.plan.fine();
        let (one, zero) = (|| Expr::Number(Ratio::ONE), || Expr::Number(Ratio::ZERO));
        let series = |metric| Expr::from(self.selector(metric)).sum_by(self.slo.by());
        let events = || series(names::events_tile(tile));
        let share = series(names::bad_events_tile(tile)).div(events().greater(zero()));
        let judged = match slices.allowed() {
            Some(allowed) => share.greater_bool(Expr::Number(allowed)),
            None => share.clamp_min(Ratio::ZERO),
        };
        let before = || {
            let selector = self.selector(names::bad_tile(tile));
            Expr::Instant { selector, offset: Some(tile) }.sum_by(self.slo.by())
        };
        let (total, bad) = match slices.idle() {
            EmptySlice::Skip => (events().greater_bool(zero()), judged.or(events().mul(zero()))),
            EmptySlice::Good => (events().mul(zero()).add(one()), judged.or(events().mul(zero()))),
            EmptySlice::Bad => (events().mul(zero()).add(one()), judged.or(events().mul(zero()).add(one()))),
            EmptySlice::CarryForward => (
                // What there is to carry forward makes it count.
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
        let sum = |metric| self.tiles(metric, coarse).offset(fine).apply(RangeFunction::SumOverTime);
        [
            self.record(names::total_tile(coarse), sum(names::total_tile(fine))),
            self.record(names::bad_tile(coarse), sum(names::bad_tile(fine))),
        ]
    }

    /// Error ratio and burn rate of `window`.
    pub(super) fn ratios(&self, window: Window) -> [Rule; 2] {
        let tile = self.plan.tile_of(window);
        let sum = |metric| self.tiles(metric, window).apply(RangeFunction::SumOverTime);
        self.ratio(&window.to_string(), sum(names::bad_tile(tile)), sum(names::total_tile(tile)))
    }

    /// Error ratio and burn rate of the period.
    pub(super) fn period_ratios(&self) -> [Rule; 2] {
        let name = names::period(self.slo.period());
        let [bad, total] = [names::bad_tile(self.plan.coarse()), names::total_tile(self.plan.coarse())]
            .map(|metric| self.over_period(metric, RangeFunction::SumOverTime));
        self.ratio(&name, bad, total)
    }

    /// The share of `bad` in `total`, and how much faster than allowed that is. Without events both are absent,
    /// never NaN.
    fn ratio(&self, window: &str, bad: Expr, total: Expr) -> [Rule; 2] {
        let total = total.greater(Expr::Number(Ratio::ZERO));
        let bad = if tiles::is_difference(self.slo.sli()) { bad.clamp_min(Ratio::ZERO) } else { bad };
        let budget = Expr::Number(self.slo.objective().budget());
        let error_ratio = self.series(names::error_ratio(window));
        [
            self.record(names::error_ratio(window), bad.div(total)),
            self.record(names::burn_rate(window), error_ratio.div(budget)),
        ]
    }

    /// Whether the long window of a guarded `tier` holds as many bad events as it asks for.
    pub(super) fn enough_bad(&self, tier: &Tier) -> Result<Expr, Error> {
        let tile = names::bad_tile(self.plan.tile_of(tier.long()));
        // Half an event less: the tile of a restart is a fraction, and a sum of floats may fall short.
        let fewest = Ratio::new(2 * u128::from(tier.fewest_bad()) - 1, 2)?;
        let bad = self.tiles(tile, tier.long()).apply(RangeFunction::SumOverTime);
        Ok(bad.greater(Expr::Number(fewest)))
    }

    /// The events of a part in the last hour, or what is an hour in a shorter policy, where they are more than all
    /// events: good ones where bad is what is not good, else bad ones. An event that comes late and an estimate do not
    /// contradict anything.
    pub(super) fn contradiction(&self) -> Result<Option<(Window, Expr)>, Error> {
        let windows = self.plan.fine_windows();
        let hour = windows.first().map_or(0, |shortest| shortest.as_millis() * 12);
        let window = windows.iter().rfind(|window| window.as_millis() <= hour);
        let is_difference = tiles::is_difference(self.slo.sli());
        let has_two_counters = match self.slo.sli() {
            Sli::Events(counters) => !matches!(counters, EventCounters::GoodBad { .. }),
            Sli::Queries(counters) => !matches!(counters, EventCounters::GoodBad { .. }),
            Sli::Latency(latency) => latency.kind() == HistogramKind::Classic,
            Sli::Probe(_) | Sli::Gauge(_) | Sli::Ratio(_) => false,
        };
        let Some(window) = window.filter(|_| has_two_counters) else { return Ok(None) };
        let tile = self.plan.fine();
        let sum = |metric| self.tiles(metric, *window).apply(RangeFunction::SumOverTime);
        let judged = |raw: String, judged: String| if self.has_raw_tiles() { raw } else { judged };
        let total = || sum(judged(names::events_tile(tile), names::total_tile(tile)));
        let bad = || sum(judged(names::bad_events_tile(tile), names::bad_tile(tile)));
        let one = || Expr::Number(Ratio::ONE);
        let limit = total().mul(Expr::Number(Ratio::new(105, 100)?)).add(one());
        let expr = if is_difference {
            total().sub(bad()).greater(limit)
        } else {
            bad().greater(limit).or(bad().greater(one()).binary(BinaryOp::Unless, Matching::All, total()))
        };
        Ok(Some((*window, expr)))
    }

    /// The budget left over the period, and how much of the period was seen.
    pub(super) fn budget(&self) -> [Rule; 3] {
        let (tile, one) = (self.plan.coarse(), || Expr::Number(Ratio::ONE));
        let name = names::period(self.slo.period());
        let burn = || self.series(names::burn_rate(&name));
        let seen = || self.over_period(names::total_tile(tile), RangeFunction::CountOverTime);
        // Of what is over of the period; and what has been spent of all of it.
        let (coverage, spent) = match self.slo.period() {
            Period::Rolling(period) => {
                let coverage = seen().div(Expr::Number(period.ratio_to(tile)));
                let recorded = || self.series(names::coverage(&name));
                let since = self.since_first(*period);
                (coverage, burn().mul(since.greater(recorded()).or(recorded())))
            }
            #[cfg(feature = "calendar")]
            Period::Calendar(_) => {
                let seconds = || seen().mul(Expr::Number(tile.as_seconds()));
                // Beyond the bounds that are written down, a scalar is no number.
                let zero = || Expr::Number(Ratio::ZERO);
                let part = self.elapsed_seconds().div(self.period_seconds());
                (
                    seconds().div(self.elapsed_seconds()).clamp_max(Ratio::ONE).greater_or_equal(zero()),
                    burn().mul(part).greater_or_equal(zero()),
                )
            }
        };
        [
            self.record(names::coverage(&name), coverage),
            self.record(names::BUDGET_REMAINING.to_owned(), one().sub(burn())),
            self.record(names::BUDGET_PROJECTED.to_owned(), one().sub(spent)),
        ]
    }

    /// The part of `period` since its first tile, gaps in between or not: what was not seen of it is no traffic without
    /// errors. Looked for at a number of moments, so that it is found a little late at most.
    fn since_first(&self, period: Window) -> Expr {
        let step = Window::from_millis((period.as_millis() / MOMENTS).max(self.plan.coarse().as_millis()));
        let tile = self.series(names::total_tile(self.plan.coarse()));
        let first = Expr::OverSubquery {
            function: RangeFunction::MinOverTime,
            operand: Box::new(Expr::call(Function::Timestamp, vec![tile])),
            window: period,
            step: step.unwrap_or(self.plan.coarse()),
        };
        Expr::call(Function::Time, vec![]).sub(first).div(Expr::Number(period.as_seconds()))
    }

    /// `function` of the coarse tiles of the period.
    fn over_period(&self, metric: String, function: RangeFunction) -> Expr {
        match self.slo.period() {
            Period::Rolling(period) => self.tiles(metric, *period).apply(function),
            #[cfg(feature = "calendar")]
            Period::Calendar(calendar) => self.since_start(metric, calendar, function),
        }
    }

    pub(super) fn series(&self, metric: String) -> Expr {
        Expr::from(self.selector(metric))
    }

    pub(super) fn tiles(&self, metric: String, window: Window) -> Range {
        Range::new(self.selector(metric), tiles::just_short_of(window))
    }

    pub(super) fn record(&self, record: String, expr: Expr) -> Rule {
        Rule::Record { record, labels: names::identity(self.service, self.slo), expr }
    }
}
