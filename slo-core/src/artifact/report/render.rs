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

    /// The contents of that page, to be placed in a page with the stylesheet [`STYLE`](crate::page::STYLE). It has no
    /// style of its own, so a strict Content-Security-Policy allows it.
    #[must_use]
    pub fn to_html_body(&self) -> String {
        html::body(self)
    }

    /// JSON with shares of one, times in milliseconds since the Unix epoch, and `null` for unknown values.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json::page(self)
    }
}
