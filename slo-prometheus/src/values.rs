//! What a server answers.

use std::collections::BTreeMap;

/// The labels of a series, which tell it from others.
pub type Labels = BTreeMap<String, String>;

/// What a server answered, and what it warns of: of a partial answer, say.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Answer<T> {
    /// The result.
    pub result: T,
    /// What the server warns of, in its own words.
    pub warnings: Vec<String>,
}

/// One value of a series.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Sample {
    /// The labels of the series.
    pub labels: Labels,
    /// Its time, in seconds since the Unix epoch.
    pub time: f64,
    /// Its value, which may be no number.
    pub value: f64,
}
