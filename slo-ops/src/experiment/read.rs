//! Experiments as people write them: `version: slo-experiment/v1`.

use super::{
    BlastRadius, Disk, Experiment, Fault, GuardRules, Hypothesis, Limits, Preconditions, Pressure, Processes,
    Toxic,
};
use slo_core::{
    Diagnostics, Error,
    document::{Faults, Fields, Node, Position, Value, documents, items, parsed, text},
    model::{Name, Ratio, Window},
    stats::Confidence,
};

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
const KINDS: [&str; 6] = ["kill", "stop", "pressure", "proxy", "service", "node"];
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

fn one_document(text: &str, faults: &mut Faults, hint: &str) -> Option<Node> {
    match documents(text) {
        Ok(mut nodes) if nodes.len() == 1 => nodes.pop(),
        Ok(_) => {
            let error = Error::new("expected one document").with_hint(hint);
            faults.add(Position { line: 1, column: 1 }, "", error);
            None
        }
        Err(fault) => {
            faults.push(fault);
            None
        }
    }
}

fn experiment(node: &Node, faults: &mut Faults) -> Option<Experiment> {
    let fields = Fields::of(node, "", &KNOWN, faults)?;
    version(&fields, faults);
    let name: Option<Name> = fields.parsed("name", "kill-a-replica", faults);
    let description = fields.text("description", faults).unwrap_or_default().to_owned();
    let hypotheses = hypotheses(&fields, faults);
    let blast_radius = match fields.optional("blast_radius") {
        Some(node) => blast_radius(node, faults),
        None => Some(BlastRadius::default()),
    };
    let fault = fields.required("fault", "{stop: {pid_file: run/checkout.pid}}", faults);
    let mut fault = fault.and_then(|node| fault_of(node, faults));
    if let (Some(Fault::Proxy { toxic, .. }), Some(radius)) = (&mut fault, &blast_radius) {
        toxic.share = Some(radius.share);
    }
    if let (Some(fault), Some(node)) = (&fault, fields.optional("blast_radius")) {
        fits(node, fault, faults);
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

fn version(fields: &Fields<'_>, faults: &mut Faults) {
    let Some(node) = fields.required("version", VERSION, faults) else { return };
    if let Some(version) = text(node, "version", faults).filter(|version| *version != VERSION) {
        let error = Error::new(format!("`{version}` is not a version of this file"))
            .with_hint(format!("write `version: {VERSION}`"));
        faults.add(node.position, "version", error);
    }
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
        Fault::Kill { .. } | Fault::Stop(_) => "targets",
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

fn fault_of(node: &Node, faults: &mut Faults) -> Option<Fault> {
    let fields = Fields::of(node, "fault", &KINDS, faults)?;
    let written: Vec<(&str, &Node)> =
        KINDS.iter().filter_map(|kind| Some((*kind, fields.optional(kind)?))).collect();
    let [(kind, node)] = written.as_slice() else {
        // An unknown kind has its fault already.
        let is_known = |key: &str| KINDS.contains(&key);
        if matches!(&node.value, Value::Map(entries) if entries.iter().all(|(key, _)| is_known(&key.text))) {
            let error = Error::new("expected one kind of fault")
                .with_hint(format!("write one of {}", KINDS.join(", ")));
            faults.add(fields.position(), "fault", error);
        }
        return None;
    };
    let place = format!("fault.{kind}");
    match *kind {
        "kill" => {
            let (processes, fields) = processes(node, &place, &["restart"], faults)?;
            let restart = match fields.optional("restart") {
                Some(node) => argv(node, &fields.path("restart"), faults),
                None => Vec::new(),
            };
            Some(Fault::Kill { processes, restart })
        }
        "stop" => Some(Fault::Stop(processes(node, &place, &[], faults)?.0)),
        "pressure" => pressure(node, &place, faults),
        "proxy" => proxy(node, &place, faults),
        "service" => service(node, &place, faults),
        _ => {
            let all = items(node, &place, faults);
            if matches!(&node.value, Value::List(items) if items.is_empty()) {
                let error =
                    Error::new("a node without processes").with_hint("write `- pid_file: run/checkout.pid`");
                faults.add(node.position, &place, error);
            }
            let found: Vec<_> =
                all.iter().filter_map(|(place, item)| Some(processes(item, place, &[], faults)?.0)).collect();
            (!found.is_empty()).then_some(Fault::Node(found))
        }
    }
}

/// The processes that a mapping names, which may have the keys `others` too.
fn processes<'a>(
    node: &'a Node,
    place: &str,
    others: &[&str],
    faults: &mut Faults,
) -> Option<(Processes, Fields<'a>)> {
    let ways = ["pid_file", "cgroup", "command_line"];
    let known: Vec<&str> = ways.iter().chain(others).copied().collect();
    let fields = Fields::of(node, place, &known, faults)?;
    let written: Vec<&str> = ways.into_iter().filter(|way| fields.optional(way).is_some()).collect();
    let [way] = written.as_slice() else {
        let error = Error::new("expected one way to find the processes")
            .with_hint("write `pid_file: run/checkout.pid`, `cgroup: /sys/fs/cgroup/checkout`, or `command_line: ^checkout`");
        faults.add(fields.position(), place, error);
        return None;
    };
    let value = fields.text(way, faults)?.to_owned();
    if value.is_empty() {
        let error = Error::new("the name is empty").with_hint("name the processes");
        return told(Err(error), &fields, way, faults);
    }
    let found = match *way {
        "pid_file" => Processes::PidFile(value),
        "cgroup" => Processes::Cgroup(value),
        _ => {
            let pattern = regex::Regex::new(&value)
                .map_err(|error| Error::new(format!("not a regular expression: {error}")))
                .and_then(|pattern| {
                    let of_every = || Error::new(format!("`{value}` matches every process"));
                    if pattern.is_match("") { Err(of_every().with_hint("name one program")) } else { Ok(()) }
                });
            told(pattern, &fields, way, faults)?;
            Processes::CommandLine(value)
        }
    };
    Some((found, fields))
}

fn pressure(node: &Node, place: &str, faults: &mut Faults) -> Option<Fault> {
    let fields = Fields::of(node, place, &["cpu", "memory", "disk", "descriptors", "cgroup"], faults)?;
    let cpu = fields.optional("cpu").and_then(|_| whole(&fields, "cpu", 1, faults));
    let memory = fields.optional("memory").and_then(|_| bytes(&fields, "memory", faults));
    let descriptors = fields.optional("descriptors").and_then(|_| whole(&fields, "descriptors", 1, faults));
    let disk = fields.optional("disk").and_then(|node| {
        let fields = Fields::of(node, &fields.path("disk"), &["folder", "size"], faults)?;
        let folder = fields.required("folder", "/var/tmp", faults);
        let folder = folder.and_then(|node| text(node, &fields.path("folder"), faults));
        fields.required("size", "1GiB", faults)?;
        Some(Disk { bytes: bytes(&fields, "size", faults)?, folder: folder?.to_owned() })
    });
    let cgroup = fields.text("cgroup", faults).map(str::to_owned);
    if ["cpu", "memory", "disk", "descriptors"].iter().all(|name| fields.optional(name).is_none()) {
        let error = Error::new("nothing runs short")
            .with_hint("write `cpu: 2`, `memory: 512MiB`, `disk` or `descriptors`");
        faults.add(fields.position(), place, error);
    }
    let cpu = cpu.and_then(|threads| {
        let refused = |_| Error::new(format!("{threads} threads are more than a machine can run"));
        told(u32::try_from(threads).map_err(refused), &fields, "cpu", faults)
    });
    Some(Fault::Pressure(Pressure { cpu, memory, disk, descriptors, cgroup }))
}

fn proxy(node: &Node, place: &str, faults: &mut Faults) -> Option<Fault> {
    let known: Vec<&str> = ["control", "token_file"].iter().chain(&TOXIC).copied().collect();
    let fields = Fields::of(node, place, &known, faults)?;
    let control = control(&fields, "http://127.0.0.1:9101", faults);
    let token_file = fields.text("token_file", faults).map(str::to_owned);
    let toxic = toxic(&fields, faults);
    Some(Fault::Proxy { control: control?, token_file, toxic })
}

/// The keys of what a proxy does.
const TOXIC: [&str; 6] = ["latency", "jitter", "bandwidth", "reset", "black_hole", "seed"];

/// Reads what a proxy is to do to connections and for how long, as its control address takes it: the keys of
/// `fault.proxy` with `share`, and `lease` if it has one.
///
/// ```
/// use slo_ops::experiment::read_toxic;
///
/// let (toxic, lease) = read_toxic(r#"{"latency": "300ms", "share": "50%", "lease": "30s"}"#)?;
/// assert_eq!((toxic.latency.unwrap().as_millis(), lease.unwrap().as_millis()), (300, 30_000));
/// assert!(read_toxic("{jitter: 300ms}").unwrap_err().to_string().contains("write a `latency`"));
/// # Ok::<(), slo_ops::Diagnostics>(())
/// ```
///
/// # Errors
/// Every fault of the text at once, with its position.
pub fn read_toxic(text: &str) -> Result<(Toxic, Option<Window>), Diagnostics> {
    let mut faults = Faults::default();
    let read = one_document(text, &mut faults, "begin with `{`").and_then(|node| {
        let known: Vec<&str> = TOXIC.iter().chain(&["share", "lease"]).copied().collect();
        let fields = Fields::of(&node, "", &known, &mut faults)?;
        let share = share(&fields, "share", &mut faults);
        let lease = fields.optional("lease").map(|node| parsed(node, "lease", &mut faults));
        Some((Toxic { share, ..toxic(&fields, &mut faults) }, lease.flatten()))
    });
    faults.into_result(read)
}

fn toxic(fields: &Fields<'_>, faults: &mut Faults) -> Toxic {
    let window = |name: &str, faults: &mut Faults| {
        fields.optional(name).and_then(|node| parsed::<Window>(node, &fields.path(name), faults))
    };
    let toxic = Toxic {
        latency: window("latency", faults),
        jitter: window("jitter", faults),
        bandwidth: fields.optional("bandwidth").and_then(|_| bytes(fields, "bandwidth", faults)),
        reset: switch(fields, "reset", false, faults),
        black_hole: switch(fields, "black_hole", false, faults),
        share: None,
        seed: fields.optional("seed").and_then(|_| whole(fields, "seed", 0, faults)).unwrap_or_default(),
    };
    if let (Some(jitter), latency) = (toxic.jitter, toxic.latency)
        && latency.is_none_or(|latency| jitter > latency)
    {
        let error =
            Error::new(format!("a jitter of {jitter} would make some bytes arrive before they were sent"))
                .with_hint("write a `latency` that is at least as long");
        faults.add(fields.position(), &fields.path("jitter"), error);
    }
    let is_written = |name: &str| fields.optional(name).is_some();
    if !toxic.reset && !toxic.black_hole && !is_written("latency") && !is_written("bandwidth") {
        let error = Error::new("the proxy would do nothing")
            .with_hint("write `latency: 300ms`, `bandwidth`, `reset` or `black_hole`");
        faults.add(fields.position(), "", error);
    }
    toxic
}

fn service(node: &Node, place: &str, faults: &mut Faults) -> Option<Fault> {
    let fields = Fields::of(node, place, &["control", "token_file", "latency", "errors"], faults)?;
    let control = control(&fields, "http://127.0.0.1:8081/faults", faults);
    let token_file = fields.text("token_file", faults).map(str::to_owned);
    let latency = fields.optional("latency").and_then(|node| parsed(node, &fields.path("latency"), faults));
    let errors = share(&fields, "errors", faults);
    if fields.optional("latency").is_none() && fields.optional("errors").is_none() {
        let error =
            Error::new("the service would not change").with_hint("write `latency: 300ms` or `errors: 10%`");
        faults.add(fields.position(), place, error);
    }
    Some(Fault::Service { control: control?, token_file, latency, errors })
}

fn control(fields: &Fields<'_>, example: &str, faults: &mut Faults) -> Option<String> {
    let node = fields.required("control", example, faults)?;
    let url = text(node, &fields.path("control"), faults)?;
    let is_url = ["http://", "https://"]
        .iter()
        .any(|scheme| url.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()));
    if !is_url {
        let error =
            Error::new(format!("`{url}` is not a web address")).with_hint("begin with http:// or https://");
        faults.add(node.position, &fields.path("control"), error);
    }
    is_url.then(|| url.trim_end_matches('/').to_owned())
}

fn argv(node: &Node, place: &str, faults: &mut Faults) -> Vec<String> {
    let all = items(node, place, faults);
    all.iter().filter_map(|(place, item)| Some(text(item, place, faults)?.to_owned())).collect()
}

/// A share in (0, 1], where it is written.
fn share(fields: &Fields<'_>, name: &str, faults: &mut Faults) -> Option<Ratio> {
    let node = fields.optional(name)?;
    let written = text(node, &fields.path(name), faults)?;
    let percent = written.strip_suffix('%').and_then(|number| number.trim_end().parse::<Ratio>().ok());
    let share = percent.and_then(|percent| percent.checked_div(Ratio::whole(100)));
    let share = share.filter(|share| *share > Ratio::ZERO && *share <= Ratio::ONE);
    if share.is_none() {
        let error = Error::new(format!("`{written}` is not a share"))
            .with_hint("write a share above 0% and up to 100%, such as 5%");
        faults.add(node.position, &fields.path(name), error);
    }
    share
}

/// A whole number of at least `least`.
fn whole(fields: &Fields<'_>, name: &str, least: u64, faults: &mut Faults) -> Option<u64> {
    let node = fields.optional(name)?;
    let written = text(node, &fields.path(name), faults)?;
    let number = written.parse().ok().filter(|number| *number >= least);
    if number.is_none() {
        let error = Error::new(format!("`{written}` is not a whole number from {least} on"));
        faults.add(node.position, &fields.path(name), error);
    }
    number
}

/// A number of bytes, with a unit: `64KiB`, `512MiB`, `1GiB`.
fn bytes(fields: &Fields<'_>, name: &str, faults: &mut Faults) -> Option<u64> {
    let node = fields.optional(name)?;
    let written = text(node, &fields.path(name), faults)?;
    let digits = written.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = written.split_at(digits);
    let shift = match unit {
        "" | "B" => Some(0),
        "KiB" => Some(10),
        "MiB" => Some(20),
        "GiB" => Some(30),
        _ => None,
    };
    let count =
        number.parse::<u64>().ok().zip(shift).and_then(|(number, shift)| number.checked_mul(1 << shift));
    let count = count.filter(|count| *count > 0);
    if count.is_none() {
        let error = Error::new(format!("`{written}` is not a number of bytes"))
            .with_hint("write 64KiB, 512MiB or 1GiB");
        faults.add(node.position, &fields.path(name), error);
    }
    count
}

fn switch(fields: &Fields<'_>, name: &str, otherwise: bool, faults: &mut Faults) -> bool {
    match fields.text(name, faults) {
        None => otherwise,
        Some("true") => true,
        Some("false") => false,
        Some(other) => {
            let error =
                Error::new(format!("`{other}` is neither true nor false")).with_hint("write true or false");
            let position = fields.optional(name).map_or(fields.position(), |node| node.position);
            faults.add(position, &fields.path(name), error);
            otherwise
        }
    }
}

/// The value, or `None` and a fault at the field `name`.
fn told<T>(result: Result<T, Error>, fields: &Fields<'_>, name: &str, faults: &mut Faults) -> Option<T> {
    let position = fields.optional(name).map_or(fields.position(), |node| node.position);
    result.map_err(|error| faults.add(position, &fields.path(name), error)).ok()
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
