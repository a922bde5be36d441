//! The single numbers on an SLO's page.

use super::{
    super::{
        panel::{BLUE, GREEN, Layout, ORANGE, Panel, RED},
        queries::{ONE, ZERO, join_labels, lasts_at, number, rolling, select},
    },
    Page,
};
use crate::{
    model::{Period, Tier, Window},
    promql::{BinaryOp, Matching, Range, RangeFunction},
    rules::{Series, Stream},
};
use serde_json::json;

impl Page<'_> {
    pub(super) fn numbers(&self, layout: &mut Layout) {
        let slo = self.slo;
        let long = slo.policy().tiers().first().map_or(slo.period().length(), Tier::long);
        let stat = |title: &str, words: &str, unit: &str| {
            Panel::stat(title, words, unit).linked("Overview", &self.overview)
        };
        layout.add(
            4,
            4,
            stat(
                "Objective",
                &format!("The share of good events that is promised over {}.", slo.period()),
                "percentunit",
            )
            .now(&self.constant(Series::Objective))
            .with("decimals", json!(3))
            .thresholds(BLUE, &[]),
        );
        layout.add(
            4,
            4,
            stat(
                "SLI",
                &format!("The share of good events in {}; for several groups, the worst.", slo.period()),
                "percentunit",
            )
            .now(&ONE.sub(self.series(Series::ErrorRatio(self.period())).max_by(&[])))
            .with("decimals", json!(4))
            .thresholds(RED, &[(slo.objective().ratio().to_f64(), GREEN)]),
        );
        layout.add(
            4,
            4,
            stat(
                "Error budget left",
                "The share of the whole period's budget that is left, if no more events are bad; for several \
                 groups, the least.",
                "percentunit",
            )
            .now(&self.series(Series::BudgetProjected).min_by(&[]))
            .with("decimals", json!(1))
            .thresholds(RED, &[(0.0, ORANGE), (0.25, GREEN)]),
        );
        layout.add(4, 4, self.events_left());
        layout.add(
            4,
            4,
            stat(
                "Budget lasts",
                &format!(
                    "At the burn rate of the last {long}; zero once it is gone, no value if not burning."
                ),
                "dtdurations",
            )
            .now(
                &lasts_at(
                    &self.series(Series::BudgetProjected),
                    rolling(slo.period()),
                    self.series(Series::BurnRate(long.into())),
                )
                .min_by(&[]),
            )
            .with("noValue", json!("not burning"))
            .thresholds(RED, &[(86_400.0, ORANGE), (604_800.0, GREEN)]),
        );
        layout.add(
            4,
            4,
            stat(
                "Seen",
                "The share of the period that was recorded. Until it is near 100 %, the SLI is incomplete.",
                "percentunit",
            )
            .now(&self.series(Series::Coverage(self.period())).min_by(&[]))
            .thresholds(BLUE, &[(0.9, GREEN)]),
        );
    }

    /// How many more events may be bad; for a calendar period, whose events are not added up, when it ends.
    fn events_left(&self) -> Panel {
        match self.slo.period() {
            Period::Rolling(period) => self.bad_left(*period),
            #[cfg(feature = "calendar")]
            Period::Calendar(_) => {
                Panel::stat("Period ends in", "Then the budget is full again.", "dtdurations")
                    .now(&self.constant(Series::PeriodEnd).sub(crate::promql::Expr::time()))
                    .thresholds(BLUE, &[])
                    .linked("Overview", &self.overview)
            }
        }
    }

    fn bad_left(&self, period: Window) -> Panel {
        let (slo, unit) = (self.slo, self.unit());
        let on = || Matching::On(join_labels(slo));
        // The events of the whole period follow from both budgets, that of the events seen and the period's,
        // because bad events are the same in both; without bad events, they follow from the coverage.
        let seen = || {
            let tiles = select(Series::Tile(Stream::Total, self.plan.tile_of(period)), &self.shown);
            Range::new(tiles, period).apply(RangeFunction::SumOverTime)
        };
        let left = || self.series(Series::BudgetProjected);
        let part = ONE.sub(self.series(Series::BudgetRemaining)).div(ONE.sub(left()));
        let by_budgets = seen().binary(BinaryOp::Multiply, on(), part.greater(ZERO));
        let by_coverage = seen().binary(BinaryOp::Divide, on(), self.series(Series::Coverage(period.into())));
        let all = by_budgets.binary(BinaryOp::Or, on(), by_coverage);
        let bad_left =
            all.binary(BinaryOp::Multiply, on(), left()).sum().mul(number(slo.objective().budget()));
        Panel::stat(
            &format!("Bad {unit} left"),
            &format!(
                "How many more {unit} may be bad before the objective of the whole period is missed, at the \
                 same traffic; negative if it is missed. It is based on the period's budget, like the error \
                 budget left, and summed over all groups that are shown."
            ),
            "short",
        )
        .now(&bad_left)
        .thresholds(RED, &[(0.0, GREEN)])
        .linked("Overview", &self.overview)
    }
}
