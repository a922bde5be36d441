//! Errors: a message, a position and a hint.

use crate::plain::plain;
use std::fmt;

/// A fault in a value: a message and, where possible, a hint.
///
/// Messages are lower case, have no full stop, and contain the rejected value as [`plain`](crate::plain)
/// text.
///
/// ```
/// use slo_core::model::Objective;
///
/// let error = "100%".parse::<Objective>().unwrap_err();
/// assert_eq!(error.to_string(), "100% leaves no error budget");
/// assert_eq!(error.hint(), Some("write 99.99% or lower"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    message: String,
    hint: Option<String>,
}

impl Error {
    /// An error without a hint. The message is passed through [`plain`](crate::plain).
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: plain(&message.into()).into_owned(), hint: None }
    }

    /// The same error with a hint.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(plain(&hint.into()).into_owned());
        self
    }

    /// The same error with the name of its SLO in front.
    #[cfg(feature = "rules")]
    pub(crate) fn of(self, slo: &str) -> Self {
        let message = format!("{slo}: {}", self.message);
        Self { message, ..self }
    }

    /// The message, without the hint.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// How to fix the fault, if that is known.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

/// One fault of a document: its position, the path of the field, and the [`Error`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a fault has nothing else")]
pub struct Fault {
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
    /// Path of the field, for example `slos[0].objective`; empty for the document itself.
    pub place: String,
    /// The message and the hint.
    pub error: Error,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.line, self.column)?;
        self.write_after_position(f)
    }
}

impl Fault {
    pub(crate) fn write_after_position(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.place.is_empty() {
            write!(f, "{}: ", plain(&self.place))?;
        }
        write!(f, "{}", self.error)?;
        match self.error.hint() {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

/// Every fault of a document, in the order of their positions; never empty.
///
#[cfg_attr(feature = "spec", doc = "```")]
#[cfg_attr(not(feature = "spec"), doc = "```ignore")]
/// let faults = slo_core::spec::parse("version: slo/v1\nservice: a b\nslos: []\n").unwrap_err();
/// assert_eq!(faults.faults().len(), 2);
/// assert!(faults.to_string().starts_with("2:10: service: `a b` is not a name"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Diagnostics {
    faults: Vec<Fault>,
}

impl Diagnostics {
    #[cfg(feature = "spec")]
    pub(crate) fn new(mut faults: Vec<Fault>) -> Self {
        faults.sort_by_key(|fault| (fault.line, fault.column));
        Self { faults }
    }

    /// A single fault of a whole document, for example one that cannot be read.
    #[must_use]
    pub fn of_document(error: Error) -> Self {
        Self { faults: vec![Fault { line: 1, column: 1, place: String::new(), error }] }
    }

    /// The faults, first to last.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}
