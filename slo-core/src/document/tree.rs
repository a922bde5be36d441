//! YAML as a tree of nodes with positions.

use crate::{Error, Fault};
use granit_parser::{ErrorKind, Event, Options, Parser, ScanError, Span};

/// A position in a document: line and column, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_structs, reason = "a position has nothing else")]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

/// A value of a document, and its position.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Node {
    /// The position of its first character.
    pub position: Position,
    /// The value.
    pub value: Value,
}

/// A value: a scalar, a list or a mapping.
#[derive(Debug, Clone)]
#[expect(clippy::exhaustive_enums, reason = "YAML has nothing else")]
pub enum Value {
    /// A scalar.
    Scalar {
        /// The text.
        text: String,
        /// Whether it is written without quotes.
        plain: bool,
    },
    /// A list.
    List(Vec<Node>),
    /// Entries in the order they were written.
    Map(Vec<(Key, Node)>),
}

/// A key of a mapping, and its position.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Key {
    /// The position of its first character.
    pub position: Position,
    /// The key.
    pub text: String,
}

impl Key {
    /// A key at a position.
    #[must_use]
    pub fn new(position: Position, text: &str) -> Self {
        Self { position, text: text.to_owned() }
    }
}

impl Node {
    /// A value at a position.
    #[must_use]
    pub const fn new(position: Position, value: Value) -> Self {
        Self { position, value }
    }

    /// The value of `key`, if the node is a mapping that has it.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<&Self> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|(name, _)| name.text == key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The text of the scalar under `key`.
    #[must_use]
    pub fn scalar(&self, key: &str) -> Option<&str> {
        match &self.entry(key)?.value {
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }
}

impl Position {
    fn of(span: Span) -> Self {
        Self { line: span.start.line(), column: span.start.col() + 1 }
    }

    pub(crate) fn fault(self, place: impl Into<String>, error: Error) -> Fault {
        Fault { line: self.line, column: self.column, place: place.into(), error }
    }
}

/// The first line with an entry that is indented by a tab, counted from 1. JSON may be indented by tabs.
fn indented_by_tab(text: &str) -> Option<usize> {
    if text.trim_start().starts_with(['{', '[']) {
        return None;
    }
    let is_entry = |line: &str| {
        let first = line.split_whitespace().next().unwrap_or_default();
        line.starts_with('\t') && (first == "-" || first.ends_with(':'))
    };
    text.lines().position(is_entry).map(|line| line + 1)
}

/// The documents of `text`.
///
/// Aliases are refused: configuration files do not need them, and without them the size of a text limits the
/// work.
///
/// # Errors
/// Text that is not valid YAML, with the position of the fault.
pub fn documents(text: &str) -> Result<Vec<Node>, Fault> {
    if let Some(line) = indented_by_tab(text) {
        let error = Error::new("the line is indented by a tab, which YAML does not allow")
            .with_hint("indent with spaces");
        return Err(Position { line, column: 1 }.fault("", error));
    }
    let mut options = Options::default();
    options.block_nesting_limit = NESTING;
    options.flow_nesting_limit = NESTING;
    let mut events = Parser::new_from_str_with_options(text, options);
    let mut documents = Vec::new();
    // Containers that are open, innermost last.
    let mut open: Vec<Open> = Vec::new();
    while let Some(event) = events.next_event() {
        let (event, span) = event.map_err(|error| invalid(&error))?;
        let position = Position::of(span);
        let finished = match event {
            Event::Scalar(text, style, _, _) => {
                let plain = style == granit_parser::ScalarStyle::Plain;
                Some(Node { position, value: Value::Scalar { text: text.into_owned(), plain } })
            }
            Event::SequenceStart(..) => {
                open.push(Open::List(position, Vec::new()));
                None
            }
            Event::MappingStart(..) => {
                open.push(Open::Map(position, Vec::new(), None));
                None
            }
            Event::SequenceEnd | Event::MappingEnd => open.pop().map(Open::close),
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                let error = Error::new("YAML aliases are not supported").with_hint("write the value out");
                return Err(position.fault("", error));
            }
            _ => None,
        };
        if let Some(node) = finished {
            match open.last_mut() {
                Some(container) => container.add(node)?,
                None => documents.push(node),
            }
        }
    }
    Ok(documents)
}

const NESTING: usize = 32;

/// A fault for an error of the YAML parser.
fn invalid(error: &ScanError) -> Fault {
    let position = Position { line: error.marker().line(), column: error.marker().col() + 1 };
    let invalid = Error::new(format!("not valid YAML: {}", error.info()));
    let is_of_flow_mapping = matches!(
        error.kind(),
        ErrorKind::UnexpectedEofFlowMapping
            | ErrorKind::UnexpectedEofImplicitFlowMapping
            | ErrorKind::ExpectedFlowMappingSeparator
    );
    let error = if is_of_flow_mapping {
        invalid.with_hint("between `{` and `}`, put quotes around values that contain braces or commas")
    } else if matches!(
        error.kind(),
        ErrorKind::ExpectedBlockMappingKey | ErrorKind::UnexpectedEofBlockMapping
    ) {
        invalid.with_hint("indent the keys of one mapping by the same number of spaces")
    } else if error.info().starts_with("mapping values are not allowed") {
        invalid.with_hint("put quotes around text that contains `: `, or check the indentation")
    } else {
        invalid
    };
    position.fault("", error)
}

enum Open {
    List(Position, Vec<Node>),
    Map(Position, Vec<(Key, Node)>, Option<Key>),
}

impl Open {
    fn add(&mut self, node: Node) -> Result<(), Fault> {
        match self {
            Self::List(_, items) => items.push(node),
            Self::Map(_, entries, pending) => match (pending.take(), node) {
                (Some(key), value) => entries.push((key, value)),
                (None, Node { position, value: Value::Scalar { text, .. } }) => {
                    *pending = Some(Key { position, text });
                }
                (None, Node { position, .. }) => {
                    return Err(position.fault("", Error::new("a key must be a single value")));
                }
            },
        }
        Ok(())
    }

    fn close(self) -> Node {
        match self {
            Self::List(position, items) => Node { position, value: Value::List(items) },
            Self::Map(position, entries, _) => Node { position, value: Value::Map(entries) },
        }
    }
}

impl Node {
    /// The kind of its value, for messages.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Value::Scalar { text, plain } if *plain && matches!(text.as_str(), "" | "~" | "null") => {
                "nothing"
            }
            Value::Scalar { .. } => "a single value",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }

    /// Whether its value is empty or null.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.kind() == "nothing"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_where_everything_stands() {
        let documents = documents("a: 1\nb:\n  - x\n---\nc: é: no\n").unwrap_err();
        assert_eq!(documents.line, 5);
        let documents = super::documents("a: 1\nb:\n  - 'x'\n---\nc: {}\n").unwrap();
        assert_eq!(documents.len(), 2);
        let Value::Map(entries) = &documents[0].value else { panic!("{documents:?}") };
        assert_eq!(entries[1].0.position, Position { line: 2, column: 1 });
        let Value::List(items) = &entries[1].1.value else { panic!("{entries:?}") };
        assert_eq!(items[0].position, Position { line: 3, column: 5 });
    }

    #[test]
    fn refuses_aliases_and_depth() {
        assert!(documents("a: &x 1\nb: *x\n").unwrap_err().error.message().contains("aliases"));
        assert!(documents(&"[".repeat(1_000)).is_err());
        assert!(documents("? [a]\n: b\n").is_err());
    }
}
