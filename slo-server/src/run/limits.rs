//! The limits of a program.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The limits of a program, as its launcher gets them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "a launcher and its caller are of one version")]
pub struct Limits {
    /// The CPU time, in seconds.
    pub cpu_seconds: u64,
    /// The largest file that it may write, in bytes.
    pub largest_file: u64,
    /// Files and folders that it may write to.
    pub writes: Vec<String>,
}

/// How far the kernel enforces which files a program may write to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Enforced {
    /// In full.
    Fully,
    /// As far as this kernel can.
    Partly,
    /// Not at all: the kernel has no Landlock.
    Not,
}

impl fmt::Display for Enforced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fully => "fully",
            Self::Partly => "partly",
            Self::Not => "not",
        })
    }
}

impl Enforced {
    /// From its name.
    pub(super) fn named(name: &str) -> Option<Self> {
        [Self::Fully, Self::Partly, Self::Not].into_iter().find(|one| one.to_string() == name)
    }
}
