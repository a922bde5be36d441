//! This machine or container, looked at for a third of a second.

mod cgroup;
mod kernel;
mod listeners;
mod look;
mod peers;
mod process;

pub use look::look;
