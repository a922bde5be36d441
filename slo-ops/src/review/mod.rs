//! The readiness review: what in the manifests of Kubernetes threatens an SLO.
//!
//! | step | file |
//! |---|---|
//! | what belongs together: workloads, their Services, budgets, autoscalers, SLOs | `landscape` |
//! | what is wrong | `review`; by subject `availability`, `probes`, `resources`, `node_pools`, `monitoring` |
//! | what is accepted, until when and why | `accepted` |
//! | for people and programs | [`Finding`], [`sarif`] |
//! | what would fit | [`suggest`] |

mod accepted;
mod assumptions;
mod availability;
mod check;
mod finding;
mod landscape;
mod monitoring;
mod node_pools;
mod probes;
mod resources;
#[expect(clippy::module_inception, reason = "it is what the folder is called by")]
mod review;
mod sarif;
mod suggest;

pub use assumptions::Assumptions;
pub use check::{Check, Severity};
pub use finding::{Finding, Place};
pub use review::review;
pub use sarif::sarif;
pub use suggest::suggest;
