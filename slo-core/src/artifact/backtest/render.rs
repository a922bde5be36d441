//! Renders a page of backtests.

use super::{super::words::moment, BacktestPage, html, json};
use crate::model::Timestamp;
use serde_json::Value;

impl BacktestPage {
    /// A time as text, in the zone of the page.
    #[must_use]
    pub fn moment(&self, time: Timestamp) -> String {
        moment(time, &self.zone)
    }

    /// A single HTML page without other files or scripts, for light and dark mode.
    #[must_use]
    pub fn to_html(&self) -> String {
        html::page(self)
    }

    /// JSON with shares of one, times in milliseconds since the Unix epoch, and `null` for missing values.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json::page(self)
    }
}
