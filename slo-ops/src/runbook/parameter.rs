//! What commands get from alerts.

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

/// What the value of a parameter is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParameterType {
    /// Any text that the pattern finds from end to end.
    #[default]
    Text,
    /// A whole number.
    Integer,
}

/// A parameter: where it comes from, and what may come.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Parameter {
    /// Where its value comes from.
    pub from: ParameterSource,
    /// What it is.
    pub kind: ParameterType,
    /// What it must be from end to end.
    pub pattern: Pattern,
    /// The most characters that it has.
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
    /// The most characters, unless it says so.
    pub const LONGEST: usize = 256;

    /// Its value for `episode`.
    ///
    /// # Errors
    /// A value that the alerts do not share, or that its declaration refuses.
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
            return Err(Error::new(format!("{what} is no whole number")));
        }
        if !self.pattern.takes(value) {
            return Err(Error::new(format!("{what} is not what the pattern `{}` takes", self.pattern)));
        }
        Ok(value.to_owned())
    }
}

/// A regular expression that a value must be from end to end.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    regex: Regex,
}

impl Pattern {
    /// From the text of a regular expression.
    ///
    /// # Errors
    /// What is none.
    pub fn new(text: &str) -> Result<Self, Error> {
        let regex = Regex::new(&format!(r"\A(?:{text})\z")).map_err(|_| {
            Error::new(format!("`{text}` is not a regular expression"))
                .with_hint("write it in the syntax of the crate `regex`, such as [a-z0-9-]{1,63}")
        })?;
        Ok(Self { text: text.to_owned(), regex })
    }

    /// Whether `value` is what it takes, from end to end.
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
