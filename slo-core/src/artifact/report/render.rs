//! Renders a report.

use super::{Report, html, json, markdown};
use serde_json::Value;

impl Report {
    /// The report as Markdown.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        markdown::page(self)
    }

    /// A single HTML page without other files or scripts, for light and dark mode.
    #[must_use]
    pub fn to_html(&self) -> String {
        html::page(self)
    }

    /// JSON with shares of one, times in milliseconds since the Unix epoch, and `null` for unknown values.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json::page(self)
    }
}
