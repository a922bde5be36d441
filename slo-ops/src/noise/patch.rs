//! A spec with a guard, as a diff.

use slo_core::{
    Error,
    document::{Node, Value, documents},
};
use std::fmt::Write as _;

/// The lines around a change that a diff shows.
const CONTEXT: usize = 3;

/// The diff that gives SLOs of a spec in the native format `low_traffic: guard`; empty if they have it.
///
/// `slos` are names of SLOs of the text. Of several documents, the first one that has an SLO is changed.
///
/// ```
/// let spec = "version: slo/v1\nservice: shop\nslos:\n  - name: orders\n    objective: 99%\n    window: 30d\n    sli: {events: {total: a, bad: b}}\n";
/// let diff = slo_ops::noise::patch("slo.yaml", spec, &["orders"])?;
/// assert!(diff.contains("+    alerting: {low_traffic: guard}"));
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// Text that is no YAML, an SLO that is not in it, `alerting` in a form that cannot be changed line by line.
pub fn patch(name: &str, text: &str, slos: &[&str]) -> Result<String, Error> {
    let nodes = documents(text).map_err(|fault| Error::new(fault.to_string()))?;
    let lines: Vec<&str> = text.lines().collect();
    let mut edits: Vec<Edit> = Vec::new();
    for slo in slos {
        let found = nodes.iter().find_map(|node| of_name(node, slo));
        let Some(node) = found else {
            return Err(Error::new(format!("{name}: there is no SLO `{slo}` in it")));
        };
        edits.extend(edit(name, slo, node, &lines)?);
    }
    edits.sort_by_key(|edit| edit.line);
    Ok(diff(name, &lines, &edits))
}

/// A line that is put before another one, or in its place.
struct Edit {
    /// The place of the line, from 0.
    line: usize,
    replaces: bool,
    new: String,
}

fn entry<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    let Value::Map(entries) = &node.value else { return None };
    entries.iter().find(|(name, _)| name.text == key).map(|(_, value)| value)
}

/// The SLO of a document.
fn of_name<'a>(document: &'a Node, slo: &str) -> Option<&'a Node> {
    let Value::List(slos) = &entry(document, "slos")?.value else { return None };
    slos.iter().find(|node| {
        entry(node, "name")
            .is_some_and(|name| matches!(&name.value, Value::Scalar { text, .. } if text == slo))
    })
}

fn edit(name: &str, slo: &str, node: &Node, lines: &[&str]) -> Result<Option<Edit>, Error> {
    let refused = || {
        Error::new(format!("{name}: {slo}: it is written in a form that is not changed here"))
            .with_hint("write `alerting: {low_traffic: guard}` for it")
    };
    let Value::Map(entries) = &node.value else { return Err(refused()) };
    let Some((key, alerting)) = entries.iter().find(|(key, _)| key.text == "alerting") else {
        // After the name, with the indentation of the keys that follow.
        let (key, _) = entries.iter().find(|(key, _)| key.text == "name").ok_or_else(refused)?;
        let line = key.position.line;
        let is_flow =
            lines.get(line - 1).is_some_and(|line| line.contains('{') || line.trim_end().ends_with(','));
        if is_flow {
            return Err(refused());
        }
        let indent = " ".repeat(key.position.column - 1);
        return Ok(Some(Edit {
            line,
            replaces: false,
            new: format!("{indent}alerting: {{low_traffic: guard}}"),
        }));
    };
    let Value::Map(fields) = &alerting.value else { return Err(refused()) };
    if fields.iter().any(|(key, _)| key.text == "low_traffic") {
        return Ok(None);
    }
    let first = fields.first().map(|(key, _)| key.position).ok_or_else(refused)?;
    let line = lines.get(key.position.line - 1).ok_or_else(refused)?;
    if first.line == key.position.line {
        // Its own brace, which follows the key.
        let before_key = key.position.column - 1;
        if line.chars().take(before_key).any(|character| character == '{') {
            return Err(refused());
        }
        let open = line.find('{').ok_or_else(refused)?;
        let (before, after) = line.split_at_checked(open + 1).ok_or_else(refused)?;
        return Ok(Some(Edit {
            line: key.position.line - 1,
            replaces: true,
            new: format!("{before}low_traffic: guard, {}", after.trim_start()),
        }));
    }
    let indent = " ".repeat(first.column - 1);
    Ok(Some(Edit { line: first.line - 1, replaces: false, new: format!("{indent}low_traffic: guard") }))
}

/// A unified diff.
fn diff(name: &str, lines: &[&str], edits: &[Edit]) -> String {
    if edits.is_empty() {
        return String::new();
    }
    let mut out = format!("--- a/{name}\n+++ b/{name}\n");
    let mut added = 0;
    let mut rest = edits;
    while let Some(first) = rest.first() {
        // Edits whose contexts touch are one piece.
        let count = 1 + rest
            .windows(2)
            .take_while(|pair| matches!(pair, [one, next] if next.line <= one.line + 2 * CONTEXT + 1))
            .count();
        let (piece, later) = rest.split_at_checked(count).unwrap_or((rest, &[]));
        rest = later;
        let last = piece.last().unwrap_or(first);
        let from = first.line.saturating_sub(CONTEXT);
        let to = (last.line + usize::from(last.replaces) + CONTEXT).min(lines.len());
        let new = piece.iter().filter(|edit| !edit.replaces).count();
        // Writing to a String cannot fail.
        let _ = writeln!(out, "@@ -{},{} +{},{} @@", from + 1, to - from, from + 1 + added, to - from + new);
        added += new;
        for (at, line) in lines.iter().enumerate().take(to).skip(from) {
            let mut replaced = false;
            for edit in piece.iter().filter(|edit| edit.line == at) {
                if edit.replaces {
                    let _ = writeln!(out, "-{line}");
                    replaced = true;
                }
                let _ = writeln!(out, "+{}", edit.new);
            }
            if !replaced {
                let _ = writeln!(out, " {line}");
            }
        }
        for edit in piece.iter().filter(|edit| edit.line >= to) {
            let _ = writeln!(out, "+{}", edit.new);
        }
    }
    out
}
