//! Experiments: a fault, the SLOs that must hold meanwhile, and a guard that stops in time.
//!
//! | step | type |
//! |---|---|
//! | what people write | [`Experiment`], by [`read`] |
//! | what it will cost, and whether it can teach anything | [`Plan`] |
//! | when it must stop | [`Guard`] |
//! | what happened | [`Run`], from its record |
//! | for other tools | [`manifest`], [`chaos_toolkit`] |
//! | what was found | [`Verdict`] of each SLO, [`Finding`] of a run |

mod evidence;
#[expect(clippy::module_inception, reason = "an experiment is the file that people write")]
mod experiment;
mod export;
mod fault;
mod finding;
mod guard;
mod journal;
mod plan;
mod read;
mod report;
mod run;
mod undo;

pub use evidence::Verdict;
pub use experiment::{BlastRadius, Experiment, GuardRules, Hypothesis, Limits, Preconditions};
pub use export::{ExportTarget, Pods, chaos_toolkit, manifest};
pub use fault::{Disk, Fault, Part, Pressure, Processes, Toxic};
pub use finding::{Finding, Look, Outcome, SloFinding};
pub use guard::{Guard, Ruling, Stop};
pub use journal::ToolkitJournal;
pub use plan::{Before, Plan, SloPlan};
pub use read::{read, read_toxic};
pub use report::{html, markdown};
pub use run::{Counted, KnownSlo, Run, RunEntry, RunEvent, UndoState, run_id};
pub use undo::{ProcessId, Undo};
