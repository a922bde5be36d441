//! Experiments as people write them: `version: slo-experiment/v1`.

mod fault;
mod values;

pub use fault::read_toxic;

use super::{BlastRadius, Experiment, Fault, GuardRules, Hypothesis, Limits, Preconditions};
use slo_core::{
    Diagnostics, Error,
    document::{Faults, Fields, Node, Value, check_version, items, one_document, parsed, text},
    model::{Name, Ratio, Window},
    stats::Confidence,
};
use values::{share, switch, told, whole};

const VERSION: &str = "slo-experiment/v1";
const KNOWN: [&str; 10] = [
    "version",
    "name",
    "description",
    "hypothesis",
    "fault",
    "blast_radius",
    "limits",
    "before",
    "guard",
    "recovery",
];
/// How long a service may take to recover, unless the file says it.
const RECOVERY: Window = Window::minutes(5);
/// The confidence of the guard.
const CONFIDENCE: f64 = 0.99;
/// How often the guard looks, in milliseconds.
const EVERY: u64 = 5_000;
/// After how many looks without data the fault is undone.
const LOOKS_WITHOUT_DATA: u32 = 3;

/// Reads an experiment.
///
/// ```
/// use slo_ops::experiment::{Fault, read};
///
/// let experiment = read("
/// version: slo-experiment/v1
/// name: slow-inventory
/// hypothesis:
///   - {slo: checkout/availability, tolerated_burn_rate: 10}
///   - {slo: checkout/latency, tolerated_burn_rate: 5}
/// fault:
///   proxy: {control: 'http://127.0.0.1:9101', latency: 300ms, jitter: 50ms}
/// blast_radius: {share: 50%}
/// limits: {spend: 1%, duration: 5m}
/// before: {budget_left: 20%}
/// ")?;
/// assert_eq!(experiment.hypotheses.len(), 2);
/// assert!(matches!(experiment.fault, Fault::Proxy { .. }));
///
/// let faults = read("version: slo-experiment/v1\nname: x\nfault: {explode: {}}\n").unwrap_err();
/// assert!(faults.to_string().contains("3:9: fault: unknown key `explode`"));
/// # Ok::<(), slo_ops::Diagnostics>(())
/// ```
///
/// # Errors
/// Every fault of the text at once, with its position.
pub fn read(text: &str) -> Result<Experiment, Diagnostics> {
    let mut faults = Faults::default();
    let node = one_document(text, &mut faults, "begin with `version: slo-experiment/v1`");
    let experiment = node.and_then(|node| experiment(&node, &mut faults));
    faults.into_result(experiment)
}

fn experiment(node: &Node, faults: &mut Faults) -> Option<Experiment> {
    let fields = Fields::of(node, "", &KNOWN, faults)?;
    check_version(&fields, VERSION, faults);
    let name: Option<Name> = fields.parsed("name", "kill-a-replica", faults);
    let description = fields.text("description", faults).unwrap_or_default().to_owned();
    let hypotheses = hypotheses(&fields, faults);
    let blast_radius = match fields.optional("blast_radius") {
        Some(node) => blast_radius(node, faults),
        None => Some(BlastRadius::default()),
    };
    let fault = fields.required("fault", "{stop: {pid_file: run/checkout.pid}}", faults);
    let mut fault = fault.and_then(|node| fault::read(node, faults));
    if let (Some(Fault::Proxy { toxic, .. }), Some(radius)) = (&mut fault, &blast_radius) {
        toxic.share = Some(radius.share);
    }
    if let (Some(fault), Some(node)) = (&fault, fields.optional("blast_radius")) {
        fits(node, fault, faults);
    }
    if let (Some(Fault::Service { errors: Some(errors), .. }), Some(radius)) = (&fault, &blast_radius)
        && *errors > radius.share
    {
        let error = Error::new("`errors` hits more requests than `blast_radius.share` allows")
            .with_hint("write fewer errors, or a larger share");
        faults.add(fields.position(), "fault.service.errors", error);
    }
    let limits = fields.required("limits", "{spend: 1%, duration: 5m}", faults);
    let limits = limits.and_then(|node| limits_of(node, faults));
    let before = match fields.optional("before") {
        Some(node) => before(node, faults),
        None => Some(Preconditions::default()),
    };
    let guard = guard(&fields, faults);
    if let (Some(guard), Some(limits)) = (&guard, &limits)
        && guard.every > limits.duration
    {
        let error = Error::new(format!(
            "the guard looks every {}, and the fault lasts {}",
            guard.every, limits.duration
        ));
        faults.add(fields.position(), "guard.every", error.with_hint("write a shorter `every`"));
    }
    let recovery = match fields.optional("recovery") {
        Some(node) => parsed(node, "recovery", faults),
        None => Some(RECOVERY),
    };
    Some(Experiment {
        name: name?.to_string(),
        description,
        hypotheses: hypotheses?,
        fault: fault?,
        blast_radius: blast_radius?,
        limits: limits?,
        before: before?,
        guard: guard?,
        recovery: recovery?,
    })
}

