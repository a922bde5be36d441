//! Values in the answers of a server.

use std::collections::BTreeMap;

/// The labels that identify a series.
pub type Labels = BTreeMap<String, String>;

/// A result, with the warnings of the server, such as that it is partial.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Answer<T> {
    /// The result.
    pub result: T,
    /// The warnings of the server, in its own words.
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
    /// Its value, which may be NaN or infinite.
    pub value: f64,
}
