//! Parameters of commands, whose values come from alerts.

use crate::incident::Episode;
use regex::Regex;
use slo_core::Error;
use std::fmt;

/// Where the value of a parameter comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParameterSource {
    /// A label that all alerts share.
    Label(String),
    /// An annotation that all alerts share.
    Annotation(String),
}

/// The type of a parameter's value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParameterType {
    /// Any text that matches the pattern.
    #[default]
    Text,
    /// A whole number.
    Integer,
}

/// A parameter: the source of its value, and the rules that the value must meet.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Parameter {
    /// Where its value comes from.
    pub from: ParameterSource,
    /// The type of its value.
    pub kind: ParameterType,
    /// The pattern that the whole value must match.
    pub pattern: Pattern,
    /// The most characters that the value may have.
    pub longest: usize,
}

impl PartialEq for Parameter {
    fn eq(&self, other: &Self) -> bool {
        (&self.from, self.kind, &self.pattern, self.longest)
            == (&other.from, other.kind, &other.pattern, other.longest)
    }
}

impl Eq for Parameter {}

impl Parameter {
    /// The most characters by default.
    pub const LONGEST: usize = 256;

    /// Its value for `episode`.
    ///
    /// # Errors
    /// A value that is missing, differs between the alerts, or does not fit its declaration.
    pub fn value(&self, episode: &Episode) -> Result<String, Error> {
        let (what, value) = match &self.from {
            ParameterSource::Label(name) => (format!("the label `{name}`"), episode.label(name)),
            ParameterSource::Annotation(name) => {
                (format!("the annotation `{name}`"), episode.annotation(name))
            }
        };
        let Some(value) = value else {
            return Err(Error::new(format!("{what} is missing, or differs between the alerts")));
        };
        if value.chars().count() > self.longest {
            return Err(Error::new(format!("{what} has more than {} characters", self.longest)));
        }
        if self.kind == ParameterType::Integer && value.parse::<i64>().is_err() {
            return Err(Error::new(format!("{what} is not a whole number")));
        }
        if !self.pattern.takes(value) {
            return Err(Error::new(format!("{what} does not match the pattern `{}`", self.pattern)));
        }
        Ok(value.to_owned())
    }
}

/// A regular expression that a whole value must match.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    regex: Regex,
}

impl Pattern {
    /// A pattern from the text of a regular expression.
    ///
    /// # Errors
    /// A text that is not a regular expression.
    pub fn new(text: &str) -> Result<Self, Error> {
        let regex = Regex::new(&format!(r"\A(?:{text})\z")).map_err(|_| {
            Error::new(format!("`{text}` is not a regular expression"))
                .with_hint("write it in the syntax of the crate `regex`, such as [a-z0-9-]{1,63}")
        })?;
        Ok(Self { text: text.to_owned(), regex })
    }

    /// Whether the whole of `value` matches.
    #[must_use]
    pub fn takes(&self, value: &str) -> bool {
        self.regex.is_match(value)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
