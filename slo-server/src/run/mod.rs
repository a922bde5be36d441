//! Programs of runbooks, within their limits.

mod launch;
mod limits;
mod process;
mod processes;
mod stream;
mod supervise;

pub use launch::{LAUNCH, launch};
pub use limits::{Enforced, Limits};
pub use process::{Input, Runner};
