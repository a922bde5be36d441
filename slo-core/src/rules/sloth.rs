//! Rules with the names and labels of Sloth, so that what was made for it keeps working.

use super::{
    Rule,
    alerting::{budget_alerts, is_of_tiles},
    names,
    recording::Recording,
};
use crate::{
    Error,
    model::{LabelName, Labels, MatchOp, Matcher, Period, Ratio, Selector, Severity, Tier, Window},
    promql::{BinaryOp, Expr, Matching, RangeFunction},
};
use std::collections::BTreeMap;

/// The window of Sloth's current burn rate.
const CURRENT: Window = Window::minutes(5);
const SECONDS_A_DAY: Window = Window::days(1);

/// Sloth's recording rules and alerts on the tiles of `recording`: those on fine tiles, and those on coarse ones.
pub(super) fn rules(
    recording: &Recording<'_>,
    fine: &mut Vec<Rule>,
    slow: &mut Vec<Rule>,
) -> Result<(), Error> {
    check(recording)?;
    let period = recording.slo.period().length();
    let sloth = Sloth { recording, identity: identity(recording) };
    let plan = recording.plan;
    fine.extend(plan.fine_windows().iter().map(|&window| sloth.error_ratio(window)));
    slow.extend(plan.alert_windows().iter().map(|&window| sloth.error_ratio(window)));
    slow.push(sloth.error_ratio(period));
    slow.extend(sloth.metadata(period));
    for severity in [Severity::Page, Severity::Ticket] {
        let is_fine = |tier: &&Tier| plan.fine_windows().contains(&tier.long());
        let tiers: Vec<Tier> = recording
            .slo
            .policy()
            .tiers()
            .iter()
            .filter(|tier| tier.severity() == severity)
            .copied()
            .collect();
        // An alert is one rule, so it is evaluated with the slower of its windows.
        let rules = if tiers.iter().all(|tier| is_fine(&tier)) { &mut *fine } else { &mut *slow };
        rules.extend(sloth.alert(severity, &tiers)?);
    }
    let left = sloth.series("slo:period_error_budget_remaining:ratio".to_owned());
    for rule in budget_alerts(recording, &left)? {
        let rules = if is_of_tiles(&rule) { &mut *fine } else { &mut *slow };
        rules.push(rule);
    }
    Ok(())
}

/// Refuses what Sloth has no names for.
#[cfg_attr(
    not(feature = "calendar"),
    expect(clippy::unnecessary_wraps, reason = "it has names for all but calendars")
)]
pub(super) fn check(recording: &Recording<'_>) -> Result<(), Error> {
    match recording.slo.period() {
        Period::Rolling(_) => Ok(()),
        #[cfg(feature = "calendar")]
        Period::Calendar(_) => Err(Error::new("Sloth's names for a calendar period, which it does not have")
            .with_hint("generate it with `--naming native`")),
    }
}

/// The labels that select an SLO's series.
fn identity(recording: &Recording<'_>) -> Labels {
    let (service, slo) = (recording.service.name(), recording.slo.name());
    let label = LabelName::from_static;
    Labels::from([
        (label("sloth_id"), format!("{service}-{slo}")),
        (label("sloth_service"), service.to_string()),
        (label("sloth_slo"), slo.to_string()),
    ])
}

struct Sloth<'a> {
    recording: &'a Recording<'a>,
    identity: Labels,
}

