//! Alerts on burn rates, on what is left, and on events that are gone.

use super::{Rule, names, recording::Recording, tiles};
use crate::{
    Error,
    model::{LabelName, Labels, Period, Ratio, Service, Severity, Slo, Tier, Window},
    promql::Expr,
};
use std::collections::BTreeMap;

/// The alert of `tier`: both windows above the threshold, strictly, and enough bad events for it to mean
/// something.
pub(super) fn burn_alert(recording: &Recording<'_>, tier: &Tier) -> Result<Rule, Error> {
    let (service, slo) = (recording.service, recording.slo);
    let threshold = tier.threshold(slo.objective())?;
    let above = |window| {
        let ratio = recording.series(names::error_ratio(window));
        ratio.greater(Expr::Number(threshold))
    };
    let mut expr = above(tier.long()).and(above(tier.short()));
    if tier.fewest_bad() > 0 {
        expr = expr.and(recording.enough_bad(tier)?);
    }
    let text = Text {
        alert: slo.alert_name().unwrap_or(names::ERROR_BUDGET_BURN),
        summary: format!("{} burns its error budget too fast", place(service, slo)),
        description: description(recording, tier)?,
    };
    let burn_tier = (LabelName::from_static("burn_tier"), tier.burn().to_string());
    let mut rule = alert(service, slo, tier.severity(), text, Some(burn_tier), expr, None);
    if let Rule::Alert { keep_firing_for, .. } = &mut rule {
        *keep_firing_for = slo.firing_kept_for();
    }
    Ok(rule)
}

/// The alerts on a budget that is low or gone, and on events that are.
///
/// `left` is the share of the budget that is left.
///
/// # Errors
/// Numbers that no rule can hold.
pub(super) fn budget_alerts(recording: &Recording<'_>, left: &Expr) -> Result<Vec<Rule>, Error> {
    let (service, slo) = (recording.service, recording.slo);
    let alerts = slo.budget_alerts();
    let left = || left.clone();
    let place = place(service, slo);
    let mut rules = Vec::new();
    if let Some(severity) = alerts.exhausted {
        let text = Text {
            alert: names::ERROR_BUDGET_EXHAUSTED,
            summary: format!("{place} has spent its error budget"),
            description: format!("{}{}", promise(slo), spent(slo)),
        };
        let expr = left().less_or_equal(Expr::Number(Ratio::ZERO));
        rules.push(alert(service, slo, severity, text, None, expr, None));
    }
    if let Some((share, severity)) = alerts.low {
        let text = Text {
            alert: names::ERROR_BUDGET_LOW,
            summary: format!("{place} has little of its error budget left"),
            description: format!("{}{}", promise(slo), spent(slo)),
        };
        let mut expr = left().less_or_equal(Expr::Number(share));
        if alerts.exhausted.is_some() {
            // One alert at a time.
            expr = expr.and(left().greater(Expr::Number(Ratio::ZERO)));
        }
        rules.push(alert(service, slo, severity, text, None, expr, None));
    }
    if let Some((hold, severity)) = alerts.absent {
        let text = Text {
            alert: names::EVENTS_ABSENT,
            summary: format!("{place} counts no events any more"),
            description: format!(
                "{}The series of its events have been gone for {hold}: the service is down, is not scraped, or has \
                 renamed them. Until they are back, nobody knows whether the objective is met.",
                promise(slo)
            ),
        };
        rules.push(alert(service, slo, severity, text, None, recording.raw_total().absent(), Some(hold)));
    }
    // Nobody needs to be woken, where there is anything less.
    let mildest = [Severity::Ticket, Severity::Page].into_iter().find(|severity| {
        !slo.notification(*severity).silent
            && slo.policy().tiers().iter().any(|tier| tier.severity() == *severity)
    });
    if let Some((window, expr)) = recording.contradiction()?
        && let Some(severity) = mildest
    {
        let good = tiles::is_difference(slo.sli());
        let text = Text {
            alert: names::COUNTERS_DISAGREE,
            summary: format!("{place} counts more {} events than events", if good { "good" } else { "bad" }),
            description: format!(
                "{}In the last {window}, {{{{ $value | humanize }}}} {} events were counted, more than all events \
                 together. Until its two counters agree, neither its budget nor its alerts mean anything: look whether \
                 both select the same requests and still exist.",
                promise(slo),
                if good { "good" } else { "bad" }
            ),
        };
        rules.push(alert(service, slo, severity, text, None, expr, None));
    }
    Ok(rules)
}

/// Whether an alert watches the tiles, and is evaluated with them.
pub(super) fn is_of_tiles(rule: &Rule) -> bool {
    [names::EVENTS_ABSENT, names::COUNTERS_DISAGREE].contains(&rule.name())
}

/// What an alert tells people.
struct Text<'a> {
    alert: &'a str,
    summary: String,
    description: String,
}

/// The labels that say who hears of an SLO's alerts of a severity: those of the service, of the SLO and of the
/// notification, which may rename `severity`.
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

