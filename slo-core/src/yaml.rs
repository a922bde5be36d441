//! A YAML writer: mappings, sequences, and scalars in the plainest style that reads back as the same text.

#[cfg(feature = "artifact")]
use serde_json::Value;
use std::fmt::{self, Write};

/// A JSON object as a YAML document in block style, after `comments`.
///
/// ```
/// let value = serde_json::json!({"kind": "Pod", "spec": {"replicas": 2, "args": ["-v", "yes"]}});
/// let text = slo_core::artifact::yaml("# Made by hand.\n", &value);
/// assert_eq!(text, "# Made by hand.\nkind: Pod\nspec:\n  args:\n    - '-v'\n    - 'yes'\n  replicas: 2\n");
/// ```
#[cfg(feature = "artifact")]
#[must_use]
pub fn yaml(comments: &str, value: &Value) -> String {
    let mut out = Yaml::begun_with(comments);
    match value {
        Value::Object(fields) => out.json(fields),
        // Anything else is a document as it is, since JSON is YAML.
        other => {
            let _ = writeln!(out.text, "{other}"); // writing to a String cannot fail
        }
    }
    out.into_text()
}

/// A YAML document under construction: block mappings and sequences, indented by two spaces.
#[derive(Default)]
pub(crate) struct Yaml {
    text: String,
    indent: usize,
    // Whether the next line begins an item of a sequence.
    is_item: bool,
}

impl Yaml {
    /// A document that begins with comments.
    #[cfg(feature = "artifact")]
    pub(crate) fn begun_with(comments: &str) -> Self {
        Self { text: comments.to_owned(), ..Self::default() }
    }

    /// A fragment that goes under a key of the outermost mapping.
    #[cfg(feature = "artifact")]
    pub(crate) fn within() -> Self {
        Self { indent: 2, ..Self::default() }
    }

    pub(crate) fn into_text(self) -> String {
        self.text
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Adds `key` with the mapping that `write` writes; adds nothing if `write` writes nothing.
    pub(crate) fn mapping_of_any(&mut self, key: &str, write: impl FnOnce(&mut Self)) {
        let mut inner = Self { indent: self.indent + 2, ..Self::default() };
        write(&mut inner);
        if !inner.is_empty() {
            self.key(key);
            self.end_of_key();
            self.text.push_str(&inner.text);
        }
    }

    /// A comment on lines of its own.
    #[cfg(feature = "artifact")]
    pub(crate) fn comment(&mut self, text: &str) {
        self.spaces();
        self.text.push_str("# ");
        self.text.push_str(text);
        self.text.push('\n');
    }

    /// `key: value`, quoted where needed.
    pub(crate) fn entry(&mut self, key: &str, value: &str) {
        self.key(key);
        self.text.push_str(": ");
        write_scalar(&mut self.text, value, self.indent);
        self.text.push('\n');
    }

    /// `key: value` without quotes, for durations, numbers, fixed words and collections in brackets. The key
    /// must not need quotes either.
    pub(crate) fn bare(&mut self, key: &str, value: impl fmt::Display) {
        self.plain_key(key);
        let _ = writeln!(self.text, ": {value}"); // writing to a String cannot fail
    }

    /// A mapping or a sequence under `key`, which needs no quotes.
    pub(crate) fn nested(&mut self, key: &str, write: impl FnOnce(&mut Self)) {
        self.plain_key(key);
        self.end_of_key();
        self.indent += 2;
        write(self);
        self.indent -= 2;
    }

    /// A mapping as an item of a sequence.
    pub(crate) fn item(&mut self, write: impl FnOnce(&mut Self)) {
        self.indent += 2;
        self.is_item = true;
        write(self);
        self.is_item = false;
        self.indent -= 2;
    }

    /// A scalar as an item of a sequence.
    #[cfg(feature = "artifact")]
    pub(crate) fn item_scalar(&mut self, value: &str) {
        self.spaces();
        self.text.push_str("- ");
        write_scalar(&mut self.text, value, self.indent);
        self.text.push('\n');
    }

    /// The entries of a JSON object.
    #[cfg(feature = "artifact")]
    pub(crate) fn json(&mut self, fields: &serde_json::Map<String, Value>) {
        for (key, value) in fields {
            match value {
                Value::Object(fields) if !fields.is_empty() => self.in_quotes(key, |out| out.json(fields)),
                Value::Array(items) if !items.is_empty() => self.in_quotes(key, |out| out.json_items(items)),
                Value::String(text) => self.entry(key, text),
                // Numbers, booleans, null, and what is empty.
                other => {
                    self.key(key);
                    let _ = writeln!(self.text, ": {other}"); // writing to a String cannot fail
                }
            }
        }
    }

    /// A mapping or a sequence under `key`, which may need quotes.
    #[cfg(feature = "artifact")]
    fn in_quotes(&mut self, key: &str, write: impl FnOnce(&mut Self)) {
        self.key(key);
        self.end_of_key();
        self.indent += 2;
        write(self);
        self.indent -= 2;
    }

    #[cfg(feature = "artifact")]
    fn json_items(&mut self, items: &[Value]) {
        for item in items {
            match item {
                Value::Object(fields) if !fields.is_empty() => self.item(|out| out.json(fields)),
                Value::String(text) => self.item_scalar(text),
                // JSON is YAML; lists of lists are rare.
                other => {
                    self.spaces();
                    let _ = writeln!(self.text, "- {other}"); // writing to a String cannot fail
                }
            }
        }
    }

    fn key(&mut self, key: &str) {
        self.begin_line();
        write_scalar(&mut self.text, key, self.indent);
    }

    fn plain_key(&mut self, key: &str) {
        self.begin_line();
        self.text.push_str(key);
    }

    fn begin_line(&mut self) {
        if std::mem::take(&mut self.is_item) {
            write_spaces(&mut self.text, self.indent - 2);
            self.text.push_str("- ");
        } else {
            self.spaces();
        }
    }

    fn end_of_key(&mut self) {
        self.text.push_str(":\n");
    }

    fn spaces(&mut self) {
        write_spaces(&mut self.text, self.indent);
    }
}

fn write_spaces(out: &mut String, count: usize) {
    const SPACES: &str = "                ";
    match SPACES.get(..count) {
        Some(spaces) => out.push_str(spaces),
        None => out.extend(std::iter::repeat_n(' ', count)),
    }
}

/// Appends `text` as a scalar; block lines are indented two deeper than `indent`.
fn write_scalar(out: &mut String, text: &str, indent: usize) {
    if is_plain(text) {
        out.push_str(text);
    } else if is_block(text) {
        out.push_str("|-");
        for line in text.split('\n') {
            out.push('\n');
            write_spaces(out, indent + 2);
            out.push_str(line);
        }
    } else if has_special(text) {
        write_double_quoted(out, text);
    } else {
        out.push('\'');
        for (index, part) in text.split('\'').enumerate() {
            out.push_str(if index == 0 { "" } else { "''" });
            out.push_str(part);
        }
        out.push('\'');
    }
}

/// Whether `text` needs no quotes. Words that a YAML reader may take for a number, a boolean or null need
/// them.
fn is_plain(text: &str) -> bool {
    const RESERVED: [&str; 11] = ["true", "false", "yes", "no", "on", "off", "y", "n", "null", "nan", "inf"];
    let mut before = b' ';
    // Where a space follows, a colon ends a key.
    let is_part = |byte: u8| {
        let is_part = match byte {
            b' ' => before != b':',
            b'_' | b'-' | b'.' | b'/' | b':' => true,
            _ => byte.is_ascii_alphanumeric(),
        };
        before = byte;
        is_part
    };
    text.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic())
        && text.bytes().all(is_part)
        && !text.ends_with([':', ' '])
        && !(text.len() <= 5 && RESERVED.iter().any(|word| text.eq_ignore_ascii_case(word)))
}

