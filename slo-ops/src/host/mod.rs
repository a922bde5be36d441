//! A machine or a container: what it says of itself, and what is wrong with it, by the USE method.
//!
//! Source: Brendan Gregg, *The USE Method*: of every resource its utilization, its saturation and its errors.

mod facts;
mod findings;

pub use facts::{Cgroup, Disk, Facts, Listener, Memory, Peer, Pressure, ProcessFact};
pub use findings::{Finding, Level, findings};
