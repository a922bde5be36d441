//! The faults and losses of another tool's specification.

use crate::{
    Error, Fault,
    document::{Faults, Fields, Position},
};
use std::fmt;

/// A part of another tool's specification that is not carried over unchanged.
///
/// ```
/// use slo_core::spec::{self, LossKind};
///
/// let sloth = "{version: prometheus/v1, service: a, slos: [{name: b, objective: 99, plugins: {chain: []},
///     sli: {events: {error_query: 'sum(rate(bad[{{.window}}]))', total_query: 'sum(rate(all[{{.window}}]))'}},
///     alerting: {name: c}}]}";
/// let losses = spec::read(&[sloth]).remove(0).unwrap().losses;
/// let mut assumed = losses.iter().filter(|loss| loss.kind == LossKind::Assumed);
/// assert!(assumed.any(|loss| loss.to_string().contains(": assumed: the scrape interval of `a` is not set")));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Loss {
    /// What happened to it.
    pub kind: LossKind,
    /// Its position, the message and a hint.
    pub fault: Fault,
}

/// What happened to a part of a specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LossKind {
    /// It has no counterpart and is left out.
    Lost,
    /// It is carried over with a different meaning.
    Changed,
    /// The specification does not set it, so a value is assumed.
    Assumed,
    /// The object is of an unrelated kind and is skipped.
    Skipped,
}

impl fmt::Display for LossKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lost => "lost",
            Self::Changed => "changed",
            Self::Assumed => "assumed",
            Self::Skipped => "skipped",
        })
    }
}

impl fmt::Display for Loss {
    /// `line:column: lost: place: message`, and the hint on a line of its own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fault { line, column, .. } = &self.fault;
        write!(f, "{line}:{column}: {}: ", self.kind)?;
        self.fault.write_after_position(f)
    }
}

/// The faults and losses that were found so far.
#[derive(Default)]
pub(super) struct Report {
    pub(super) faults: Faults,
    pub(super) losses: Vec<Loss>,
    // Keys that the tool itself ignores.
    pub(super) unknown: Vec<Fault>,
}

impl Report {
    /// Reports a part that has no counterpart.
    pub(super) fn lose(&mut self, position: Position, place: &str, message: impl Into<String>, hint: &str) {
        self.tell(LossKind::Lost, position, place, message.into(), hint);
    }

    /// Reports a part whose meaning changes.
    pub(super) fn change(&mut self, position: Position, place: &str, message: impl Into<String>, hint: &str) {
        self.tell(LossKind::Changed, position, place, message.into(), hint);
    }

    /// Reports a value that is assumed.
    pub(super) fn assume(&mut self, position: Position, place: &str, message: impl Into<String>, hint: &str) {
        self.tell(LossKind::Assumed, position, place, message.into(), hint);
    }

    /// Reports an object that is skipped.
    pub(super) fn skip(&mut self, position: Position, message: String) {
        self.tell(LossKind::Skipped, position, "", message, "nothing needs to be done");
    }

    fn tell(&mut self, kind: LossKind, position: Position, place: &str, message: String, hint: &str) {
        let fault = position.fault(place, Error::new(message).with_hint(hint));
        self.losses.push(Loss { kind, fault });
    }

    /// Reports a field that has no counterpart, if it is present.
    pub(super) fn lose_field(&mut self, fields: &Fields<'_>, name: &str, why: &str, hint: &str) {
        if let Some(node) = fields.optional(name) {
            self.lose(node.position, &fields.path(name), format!("`{name}` is left out: {why}"), hint);
        }
    }

    pub(super) fn told<T>(&mut self, position: Position, place: &str, result: Result<T, Error>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.faults.add(position, place, error);
                None
            }
        }
    }
}
