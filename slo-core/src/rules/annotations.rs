//! What alerts tell people: summaries, descriptions and links, as templates of Prometheus.

use super::{
    AlertKind, Series,
    context::{Burn, Context},
};
use crate::{
    model::{BudgetAlert, Notification, Period, Ratio, Service, Slo, Window},
    promql::Expr,
};
use std::collections::BTreeMap;

/// The sentences of an alert.
pub(super) struct Text {
    summary: String,
    description: String,
}

/// Those of a tier's alert: what somebody who was just woken needs.
pub(super) fn burn(context: &Context<'_>, burn: &Burn) -> Text {
    let summary = format!("{} burns its error budget too fast", place(context.service, context.slo));
    Text { summary, description: description(context, burn) }
}

/// Those of an alert that an SLO asks for besides.
pub(super) fn budget(context: &Context<'_>, alert: BudgetAlert) -> Text {
    let slo = context.slo;
    let place = place(context.service, slo);
    let (summary, description) = match alert {
        BudgetAlert::Exhausted { .. } => (format!("{place} has spent its error budget"), spent(slo)),
        BudgetAlert::Low { .. } => (format!("{place} has little of its error budget left"), spent(slo)),
        BudgetAlert::Absent { hold, .. } => (
            format!("{place} counts no events any more"),
            format!(
                "The series of its events have been gone for {hold}: the service is down, is not scraped, or has \
                 renamed them. Until they are back, nobody knows whether the objective is met."
            ),
        ),
    };
    Text { summary, description: format!("{}{description}", promise(slo)) }
}

/// Those of counters that contradict each other.
pub(super) fn counters_disagree(context: &Context<'_>, window: Window, is_of_good: bool) -> Text {
    let part = if is_of_good { "good" } else { "bad" };
    Text {
        summary: format!("{} counts more {part} events than events", place(context.service, context.slo)),
        description: format!(
            "{}In the last {window}, {{{{ $value | humanize }}}} {part} events were counted, more than all events \
             together. Until its two counters agree, neither its budget nor its alerts mean anything: look whether \
             both select the same requests and still exist.",
            promise(context.slo)
        ),
    }
}

/// All annotations: the sentences, and what the SLO says for the severity.
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
        // What somebody wrote about a burn is not true of a budget that is gone.
        if is_burn || !["summary", "description"].contains(&name.as_str()) {
            annotations.insert(name.to_string(), text.clone());
        }
    }
    annotations
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
    format!(
        "{promise}In the last {long}, {{{{ $value | humanizePercentage }}}} of events were bad; {objective} over {period} \
         allows {budget}%. Burn rate: {burn}× (alerts above {factor}×). Budget left: {left}. Gone in: {exhaustion}.",
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

/// A template that shows the first value of `query`, or that there is none.
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

/// As it stands between quotes.
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

/// Text that templates must show as it is.
pub(super) fn escape(text: &str) -> String {
    text.replace("{{", "{{ \"{{\" }}")
}
