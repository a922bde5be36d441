//! The forms of a report.

use super::{Report, html, json, markdown};
use serde_json::Value;

impl Report {
    /// For people who read text.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        markdown::page(self)
    }

    /// A page of its own: no other file, no script, light and dark.
    #[must_use]
    pub fn to_html(&self) -> String {
        html::page(self)
    }

    /// For programs: shares of one, times in milliseconds since the Unix epoch, `null` where nothing is known.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json::page(self)
    }
}
