//! Parts that several formats share: objectives, booleans, Kubernetes metadata, alert policies.

use super::report::Report;
use crate::{
    Error,
    document::{Fields, Node, Position, text},
    model::{AlertPolicy, Counting, Objective, Ratio, Sli},
};

/// An objective in percent without `%`, as other tools write it.
pub(super) fn percentage(node: &Node, place: &str, report: &mut Report) -> Option<Objective> {
    let text = text(node, place, &mut report.faults)?;
    report.told(node.position, place, format!("{}%", text.trim_end_matches('%')).parse())
}

/// An objective as a share of one.
pub(super) fn share(node: &Node, place: &str, report: &mut Report) -> Option<Objective> {
    let text = text(node, place, &mut report.faults)?;
    let percent = text.parse::<Ratio>().ok().and_then(|share| share.checked_mul(Ratio::whole(100)));
    let objective = percent.map_or_else(
        || Err(Error::new(format!("`{text}` is not a share")).with_hint("write a number such as 0.999")),
        |percent| format!("{percent}%").parse(),
    );
    report.told(node.position, place, objective)
}

/// Whether a scalar is `true`.
pub(super) fn is_true(fields: &Fields<'_>, name: &str, report: &mut Report) -> bool {
    let Some(node) = fields.optional(name) else { return false };
    match text(node, &fields.path(name), &mut report.faults) {
        Some("true") => true,
        Some("false") | None => false,
        Some(other) => {
            let error = Error::new(format!("`{other}` is neither `true` nor `false`"))
                .with_hint("write one of the two");
            report.faults.add(node.position, &fields.path(name), error);
            false
        }
    }
}

/// The metadata fields of a Kubernetes object.
pub(super) const METADATA: [&str; 16] = [
    "name",
    "generateName",
    "displayName",
    "namespace",
    "labels",
    "annotations",
    "creationTimestamp",
    "generation",
    "resourceVersion",
    "uid",
    "selfLink",
    "managedFields",
    "ownerReferences",
    "finalizers",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
];

pub(super) fn metadata<'a>(fields: &Fields<'a>, report: &mut Report) -> Option<Fields<'a>> {
    let node = fields.required("metadata", "{name: availability}", &mut report.faults)?;
    Fields::of(node, "metadata", &METADATA, &mut report.faults)
}

/// The `metadata` and `spec` of an object in the form of Kubernetes.
pub(super) fn metadata_and_spec<'a>(
    node: &'a Node,
    example: &str,
    report: &mut Report,
) -> Option<(Fields<'a>, &'a Node)> {
    let known = ["apiVersion", "kind", "metadata", "spec", "status"];
    let fields = Fields::of(node, "", &known, &mut report.faults)?;
    let metadata = metadata(&fields, report);
    let spec = fields.required("spec", example, &mut report.faults);
    Some((metadata?, spec?))
}

/// The policy, with its tiers lowered if they can never fire for `objective`.
pub(super) fn reachable(
    policy: Result<AlertPolicy, Error>,
    objective: Objective,
    fields: &Fields<'_>,
    report: &mut Report,
) -> Option<AlertPolicy> {
    let policy = report.told(fields.position, &fields.place, policy)?;
    let Err(error) = policy.check_reachable(objective) else { return Some(policy) };
    let share = AlertPolicy::share_to_fire(objective);
    let lowered = policy.firing_at(objective, share);
    let lowered = lowered.and_then(|policy| policy.check_reachable(objective).map(|()| policy));
    let lowered = report.told(fields.position, &fields.place, lowered)?;
    report.change(
        fields.position,
        &fields.place,
        format!(
            "{error}; its tiers are lowered to fire when {}% of the events are bad",
            share.to_f64() * 100.0
        ),
        "to change the share, write `alerting: {fires_at: 50%}`",
    );
    Some(lowered)
}

/// Reports queries that do not count events.
pub(super) fn warn_of_levels(sli: &Sli, position: Position, place: &str, report: &mut Report) {
    let Sli::Queries(counters) = sli else { return };
    let [one, other] = counters.both();
    if one.counting() == Counting::Level || other.counting() == Counting::Level {
        report.change(
            position,
            place,
            "these queries do not count events; every tile is weighted by their values",
            "count with `rate`, `increase`, `sum_over_time` or `count_over_time`",
        );
    }
}
