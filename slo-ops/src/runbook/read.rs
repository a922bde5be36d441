//! Runbooks as people write them, in the configuration of the server.

use super::{
    ApprovalRule, Check, Command, LogFiles, Parameter, ParameterSource, ParameterType, Remediation, Runbook,
    Runbooks, Step, Task, When, parameter::Pattern, runbook::placeholder,
};
use slo_core::{
    Error,
    document::{Faults, Fields, Node, Value, items, parsed, text},
    model::{Calendar, CalendarUnit, Name, Window},
};
use std::{collections::BTreeMap, str::FromStr};

/// Reads the mapping `node` of runbooks by name, and adds its faults to `faults`.
///
/// ```
/// use slo_core::document::{Faults, documents};
///
/// let text = r#"
/// checkout-down:
///   when: {slo: checkout/availability, severity: page}
///   steps:
///     - diagnose: host
///     - diagnose: {command: [/usr/local/bin/db-check, --json], timeout: 20s}
///     - remediate: {command: [/usr/local/bin/restart, "{service}"], cooldown: 30m, at_most: 2/h}
///   parameters: {service: {from: labels.service, pattern: "[a-z0-9-]{1,63}"}}
/// "#;
/// let mut faults = Faults::default();
/// let runbooks = slo_ops::runbook::read(&documents(text).unwrap()[0], "runbooks", &mut faults);
/// assert!(faults.is_empty());
/// assert_eq!(runbooks["checkout-down"].steps[2].name, "restart");
/// ```
pub fn read(node: &Node, place: &str, faults: &mut Faults) -> Runbooks {
    let Value::Map(entries) = &node.value else {
        faults.add(
            node.position,
            place,
            Error::new(format!("expected a mapping, found {}", node.kind()))
                .with_hint("write `name: {steps: […]}` for each runbook"),
        );
        return Runbooks::new();
    };
    let mut runbooks = Runbooks::new();
    for (key, value) in entries {
        let place = format!("{place}.{}", key.text);
        if let Err(error) = key.text.parse::<Name>() {
            faults.add(key.position, &place, error);
        }
        if runbooks.contains_key(&key.text) {
            faults.add(
                key.position,
                &place,
                Error::new(format!("the runbook `{}` is written twice", key.text)),
            );
        }
        if let Some(runbook) = runbook(&key.text, value, &place, faults) {
            runbooks.insert(key.text.clone(), runbook);
        }
    }
    runbooks
}

/// Whether `text` may be the name of a parameter.
fn is_name(text: &str) -> bool {
    let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=63).contains(&text.len()) && text.bytes().all(is_of_name)
}

fn runbook(name: &str, node: &Node, place: &str, faults: &mut Faults) -> Option<Runbook> {
    let fields = Fields::of(node, place, &["when", "steps", "parameters", "concurrent"], faults)?;
    let when = fields.optional("when").and_then(|node| when(node, &fields.path("when"), faults));
    let declared = fields.optional("parameters");
    let parameters =
        declared.map(|node| parameters(node, &fields.path("parameters"), faults)).unwrap_or_default();
    // A parameter with a fault is declared, too.
    let is_declared = |name: &str| match declared.map(|node| &node.value) {
        Some(Value::Map(entries)) => entries.iter().any(|(key, _)| key.text == name),
        _ => false,
    };
    let concurrent = switch(&fields, "concurrent", faults);
    let node = fields.required("steps", "[{diagnose: host}]", faults)?;
    let (mut steps, mut places) = (Vec::new(), Vec::new());
    for (place, item) in items(node, &fields.path("steps"), faults) {
        step(item, &place, &mut steps, faults);
        places.resize(steps.len(), (place, item.position));
    }
    if let Value::List(items) = &node.value
        && items.is_empty()
    {
        faults.add(node.position, &fields.path("steps"), Error::new("the runbook has no steps"));
    }
    for (number, (step, (place, position))) in steps.iter().zip(&places).enumerate() {
        if steps.iter().take(number).any(|before| before.name == step.name) {
            let error = Error::new(format!("two steps have the name `{}`", step.name)).with_hint(
                "give one of them another `name`: limits, approvals and the record identify steps by name",
            );
            faults.add(*position, place, error);
        }
        let arguments = step.command().into_iter().flat_map(|command| &command.argv);
        for unknown in
            arguments.filter_map(|argument| placeholder(argument)).filter(|name| !is_declared(name))
        {
            let error = Error::new(format!("{}: the parameter `{unknown}` is not declared", step.name)).with_hint(
                format!("write `parameters: {{{unknown}: {{from: labels.{unknown}, pattern: \"[a-z0-9-]{{1,63}}\"}}}}`"),
            );
            faults.add(*position, place, error);
        }
    }
    Some(Runbook { name: name.to_owned(), when, steps, parameters, concurrent })
}

