//! Facts about a machine.

use serde::{Deserialize, Serialize};

/// Facts about a machine or a container; unknown ones are `None` or missing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::exhaustive_structs, reason = "a caller sets every fact that it can read")]
pub struct Facts {
    /// The number of CPUs.
    pub cpus: u32,
    /// The share of the time in which the CPUs were busy, from 0 to 1.
    pub cpu_busy: Option<f64>,
    /// The load average of the last minute: how many processes ran, or waited for a CPU or a disk.
    pub load: Option<f64>,
    /// How long tasks waited for CPUs, memory and disks.
    pub pressure: Vec<Pressure>,
    /// The memory of the machine.
    pub memory: Option<Memory>,
    /// Cgroups: groups of processes with their own limits, such as containers.
    pub cgroups: Vec<Cgroup>,
    /// File systems.
    pub disks: Vec<Disk>,
    /// Listening sockets.
    pub listeners: Vec<Listener>,
    /// Connections that did not fit into an accept queue during the check.
    pub listen_overflows: Option<u64>,
    /// Connections in the state `TIME_WAIT`.
    pub time_wait: Option<u64>,
    /// The number of local ports for outgoing connections.
    pub local_ports: Option<u64>,
    /// The share of TCP segments that were retransmitted during the check, and how many were sent.
    pub retransmitted: Option<(f64, u64)>,
    /// Connections in the connection tracking table (conntrack), and its size.
    pub conntrack: Option<(u64, u64)>,
    /// Open files, and the most that the kernel allows.
    pub open_files: Option<(u64, u64)>,
    /// Processes.
    pub processes: Vec<ProcessFact>,
    /// Kernel messages about processes that the OOM killer killed in the last 15 minutes.
    pub oom_kills: Vec<String>,
    /// Units of systemd that have failed.
    pub failed_units: Vec<String>,
    /// Other hosts that were checked.
    pub peers: Vec<Peer>,
    /// Facts that could not be read, and why.
    pub unseen: Vec<String>,
}

/// How long tasks waited for a resource: the kernel's pressure stall information.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "it is what the kernel says")]
pub struct Pressure {
    /// `cpu`, `memory` or `io`.
    pub resource: String,
    /// The share of the last ten seconds in which some tasks waited, in percent.
    pub some: f64,
    /// The share in which all tasks waited, in percent.
    pub full: f64,
}

/// Memory, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "it is what the kernel says")]
pub struct Memory {
    /// All memory.
    pub total: u64,
    /// Memory that is available without swapping.
    pub available: u64,
    /// All swap space.
    pub swap: u64,
    /// Free swap space.
    pub swap_free: u64,
}

/// A cgroup: a group of processes with its own limits.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::exhaustive_structs, reason = "it is what the kernel says")]
pub struct Cgroup {
    /// Its path below the root of its hierarchy.
    pub path: String,
    /// Its memory limit, in bytes.
    pub memory_limit: Option<u64>,
    /// The memory that it uses, in bytes, without file cache that the kernel can reclaim.
    pub memory_used: Option<u64>,
    /// How many of its processes the OOM killer has killed since the cgroup was created.
    pub oom_kills: u64,
    /// Its CPU limit, in CPUs, such as 0.5.
    pub cpu_limit: Option<f64>,
    /// CPU periods in which it ran during the check.
    pub periods: u64,
    /// Periods among them in which it was throttled.
    pub throttled: u64,
}

/// A file system.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "it is what the kernel says")]
pub struct Disk {
    /// Where it is mounted.
    pub path: String,
    /// Its type, such as `ext4`.
    pub kind: String,
    /// Its size, in bytes.
    pub size: u64,
    /// Free space for programs that do not run as root, in bytes.
    pub free: u64,
    /// The number of inodes; 0 if it has no limit.
    pub files: u64,
    /// Free inodes.
    pub files_free: u64,
    /// Whether it is read-only.
    pub is_read_only: bool,
    /// Whether it was mounted read-only on purpose.
    pub is_meant: bool,
}

/// A listening socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "it is what the kernel says")]
pub struct Listener {
    /// Its address and port.
    pub address: String,
    /// Connections that wait to be accepted.
    pub waiting: u64,
    /// The size of its accept queue.
    pub most: u64,
}

/// A process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "it is what the kernel says")]
pub struct ProcessFact {
    /// Its process id.
    pub pid: i32,
    /// The process id of its parent.
    pub parent: i32,
    /// Its name.
    pub name: String,
    /// Its state, as `ps` writes it: `R`, `S`, `D`, `Z`, `T`, …
    pub state: char,
    /// How many CPUs it used during the check.
    pub cpus: f64,
    /// Its memory, in bytes.
    pub memory: u64,
    /// Its open files and its limit of open files, if they can be read.
    pub files: Option<(u64, u64)>,
}

/// Another host, checked by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "all that a connection tells")]
pub struct Peer {
    /// `host:port`.
    pub name: String,
    /// How long the name lookup took, in milliseconds.
    pub resolved: Option<u64>,
    /// How long the connection took, in milliseconds.
    pub connected: Option<u64>,
    /// Why there is no connection.
    pub error: Option<String>,
}
