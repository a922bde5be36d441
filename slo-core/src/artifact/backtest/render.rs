//! The forms of a page of backtests.

use super::{super::words::moment, BacktestPage, html, json};
use crate::model::Timestamp;
use serde_json::Value;

impl BacktestPage {
    /// A moment in the zone of the page.
    #[must_use]
    pub fn moment(&self, time: Timestamp) -> String {
        moment(time, &self.zone)
    }

    /// A page of its own: no other file, no script, light and dark.
    #[must_use]
    pub fn to_html(&self) -> String {
        html::page(self)
    }

    /// For programs: shares of one, times in milliseconds since the Unix epoch, `null` where there is nothing.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json::page(self)
    }
}