/// The value of a switch; `false` if it is missing.
fn switch(fields: &Fields<'_>, name: &str, faults: &mut Faults) -> bool {
    let Some(node) = fields.optional(name) else { return false };
    match text(node, &fields.path(name), faults) {
        Some("true") => true,
        Some("false") | None => false,
        Some(other) => {
            let error =
                Error::new(format!("`{other}` is neither true nor false")).with_hint("write true or false");
            faults.add(node.position, &fields.path(name), error);
            false
        }
    }
}

fn when(node: &Node, place: &str, faults: &mut Faults) -> Option<When> {
    let fields = Fields::of(node, place, &["slo", "severity", "labels"], faults)?;
    let slo = fields.text("slo", faults).map(str::to_owned);
    if let (Some(slo), Some(node)) = (&slo, fields.optional("slo"))
        && slo.split('/').filter(|part| !part.is_empty()).count() != 2
    {
        let error = Error::new(format!("`{slo}` is not an SLO")).with_hint("write `service/slo`");
        faults.add(node.position, &fields.path("slo"), error);
    }
    let severity = fields.text("severity", faults).map(str::to_owned);
    let labels = fields.optional("labels").map(|node| labels(node, &fields.path("labels"), faults));
    let when = When { slo, severity, labels: labels.unwrap_or_default() };
    if when == When::default() {
        let error = Error::new("an empty `when` would match every alert")
            .with_hint("name an SLO, a severity or labels");
        faults.add(node.position, place, error);
    }
    Some(when)
}

fn labels(node: &Node, place: &str, faults: &mut Faults) -> Vec<(String, Pattern)> {
    let Value::Map(entries) = &node.value else {
        let error = Error::new(format!("expected a mapping, found {}", node.kind()))
            .with_hint("write `name: pattern` for each label");
        faults.add(node.position, place, error);
        return Vec::new();
    };
    let one = |(key, value): &(slo_core::document::Key, Node)| {
        let place = format!("{place}.{}", key.text);
        Some((key.text.clone(), pattern(value, &place, faults)?))
    };
    entries.iter().filter_map(one).collect()
}

fn pattern(node: &Node, place: &str, faults: &mut Faults) -> Option<Pattern> {
    match Pattern::new(text(node, place, faults)?) {
        Ok(pattern) => Some(pattern),
        Err(error) => {
            faults.add(node.position, place, error);
            None
        }
    }
}

fn parameters(node: &Node, place: &str, faults: &mut Faults) -> BTreeMap<String, Parameter> {
    let Value::Map(entries) = &node.value else {
        let error = Error::new(format!("expected a mapping, found {}", node.kind()))
            .with_hint("write `name: {from: labels.name, pattern: …}` for each parameter");
        faults.add(node.position, place, error);
        return BTreeMap::new();
    };
    let mut parameters = BTreeMap::new();
    for (key, value) in entries {
        let place = format!("{place}.{}", key.text);
        if !is_name(&key.text) {
            faults.add(key.position, &place, Error::new(format!("`{}` is not a name", key.text)));
        }
        if let Some(parameter) = parameter(value, &place, faults) {
            parameters.insert(key.text.clone(), parameter);
        }
    }
    parameters
}

fn parameter(node: &Node, place: &str, faults: &mut Faults) -> Option<Parameter> {
    let fields = Fields::of(node, place, &["from", "type", "pattern", "longest"], faults)?;
    let from = fields.parsed("from", "labels.service", faults);
    let kind = fields.optional("type").and_then(|node| parsed(node, &fields.path("type"), faults));
    let longest = fields.optional("longest").and_then(|node| {
        let place = fields.path("longest");
        let text = text(node, &place, faults)?;
        let longest = text.parse().ok().filter(|longest| (1..=4_096).contains(longest));
        if longest.is_none() {
            let error =
                Error::new(format!("`{text}` is not a length")).with_hint("write a number from 1 to 4096");
            faults.add(node.position, &place, error);
        }
        longest
    });
    let node = fields.required("pattern", "\"[a-z0-9-]{1,63}\"", faults);
    let pattern = node.and_then(|node| pattern(node, &fields.path("pattern"), faults));
    Some(Parameter {
        from: from?,
        kind: kind.unwrap_or_default(),
        pattern: pattern?,
        longest: longest.unwrap_or(Parameter::LONGEST),
    })
}

impl FromStr for ParameterSource {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text.split_once('.') {
            Some(("labels", name)) if !name.is_empty() => Ok(Self::Label(name.to_owned())),
            Some(("annotations", name)) if !name.is_empty() => Ok(Self::Annotation(name.to_owned())),
            _ => Err(Error::new(format!("`{text}` is neither a label nor an annotation"))
                .with_hint("write `labels.NAME` or `annotations.NAME`")),
        }
    }
}

