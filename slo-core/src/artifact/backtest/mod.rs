//! Backtests of alerts, as HTML and as JSON.

mod data;
mod html;
mod json;
mod picture;
mod render;
mod result;

pub use data::BacktestPage;
pub use result::{SloBacktest, SloFired, SloIncident};
