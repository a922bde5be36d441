//! What is wrong with another tool's specification, and what of it is not carried over as it was.

use crate::{
    Error, Fault,
    document::{Faults, Fields, Position},
};
use std::fmt;

/// Something of another tool's specification that is not carried over as it was.
///
/// ```
/// use slo_core::spec::{self, LossKind};
///
/// let sloth = "{version: prometheus/v1, service: a, slos: [{name: b, objective: 99, plugins: {chain: []},
///     sli: {events: {error_query: 'sum(rate(bad[{{.window}}]))', total_query: 'sum(rate(all[{{.window}}]))'}},
///     alerting: {name: c}}]}";
/// let losses = spec::read(&[sloth]).remove(0).unwrap().losses;
/// let mut assumed = losses.iter().filter(|loss| loss.kind == LossKind::Assumed);
/// assert!(assumed.any(|loss| loss.to_string().contains(": assumed: how often `a` is scraped is not said")));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Loss {
    /// Why it is not carried over as it was.
    pub kind: LossKind,
    /// Where it is, what is to be known of it, and what to do about it.
    pub fault: Fault,
}

/// Why something is not carried over as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LossKind {
    /// It has no place here and is left out.
    Lost,
    /// It means something else here.
    Changed,
    /// The specification does not say it, and this value stands in its place.
    Assumed,
    /// The object is of a kind that is not read.
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

/// What is wrong, and what is lost.
#[derive(Default)]
pub(super) struct Report {
    pub(super) faults: Faults,
    pub(super) losses: Vec<Loss>,
    // Keys that the tool itself ignores.
    pub(super) unknown: Vec<Fault>,
}

impl Report {
    /// Says that something has no place here.
    pub(super) fn lose(&mut self, position: Position, place: &str, message: impl Into<String>, hint: &str) {
        self.tell(LossKind::Lost, position, place, message.into(), hint);
    }

    /// Says that something means another thing here.
    pub(super) fn change(&mut self, position: Position, place: &str, message: impl Into<String>, hint: &str) {
        self.tell(LossKind::Changed, position, place, message.into(), hint);
    }

    /// Says what stands in the place of something that is not said.
    pub(super) fn assume(&mut self, position: Position, place: &str, message: impl Into<String>, hint: &str) {
        self.tell(LossKind::Assumed, position, place, message.into(), hint);
    }

    /// Says that an object is none that is read.
    pub(super) fn skip(&mut self, position: Position, message: String) {
        self.tell(LossKind::Skipped, position, "", message, "nothing needs to be done");
    }

    fn tell(&mut self, kind: LossKind, position: Position, place: &str, message: String, hint: &str) {
        let fault = position.fault(place, Error::new(message).with_hint(hint));
        self.losses.push(Loss { kind, fault });
    }

    /// Says that a field has no meaning here, if it is there.
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