/// An alert with the labels and links that all of them carry.
fn alert(
    service: &Service,
    slo: &Slo,
    severity: Severity,
    text: Text<'_>,
    label: Option<(LabelName, String)>,
    expr: Expr,
    hold: Option<Window>,
) -> Rule {
    let notification = slo.notification(severity);
    let mut labels = alert_labels(service, slo, severity);
    let is_burn = label.is_some();
    labels.extend(label);
    labels.extend(names::identity(service, slo));
    // Prometheus reads the labels of alerts as templates too.
    for value in labels.values_mut() {
        *value = escape(value);
    }
    let usual = [("summary", Some(text.summary)), ("description", Some(text.description))];
    let links = [
        ("runbook_url", notification.runbook.as_deref().map(escape)),
        ("dashboard_url", notification.dashboard.as_deref().map(escape)),
    ];
    let mut annotations: BTreeMap<String, String> =
        usual.into_iter().chain(links).filter_map(|(name, text)| Some((name.to_owned(), text?))).collect();
    for (name, text) in &notification.annotations {
        // What somebody wrote about a burn is not true of a budget that is gone.
        if is_burn || !["summary", "description"].contains(&name.as_str()) {
            annotations.insert(name.to_string(), text.clone());
        }
    }
    Rule::Alert { alert: text.alert.to_owned(), labels, annotations, expr, hold, keep_firing_for: None }
}

/// The SLO, and of a grouped one the group, as alerts call it.
fn place(service: &Service, slo: &Slo) -> String {
    let groups = slo.by().iter().map(|label| format!("{label}={{{{ $labels.{label} }}}}"));
    let groups = groups.collect::<Vec<_>>().join(", ");
    let groups = if groups.is_empty() { groups } else { format!(" ({groups})") };
    format!("{}/{}{groups}", service.name(), slo.name())
}

/// What is left of the budget, for an alert whose value it is.
fn spent(slo: &Slo) -> String {
    format!(
        "{objective} over {period} allows {budget}% bad events. Budget left: {{{{ $value | humanizePercentage }}}}.",
        objective = slo.objective(),
        period = slo.period(),
        budget = percent(slo),
    )
}

/// What is promised, as the beginning of a description.
fn promise(slo: &Slo) -> String {
    if slo.description().is_empty() {
        return String::new();
    }
    let ended = slo.description().ends_with(['.', '!', '?', ':']);
    format!("{}{} ", escape(slo.description()), if ended { "" } else { "." })
}

/// What somebody who was just woken needs: what fails, how much, how long the budget lasts.
fn description(recording: &Recording<'_>, tier: &Tier) -> Result<String, Error> {
    let slo = recording.slo;
    let burn = recording.series(names::burn_rate(tier.long()));
    let left = recording.series(names::BUDGET_PROJECTED.to_owned());
    let period = match slo.period() {
        Period::Rolling(period) => Expr::Number(period.as_seconds()),
        #[cfg(feature = "calendar")]
        Period::Calendar(_) => recording.period_seconds(),
    };
    let exhaustion = left.clone().clamp_min(Ratio::ZERO).mul(period).div(burn.clone());
    let queried = |query: &Expr, format: &str| queried(query, slo.by(), format);
    let promise = promise(slo);
    Ok(format!(
        "{promise}In the last {long}, {{{{ $value | humanizePercentage }}}} of events were bad; {objective} over {period} \
         allows {budget}%. Burn rate: {burn}× (alerts above {factor}×). Budget left: {left}. Gone in: {exhaustion}.",
        long = tier.long(),
        objective = slo.objective(),
        period = slo.period(),
        budget = percent(slo),
        burn = queried(&burn, "printf \"%.1f\""),
        factor = tier.factor()?,
        left = queried(&left, "humanizePercentage"),
        exhaustion = queried(&exhaustion, "humanizeDuration"),
    ))
}

fn percent(slo: &Slo) -> String {
    let hundred = Ratio::whole(100);
    slo.objective().budget().checked_mul(hundred).map_or_else(String::new, |percent| percent.to_string())
}

/// A template that shows the first value of `query`, or that there is none; of a grouped SLO, the value of the group
/// that the alert is of.
fn queried(query: &Expr, by: &[LabelName], format: &str) -> String {
    let mut text = query.to_string();
    let mut arguments = String::new();
    if !by.is_empty() {
        // `%q` quotes a value as PromQL does.
        let groups = by.iter().fold(String::new(), |groups, label| groups + "," + label.as_str() + "=%q");
        let plain = text.replace('%', "%%");
        text.clear();
        // The selectors of our series all end in `}`; those of a calendar have no groups.
        let bounds = [names::PERIOD_START, names::PERIOD_END];
        for part in plain.split_inclusive('}') {
            match part.strip_suffix('}') {
                Some(selector) if !bounds.iter().any(|bound| selector.contains(bound)) => {
                    text = text + selector + &groups + "}";
                    arguments.extend(by.iter().map(|label| format!(" $labels.{label}")));
                }
                _ => text.push_str(part),
            }
        }
    }
    let text = text.replace('\\', "\\\\").replace('"', "\\\"");
    let query = if by.is_empty() {
        format!("query \"{text}\"")
    } else {
        format!("printf \"{text}\"{arguments} | query")
    };
    format!("{{{{ with {query} }}}}{{{{ . | first | value | {format} }}}}{{{{ else }}}}unknown{{{{ end }}}}")
}

/// Text that templates must show as it is.
fn escape(text: &str) -> String {
    text.replace("{{", "{{ \"{{\" }}")
}
