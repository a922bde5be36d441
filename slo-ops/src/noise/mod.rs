//! Noise: which alerts cost attention for nothing, and what would have spared it.
//!
//! | step | from → to |
//! |---|---|
//! | [`AlertHistory`] | samples of `ALERTS`, the record, webhooks → every time that an alert fired |
//! | [`Noise`] | a history and what SLOs have spent → each alert: firings without cost, flaps, pairs, and measures |
//! | [`what_if`] | the events of an SLO → its pages with a guard, or with longer windows |
//! | [`patch`] | a spec → the spec with a guard, as a diff |

mod budgets;
mod firing;
mod history;
mod judge;
mod measure;
mod pairs;
mod patch;
mod picture;
mod priced;
mod rules;
mod spending;
mod what_if;

pub use budgets::Budgets;
pub use firing::{AlertKey, Firing};
pub use history::AlertHistory;
pub use judge::{AlertNoise, Noise};
pub use measure::Measure;
pub use pairs::Pair;
pub use patch::patch;
pub use picture::picture;
pub use rules::NoiseRules;
pub use spending::Spending;
pub use what_if::{Change, WhatIf, what_if};
