//! What a page says in one number each.

use super::{
    super::{
        panel::{BLUE, GREEN, Layout, ORANGE, Panel, RED},
        queries::{decimal, length},
    },
    Page,
};
use crate::{
    model::{LabelName, Period, Tier, Window},
    rules::names,
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
                &format!("What is promised over {}: this share of good events.", slo.period()),
                "percentunit",
            )
            .now(&self.constant(names::OBJECTIVE))
            .with("decimals", json!(3))
            .thresholds(BLUE, &[]),
        );
        layout.add(
            4,
            4,
            stat(
                "SLI",
                &format!("The share of good events in {}; of several groups, the worst.", slo.period()),
                "percentunit",
            )
            .now(&format!("1 - max({})", self.series(&names::error_ratio(self.period()))))
            .with("decimals", json!(4))
            .thresholds(RED, &[(slo.objective().ratio().to_f64(), GREEN)]),
        );
        layout.add(
            4,
            4,
            stat(
                "Error budget left",
                "What is left of the whole period's budget, where no event still to come is bad; of several groups, the \
                 least.",
                "percentunit",
            )
            .now(&format!("min({})", self.series(names::BUDGET_PROJECTED)))
            .with("decimals", json!(1))
            .thresholds(RED, &[(0.0, ORANGE), (0.25, GREEN)]),
        );
        layout.add(4, 4, self.events_left());
        layout.add(
            4,
            4,
            stat(
                "Budget lasts",
                &format!("At the burn rate of the last {long}; no time once it is gone, no value where nothing is burning."),
                "dtdurations",
            )
            .now(&format!(
                "min(clamp_min({left}, 0) * {length} / ({burn} > 0) or clamp_min({left}, 0) == 0)",
                left = self.series(names::BUDGET_PROJECTED),
                length = length(self.slo),
                burn = self.series(&names::burn_rate(long))
            ))
            .with("noValue", json!("nothing burns"))
            .thresholds(RED, &[(86_400.0, ORANGE), (604_800.0, GREEN)]),
        );
        layout.add(
            4,
            4,
            stat(
                "Seen",
                "The share of the period that was recorded. Until it is near 100 %, the SLI is of a part.",
                "percentunit",
            )
            .now(&format!("min({})", self.series(&names::coverage(self.period()))))
            .thresholds(BLUE, &[(0.9, GREEN)]),
        );
    }

    /// How many more events may be bad; of a calendar's period, whose events nobody adds up, when it ends.
    fn events_left(&self) -> Panel {
        match self.slo.period() {
            Period::Rolling(period) => self.bad_left(*period),
            #[cfg(feature = "calendar")]
            Period::Calendar(_) => {
                Panel::stat("Period ends in", "Then the budget is whole again.", "dtdurations")
                    .now(&format!("{} - time()", self.constant(names::PERIOD_END)))
                    .thresholds(BLUE, &[])
                    .linked("Overview", &self.overview)
            }
        }
    }

    fn bad_left(&self, period: Window) -> Panel {
        let (slo, unit) = (self.slo, self.unit());
        let labels: Vec<&str> =
            ["service", "slo"].into_iter().chain(slo.by().iter().map(LabelName::as_str)).collect();
        Panel::stat(
            &format!("Bad {unit} left"),
            &format!(
                "How many more {unit} may be bad before the objective of the whole period is missed, where they go on to come as \
                 they did; negative where it is. It is of the period's budget, as what is left of it. Of all groups that are \
                 shown together."
            ),
            "short",
        )
        // What the whole period will have seen follows from both budgets, that of the events seen and the period's, as bad events
        // are the same in both; where there are none, from the share of the period that was seen.
        .now(&format!(
            "sum((sum_over_time({total}{{{shown}}}[{period}]) * on ({labels}) ((1 - {seen}{{{shown}}}) / (1 - {left}{{{shown}}}) > 0) \
             or on ({labels}) sum_over_time({total}{{{shown}}}[{period}]) / on ({labels}) {coverage}{{{shown}}}) * on ({labels}) \
             {left}{{{shown}}}) * {budget}",
            total = names::total_tile(self.plan.tile_of(period)),
            shown = self.shown,
            budget = decimal(slo.objective().budget()),
            labels = labels.join(", "),
            seen = names::BUDGET_REMAINING,
            left = names::BUDGET_PROJECTED,
            coverage = names::coverage(period),
        ))
        .thresholds(RED, &[(0.0, GREEN)])
        .linked("Overview", &self.overview)
    }
}