fn hypotheses(fields: &Fields<'_>, faults: &mut Faults) -> Option<Vec<Hypothesis>> {
    let example = "[{slo: checkout/availability, tolerated_burn_rate: 10}]";
    let node = fields.required("hypothesis", example, faults)?;
    let mut all: Vec<Hypothesis> = Vec::new();
    for (place, item) in items(node, "hypothesis", faults) {
        let Some(fields) = Fields::of(item, &place, &["slo", "tolerated_burn_rate"], faults) else {
            continue;
        };
        let slo = fields.required("slo", "checkout/availability", faults);
        let slo = slo.and_then(|node| text(node, &fields.path("slo"), faults));
        let tolerated: Option<Ratio> = fields.parsed("tolerated_burn_rate", "10", faults);
        let (Some(slo), Some(tolerated)) = (slo, tolerated) else { continue };
        match Hypothesis::new(slo, tolerated) {
            Ok(hypothesis) if all.iter().any(|other| other.slo == hypothesis.slo) => {
                let error = Error::new(format!("`{slo}` is written twice")).with_hint("keep one of them");
                faults.add(item.position, &place, error);
            }
            Ok(hypothesis) => all.push(hypothesis),
            Err(error) => faults.add(item.position, &place, error),
        }
    }
    if let Value::List(items) = &node.value
        && items.is_empty()
    {
        let error = Error::new("an experiment without a hypothesis proves nothing")
            .with_hint(format!("write `hypothesis: {example}`"));
        faults.add(node.position, "hypothesis", error);
    }
    (!all.is_empty()).then_some(all)
}

fn blast_radius(node: &Node, faults: &mut Faults) -> Option<BlastRadius> {
    let fields = Fields::of(node, "blast_radius", &["targets", "share"], faults)?;
    let targets = whole(&fields, "targets", 1, faults);
    let share = share(&fields, "share", faults);
    let targets = targets.map(|targets| usize::try_from(targets).unwrap_or(usize::MAX));
    let all = BlastRadius::default();
    Some(BlastRadius { targets: targets.unwrap_or(all.targets), share: share.unwrap_or(all.share) })
}

/// Refuses a radius that means nothing to the fault.
fn fits(node: &Node, fault: &Fault, faults: &mut Faults) {
    let known = match fault {
        Fault::Kill { .. } | Fault::Stop(_) | Fault::Pods { .. } | Fault::Drain { .. } => "targets",
        Fault::Proxy { .. } | Fault::Service { .. } => "share",
        Fault::Pressure(_) | Fault::Node(_) => "",
    };
    for name in ["targets", "share"] {
        if let Some(value) = node.entry(name)
            && name != known
        {
            let error =
                Error::new(format!("`{name}` has no meaning for a fault of the kind `{}`", fault.kind()))
                    .with_hint(if known.is_empty() {
                        "remove it".to_owned()
                    } else {
                        format!("write `{known}`")
                    });
            faults.add(value.position, &format!("blast_radius.{name}"), error);
        }
    }
}

fn limits_of(node: &Node, faults: &mut Faults) -> Option<Limits> {
    let fields = Fields::of(node, "limits", &["spend", "duration", "events"], faults)?;
    fields.required("spend", "1%", faults);
    let spend = share(&fields, "spend", faults);
    let duration: Option<Window> = fields.parsed("duration", "5m", faults);
    let events = fields.optional("events").map(|_| whole(&fields, "events", 1, faults));
    Some(Limits { spend: spend?, duration: duration?, events: events.flatten() })
}

fn before(node: &Node, faults: &mut Faults) -> Option<Preconditions> {
    let fields = Fields::of(node, "before", &["budget_left", "no_alerts"], faults)?;
    let otherwise = Preconditions::default();
    let budget_left = share(&fields, "budget_left", faults).unwrap_or(otherwise.budget_left);
    let no_alerts = switch(&fields, "no_alerts", otherwise.no_alerts, faults);
    Some(Preconditions { budget_left, no_alerts })
}

