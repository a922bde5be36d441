//! A release, as it was read.

use slo_ops::release::{Manager, Revision};

/// A release, as it was read.
pub(super) struct Found {
    pub(super) name: String,
    pub(super) manager: Manager,
    pub(super) revisions: Vec<Revision>,
    /// Of each workload and its images: how many pods are ready, and how many there are.
    pub(super) pods: Vec<(String, String, u64, u64)>,
    /// What could not be read, and why.
    pub(super) warnings: Vec<String>,
}
