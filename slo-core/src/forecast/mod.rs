//! Forecasts: when a budget will be gone, and how likely it lasts.
//!
//! *Given our incidents so far, will we meet the objective next quarter?*
//!
//! ```
//! use slo_core::forecast::{Incidents, survival};
//!
//! let incidents = Incidents::new(2.0, &[(0.3, 1.0)])?; // two a quarter, 30 % of the budget each
//! assert!((survival(&incidents, 0.1)? - 0.857).abs() < 1e-3);
//! # Ok::<(), slo_core::Error>(())
//! ```
//!
//! | future | forecast |
//! |---|---|
//! | errors one by one | [`exhaustion_probability`] |
//! | incidents of known sizes | [`survival`], [`spend_at_most`] |
//! | more of the same history | [`exhaustion_times`] |
//! | traffic | [`expected_events`] |
//! | scores of past forecasts | [`brier_score`], [`crps`] |

mod calibration;
mod exhaustion;
mod survival;
mod traffic;

pub use calibration::{brier_score, crps};
pub use exhaustion::{ExhaustionTimes, exhaustion_probability, exhaustion_times};
pub use survival::{Incidents, spend_at_most, survival};
pub use traffic::expected_events;