impl FromStr for ParameterType {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "text" => Ok(Self::Text),
            "integer" => Ok(Self::Integer),
            _ => Err(Error::new(format!("`{text}` is not a parameter type"))
                .with_hint("write `text` or `integer`")),
        }
    }
}

/// Reads one item of `steps`, which is one step, or a remediation and its undo.
fn step(node: &Node, place: &str, steps: &mut Vec<Step>, faults: &mut Faults) {
    let Some(fields) = Fields::of(node, place, &["diagnose", "remediate", "name"], faults) else { return };
    let name = fields.text("name", faults);
    match (fields.optional("diagnose"), fields.optional("remediate")) {
        (Some(node), None) => steps.extend(diagnose(node, name, &fields.path("diagnose"), faults)),
        (None, Some(node)) => remediate(node, name, &fields.path("remediate"), steps, faults),
        _ => {
            let error = Error::new("a step is either a diagnosis or a remediation")
                .with_hint("write `- diagnose: …` or `- remediate: …`");
            faults.add(fields.position(), place, error);
        }
    }
}

fn diagnose(node: &Node, name: Option<&str>, place: &str, faults: &mut Faults) -> Option<Step> {
    if let Value::Scalar { text, .. } = &node.value {
        let found = Check::ALL.into_iter().find(|check| check.name() == text);
        let Some(check) = found else {
            let known: Vec<_> = Check::ALL.iter().map(|check| format!("`{}`", check.name())).collect();
            let error = Error::new(format!("`{text}` is not a built-in diagnosis")).with_hint(format!(
                "write one of {}, `{{logs: [/path/to/file.log]}}`, or `{{command: [/path/to/program]}}`",
                known.join(", ")
            ));
            faults.add(node.position, place, error);
            return None;
        };
        let name = name.unwrap_or(check.name()).to_owned();
        return Some(Step { name, task: Task::Check(check), repeatable: true });
    }
    if let Value::Map(entries) = &node.value
        && entries.iter().any(|(key, _)| key.text == "logs")
    {
        let logs = logs(node, place, faults)?;
        return Some(Step {
            name: name.unwrap_or("logs").to_owned(),
            task: Task::Logs(logs),
            repeatable: true,
        });
    }
    let fields = Fields::of(node, place, &[&COMMAND[..], &["repeatable"]].concat(), faults)?;
    let repeatable = switch(&fields, "repeatable", faults);
    let command = command(&fields, faults)?;
    let name = name.map_or_else(|| program(&command), str::to_owned);
    Some(Step { name, task: Task::Diagnose(command), repeatable })
}

/// `{logs: [/var/log/shop.log], time_zone: Europe/Berlin}`
fn logs(node: &Node, place: &str, faults: &mut Faults) -> Option<LogFiles> {
    let fields = Fields::of(node, place, &["logs", "time_zone"], faults)?;
    let node = fields.required("logs", "[/var/log/shop.log]", faults)?;
    let files = texts(node, &fields.path("logs"), faults);
    if files.is_empty() {
        let error = Error::new("no logs").with_hint("write `logs: [/var/log/shop.log]`");
        faults.add(node.position, &fields.path("logs"), error);
    }
    for file in files.iter().filter(|file| !file.starts_with('/')) {
        let error = Error::new(format!("`{file}` is not an absolute path"))
            .with_hint("write the full path, such as /var/log/shop.log");
        faults.add(node.position, &fields.path("logs"), error);
    }
    let zone = fields.text("time_zone", faults);
    if let (Some(zone), Some(node)) = (zone, fields.optional("time_zone"))
        && let Err(error) = Calendar::new(CalendarUnit::Day, zone)
    {
        faults.add(node.position, &fields.path("time_zone"), error);
    }
    Some(LogFiles { files, time_zone: zone.unwrap_or("UTC").to_owned() })
}

const REMEDIATE: [&str; 6] = ["approval", "approval_within", "cooldown", "at_most", "verify_within", "undo"];

