//! The faults that an experiment can inject.

use slo_core::model::{Ratio, Window};

/// A fault.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Processes are killed with SIGKILL.
    Kill {
        /// The processes.
        processes: Processes,
        /// The command that starts one again, where no supervisor does; without a shell.
        restart: Vec<String>,
    },
    /// Processes are stopped with SIGSTOP, and go on with SIGCONT.
    Stop(Processes),
    /// A machine or a container runs short of something.
    Pressure(Pressure),
    /// A proxy delays, slows down or cuts connections.
    Proxy {
        /// The control address of `slo proxy`.
        control: String,
        /// The file with its token.
        token_file: Option<String>,
        /// What it does to connections.
        toxic: Toxic,
    },
    /// A service that links `slo-instrument` answers late, or with errors.
    Service {
        /// The address that arms its fault layer.
        control: String,
        /// The file with its token.
        token_file: Option<String>,
        /// How much later it answers, in milliseconds.
        latency: Option<Window>,
        /// The share of requests that fail, in (0, 1].
        errors: Option<Ratio>,
    },
    /// A node goes away: all of its processes stop together, and come back together.
    Node(Vec<Processes>),
}

/// How processes are found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Processes {
    /// The process whose number is in a file.
    PidFile(String),
    /// The processes of a cgroup, by the path of its folder.
    Cgroup(String),
    /// The processes whose command line matches a regular expression.
    CommandLine(String),
}

/// What a machine runs short of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pressure {
    /// So many threads that do nothing but calculate.
    pub cpu: Option<u32>,
    /// So many bytes of memory, in use.
    pub memory: Option<u64>,
    /// A file of so many bytes in a folder.
    pub disk: Option<Disk>,
    /// So many open file descriptors.
    pub descriptors: Option<u64>,
    /// The folder of the cgroup in which this happens; in that of the controller without one.
    pub cgroup: Option<String>,
}

/// A disk that is filled.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Disk {
    /// The folder in which the file is.
    pub folder: String,
    /// Its size, in bytes.
    pub bytes: u64,
}

/// What a proxy does to connections.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Toxic {
    /// How much later every byte arrives.
    pub latency: Option<Window>,
    /// How much the latency varies: evenly, by as much as this to either side.
    pub jitter: Option<Window>,
    /// The most bytes per second of a connection, in each direction.
    pub bandwidth: Option<u64>,
    /// Whether connections are reset.
    pub reset: bool,
    /// Whether bytes vanish: connections are accepted, and nothing passes.
    pub black_hole: bool,
    /// The share of connections that are hit, in (0, 1].
    pub share: Option<Ratio>,
    /// The seed of what is random.
    pub seed: u64,
}

impl Fault {
    /// What it is called in a file.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Kill { .. } => "kill",
            Self::Stop(_) => "stop",
            Self::Pressure(_) => "pressure",
            Self::Proxy { .. } => "proxy",
            Self::Service { .. } => "service",
            Self::Node(_) => "node",
        }
    }
}
