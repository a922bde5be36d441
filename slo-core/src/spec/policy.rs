//! The `policy` field of a native document: the error-budget policy.

use super::percent;
use crate::{
    Error,
    document::{Faults, Fields, Node, items, parsed},
    model::{ErrorBudgetPolicy, Name, Ratio},
    yaml::Yaml,
};

/// Adds a share to a policy.
type With = fn(ErrorBudgetPolicy, Ratio) -> Result<ErrorBudgetPolicy, Error>;

/// Reads the policy of a service. If it returns `None`, it adds a fault.
pub(super) fn policy(node: &Node, place: &str, faults: &mut Faults) -> Option<ErrorBudgetPolicy> {
    let fields = Fields::of(node, place, &["caution", "freeze", "hysteresis", "postmortem"], faults)?;
    let before = faults.len();
    let freeze = fields.required("freeze", "{at: 0%, exceptions: [security]}", faults)?;
    let freeze = Fields::of(freeze, &fields.path("freeze"), &["at", "exceptions"], faults)?;
    let at = share(&freeze, "at", faults).map_or(Ratio::ZERO, |(at, _)| at);
    let exceptions = freeze.optional("exceptions").map(|node| exceptions(node, &freeze, faults));
    let rest = ["hysteresis", "caution", "postmortem"].map(|name| share(&fields, name, faults));
    // A part that is wrong must not hide what is wrong with the others.
    let mut policy = match ErrorBudgetPolicy::new(at) {
        Ok(policy) => policy,
        Err(error) => {
            let position = freeze.optional("at").map_or(fields.position(), |node| node.position);
            faults.add(position, &freeze.path("at"), error);
            ErrorBudgetPolicy::new(Ratio::ZERO).ok()?
        }
    };
    policy = policy.with_exceptions(exceptions.unwrap_or_default());
    let with: [(&str, With); 3] = [
        ("hysteresis", ErrorBudgetPolicy::with_hysteresis),
        ("caution", ErrorBudgetPolicy::with_caution),
        ("postmortem", ErrorBudgetPolicy::with_postmortem),
    ];
    for ((name, with), given) in with.into_iter().zip(rest) {
        let Some((share, node)) = given else { continue };
        match with(policy.clone(), share) {
            Ok(changed) => policy = changed,
            Err(error) => faults.add(node.position, &fields.path(name), error),
        }
    }
    (faults.len() == before).then_some(policy)
}

fn share<'a>(fields: &Fields<'a>, name: &str, faults: &mut Faults) -> Option<(Ratio, &'a Node)> {
    let node = fields.optional(name)?;
    Some((percent::read(node, &fields.path(name), faults)?, node))
}

fn exceptions(node: &Node, fields: &Fields<'_>, faults: &mut Faults) -> Vec<Name> {
    let mut kinds: Vec<Name> = Vec::new();
    for (place, node) in items(node, &fields.path("exceptions"), faults) {
        let Some(kind) = parsed::<Name>(node, &place, faults) else { continue };
        if kinds.contains(&kind) {
            let error = Error::new(format!("`{kind}` is there twice")).with_hint("keep one of them");
            faults.add(node.position, &place, error);
        }
        kinds.push(kind);
    }
    kinds
}

/// Writes what [`policy`] reads.
pub(super) fn write(out: &mut Yaml, policy: &ErrorBudgetPolicy) {
    if let Some(caution) = policy.caution() {
        out.bare("caution", percent::written(caution));
    }
    out.nested("freeze", |out| {
        out.bare("at", percent::written(policy.freeze()));
        if !policy.exceptions().is_empty() {
            let kinds: Vec<&str> = policy.exceptions().iter().map(Name::as_str).collect();
            out.bare("exceptions", format_args!("[{}]", kinds.join(", ")));
        }
    });
    if policy.hysteresis() != Ratio::ZERO {
        out.bare("hysteresis", percent::written(policy.hysteresis()));
    }
    if let Some(postmortem) = policy.postmortem() {
        out.bare("postmortem", percent::written(postmortem));
    }
}
