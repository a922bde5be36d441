//! Facts and findings about a machine or a container, by the USE method.
//!
//! Source: Brendan Gregg, *The USE Method*: for every resource, its utilization, saturation and errors.

mod facts;
mod findings;

pub use facts::{Cgroup, Disk, Facts, Listener, Memory, Peer, Pressure, ProcessFact};
pub use findings::{Finding, Level, findings};
