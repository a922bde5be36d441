//! Alerting rules: burn rates, the remaining budget, absent events, and counters that disagree.

use super::{
    AlertKind, Rule, Series, Stream,
    annotations::{self, Text, escape},
    context::{Burn, Context},
    count,
    series::identity,
};
use crate::{
    Error,
    model::{BudgetAlert, LabelName, Labels, Ratio, Service, Severity, Slo, Tier, Window},
    promql::{BinaryOp, Expr, Matching, RangeFunction},
};

/// The condition of an alert, and for how long it must hold.
struct Condition {
    kind: AlertKind,
    severity: Severity,
    expr: Expr,
    hold: Option<Window>,
}

/// The alert of a tier: both windows are strictly above the threshold, and a guarded tier has enough bad
/// events.
pub(super) fn burn_alert(context: &Context<'_>, burn: &Burn) -> Result<Rule, Error> {
    let slo = context.slo;
    let tier = &burn.tier;
    let above = |window: Window| {
        let ratio = context.series(Series::ErrorRatio(window.into()));
        ratio.greater(Expr::Number(burn.threshold))
    };
    let mut expr = above(tier.long()).and(above(tier.short()));
    if tier.fewest_bad() > 0 {
        expr = expr.and(enough_bad(context, tier)?);
    }
    let condition =
        Condition { kind: AlertKind::Burn(tier.burn()), severity: tier.severity(), expr, hold: None };
    let mut rule = rule(context, condition, annotations::burn(context, burn));
    if let Rule::Alert { name, labels, keep_firing_for, .. } = &mut rule {
        if let Some(own) = slo.alert_name() {
            own.clone_into(name);
        }
        labels.insert(LabelName::from_static("burn_tier"), tier.burn().to_string());
        *keep_firing_for = slo.keep_firing_for();
    }
    Ok(rule)
}

/// Whether the long window of a guarded `tier` holds its minimum number of bad events.
pub(super) fn enough_bad(context: &Context<'_>, tier: &Tier) -> Result<Expr, Error> {
    let tile = Series::Tile(Stream::Bad, context.plan.tile_of(tier.long()));
    // Half an event less: the tile of a restart is a fraction, and a sum of floats may fall short.
    let fewest = Ratio::new(2 * u128::from(tier.fewest_bad()) - 1, 2)?;
    let bad = context.tiles(tile, tier.long()).apply(RangeFunction::SumOverTime);
    Ok(bad.greater(Expr::Number(fewest)))
}

/// The alerts that are not burn alerts: the budget alerts of the SLO, and counters that disagree. `left` is
/// the share of the budget that is left.
///
/// # Errors
/// Numbers that no rule can hold.
pub(super) fn other_alerts(context: &Context<'_>, left: &Expr) -> Result<Vec<Rule>, Error> {
    let asked = context.slo.budget_alerts().iter().map(|alert| budget_alert(context, *alert, left));
    Ok(asked.chain(counters_disagree(context)?).collect())
}

fn budget_alert(context: &Context<'_>, alert: BudgetAlert, left: &Expr) -> Rule {
    let left = || left.clone();
    let zero = || Expr::Number(Ratio::ZERO);
    let is_asked_when_exhausted =
        || context.slo.budget_alerts().iter().any(|other| matches!(other, BudgetAlert::Exhausted { .. }));
    let (expr, hold) = match alert {
        BudgetAlert::Exhausted { .. } => (left().less_or_equal(zero()), None),
        BudgetAlert::Low { left: share, .. } => {
            let low = left().less_or_equal(Expr::Number(share));
            // One alert at a time.
            (if is_asked_when_exhausted() { low.and(left().greater(zero())) } else { low }, None)
        }
        BudgetAlert::Absent { hold, .. } => {
            (context.series(context.counted(Stream::Total)).absent(), Some(hold))
        }
    };
    let condition = Condition { kind: AlertKind::Budget(alert), severity: alert.severity(), expr, hold };
    rule(context, condition, annotations::budget(context, alert))
}

/// The alert on more good or bad events than all events in the last hour, or in a shorter time for a faster
/// policy.
///
/// It compares good events if bad events are all events minus the good ones, and bad events otherwise. Its
/// limit leaves room for late events and for estimates.
fn counters_disagree(context: &Context<'_>) -> Result<Option<Rule>, Error> {
    let slo = context.slo;
    // A ticket is enough, if the policy has tickets.
    let severity = [Severity::Ticket, Severity::Page].into_iter().find(|severity| {
        !slo.notification(*severity).silent
            && slo.policy().tiers().iter().any(|tier| tier.severity() == *severity)
    });
    let windows = context.plan.fine_windows();
    let hour = windows.first().map_or(0, |shortest| shortest.as_millis() * 12);
    let window = windows.iter().rfind(|window| window.as_millis() <= hour);
    let Some((window, severity)) = window.zip(severity).filter(|_| count::has_total_and_part(slo.sli()))
    else {
        return Ok(None);
    };
    let sum = |stream| context.tiles(context.counted(stream), *window).apply(RangeFunction::SumOverTime);
    let (total, bad) = (|| sum(Stream::Total), || sum(Stream::Bad));
    let one = || Expr::Number(Ratio::ONE);
    let limit = total().mul(Expr::Number(Ratio::new(105, 100)?)).add(one());
    let is_of_good = count::is_difference(slo.sli());
    let expr = if is_of_good {
        total().sub(bad()).greater(limit)
    } else {
        bad().greater(limit).or(bad().greater(one()).binary(BinaryOp::Unless, Matching::All, total()))
    };
    let condition = Condition { kind: AlertKind::CountersDisagree, severity, expr, hold: None };
    Ok(Some(rule(context, condition, annotations::counters_disagree(context, *window, is_of_good))))
}

/// The labels for routing an SLO's alerts of one severity.
///
/// They are the labels of the service, of the SLO and of the notification, which may replace `severity`.
///
/// ```
/// use slo_core::{model::Severity, rules::alert_labels};
///
/// let text = "{version: slo/v1, service: a, labels: {team: x}, slos: [{name: b, objective: 99.9%, window: 30d,
///     sli: {events: {total: requests_total, bad: errors_total}}, alerting: {page: {labels: {severity: critical}}}}]}";
/// let service = slo_core::spec::parse(text)?.remove(0);
/// let labels = alert_labels(&service, &service.slos()[0], Severity::Page);
/// assert_eq!(labels.values().collect::<Vec<_>>(), ["critical", "x"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn alert_labels(service: &Service, slo: &Slo, severity: Severity) -> Labels {
    let mut labels = service.labels().clone();
    labels.extend(slo.labels().clone());
    labels.insert(LabelName::from_static("severity"), severity.to_string());
    labels.extend(slo.notification(severity).labels.clone());
    labels
}

/// An alerting rule with the labels and annotations that all alerts have.
fn rule(context: &Context<'_>, condition: Condition, text: Text) -> Rule {
    let (service, slo) = (context.service, context.slo);
    let Condition { kind, severity, expr, hold } = condition;
    let mut labels = alert_labels(service, slo, severity);
    labels.extend(identity(service, slo));
    // Prometheus reads the labels of alerts as templates too.
    for value in labels.values_mut() {
        *value = escape(value);
    }
    let annotations = annotations::with_links(text, slo.notification(severity), kind);
    Rule::Alert {
        kind,
        severity,
        name: kind.name().to_owned(),
        labels,
        annotations,
        expr,
        hold,
        keep_firing_for: None,
    }
}