fn guard(fields: &Fields<'_>, faults: &mut Faults) -> Option<GuardRules> {
    let otherwise = GuardRules {
        confidence: Confidence::new(CONFIDENCE).ok()?,
        design_effect: 1.0,
        every: Window::from_millis(EVERY).ok()?,
        looks_without_data: LOOKS_WITHOUT_DATA,
    };
    let Some(node) = fields.optional("guard") else { return Some(otherwise) };
    let known = ["confidence", "design_effect", "every", "looks_without_data"];
    let fields = Fields::of(node, "guard", &known, faults)?;
    let confidence = match share(&fields, "confidence", faults) {
        Some(level) => told(Confidence::new(level.to_f64()), &fields, "confidence", faults),
        None => Some(otherwise.confidence),
    };
    let design_effect = match fields.optional("design_effect") {
        Some(node) => parsed::<Ratio>(node, "guard.design_effect", faults).and_then(|effect| {
            let at_least_one = (effect >= Ratio::ONE).then(|| effect.to_f64());
            let error =
                || Error::new(format!("a design effect of {effect} would count events more than once"));
            told(at_least_one.ok_or_else(error), &fields, "design_effect", faults)
        }),
        None => Some(otherwise.design_effect),
    };
    let every = match fields.optional("every") {
        Some(node) => parsed(node, "guard.every", faults),
        None => Some(otherwise.every),
    };
    let looks =
        fields.optional("looks_without_data").map(|_| whole(&fields, "looks_without_data", 1, faults));
    let looks =
        looks.map_or(Some(LOOKS_WITHOUT_DATA), |looks| Some(u32::try_from(looks?).unwrap_or(u32::MAX)));
    Some(GuardRules {
        confidence: confidence?,
        design_effect: design_effect?,
        every: every?,
        looks_without_data: looks?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "version: slo-experiment/v1
name: all-of-it
description: What happens?
hypothesis:
  - {slo: checkout/availability, tolerated_burn_rate: 10}
fault:
  pressure: {cpu: 2, memory: 512MiB, disk: {folder: /var/tmp, size: 1GiB}, descriptors: 1000}
limits: {spend: 1%, duration: 5m, events: 1000}
before: {budget_left: 20%, no_alerts: false}
guard: {confidence: 95%, design_effect: 2.5, every: 1s, looks_without_data: 4}
recovery: 1m
";

    #[test]
    fn reads_everything() {
        let experiment = read(TEXT).unwrap();
        assert_eq!(experiment.guard.looks_without_data, 4);
        assert_eq!(experiment.limits.events, Some(1_000));
        let Fault::Pressure(pressure) = experiment.fault else { panic!("another fault") };
        assert_eq!((pressure.memory, pressure.disk.map(|disk| disk.bytes)), (Some(512 << 20), Some(1 << 30)));
    }

    #[test]
    fn what_is_refused_has_a_fault() {
        let replacements =
            ["", "~", "[]", "{}", "-1", "0", "99999999999999999999", "'': x", "{slo: a//b}", "1000000h"];
        let faults = [
            "kill: ",
            "kill: {}",
            "node: []",
            "node: [{}]",
            "stop: {pid_file: ''}",
            "stop: {command_line: ''}",
            "stop: {command_line: 'x*'}",
            "proxy: {control: x}",
            "proxy: {control: 'http://x', reset: false}",
            "service: {}",
            "pressure: {cpu: 99999999999}",
            "kill: {cgroup: a, pid_file: b}",
        ];
        let mut texts: Vec<String> =
            faults.iter().map(|fault| TEXT.replace("pressure: {cpu: 2, memory: 512MiB, disk: {folder: /var/tmp, size: 1GiB}, descriptors: 1000}", fault)).collect();
        for text in &texts {
            assert!(read(text).is_err(), "{text}");
        }
        for (place, _) in TEXT.match_indices(": ") {
            let (before, after) = TEXT.split_at(place + 2);
            let rest = after.find([',', '}', '\n']).map_or("", |end| &after[end..]);
            texts.extend(replacements.iter().map(|value| format!("{before}{value}{rest}")));
        }
        for text in texts {
            if let Err(refused) = read(&text) {
                assert!(!refused.faults().is_empty(), "refused without a fault:\n{text}");
            }
        }
        assert!(
            read(&TEXT.replace("every: 1s", "every: 10m"))
                .unwrap_err()
                .to_string()
                .contains("the guard looks every 10m")
        );
    }

    #[test]
    fn the_share_of_connections_is_that_of_the_blast_radius() {
        let text = "{version: slo-experiment/v1, name: x, hypothesis: [{slo: a/b, tolerated_burn_rate: 2}], limits: {spend: 1%, duration: 1m},
            fault: {proxy: {control: 'http://x', latency: 1s}}, blast_radius: {share: 25%}}";
        let Fault::Proxy { toxic, .. } = read(text).unwrap().fault else { panic!("another fault") };
        assert_eq!(toxic.share, Some(Ratio::new(1, 4).unwrap()));
        assert!(
            read(&text.replace("share: 25%", "targets: 2")).unwrap_err().to_string().contains("no meaning")
        );
    }
}
