//! A template: what the lines of one statement have in common.

use serde::{Deserialize, Serialize};
use std::{fmt, hash::Hasher as _};

/// The number of a template, from 1, in the order in which templates were first seen.
///
/// ```
/// use slo_ops::logs::{Limits, Templates};
///
/// let mut templates = Templates::new(Limits::default());
/// assert_eq!(templates.add("disk full").to_string(), "1");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TemplateId(pub(super) u64);

impl TemplateId {
    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for TemplateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How a word that varies is written.
pub(super) const ANY: &str = "<*>";

/// The words that lines have in common, and how many lines there were.
///
/// It prints its words, with `<*>` for a word that varies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    pub(super) id: TemplateId,
    /// The words, with a space between them.
    pub(super) text: String,
    /// The hash of each word.
    pub(super) words: Vec<u64>,
    pub(super) lines: u64,
    /// The leaf of the tree that has it.
    pub(super) leaf: usize,
    /// Its neighbours in the order of use: their places in the table of templates.
    pub(super) older: Option<usize>,
    pub(super) newer: Option<usize>,
}

impl Template {
    /// Its number.
    #[must_use]
    pub const fn id(&self) -> TemplateId {
        self.id
    }

    /// The number of lines that it was made of.
    #[must_use]
    pub const fn lines(&self) -> u64 {
        self.lines
    }

    /// The words; `None` for one that varies.
    pub fn words(&self) -> impl Iterator<Item = Option<&str>> {
        self.texts().map(|word| (word != ANY).then_some(word))
    }

    /// The words as text.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.text.split(' ').take(self.words.len())
    }

    /// Lets all words vary that are not those of `line`; tells whether any did not before.
    pub(super) fn loosen<'a>(&mut self, line: impl Iterator<Item = &'a str> + Clone) -> bool {
        if self.texts().zip(line.clone()).all(|(own, word)| own == word || own == ANY) {
            return false;
        }
        let mut text = String::with_capacity(self.text.len());
        for ((own, word), hash) in self.text.split(' ').zip(line).zip(&mut self.words) {
            if !text.is_empty() {
                text.push(' ');
            }
            if own == word {
                text.push_str(own);
            } else {
                text.push_str(ANY);
                *hash = super::template::hash(ANY);
            }
        }
        self.text = text;
        true
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A hash of a word, which is the same in every process.
pub(super) fn hash(word: &str) -> u64 {
    let mut hasher = rustc_hash::FxHasher::default();
    hasher.write(word.as_bytes());
    hasher.finish()
}

/// The first bytes of a text, up to the end of a character.
pub(super) fn beginning(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or(text)
}
