//! Facts about this machine or container, collected in a third of a second.

mod cgroup;
mod kernel;
mod listeners;
mod look;
mod peers;
mod process;

pub use look::look;
