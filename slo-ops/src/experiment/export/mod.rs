//! An experiment as a file of another tool.

mod chaos_mesh;
mod chaos_toolkit;
mod litmus;
mod pods;
mod target;

pub use chaos_toolkit::chaos_toolkit;
pub use pods::Pods;
pub use target::{ExportTarget, manifest};
