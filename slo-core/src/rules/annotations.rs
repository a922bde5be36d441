//! The annotations of alerts: summaries, descriptions and links, as Prometheus templates.

use super::{
    AlertKind, Backend, Series,
    context::{Burn, Context},
};
use crate::{
    model::{BudgetAlert, Notification, Period, Ratio, Service, Slo, Window},
    promql::Expr,
};
use std::collections::BTreeMap;

/// The summary and the description of an alert.
pub(super) struct Text {
    summary: String,
    description: String,
}

/// The text of a burn alert.
pub(super) fn burn(context: &Context<'_>, burn: &Burn) -> Text {
    let summary = format!("{} is burning its error budget too fast", place(context.service, context.slo));
    Text { summary, description: description(context, burn) }
}

/// The text of a budget alert.
pub(super) fn budget(context: &Context<'_>, alert: BudgetAlert) -> Text {
    let slo = context.slo;
    let place = place(context.service, slo);
    let (summary, description) = match alert {
        BudgetAlert::Exhausted { .. } => (format!("{place} has spent its error budget"), spent(slo)),
        BudgetAlert::Low { .. } => (format!("{place} has little of its error budget left"), spent(slo)),
        BudgetAlert::Absent { hold, .. } => (
            format!("{place} no longer counts any events"),
            format!(
                "The series of its events have been absent for {hold}: the service is down, it is not \
                 scraped, or its metrics were renamed. Until they are back, it is unknown whether the \
                 objective is met."
            ),
        ),
    };
    Text { summary, description: format!("{}{description}", promise(slo)) }
}

/// The text of the alert on counters that disagree.
pub(super) fn counters_disagree(context: &Context<'_>, window: Window, is_of_good: bool) -> Text {
    let part = if is_of_good { "good" } else { "bad" };
    Text {
        summary: format!(
            "{} counts more {part} events than total events",
            place(context.service, context.slo)
        ),
        description: format!(
            "{}In the last {window}, {{{{ $value | humanize }}}} {part} events were counted, more than all \
             events together. Until its two counters agree, its budget and its alerts are wrong: check that \
             both counters still exist and select the same requests.",
            promise(context.slo)
        ),
    }
}

/// All annotations: the text, and those that the SLO sets for the severity.
pub(super) fn with_links(
    text: Text,
    notification: &Notification,
    kind: AlertKind,
) -> BTreeMap<String, String> {
    let all = [
        ("summary", Some(text.summary)),
        ("description", Some(text.description)),
        ("runbook_url", notification.runbook.as_deref().map(escape)),
        ("dashboard_url", notification.dashboard.as_deref().map(escape)),
        (Notification::RESPONSE, notification.response.as_ref().map(ToString::to_string)),
    ];
    let mut annotations: BTreeMap<String, String> =
        all.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text?))).collect();
    let is_burn = matches!(kind, AlertKind::Burn(_) | AlertKind::AnyBurn(_));
    for (name, text) in &notification.annotations {
        // A custom text about a burn does not fit the other alerts.
        if is_burn || !["summary", "description"].contains(&name.as_str()) {
            annotations.insert(name.to_string(), text.clone());
        }
    }
    annotations
}

/// The name of the SLO in alerts, with its group if it has groups.
fn place(service: &Service, slo: &Slo) -> String {
    let groups = slo.by().iter().map(|label| format!("{label}={{{{ $labels.{label} }}}}"));
    let groups = groups.collect::<Vec<_>>().join(", ");
    let groups = if groups.is_empty() { groups } else { format!(" ({groups})") };
    format!("{}/{}{groups}", service.name(), slo.name())
}

/// The budget and its remaining share, for an alert whose value is that share.
fn spent(slo: &Slo) -> String {
    format!(
        "{objective} over {period} allows {budget}% bad events. Budget left: {{{{ $value | humanizePercentage }}}}.",
        objective = slo.objective(),
        period = slo.period(),
        budget = percent(slo),
    )
}

/// The SLO's own description, as the beginning of an alert's description.
fn promise(slo: &Slo) -> String {
    if slo.description().is_empty() {
        return String::new();
    }
    let ended = slo.description().ends_with(['.', '!', '?', ':']);
    format!("{}{} ", escape(slo.description()), if ended { "" } else { "." })
}

/// The description of a burn alert: what fails, how much, and how long the budget lasts.
fn description(context: &Context<'_>, Burn { tier, factor, .. }: &Burn) -> String {
    let slo = context.slo;
    let of_group = |series| Expr::OfGroup { selector: context.selector(series), by: slo.by().to_vec() };
    let burn = of_group(Series::BurnRate(tier.long().into()));
    let left = of_group(Series::BudgetProjected);
    let period = match slo.period() {
        Period::Rolling(period) => Expr::Number(period.as_seconds()),
        #[cfg(feature = "calendar")]
        Period::Calendar(_) => context.period_seconds(),
    };
    let exhaustion = left.clone().clamp_min(Ratio::ZERO).mul(period).div(burn.clone());
    let promise = promise(slo);
    if context.options.backend == Backend::AzureMonitor {
        return format!(
            "{promise}In the last {long}, {{{{ $value | humanizePercentage }}}} of events were bad; {objective} over {period} \
             allows {budget}%. It fires above {factor} times that.",
            long = tier.long(),
            objective = slo.objective(),
            period = slo.period(),
            budget = percent(slo),
        );
    }
    format!(
        "{promise}In the last {long}, {{{{ $value | humanizePercentage }}}} of events were bad; {objective} \
         over {period} allows {budget}%. Burn rate: {burn}× (alerts above {factor}×). Budget left: {left}. \
         Exhausted in: {exhaustion}.",
        long = tier.long(),
        objective = slo.objective(),
        period = slo.period(),
        budget = percent(slo),
        burn = queried(&burn, "printf \"%.1f\""),
        left = queried(&left, "humanizePercentage"),
        exhaustion = queried(&exhaustion, "humanizeDuration"),
    )
}

fn percent(slo: &Slo) -> String {
    let hundred = Ratio::whole(100);
    slo.objective().budget().checked_mul(hundred).map_or_else(String::new, |percent| percent.to_string())
}

/// A template that shows the first value of `query`, or `unknown` if there is none.
fn queried(query: &Expr, format: &str) -> String {
    let (text, labels) = query.to_template();
    let text = quotable(&text);
    let arguments = labels.iter().fold(String::new(), |all, label| all + " $labels." + label.as_str());
    let query = if labels.is_empty() {
        format!("query \"{text}\"")
    } else {
        format!("printf \"{text}\"{arguments} | query")
    };
    format!("{{{{ with {query} }}}}{{{{ . | first | value | {format} }}}}{{{{ else }}}}unknown{{{{ end }}}}")
}

/// Escapes text that stands between double quotes.
fn quotable(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 4);
    for part in text.split_inclusive(['\\', '"']) {
        if let Some(before) = part.strip_suffix('"') {
            out.push_str(before);
            out.push_str("\\\"");
        } else if let Some(before) = part.strip_suffix('\\') {
            out.push_str(before);
            out.push_str("\\\\");
        } else {
            out.push_str(part);
        }
    }
    out
}

/// Escapes text that a template must show unchanged.
pub(super) fn escape(text: &str) -> String {
    text.replace("{{", "{{ \"{{\" }}")
}
