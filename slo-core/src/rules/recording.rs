//! Recording rules: tiles, error ratios, burn rates, the budget and its coverage.

use super::{Plan, Rule, names, tiles};
use crate::{
    model::{Ratio, Service, Slo, Window},
    promql::{Expr, Range, RangeFunction},
};

/// The rules of one SLO, on its plan.
pub(super) struct Recording<'a> {
    pub(super) service: &'a Service,
    pub(super) slo: &'a Slo,
    pub(super) plan: &'a Plan,
}

/// One millisecond: what a range over tiles is short of, so that it holds the same tiles whether the
/// server counts both its ends (Prometheus 2) or only the later one (3).
const EDGE: u64 = 1;

impl Recording<'_> {
    /// The fine tiles, counted from the raw series.
    pub(super) fn fine_tiles(&self) -> [Rule; 2] {
        let tile = self.plan.fine();
        let streams = tiles::streams(self.service, self.slo, tile);
        [self.record(names::total_tile(tile), streams.total), self.record(names::bad_tile(tile), streams.bad)]
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
        let total = sum(names::total_tile(tile)).greater(Expr::Number(Ratio::ZERO));
        let budget = Expr::Number(self.slo.objective().budget());
        let error_ratio = Expr::from(names::series(names::error_ratio(window), self.service, self.slo));
        [
            // Without events the ratio is absent, never NaN.
            self.record(names::error_ratio(window), sum(names::bad_tile(tile)).div(total)),
            self.record(names::burn_rate(window), error_ratio.div(budget)),
        ]
    }

    /// The bad events of `window`.
    pub(super) fn bad_events(&self, window: Window) -> Expr {
        let tile = names::bad_tile(self.plan.tile_of(window));
        self.tiles(tile, window).apply(RangeFunction::SumOverTime)
    }

    /// The budget left over the period, and how much of the period was seen.
    pub(super) fn budget(&self) -> [Rule; 3] {
        let period = self.slo.period().length();
        let (tile, one) = (self.plan.tile_of(period), || Expr::Number(Ratio::ONE));
        let series = |metric| Expr::from(names::series(metric, self.service, self.slo));
        let burn = || series(names::burn_rate(period));
        let seen = self.tiles(names::total_tile(tile), period).apply(RangeFunction::CountOverTime);
        let coverage = seen.div(Expr::Number(period.ratio_to(tile)));
        [
            self.record(names::coverage(period), coverage),
            self.record(names::BUDGET_REMAINING.to_owned(), one().sub(burn())),
            self.record(
                names::BUDGET_PROJECTED.to_owned(),
                one().sub(burn().mul(series(names::coverage(period)))),
            ),
        ]
    }

    fn tiles(&self, metric: String, window: Window) -> Range {
        // A window is at least one tile of a second, so what is left is positive.
        let inside = Window::from_millis(window.as_millis() - EDGE).unwrap_or(window);
        Range::new(names::series(metric, self.service, self.slo), inside)
    }

    pub(super) fn record(&self, record: String, expr: Expr) -> Rule {
        Rule::Record { record, labels: names::identity(self.service, self.slo), expr }
    }
}
