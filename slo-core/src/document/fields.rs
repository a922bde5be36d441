//! Reads the fields of a mapping and collects all faults.

use super::{Node, Position, Value};
use crate::{Diagnostics, Error, Fault};
use std::{collections::BTreeSet, str::FromStr};

/// The faults found so far.
#[derive(Debug, Default)]
pub struct Faults {
    found: Vec<Fault>,
    // Unknown keys, where they are not faults: in formats whose own tools ignore them.
    unknown: Option<Vec<Fault>>,
}

impl Faults {
    /// Adds an error at a position, in the field `place`.
    pub fn add(&mut self, position: Position, place: &str, error: Error) {
        self.found.push(position.fault(place, error));
    }

    /// Adds a fault.
    pub fn push(&mut self, fault: Fault) {
        self.found.push(fault);
    }

    /// The number of faults.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.found.len()
    }

    /// Whether there are no faults.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// All of them.
    pub(crate) fn into_vec(self) -> Vec<Fault> {
        self.found
    }

    /// `value`, if there is one and there are no faults.
    ///
    /// # Errors
    /// All faults, in the order of their positions.
    pub fn into_result<T>(self, value: Option<T>) -> Result<T, Diagnostics> {
        value.filter(|_| self.found.is_empty()).ok_or_else(|| Diagnostics::new(self.found))
    }

    /// Sets whether unknown keys are collected instead of being faults; returns those collected so far.
    pub(crate) fn keep_unknown(&mut self, kept: bool) -> Vec<Fault> {
        let next = kept.then(Vec::new);
        std::mem::replace(&mut self.unknown, next).unwrap_or_default()
    }
}

/// A mapping whose keys have been checked against the known ones.
#[derive(Debug)]
pub struct Fields<'a> {
    pub(crate) position: Position,
    pub(crate) place: String,
    entries: Vec<(&'a str, &'a Node)>,
}

impl<'a> Fields<'a> {
    /// The fields of `node`. Unknown and repeated keys are faults.
    pub fn of(node: &'a Node, place: &str, known: &[&str], faults: &mut Faults) -> Option<Self> {
        let Value::Map(entries) = &node.value else {
            let error = Error::new(format!("expected a mapping, found {}", node.kind()))
                .with_hint(format!("write a mapping; its keys can be {}", list_of(known)));
            faults.add(node.position, place, error);
            return None;
        };
        let mut seen = BTreeSet::new();
        let mut fields = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            let name = key.text.as_str();
            if !known.contains(&name) {
                let hint = match closest(name, known) {
                    Some(word) => format!("did you mean `{word}`?"),
                    None => format!("use one of {}", list_of(known)),
                };
                match &mut faults.unknown {
                    None => {
                        faults.add(
                            key.position,
                            place,
                            Error::new(format!("unknown key `{name}`")).with_hint(hint),
                        );
                    }
                    Some(unknown) => {
                        let error = Error::new(format!("`{name}` is left out: the format has no such key"));
                        unknown.push(key.position.fault(place, error.with_hint(hint)));
                    }
                }
            } else if !seen.insert(name) {
                let error = Error::new(format!("`{name}` is written twice")).with_hint("keep one of them");
                faults.add(key.position, place, error);
            } else if !value.is_nothing() {
                fields.push((name, value));
            }
        }
        Some(Self { position: node.position, place: place.to_owned(), entries: fields })
    }

    /// The position of the mapping.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.position
    }

    /// The field `name`, if it is present and not null.
    #[must_use]
    pub fn optional(&self, name: &str) -> Option<&'a Node> {
        self.entries.iter().find(|(key, _)| *key == name).map(|(_, node)| *node)
    }

    /// The field `name`. If it is missing, adds a fault whose hint shows the `example`.
    pub fn required(&self, name: &str, example: &str, faults: &mut Faults) -> Option<&'a Node> {
        let node = self.optional(name);
        if node.is_none() {
            let error =
                Error::new(format!("`{name}` is missing")).with_hint(format!("write `{name}: {example}`"));
            faults.add(self.position, &self.place, error);
        }
        node
    }

    /// The path of the field `name`.
    #[must_use]
    pub fn path(&self, name: &str) -> String {
        if self.place.is_empty() { name.to_owned() } else { format!("{}.{name}", self.place) }
    }

    /// The value of a required scalar field.
    pub fn parsed<T: FromStr<Err = Error>>(
        &self,
        name: &str,
        example: &str,
        faults: &mut Faults,
    ) -> Option<T> {
        let node = self.required(name, example, faults)?;
        parsed(node, &self.path(name), faults)
    }

    /// The text of an optional scalar field.
    pub fn text(&self, name: &str, faults: &mut Faults) -> Option<&'a str> {
        text(self.optional(name)?, &self.path(name), faults)
    }
}

/// The scalar `node` as a value of its type.
pub fn parsed<T: FromStr<Err = Error>>(node: &Node, place: &str, faults: &mut Faults) -> Option<T> {
    match text(node, place, faults)?.parse() {
        Ok(value) => Some(value),
        Err(error) => {
            faults.add(node.position, place, error);
            None
        }
    }
}

/// The scalar `node` as text.
pub fn text<'a>(node: &'a Node, place: &str, faults: &mut Faults) -> Option<&'a str> {
    if let Value::Scalar { text, .. } = &node.value {
        return Some(text);
    }
    let error = Error::new(format!("expected a single value, found {}", node.kind()));
    let is_flow =
        matches!(&node.value, Value::Map(entries) if entries.iter().any(|(key, _)| key.text.contains('=')));
    let error = if is_flow { error.with_hint("put quotes around text that begins with `{`") } else { error };
    faults.add(node.position, place, error);
    None
}

/// The items of the list `node`, with their paths.
pub fn items<'a>(node: &'a Node, place: &str, faults: &mut Faults) -> Vec<(String, &'a Node)> {
    let Value::List(items) = &node.value else {
        let error = Error::new(format!("expected a list, found {}", node.kind()))
            .with_hint("begin each item with `- `");
        faults.add(node.position, place, error);
        return Vec::new();
    };
    items.iter().enumerate().map(|(index, item)| (format!("{place}[{index}]"), item)).collect()
}

/// The known word that `word` is probably a typo of.
pub(crate) fn closest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), *candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.len() / 3).max(1))
        .min()
        .map(|(_, candidate)| candidate)
}

fn list_of(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