fn is_block(text: &str) -> bool {
    text.contains('\n')
        && !text.ends_with('\n')
        && !text.starts_with([' ', '\n'])
        && !text.contains(" \n")
        && !text.ends_with(' ')
        && !text.split('\n').any(has_special)
}

/// Whether any character of the text is special. For most texts, a check of the bytes is enough.
fn has_special(text: &str) -> bool {
    has_unusual(text) && text.contains(is_special)
}

/// Whether any byte of the text is not printable ASCII. Checked in blocks, which the compiler can vectorize.
fn has_unusual(text: &str) -> bool {
    let is_unusual = |byte: &u8| !(b' '..=b'~').contains(byte);
    text.as_bytes().chunks(32).any(|piece| piece.iter().fold(false, |any, byte| any | is_unusual(byte)))
}

/// Characters that some YAML readers refuse or take for the end of a line.
fn is_special(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

fn write_double_quoted(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            other if is_special(other) => {
                let _ = write!(out, "\\u{:04x}", u32::from(other)); // writing to a String cannot fail
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

#[cfg(all(test, feature = "spec"))]
mod tests {
    use super::*;
    use granit_parser::{Event, Parser, ScalarStyle};
    use proptest::prelude::*;

    fn read_back(yaml: &str) -> Vec<String> {
        Parser::new_from_str(yaml)
            .map(|event| {
                event.map_or_else(
                    |error| Event::Scalar(error.to_string().into(), ScalarStyle::Plain, 0, None),
                    |(event, _)| event,
                )
            })
            .filter_map(
                |event| if let Event::Scalar(text, ..) = event { Some(text.into_owned()) } else { None },
            )
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]
        #[test]
        fn an_independent_parser_reads_the_same_text(text in "\\PC{0,12}|[a-z:#'\" \n{}|&*!%@-]{0,16}|(\\PC|\n|\t){0,12}") {
            let mut out = Yaml::default();
            out.nested("outer", |out| out.item(|out| out.entry("key", &text)));
            let out = out.into_text();
            prop_assert_eq!(read_back(&out), vec!["outer".to_owned(), "key".to_owned(), text], "{}", out);
        }
    }
}
