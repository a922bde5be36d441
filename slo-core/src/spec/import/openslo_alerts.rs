//! OpenSLO's alert policies as tiers.

use super::{everything::Everything, report::Report, values::is_true};
use crate::{
    Error,
    document::{Fields, Node, Value, items, text},
    model::{BudgetAlert, BurnTier, LabelName, Notification, Ratio, Severity, Tier, Window},
};

/// The tiers and alerts of an SLO's alert policies; empty if they have no conditions.
#[derive(Default)]
pub(super) struct Policies {
    pub(super) tiers: Vec<Tier>,
    pub(super) budget: Vec<BudgetAlert>,
    // The names of the severities in the policies.
    names: [Option<String>; 2],
}

impl Policies {
    /// The label `severity` of alerts, with the names from the policies.
    pub(super) fn notifications(&self) -> impl Iterator<Item = (Severity, Notification)> {
        [Severity::Page, Severity::Ticket].into_iter().zip(&self.names).filter_map(|(severity, name)| {
            let labels = [(LabelName::from_static("severity"), name.clone()?)].into();
            Some((severity, Notification { labels, ..Notification::default() }))
        })
    }
}

/// A condition on the burn rate.
struct Condition {
    factor: Ratio,
    long: Window,
    severity: Severity,
}

const BURN_TIERS: [BurnTier; 4] = [BurnTier::Fast, BurnTier::Medium, BurnTier::Slow, BurnTier::Trickle];
/// The short window is the long one divided by this, in whole minutes.
const SHORT: u64 = 12;
const MINUTE: u64 = 60_000;

pub(super) fn policies(
    node: &Node,
    place: &str,
    period: Window,
    everything: &Everything<'_>,
    report: &mut Report,
) -> Policies {
    let mut found = Policies::default();
    let mut conditions = Vec::new();
    for (place, node) in items(node, place, &mut report.faults) {
        if let Some(policy) = resolved("AlertPolicy", "alertPolicyRef", node, &place, everything, report) {
            read_policy(policy, &place, everything, report, &mut conditions, &mut found);
        }
    }
    conditions.sort_by_key(|condition: &Condition| std::cmp::Reverse(condition.factor));
    if conditions.len() > BURN_TIERS.len() {
        let error = Error::new(format!("{} alert conditions are too many", conditions.len()))
            .with_hint("write at most four, one each for fast, medium, slow and trickle");
        report.faults.add(node.position, place, error);
        return found;
    }
    // With fewer than four conditions, tickets get the slow tiers.
    let pages = conditions.iter().filter(|condition| condition.severity == Severity::Page).count();
    for (index, condition) in conditions.iter().enumerate() {
        let slot = if pages <= 2 && index >= pages { index - pages + 2 } else { index };
        let Some(burn) = BURN_TIERS.get(slot.min(BURN_TIERS.len() - 1)) else { continue };
        let minutes = (condition.long.as_millis() / SHORT / MINUTE).max(1);
        let short = Window::from_millis(minutes * MINUTE);
        let tier = short.and_then(|short| {
            Tier::by_factor(*burn, condition.severity, condition.factor, [condition.long, short], period)
        });
        found.tiers.extend(report.told(node.position, place, tier));
    }
    found
}

/// The object itself, or the object that a reference names.
fn resolved<'a>(
    kind: &'static str,
    reference: &str,
    node: &'a Node,
    place: &str,
    everything: &Everything<'a>,
    report: &mut Report,
) -> Option<&'a Node> {
    let name = match &node.value {
        Value::Scalar { text, .. } => text.as_str(),
        _ => match node.scalar(reference) {
            Some(name) => name,
            None => return Some(node),
        },
    };
    let object = everything.objects.get(&(kind, name)).copied();
    if object.is_none() {
        let error = Error::new(format!("there is no {kind} named `{name}`"))
            .with_hint("also pass the file that defines it");
        report.faults.add(node.position, place, error);
    }
    object
}

