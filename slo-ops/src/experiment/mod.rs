//! Experiments: a fault, the SLOs that must hold meanwhile, and a guard that stops in time.
//!
//! | step | type |
//! |---|---|
//! | what people write | [`Experiment`], by [`read`] |
//! | what it will cost, and whether it can teach anything | [`Plan`] |
//! | when it must stop | [`Guard`] |
//! | what was found | [`Verdict`] |

mod evidence;
#[expect(clippy::module_inception, reason = "an experiment is the file that people write")]
mod experiment;
mod fault;
mod guard;
mod plan;
mod read;

pub use evidence::Verdict;
pub use experiment::{BlastRadius, Experiment, GuardRules, Hypothesis, Limits, Preconditions};
pub use fault::{Disk, Fault, Pressure, Processes, Toxic};
pub use guard::{Guard, Ruling, Stop};
pub use plan::{Before, Plan, SloPlan};
pub use read::{read, read_toxic};
