//! What counts as noise.

use slo_core::{artifact::Hours, model::Window};

/// What counts as noise.
#[derive(Debug, Clone)]
#[expect(
    clippy::exhaustive_structs,
    reason = "callers set what they need, the rest by `..NoiseRules::default()`"
)]
pub struct NoiseRules {
    /// A firing that cost less than this share of a period's error budget was for nothing.
    pub worth: f64,
    /// An alert that begins within this time after it ended flaps.
    pub flap: Window,
    /// Alerts that begin within this time of each other come together.
    pub together: Window,
    /// The hours in which people work; `None` if they work at all hours.
    pub hours: Option<Hours>,
}

impl Default for NoiseRules {
    fn default() -> Self {
        Self { worth: 0.01, flap: Window::minutes(30), together: Window::minutes(5), hours: None }
    }
}
