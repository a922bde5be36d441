//! The curves on an SLO's page.

use super::{
    super::{
        super::capital::capital,
        panel::{GREEN, ORANGE, Panel, RED},
        queries::{ONE, number},
    },
    Page,
};
use crate::{
    Error,
    model::{Period, Ratio, Severity, Sli, Window},
    promql::{Expr, Function},
    rules::{Series, Stream},
    stats::events_to_stay_silent,
};
use serde_json::json;

impl Page<'_> {
    pub(super) fn burn_down(&self) -> Panel {
        let even = match self.slo.period() {
            Period::Rolling(length) => {
                let start = Expr::Variable("${__from}").div(number(Ratio::whole(1_000)));
                let over = Expr::time().sub(start).div(number(length.as_seconds()));
                Expr::call(Function::Vector, vec![ONE.sub(over)]).clamp_min(Ratio::ZERO)
            }
            #[cfg(feature = "calendar")]
            Period::Calendar(_) => {
                let [start, end] = [Series::PeriodStart, Series::PeriodEnd].map(|bound| self.constant(bound));
                ONE.sub(Expr::time().sub(start.clone()).div(end.sub(start)))
            }
        };
        Panel::time_series(
            "Error budget left",
            "The dashed line is a budget that is spent evenly, over a period that starts with the chart, or \
             over the calendar period. Below the line, the budget is spent faster than evenly.",
            "percentunit",
        )
        .over_time(&self.series(Series::BudgetProjected), &self.legend("left"))
        .over_time(&even, "spent evenly")
        .of_field(
            "spent evenly",
            &[
                ("custom.lineStyle", json!({"fill": "dash", "dash": [8, 8]})),
                ("color", json!({"mode": "fixed", "fixedColor": "gray"})),
            ],
        )
        .with("max", json!(1))
        .thresholds("transparent", &[(0.0, RED)])
        .with_lines()
        .linked("Overview", &self.overview)
    }

    pub(super) fn burn_rates(&self) -> Result<Panel, Error> {
        let mut panel = Panel::time_series(
            "Burn rate",
            "How many times faster than allowed the budget is spent, over each window of the alerts. The \
             dashed lines are the thresholds of the alerts. At 1, the budget lasts exactly one period.",
            "none",
        );
        for window in self.slo.policy().windows() {
            panel = panel
                .over_time(&self.series(Series::BurnRate(window.into())), &self.legend(&window.to_string()));
        }
        let mut steps = Vec::new();
        for tier in self.slo.policy().tiers() {
            let color = if tier.severity() == Severity::Page { RED } else { ORANGE };
            steps.push((tier.factor()?.to_f64(), color));
        }
        steps.sort_by(|one, other| one.0.total_cmp(&other.0));
        Ok(panel
            .custom("scaleDistribution", json!({"type": "symlog", "log": 10, "linearThreshold": 1}))
            .with("min", json!(0))
            .thresholds("transparent", &steps)
            .with_lines()
            .linked("Overview", &self.overview))
    }

    fn shortest(&self) -> Window {
        self.slo.policy().windows().first().copied().unwrap_or(self.plan.fine())
    }

    pub(super) fn bad_share(&self) -> Panel {
        let window = self.shortest();
        let (title, words) = match (self.slo.slices(), self.slo.sli()) {
            (Some(slices), _) => (
                "Bad slices".to_owned(),
                format!("The share of slices of {} that were bad in the last {window}", slices.length()),
            ),
            (None, Sli::Latency(latency)) => (
                format!("Slower than {}", latency.threshold()),
                format!(
                    "The share of events that took longer than {} in the last {window}",
                    latency.threshold()
                ),
            ),
            (None, _) => ("Bad events".to_owned(), format!("The share of bad events in the last {window}")),
        };
        Panel::time_series(
            &title,
            &format!("{words}. The dashed line is the share that the objective allows."),
            "percentunit",
        )
        .over_time(&self.series(Series::ErrorRatio(window.into())), &self.legend("bad"))
        .with("min", json!(0))
        .thresholds("transparent", &[(self.slo.objective().budget().to_f64(), RED)])
        .with_lines()
        .linked("Overview", &self.overview)
    }

    /// Events per second, from tiles.
    fn per_second(&self, tile: Expr) -> Expr {
        tile.div(number(self.plan.fine().as_seconds()))
    }

    /// The fine tiles of a stream.
    fn tile(&self, stream: Stream) -> Expr {
        self.series(Series::Tile(stream, self.plan.fine()))
    }

    pub(super) fn events(&self) -> Panel {
        let (total, bad) = (|| self.tile(Stream::Total), || self.tile(Stream::Bad));
        let unit = self.unit();
        Panel::time_series(
            &format!("Good and bad {unit}"),
            &format!("{} per second, as the SLI counts them.", capital(unit)),
            "cps",
        )
        .over_time(&self.per_second(total().sub(bad())), &self.legend("good"))
        .over_time(&self.per_second(bad()), &self.legend("bad"))
        .custom("stacking", json!({"mode": "normal", "group": "A"}))
        .custom("fillOpacity", json!(40))
        .with("min", json!(0))
        .of_fields_ending("good", &[("color", json!({"mode": "fixed", "fixedColor": GREEN}))])
        .of_fields_ending("bad", &[("color", json!({"mode": "fixed", "fixedColor": RED}))])
        .linked("Overview", &self.overview)
    }

    pub(super) fn traffic(&self) -> Result<Panel, Error> {
        // With fewer events in the long window, a single bad one fires the alert.
        let quiet = match self.slo.policy().tiers().first() {
            Some(fast) if fast.fewest_bad() == 0 && self.slo.slices().is_none() => {
                Some((events_to_stay_silent(fast.threshold(self.slo.objective())?, 1)?, fast.long()))
            }
            _ => None,
        };
        let unit = self.unit();
        let (words, steps) = match quiet {
            Some((events, long)) => (
                format!(
                    "{} per second. Below the dashed line ({events} {unit} in {long}), a single bad one \
                     exceeds the threshold of the fastest alert. With `low_traffic: guard`, the alert waits \
                     for more.",
                    capital(unit)
                ),
                vec![(events as f64 / long.as_seconds().to_f64(), ORANGE)],
            ),
            // There are as many slices in an hour as fit.
            None if self.slo.slices().is_some() => {
                ("Slices per second, as the SLI counts them.".to_owned(), vec![])
            }
            None => (
                format!(
                    "{} per second. The alerts are guarded: they wait for a significant number of bad ones.",
                    capital(unit)
                ),
                vec![],
            ),
        };
        Ok(Panel::time_series("Traffic", &words, "cps")
            .over_time(&self.per_second(self.tile(Stream::Total)), &self.legend(unit))
            .with("min", json!(0))
            .thresholds("transparent", &steps)
            .with_lines()
            .linked("Overview", &self.overview))
    }

    pub(super) fn coverage(&self) -> Panel {
        Panel::time_series(
            "Seen",
            "The share of the period that was recorded. When it falls, events were not counted: nothing was \
             scraped, or the rules were not evaluated.",
            "percentunit",
        )
        .over_time(&self.series(Series::Coverage(self.period())), &self.legend("seen"))
        .with("min", json!(0))
        .with("max", json!(1))
        .linked("Overview", &self.overview)
    }
}
