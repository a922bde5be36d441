//! Releases: may a new version stay?
//!
//! | step | type |
//! |---|---|
//! | what people write | [`Gate`], of a configuration by [`read_gates`] |
//! | its series, with the labels of this release | [`Gate::series`] |
//! | what the events say, look by look | [`GateRun`] |
//! | its revisions, from Helm or Kubernetes | [`helm_history`], [`rollouts`] |
//! | in what condition it is, and why | [`Condition`] |
//! | what to do | [`advise`], with [`rollback_risks`] |
//! | how well it is delivered | [`Delivery`] |

mod advice;
mod condition;
mod delivery;
mod gate;
mod judged;
mod manager;
mod read;
mod revision;
mod rollback;
mod rollout;

pub use advice::{Advice, Safety, advise};
pub use condition::{Cause, Condition};
pub use delivery::{Delivery, Failure, JudgedDeployment};
pub use gate::{Compare, Gate, GateSeries};
pub use judged::{GateCounts, GateReport, GateRun, OldVersion, SloGate};
pub use manager::Manager;
pub use read::{Gates, read_gates};
pub use revision::{Hook, Objects, Revision, RevisionStatus, helm_history};
pub use rollback::{Risk, RiskKind, rollback_risks};
pub use rollout::{Rollout, rollouts};