fn read_policy(
    node: &Node,
    place: &str,
    everything: &Everything<'_>,
    report: &mut Report,
    conditions: &mut Vec<Condition>,
    found: &mut Policies,
) {
    let known = ["apiVersion", "kind", "metadata", "spec"];
    let Some(outer) = Fields::of(node, place, &known, &mut report.faults) else { return };
    let Some(spec) = outer.required("spec", "{conditions: […]}", &mut report.faults) else { return };
    let known = [
        "description",
        "alertWhenNoData",
        "alertWhenResolved",
        "alertWhenBreaching",
        "conditions",
        "notificationTargets",
    ];
    let Some(fields) = Fields::of(spec, &format!("{place}.spec"), &known, &mut report.faults) else { return };
    report.lose_field(
        &fields,
        "notificationTargets",
        "Alertmanager decides where alerts go",
        "route by the labels `service`, `slo` and `severity`",
    );
    report.lose_field(
        &fields,
        "alertWhenResolved",
        "Alertmanager decides whether to send a resolved notification",
        "set `send_resolved` of its receiver",
    );
    let mut severity = Severity::Page;
    if let Some(list) = fields.required("conditions", "[{kind: AlertCondition, …}]", &mut report.faults) {
        for (place, node) in items(list, &fields.path("conditions"), &mut report.faults) {
            let node = resolved("AlertCondition", "conditionRef", node, &place, everything, report);
            if let Some(condition) = node.and_then(|node| condition(node, &place, report, found)) {
                severity = condition.severity;
                conditions.push(condition);
            }
        }
    }
    if fields.optional("alertWhenBreaching").is_some() && !is_true(&fields, "alertWhenBreaching", report) {
        report.lose_field(
            &fields,
            "alertWhenBreaching",
            "burn alerts of a disabled policy are not imported",
            "remove the policy instead of disabling it",
        );
        conditions.clear();
    }
    if is_true(&fields, "alertWhenNoData", report) {
        found.budget.push(BudgetAlert::Absent { hold: Window::minutes(10), severity });
    }
}

fn condition(node: &Node, place: &str, report: &mut Report, found: &mut Policies) -> Option<Condition> {
    let known = ["apiVersion", "kind", "metadata", "spec"];
    let outer = Fields::of(node, place, &known, &mut report.faults)?;
    let spec = outer.required("spec", "{condition: …}", &mut report.faults)?;
    let place = format!("{place}.spec");
    let known = ["description", "severity", "condition"];
    let fields = Fields::of(spec, &place, &known, &mut report.faults)?;
    let severity_name = fields.text("severity", &mut report.faults).unwrap_or("page");
    let severity = match severity_name.to_ascii_lowercase().as_str() {
        "page" | "critical" | "high" | "p1" | "sev1" => Severity::Page,
        _ => Severity::Ticket,
    };
    let slot = usize::from(severity != Severity::Page);
    if severity_name != severity.as_str()
        && let Some(name) = found.names.get_mut(slot)
        && let Some(other) = name.replace(severity_name.to_owned())
        && other != severity_name
    {
        report.change(
            fields.position,
            &place,
            format!("`{other}` and `{severity_name}` are both {severity}s, and become `{severity_name}`"),
            "use one name for pages and one for tickets",
        );
    }
    let node = fields.required("condition", "{kind: burnrate, …}", &mut report.faults)?;
    let known = ["kind", "op", "threshold", "lookbackWindow", "alertAfter"];
    let fields = Fields::of(node, &fields.path("condition"), &known, &mut report.faults)?;
    let kind = fields.required("kind", "burnrate", &mut report.faults)?;
    if let Some(other) = text(kind, &fields.path("kind"), &mut report.faults)
        && !other.eq_ignore_ascii_case("burnrate")
    {
        let error = Error::new(format!("`{other}` is not a kind of condition")).with_hint("write `burnrate`");
        report.faults.add(kind.position, &fields.path("kind"), error);
        return None;
    }
    if let Some(op) = fields.optional("op") {
        match text(op, &fields.path("op"), &mut report.faults)? {
            "gt" => {}
            "gte" => report.change(
                op.position,
                &fields.path("op"),
                "`gte` becomes `gt`",
                "nothing needs to be done: a burn rate is hardly ever equal to a threshold",
            ),
            other => {
                let error = Error::new(format!("`{other}` is not an operator for burn rates"))
                    .with_hint("write `op: gt`");
                report.faults.add(op.position, &fields.path("op"), error);
            }
        }
    }
    report.lose_field(
        &fields,
        "alertAfter",
        "the short window replaces it, and does not miss intermittent outages",
        "nothing needs to be done",
    );
    let factor: Option<Ratio> = {
        let node = fields.required("threshold", "14.4", &mut report.faults)?;
        let text = text(node, &fields.path("threshold"), &mut report.faults)?;
        report.told(node.position, &fields.path("threshold"), text.parse())
    };
    let long: Option<Window> = fields.parsed("lookbackWindow", "1h", &mut report.faults);
    Some(Condition { factor: factor?, long: long?, severity })
}
