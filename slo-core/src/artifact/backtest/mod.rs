//! Backtests: what alerts would have done, for people and programs.

mod data;
mod html;
mod json;
mod picture;
mod render;
mod result;

pub use data::BacktestPage;
pub use result::{SloBacktest, SloFired, SloIncident};
