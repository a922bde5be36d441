//! Faults as people write them.

use super::values::{bytes, share, switch, told, whole};
use crate::experiment::{Disk, Fault, Part, Pressure, Processes, Toxic};
use slo_core::{
    Diagnostics, Error,
    document::{Faults, Fields, Node, Value, items, one_document, parsed, text},
    model::Window,
};

const KINDS: [&str; 8] = ["kill", "stop", "pressure", "proxy", "service", "node", "pods", "drain"];

pub(super) fn read(node: &Node, faults: &mut Faults) -> Option<Fault> {
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
        "node" => node_of(node, &place, faults),
        "pods" => pods(node, &place, faults),
        _ => {
            let fields = Fields::of(node, &place, &["selector"], faults)?;
            Some(Fault::Drain { selector: selector(&fields, "pool=spare", faults)? })
        }
    }
}

fn node_of(node: &Node, place: &str, faults: &mut Faults) -> Option<Fault> {
    let all = items(node, place, faults);
    if matches!(&node.value, Value::List(items) if items.is_empty()) {
        let error = Error::new("a node without processes").with_hint("write `- pid_file: run/checkout.pid`");
        faults.add(node.position, place, error);
    }
    let part = |(place, item): &(String, &Node)| {
        let name = item.entry(NAMESPACE);
        if name.is_none() {
            return Some(Part::Processes(processes(item, place, &[], faults)?.0));
        }
        let fields = Fields::of(item, place, &[NAMESPACE], faults)?;
        let name = filled(&fields, NAMESPACE, faults)?;
        let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        if !is_name || name.starts_with(['-', '.']) {
            let error = Error::new(format!("`{name}` is not the name of a network namespace"))
                .with_hint("write a name that `ip netns` lists");
            return told(Err(error), &fields, NAMESPACE, faults);
        }
        Some(Part::NetworkNamespace(name))
    };
    let found: Vec<_> = all.iter().filter_map(part).collect();
    (!found.is_empty()).then_some(Fault::Node(found))
}

const NAMESPACE: &str = "network_namespace";

fn pods(node: &Node, place: &str, faults: &mut Faults) -> Option<Fault> {
    let fields = Fields::of(node, place, &["namespace", "selector", "evict"], faults)?;
    fields.required("namespace", "shop", faults);
    let namespace = filled(&fields, "namespace", faults);
    let selector = selector(&fields, "app=checkout", faults);
    let evict = switch(&fields, "evict", false, faults);
    Some(Fault::Pods { namespace: namespace?, selector: selector?, evict })
}

/// A selector of labels, which must select by something.
fn selector(fields: &Fields<'_>, example: &str, faults: &mut Faults) -> Option<String> {
    fields.required("selector", example, faults);
    filled(fields, "selector", faults)
}

/// A text that is not empty.
fn filled(fields: &Fields<'_>, name: &str, faults: &mut Faults) -> Option<String> {
    let value = fields.text(name, faults)?.trim().to_owned();
    let value = if value.is_empty() { Err(Error::new(format!("`{name}` is empty"))) } else { Ok(value) };
    told(value, fields, name, faults)
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
                .map_err(|error| {
                    let error = error.to_string();
                    Error::new(format!(
                        "not a regular expression: {}",
                        error.lines().last().unwrap_or_default().trim()
                    ))
                })
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
    let host = url.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
    if host.contains('@') {
        let error = Error::new("an address with a password would be in every report")
            .with_hint("write the token into a file, and name it as `token_file`");
        faults.add(node.position, &fields.path("control"), error);
    }
    is_url.then(|| url.trim_end_matches('/').to_owned())
}

fn argv(node: &Node, place: &str, faults: &mut Faults) -> Vec<String> {
    let all = items(node, place, faults);
    all.iter().filter_map(|(place, item)| Some(text(item, place, faults)?.to_owned())).collect()
}