fn remediate(node: &Node, name: Option<&str>, place: &str, steps: &mut Vec<Step>, faults: &mut Faults) {
    let known = [&COMMAND[..], &REMEDIATE, &["repeatable"]].concat();
    let Some(fields) = Fields::of(node, place, &known, faults) else { return };
    let repeatable = switch(&fields, "repeatable", faults);
    let within = window(&fields, "approval_within", Remediation::APPROVAL_WITHIN, faults);
    let approval = match fields.text("approval", faults) {
        None | Some("required") => ApprovalRule::Required { within },
        Some("waived") => ApprovalRule::Waived,
        Some(other) => {
            let error = Error::new(format!("`{other}` is not an approval rule"))
                .with_hint("write `approval: required`, or `approval: waived` to run it without approval");
            let position = fields.optional("approval").map_or(fields.position(), |node| node.position);
            faults.add(position, &fields.path("approval"), error);
            ApprovalRule::Required { within }
        }
    };
    let cooldown = window(&fields, "cooldown", Remediation::COOLDOWN, faults);
    let at_most = fields.optional("at_most").and_then(|node| {
        let place = fields.path("at_most");
        ceiling(text(node, &place, faults)?).map_err(|error| faults.add(node.position, &place, error)).ok()
    });
    let verify_within = window(&fields, "verify_within", Remediation::VERIFY_WITHIN, faults);
    let undo = fields.optional("undo").and_then(|node| {
        let fields = Fields::of(node, &fields.path("undo"), &COMMAND, faults)?;
        command(&fields, faults)
    });
    let Some(command) = command(&fields, faults) else { return };
    let name = name.map_or_else(|| program(&command), str::to_owned);
    let at_most = at_most.unwrap_or(Remediation::AT_MOST);
    let undo = undo.map(|command| Step {
        name: format!("undo {name}"),
        task: Task::Undo(command),
        repeatable: false,
    });
    let remediation = Remediation { command, approval, cooldown, at_most, verify_within };
    steps.push(Step { name, task: Task::Remediate(remediation), repeatable });
    steps.extend(undo);
}

/// A limit such as `2/h` or `1/30m`: how many starts in which window.
fn ceiling(text: &str) -> Result<(u32, Window), Error> {
    let refused = || {
        Error::new(format!("`{text}` is not a limit"))
            .with_hint("write a count and a window, such as 2/h or 1/30m")
    };
    let (count, window) = text.split_once('/').ok_or_else(refused)?;
    let count = count.trim().parse().ok().filter(|count| *count > 0).ok_or_else(refused)?;
    let window = window.trim();
    let is_unit = window.bytes().all(|byte| byte.is_ascii_alphabetic());
    let window = if is_unit { format!("1{window}") } else { window.to_owned() };
    Ok((count, window.parse().map_err(|_| refused())?))
}

fn window(fields: &Fields<'_>, name: &str, otherwise: Window, faults: &mut Faults) -> Window {
    let node = fields.optional(name);
    node.and_then(|node| parsed(node, &fields.path(name), faults)).unwrap_or(otherwise)
}

const COMMAND: [&str; 5] = ["command", "sha256", "timeout", "environment", "writes"];

fn command(fields: &Fields<'_>, faults: &mut Faults) -> Option<Command> {
    let node = fields.required("command", "[/usr/local/bin/check]", faults)?;
    let place = fields.path("command");
    let argv: Vec<String> = texts(node, &place, faults);
    match argv.first() {
        None => {
            faults.add(node.position, &place, Error::new("a command needs a program"));
            return None;
        }
        Some(program) if !program.starts_with('/') => {
            let error = Error::new(format!("`{program}` is not an absolute path"))
                .with_hint("write the full path, such as /usr/local/bin/check; no shell searches for it");
            faults.add(node.position, &place, error);
        }
        Some(_) => {}
    }
    for argument in argv.iter().filter(|argument| placeholder(argument).is_none()) {
        // `{service}` inside of other text.
        let inside =
            argument.find('{').and_then(|at| argument.get(at..)).and_then(|rest| rest.split_once('}'));
        if let Some((name, _)) = inside.filter(|(name, _)| name.get(1..).is_some_and(is_name)) {
            let error = Error::new(format!("`{argument}`: a parameter must be a whole argument"))
                .with_hint(format!("write \"{name}}}\" as a separate argument"));
            faults.add(node.position, &place, error);
        }
    }
    let sha256 = fields.text("sha256", faults).map(str::to_owned);
    if let (Some(digest), Some(node)) = (&sha256, fields.optional("sha256"))
        && crate::hex::decode(digest).is_none_or(|bytes| bytes.len() != 32)
    {
        let error = Error::new(format!("`{digest}` is not a SHA-256 hash"))
            .with_hint("write the 64 digits that sha256sum prints");
        faults.add(node.position, &fields.path("sha256"), error);
    }
    let timeout = window(fields, "timeout", Command::TIMEOUT, faults);
    let mut list = |name: &str| {
        fields.optional(name).map(|node| texts(node, &fields.path(name), faults)).unwrap_or_default()
    };
    Some(Command { argv, sha256, timeout, environment: list("environment"), writes: list("writes") })
}

fn texts(node: &Node, place: &str, faults: &mut Faults) -> Vec<String> {
    let items = items(node, place, faults);
    items.iter().filter_map(|(place, item)| text(item, place, faults).map(str::to_owned)).collect()
}

/// The last part of the program's path.
fn program(command: &Command) -> String {
    let path = command.argv.first().map_or("", String::as_str);
    path.rsplit('/').next().unwrap_or(path).to_owned()
}
