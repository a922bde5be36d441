//! What a machine says of itself.

use serde::{Deserialize, Serialize};

/// What a machine or a container says of itself; what it does not say is `None` or not in the list.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::exhaustive_structs, reason = "whoever looks says all that can be seen")]
pub struct Facts {
    /// How many processors there are.
    pub cpus: u32,
    /// The part of their time that they worked, from 0 to 1.
    pub cpu_busy: Option<f64>,
    /// How many processes ran or waited to run or for a disk, over the last minute.
    pub load: Option<f64>,
    /// How much work waited for processors, memory and disks.
    pub pressure: Vec<Pressure>,
    /// The memory of the machine.
    pub memory: Option<Memory>,
    /// Groups of processes with limits of their own, such as containers.
    pub cgroups: Vec<Cgroup>,
    /// File systems.
    pub disks: Vec<Disk>,
    /// Sockets that take connections.
    pub listeners: Vec<Listener>,
    /// Connections that listeners did not take while this was looked at, for want of room.
    pub listen_overflows: Option<u64>,
    /// Connections that are over, and wait for stragglers.
    pub time_wait: Option<u64>,
    /// The local ports that outgoing connections may have.
    pub local_ports: Option<u64>,
    /// The part of TCP segments that were sent again while this was looked at, and how many were sent.
    pub retransmitted: Option<(f64, u64)>,
    /// Connections that the firewall tracks, and how many it can.
    pub conntrack: Option<(u64, u64)>,
    /// Open files, and how many there may be.
    pub open_files: Option<(u64, u64)>,
    /// Processes.
    pub processes: Vec<ProcessFact>,
    /// What the kernel says of processes that it killed for want of memory in the last quarter of an hour.
    pub oom_kills: Vec<String>,
    /// Units of systemd that have failed.
    pub failed_units: Vec<String>,
    /// Others that were asked for.
    pub peers: Vec<Peer>,
    /// What could not be seen, and why.
    pub unseen: Vec<String>,
}

/// How much work waited for a resource, as the kernel's pressure stall information has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "it is what the kernel says")]
pub struct Pressure {
    /// `cpu`, `memory` or `io`.
    pub resource: String,
    /// The part of the last ten seconds in which any work waited, in percent.
    pub some: f64,
    /// The part in which all work waited.
    pub full: f64,
}

/// Memory, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "it is what the kernel says")]
pub struct Memory {
    /// All of it.
    pub total: u64,
    /// What can be had without swapping.
    pub available: u64,
    /// All of the swap space.
    pub swap: u64,
    /// What is left of it.
    pub swap_free: u64,
}

/// A group of processes with limits of its own.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::exhaustive_structs, reason = "it is what the kernel says")]
pub struct Cgroup {
    /// Its path below the root of its hierarchy.
    pub path: String,
    /// The most memory it may use, in bytes.
    pub memory_limit: Option<u64>,
    /// What it uses of it, without what the kernel can take back.
    pub memory_used: Option<u64>,
    /// How often the kernel killed one of its processes for want of memory, since it was made.
    pub oom_kills: u64,
    /// Processors that it may use, such as 0.5.
    pub cpu_limit: Option<f64>,
    /// Periods in which it ran, while this was looked at.
    pub periods: u64,
    /// Periods among them in which it was held back.
    pub throttled: u64,
}

/// A file system.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "it is what the kernel says")]
pub struct Disk {
    /// Where it is mounted.
    pub path: String,
    /// Its kind.
    pub kind: String,
    /// Its size, in bytes.
    pub size: u64,
    /// What is left for programs that are not root's.
    pub free: u64,
    /// How many files it can have; 0 where it has no limit.
    pub files: u64,
    /// How many more it can have.
    pub files_free: u64,
    /// Whether nothing can be written to it.
    pub is_read_only: bool,
    /// Whether it is mounted so on purpose.
    pub is_meant: bool,
}

/// A socket that takes connections.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "it is what the kernel says")]
pub struct Listener {
    /// Its address and port.
    pub address: String,
    /// Connections that nobody has accepted yet.
    pub waiting: u64,
    /// How many may wait.
    pub most: u64,
}

/// A process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "it is what the kernel says")]
pub struct ProcessFact {
    /// Its number.
    pub pid: i32,
    /// Its parent's number.
    pub parent: i32,
    /// Its name.
    pub name: String,
    /// Its state, as `ps` writes it: `R`, `S`, `D`, `Z`, `T`, …
    pub state: char,
    /// The processors that it used while this was looked at.
    pub cpus: f64,
    /// Its memory, in bytes.
    pub memory: u64,
    /// Its open files, and how many it may have, where they can be seen.
    pub files: Option<(u64, u64)>,
}

/// Somebody else, asked for by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "all that a connection tells")]
pub struct Peer {
    /// `host:port`.
    pub name: String,
    /// How long its name took, in milliseconds.
    pub resolved: Option<u64>,
    /// How long the connection took.
    pub connected: Option<u64>,
    /// Why there is none.
    pub error: Option<String>,
}