impl Sloth<'_> {
    fn series(&self, metric: String) -> Expr {
        let matchers = self.identity.clone().into_iter();
        let matchers = matchers.map(|(label, value)| Matcher { label, op: MatchOp::Equal, value });
        Selector::composed(metric, matchers.collect()).into()
    }

    fn record(
        &self,
        record: &str,
        labels: impl IntoIterator<Item = (&'static str, String)>,
        expr: Expr,
    ) -> Rule {
        let slo = self.recording.slo;
        let mut all = self.recording.service.labels().clone();
        all.extend(slo.labels().clone());
        all.extend(self.identity.clone());
        all.extend(labels.into_iter().map(|(label, value)| (LabelName::from_static(label), value)));
        Rule::Record { record: record.to_owned(), labels: all, expr }
    }

    fn error_ratio(&self, window: Window) -> Rule {
        let recording = self.recording;
        let tile = recording.plan.tile_of(window);
        let sum = |metric| {
            recording.tiles(metric, window).apply(RangeFunction::SumOverTime).sum_by(recording.slo.by())
        };
        let total = sum(names::total_tile(tile)).greater(Expr::Number(Ratio::ZERO));
        self.record(
            &ratio_name(window),
            [("sloth_window", window.to_string())],
            sum(names::bad_tile(tile)).div(total),
        )
    }

    fn metadata(&self, period: Window) -> Vec<Rule> {
        let slo = self.recording.slo;
        let objective = slo.objective();
        let budget = || Expr::Number(objective.budget());
        // The window's own label is none of these series'. The largest, not the sum: at the first evaluation after a label
        // of the specification has changed, there is also the series with the old one.
        let burn = |window| self.series(ratio_name(window)).max_by(slo.by()).div(budget());
        let percent = objective.to_string().trim_end_matches('%').to_owned();
        let mut rules = vec![
            self.record("slo:objective:ratio", [], Expr::vector(objective.ratio())),
            self.record("slo:error_budget:ratio", [], Expr::vector(objective.budget())),
            self.record("slo:time_period:days", [], Expr::vector(period.ratio_to(SECONDS_A_DAY))),
        ];
        let windows = slo.policy().windows();
        let current = if windows.contains(&CURRENT) { Some(CURRENT) } else { windows.first().copied() };
        if let Some(current) = current {
            rules.push(self.record("slo:current_burn_rate:ratio", [], burn(current)));
        }
        let remaining = Expr::Number(Ratio::ONE)
            .sub(self.series("slo:period_burn_rate:ratio".to_owned()).max_by(slo.by()));
        let info = [
            ("sloth_mode", "cli-gen-prom".to_owned()),
            ("sloth_objective", percent),
            ("sloth_spec", "prometheus/v1".to_owned()),
            ("sloth_version", concat!("slo-", env!("CARGO_PKG_VERSION")).to_owned()),
        ];
        rules.extend([
            self.record("slo:period_burn_rate:ratio", [], burn(period)),
            self.record("slo:period_error_budget_remaining:ratio", [], remaining),
            self.record("sloth_slo_info", info, Expr::vector(Ratio::ONE)),
        ]);
        rules
    }

    /// One alert of all tiers of a severity, as Sloth has it.
    fn alert(&self, severity: Severity, tiers: &[Tier]) -> Result<Option<Rule>, Error> {
        let slo = self.recording.slo;
        let notification = slo.notification(severity);
        if notification.silent {
            return Ok(None);
        }
        let mut any: Option<Expr> = None;
        for tier in tiers {
            let threshold = tier.threshold(slo.objective())?;
            let keep: Vec<LabelName> =
                self.identity.keys().cloned().chain(slo.by().iter().cloned()).collect();
            let above =
                |window| self.series(ratio_name(window)).greater(Expr::Number(threshold)).max_by(&keep);
            let mut both = above(tier.short()).and(above(tier.long()));
            if tier.fewest_bad() > 0 {
                both = both.binary(
                    BinaryOp::And,
                    Matching::On(slo.by().to_vec()),
                    self.recording.enough_bad(tier)?,
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
        annotations
            .extend(notification.annotations.iter().map(|(name, text)| (name.to_string(), text.clone())));
        if slo.alert_name().is_none() {
            // Of one name for all SLOs, the rules must differ in something.
            labels.extend(self.identity.clone());
        }
        let alert = slo.alert_name().unwrap_or(names::ERROR_BUDGET_BURN).to_owned();
        let keep_firing_for = slo.firing_kept_for();
        Ok(Some(Rule::Alert { alert, labels, annotations, expr, hold: None, keep_firing_for }))
    }
}

fn ratio_name(window: Window) -> String {
    format!("slo:sli_error:ratio_rate{window}")
}
