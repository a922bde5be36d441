//! The faults that an experiment can inject.

use serde::{Deserialize, Serialize};
use slo_core::model::{Ratio, Window};
use std::fmt;

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
    /// A node goes away: all of it together, and it comes back together.
    Node(Vec<Part>),
    /// Pods of Kubernetes are deleted or evicted; their controller makes new ones.
    Pods {
        /// The namespace.
        namespace: String,
        /// The labels that they have, such as `app=checkout`.
        selector: String,
        /// Whether they are evicted, which a disruption budget may refuse, instead of deleted.
        evict: bool,
    },
    /// Nodes of Kubernetes are cordoned and drained, and uncordoned in the end.
    Drain {
        /// The labels that they have, such as `pool=spare`.
        selector: String,
    },
}

/// A part of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part {
    /// Processes, which are stopped with SIGSTOP.
    Processes(Processes),
    /// A network namespace, which loses every packet.
    NetworkNamespace(String),
}

/// How processes are found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
            Self::Pods { .. } => "pods",
            Self::Drain { .. } => "drain",
        }
    }
}

impl fmt::Display for Fault {
    /// In words, such as `latency 300ms at the proxy http://127.0.0.1:9101`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kill { processes, .. } => write!(f, "SIGKILL to {processes}"),
            Self::Stop(processes) => write!(f, "SIGSTOP to {processes}"),
            Self::Pressure(pressure) => write!(f, "{pressure}"),
            Self::Proxy { control, toxic, .. } => write!(f, "{toxic} at the proxy {control}"),
            Self::Service { control, latency, errors, .. } => {
                let latency = latency.map(|latency| format!("latency {latency}"));
                let errors = errors.map(|errors| format!("errors in {}", percent(errors)));
                let both: Vec<String> = latency.into_iter().chain(errors).collect();
                write!(f, "{} at the service {control}", both.join(" and "))
            }
            Self::Node(parts) => {
                let parts: Vec<String> = parts.iter().map(ToString::to_string).collect();
                write!(f, "node away: {}", parts.join(", "))
            }
            Self::Pods { namespace, selector, evict } => {
                let verb = if *evict { "evicted" } else { "deleted" };
                write!(f, "pods {selector} in the namespace {namespace} are {verb}")
            }
            Self::Drain { selector } => write!(f, "nodes {selector} are drained"),
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Processes(processes) => write!(f, "{processes}"),
            Self::NetworkNamespace(name) => write!(f, "the network namespace {name}"),
        }
    }
}

impl fmt::Display for Processes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PidFile(path) => write!(f, "the process of {path}"),
            Self::Cgroup(path) => write!(f, "the processes of the cgroup {path}"),
            Self::CommandLine(pattern) => write!(f, "the processes that match `{pattern}`"),
        }
    }
}

impl fmt::Display for Pressure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        parts.extend(self.cpu.map(|threads| match threads {
            1 => "a busy thread".to_owned(),
            threads => format!("{threads} busy threads"),
        }));
        parts.extend(self.memory.map(|bytes| format!("{} of memory", binary(bytes))));
        parts.extend(self.disk.as_ref().map(|disk| format!("{} in {}", binary(disk.bytes), disk.folder)));
        parts.extend(self.descriptors.map(|count| format!("{count} file descriptors")));
        f.write_str(&parts.join(", "))?;
        self.cgroup.as_ref().map_or(Ok(()), |cgroup| write!(f, ", in the cgroup {cgroup}"))
    }
}

impl fmt::Display for Toxic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        parts.extend(self.latency.map(|latency| match self.jitter {
            Some(jitter) => format!("latency {latency} ± {jitter}"),
            None => format!("latency {latency}"),
        }));
        parts.extend(self.bandwidth.map(|bytes| format!("bandwidth {}/s", binary(bytes))));
        parts.extend(self.reset.then(|| "connection resets".to_owned()));
        parts.extend(self.black_hole.then(|| "black hole".to_owned()));
        f.write_str(&parts.join(", "))?;
        match self.share.filter(|share| *share < Ratio::ONE) {
            Some(share) => write!(f, " for {} of connections", percent(share)),
            None => Ok(()),
        }
    }
}

fn percent(share: Ratio) -> String {
    format!("{} %", (share.to_f64() * 1_000_000.0).round() / 10_000.0)
}

/// A number of bytes in the largest unit that it is a multiple of.
fn binary(bytes: u64) -> String {
    let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    let fits = units.iter().find(|(shift, _)| bytes > 0 && bytes.trailing_zeros() >= *shift);
    fits.map_or_else(|| format!("{bytes} B"), |(shift, unit)| format!("{} {unit}", bytes >> shift))
}
