//! Exit codes and errors.

use std::{io, path::Path};

/// How a run ended: the exit code of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exit {
    /// Done.
    Done,
    /// The input is wrong.
    Input,
    /// The command line is wrong.
    Usage,
    /// A file, a server or the network failed.
    Outside,
    /// What was checked does not hold.
    Broken,
    /// What was checked could not be decided.
    Inconclusive,
}

impl Exit {
    /// The exit code.
    #[must_use]
    pub const fn as_u8(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Input | Self::Broken => 1,
            Self::Usage => 2,
            Self::Outside => 3,
            Self::Inconclusive => 4,
        }
    }
}

/// Why a run failed; its text is the message to the user.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The input is wrong.
    #[error("{0}")]
    Input(String),
    /// The command line is wrong.
    #[error("{0}")]
    Usage(String),
    /// A file, a server or the network failed.
    #[error("{0}")]
    Outside(String),
    /// What was checked does not hold.
    #[error("{0}")]
    Broken(String),
    /// What was checked could not be decided.
    #[error("{0}")]
    Inconclusive(String),
    /// The reader has closed the output.
    #[error("the output was closed")]
    Closed,
}

impl Error {
    pub(crate) const fn exit(&self) -> Exit {
        match self {
            Self::Input(_) => Exit::Input,
            Self::Usage(_) => Exit::Usage,
            Self::Outside(_) => Exit::Outside,
            Self::Broken(_) => Exit::Broken,
            Self::Inconclusive(_) => Exit::Inconclusive,
            Self::Closed => Exit::Done,
        }
    }

    /// The same error, which says where it is.
    #[cfg(feature = "server")]
    pub(crate) fn within(self, place: &str) -> Self {
        match self {
            Self::Input(told) => Self::Input(format!("{place}: {told}")),
            other => other,
        }
    }

    /// An error of something outside, with its hint.
    #[cfg(feature = "server")]
    pub(crate) fn outside(error: slo_core::Error) -> Self {
        match Self::from(error) {
            Self::Input(told) => Self::Outside(told),
            other => other,
        }
    }

    pub(crate) fn file(path: &Path, error: &io::Error) -> Self {
        Self::Outside(format!("{}: {error}", path.display()))
    }
}

impl From<io::Error> for Error {
    /// An error of writing to the terminal or a pipe. For files use [`Error::file`], which names the file.
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::Outside(format!("writing the output: {error}")),
        }
    }
}

impl From<slo_prometheus::Error> for Error {
    fn from(error: slo_prometheus::Error) -> Self {
        let hint = error.hint().map_or_else(String::new, |hint| format!("\n  hint: {hint}"));
        match error.kind() {
            slo_prometheus::Kind::Settings => Self::Usage(format!("{error}{hint}")),
            _ => Self::Outside(format!("{error}{hint}")),
        }
    }
}

#[cfg(feature = "server")]
impl From<slo_server::logs::LogError> for Error {
    fn from(error: slo_server::logs::LogError) -> Self {
        match error {
            slo_server::logs::LogError::Refused(error) => error.into(),
            other => Self::Outside(other.to_string()),
        }
    }
}

impl From<slo_core::Error> for Error {
    fn from(error: slo_core::Error) -> Self {
        let hint = error.hint().map_or_else(String::new, |hint| format!("\n  hint: {hint}"));
        Self::Input(format!("{error}{hint}"))
    }
}
