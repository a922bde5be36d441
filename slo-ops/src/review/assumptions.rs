//! What a review takes for granted.

/// What a review takes for granted.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "callers write it as a literal over `Assumptions::default()`")]
pub struct Assumptions {
    /// The share of the time that a pod is up: the rest are failures of nodes, restarts and evictions.
    pub pod_availability: f64,
}

impl Default for Assumptions {
    /// A pod is down in one hour of 200.
    fn default() -> Self {
        Self { pod_availability: 0.995 }
    }
}
