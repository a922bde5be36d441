//! What undoes a fault.

use super::Processes;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A process of a machine, also after its number was given to another one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "these identify a process")]
pub struct ProcessId {
    /// Its number.
    pub pid: i32,
    /// When it started, in clock ticks since the machine did.
    pub started: u64,
    /// The boot of the machine.
    pub boot: String,
}

/// What undoes a part of a fault. To do it twice is the same as to do it once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "undo", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Undo {
    /// As many processes run again as before; `command` starts one.
    Restart {
        /// The processes.
        processes: Processes,
        /// How many ran.
        before: usize,
        /// The command, without a shell; empty where a supervisor starts them.
        command: Vec<String>,
        /// The folder in which it is started.
        folder: String,
    },
    /// A stopped process goes on.
    Continue {
        /// The process.
        process: ProcessId,
    },
    /// A process that uses up something ends.
    End {
        /// The process.
        process: ProcessId,
    },
    /// A proxy or a service ends its fault.
    Disarm {
        /// The address of the fault.
        url: String,
        /// The file with the token.
        token_file: Option<String>,
    },
    /// A network namespace passes packets again.
    Connect {
        /// The namespace.
        namespace: String,
    },
    /// As many pods are ready as before.
    Ready {
        /// The address of the API server.
        server: String,
        /// The namespace.
        namespace: String,
        /// The labels of the pods.
        selector: String,
        /// How many were ready.
        before: usize,
    },
    /// A node of Kubernetes takes pods again.
    Uncordon {
        /// The address of the API server.
        server: String,
        /// The node.
        node: String,
    },
}

impl Undo {
    /// Whether nothing can be done for it but to wait: something else starts the processes or the pods.
    #[must_use]
    pub const fn only_waits(&self) -> bool {
        match self {
            Self::Restart { command, .. } => command.is_empty(),
            Self::Ready { .. } => true,
            _ => false,
        }
    }
}

impl fmt::Display for ProcessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {}", self.pid)
    }
}

impl fmt::Display for Undo {
    /// The state that it leads to, such as `process 42 goes on`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Restart { processes, .. } => write!(f, "{processes} runs again"),
            Self::Continue { process } => write!(f, "{process} goes on"),
            Self::End { process } => write!(f, "{process}, which used up resources, ends"),
            Self::Disarm { url, .. } => write!(f, "{url} has no fault"),
            Self::Connect { namespace } => write!(f, "the network namespace {namespace} passes packets"),
            Self::Ready { namespace, selector, before, .. } => {
                write!(f, "{before} pods {selector} in the namespace {namespace} are ready")
            }
            Self::Uncordon { node, .. } => write!(f, "the node {node} takes pods"),
        }
    }
}
