//! Runs experiments: the plan, the guard's looks at Prometheus, and the fault, which a watchdog undoes.

mod counts;
mod folder;
mod kept;
mod laboratory;
mod run;

pub use folder::{Attendance, Folder, Leftover, attendance};
pub use laboratory::{Laboratory, Prepared};
pub use run::Progress;
