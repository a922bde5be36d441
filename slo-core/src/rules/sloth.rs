//! Rules with the names and labels of Sloth, so that dashboards and routes made for Sloth keep working.

use super::{
    AlertKind, Rule, Series, SlothSeries, Stream,
    alert::enough_bad,
    context::{Burn, Context},
    series::sloth_identity,
};
use crate::{
    Error,
    model::{LabelName, Labels, Notification, Ratio, Severity, Window},
    promql::{BinaryOp, Expr, Matching, RangeFunction},
};
use std::collections::BTreeMap;

/// The window of Sloth's current burn rate.
const CURRENT: Window = Window::minutes(5);
const SECONDS_A_DAY: Window = Window::days(1);

/// Sloth's recording rules and alerts on the tiles of an SLO: those on fine tiles, and those on coarse ones.
pub(super) fn rules(context: &Context<'_>, fine: &mut Vec<Rule>, slow: &mut Vec<Rule>) -> Result<(), Error> {
    let period = context.slo.period().length();
    let sloth = Sloth { context, identity: sloth_identity(context.service, context.slo) };
    let plan = &context.plan;
    fine.extend(plan.fine_windows().iter().map(|&window| sloth.error_ratio(window)));
    slow.extend(plan.alert_windows().iter().map(|&window| sloth.error_ratio(window)));
    slow.push(sloth.error_ratio(period));
    slow.extend(sloth.metadata(period));
    for severity in [Severity::Page, Severity::Ticket] {
        let burns: Vec<&Burn> =
            context.burns.iter().filter(|burn| burn.tier.severity() == severity).collect();
        // An alert is one rule, so it is evaluated with the slower of its windows.
        let rules = if burns.iter().all(|burn| plan.fine_windows().contains(&burn.tier.long())) {
            &mut *fine
        } else {
            &mut *slow
        };
        rules.extend(sloth.alert(severity, &burns)?);
    }
    Ok(())
}

struct Sloth<'a> {
    context: &'a Context<'a>,
    identity: Labels,
}

impl Sloth<'_> {
    fn series(&self, series: SlothSeries) -> Expr {
        Series::Sloth(series).of(self.context.service, self.context.slo).into()
    }

    fn record(
        &self,
        series: SlothSeries,
        labels: impl IntoIterator<Item = (&'static str, String)>,
        expr: Expr,
    ) -> Rule {
        let slo = self.context.slo;
        let mut all = self.context.service.labels().clone();
        all.extend(slo.labels().clone());
        all.extend(self.identity.clone());
        all.extend(labels.into_iter().map(|(label, value)| (LabelName::from_static(label), value)));
        Rule::Record { series: Series::Sloth(series), labels: all, expr }
    }

    fn error_ratio(&self, window: Window) -> Rule {
        let context = self.context;
        let tile = context.plan.tile_of(window);
        let sum = |stream| {
            let tiles = context.tiles(Series::Tile(stream, tile), window);
            tiles.apply(RangeFunction::SumOverTime).sum_by(context.slo.by())
        };
        let total = sum(Stream::Total).greater(Expr::Number(Ratio::ZERO));
        self.record(
            SlothSeries::ErrorRatio(window),
            [("sloth_window", window.to_string())],
            sum(Stream::Bad).div(total),
        )
    }

    fn metadata(&self, period: Window) -> Vec<Rule> {
        let slo = self.context.slo;
        let objective = slo.objective();
        let budget = || Expr::Number(objective.budget());
        // These series do not have the window's label. Take the largest, not the sum: right after a label
        // changes in the specification, the series with the old label still exists.
        let burn = |window| self.series(SlothSeries::ErrorRatio(window)).max_by(slo.by()).div(budget());
        let percent = objective.to_string().trim_end_matches('%').to_owned();
        let mut rules = vec![
            self.record(SlothSeries::Objective, [], Expr::vector(objective.ratio())),
            self.record(SlothSeries::ErrorBudget, [], Expr::vector(objective.budget())),
            self.record(SlothSeries::PeriodDays, [], Expr::vector(period.ratio_to(SECONDS_A_DAY))),
        ];
        let windows = slo.policy().windows();
        let current = if windows.contains(&CURRENT) { Some(CURRENT) } else { windows.first().copied() };
        if let Some(current) = current {
            rules.push(self.record(SlothSeries::CurrentBurnRate, [], burn(current)));
        }
        let remaining =
            Expr::Number(Ratio::ONE).sub(self.series(SlothSeries::PeriodBurnRate).max_by(slo.by()));
        let info = [
            ("sloth_mode", "cli-gen-prom".to_owned()),
            ("sloth_objective", percent),
            ("sloth_spec", "prometheus/v1".to_owned()),
            ("sloth_version", concat!("slo-", env!("CARGO_PKG_VERSION")).to_owned()),
        ];
        rules.extend([
            self.record(SlothSeries::PeriodBurnRate, [], burn(period)),
            self.record(SlothSeries::BudgetRemaining, [], remaining),
            self.record(SlothSeries::Info, info, Expr::vector(Ratio::ONE)),
        ]);
        rules
    }

    /// One alert for all tiers of a severity, as in Sloth.
    fn alert(&self, severity: Severity, burns: &[&Burn]) -> Result<Option<Rule>, Error> {
        let slo = self.context.slo;
        let notification = slo.notification(severity);
        if notification.silent {
            return Ok(None);
        }
        let mut any: Option<Expr> = None;
        for Burn { tier, threshold, .. } in burns {
            let keep: Vec<LabelName> =
                self.identity.keys().cloned().chain(slo.by().iter().cloned()).collect();
            let above = |window| {
                self.series(SlothSeries::ErrorRatio(window)).greater(Expr::Number(*threshold)).max_by(&keep)
            };
            let mut both = above(tier.short()).and(above(tier.long()));
            if tier.fewest_bad() > 0 {
                both = both.binary(
                    BinaryOp::And,
                    Matching::On(slo.by().to_vec()),
                    enough_bad(self.context, tier)?,
                );
            }
            any = Some(match any {
                Some(expr) => expr.or(both),
                None => both,
            });
        }
        let Some(expr) = any else { return Ok(None) };
        let mut labels = notification.labels.clone();
        labels.insert(LabelName::from_static("sloth_severity"), severity.to_string());
        let title = format!(
            "({severity}) {{{{$labels.sloth_service}}}} {{{{$labels.sloth_slo}}}} SLO error budget burn rate is too fast."
        );
        let summary =
            "{{$labels.sloth_service}} {{$labels.sloth_slo}} SLO error budget burn rate is over expected.";
        let mut annotations =
            BTreeMap::from([("summary".to_owned(), summary.to_owned()), ("title".to_owned(), title)]);
        let links = [("runbook_url", &notification.runbook), ("dashboard_url", &notification.dashboard)];
        annotations
            .extend(links.into_iter().filter_map(|(name, link)| Some((name.to_owned(), link.clone()?))));
        let response = notification.response.as_ref();
        annotations.extend(response.map(|name| (Notification::RESPONSE.to_owned(), name.to_string())));
        annotations
            .extend(notification.annotations.iter().map(|(name, text)| (name.to_string(), text.clone())));
        if slo.alert_name().is_none() {
            // All SLOs share the default name, so the rules must differ in their labels.
            labels.extend(self.identity.clone());
        }
        let kind = AlertKind::AnyBurn(severity);
        let name = slo.alert_name().unwrap_or(kind.name()).to_owned();
        let keep_firing_for = slo.keep_firing_for();
        Ok(Some(Rule::Alert { kind, severity, name, labels, annotations, expr, hold: None, keep_firing_for }))
    }
}
