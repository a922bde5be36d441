//! What manages a release.

/// What manages a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Manager {
    /// Helm.
    Helm,
    /// Kubernetes itself: a Deployment.
    Kubernetes,
}
