//! Runs experiments: the plan, the guard's looks at Prometheus, and the fault, which a watchdog undoes.

mod controller;
mod counts;
mod folder;
mod kept;

pub use controller::{Laboratory, Prepared, Progress};
pub use folder::{Attendance, Folder, Leftover, attendance};
