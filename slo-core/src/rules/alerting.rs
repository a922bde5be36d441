//! Burn-rate alerts.

use super::{Rule, names, recording::Recording};
use crate::{
    Error,
    model::{LabelName, Ratio, Service, Slo, Tier},
    promql::Expr,
};
use std::collections::BTreeMap;

/// The alert of `tier`: both windows above the threshold, strictly, and enough bad events for it to mean
/// something.
pub(super) fn burn_alert(recording: &Recording<'_>, tier: &Tier) -> Result<Rule, Error> {
    let (service, slo) = (recording.service, recording.slo);
    let threshold = tier.threshold(slo.objective())?;
    let above = |window| {
        let ratio = Expr::from(names::series(names::error_ratio(window), service, slo));
        ratio.greater(Expr::Number(threshold))
    };
    let notification = slo.notification(tier.severity());

    let mut labels = service.labels().clone();
    labels.insert(LabelName::from_static("severity"), tier.severity().to_string());
    labels.extend(notification.labels.clone());
    labels.insert(LabelName::from_static("burn_tier"), tier.burn().to_string());
    labels.extend(names::identity(service, slo));
    // Prometheus reads the labels of alerts as templates too.
    for value in labels.values_mut() {
        *value = escape(value);
    }

    let mut annotations = BTreeMap::from([
        ("summary", format!("{}/{} burns its error budget too fast", service.name(), slo.name())),
        ("description", description(service, slo, tier)?),
    ]);
    annotations.extend(notification.runbook.clone().map(|link| ("runbook_url", escape(&link))));
    annotations.extend(notification.dashboard.clone().map(|link| ("dashboard_url", escape(&link))));

    let mut expr = above(tier.long()).and(above(tier.short()));
    if tier.fewest_bad() > 0 {
        // Half an event less: the tile of a restart is a fraction, and a sum of floats may fall short.
        let fewest = Ratio::new(2 * u128::from(tier.fewest_bad()) - 1, 2)?;
        expr = expr.and(recording.bad_events(tier.long()).greater(Expr::Number(fewest)));
    }
    Ok(Rule::Alert { alert: names::ERROR_BUDGET_BURN, labels, annotations, expr })
}

/// What somebody who was just woken needs: what fails, how much, how long the budget lasts.
fn description(service: &Service, slo: &Slo, tier: &Tier) -> Result<String, Error> {
    let series = |metric: String| Expr::from(names::series(metric, service, slo));
    let burn = series(names::burn_rate(tier.long()));
    let left = series(names::BUDGET_PROJECTED.to_owned());
    let period = Expr::Number(slo.period().length().as_seconds());
    let exhaustion = left.clone().clamp_min(Ratio::ZERO).mul(period).div(burn.clone());
    let ended = slo.description().ends_with(['.', '!', '?', ':']);
    let promise = if slo.description().is_empty() {
        String::new()
    } else {
        format!("{}{} ", escape(slo.description()), if ended { "" } else { "." })
    };
    Ok(format!(
        "{promise}In the last {long}, {{{{ $value | humanizePercentage }}}} of events were bad; {objective} over {period} \
         allows {budget}%. Burn rate: {burn}× (alerts above {factor}×). Budget left: {left}. Gone in: {exhaustion}.",
        long = tier.long(),
        objective = slo.objective(),
        period = slo.period(),
        budget = percent(slo),
        burn = queried(&burn, "printf \"%.3g\""),
        factor = tier.factor()?,
        left = queried(&left, "humanizePercentage"),
        exhaustion = queried(&exhaustion, "humanizeDuration"),
    ))
}

fn percent(slo: &Slo) -> String {
    let hundred = Ratio::whole(100);
    slo.objective().budget().checked_mul(hundred).map_or_else(String::new, |percent| percent.to_string())
}

/// A template that shows the first value of `query`, or that there is none.
fn queried(query: &Expr, format: &str) -> String {
    let query = query.to_string().replace('\\', "\\\\").replace('"', "\\\"");
    format!(
        "{{{{ with query \"{query}\" }}}}{{{{ . | first | value | {format} }}}}{{{{ else }}}}unknown{{{{ end }}}}"
    )
}

/// Text that templates must show as it is.
fn escape(text: &str) -> String {
    text.replace("{{", "{{ \"{{\" }}")
}
