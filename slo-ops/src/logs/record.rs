//! A record: what one line of a log says, and when.

use serde::{Deserialize, Serialize};
use slo_core::model::Timestamp;
use std::{borrow::Cow, fmt};

/// One line of a log, without what its format adds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "callers make records of their own formats")]
pub struct Record<'a> {
    /// When it was written; that of the line before if it does not say.
    pub time: Option<Timestamp>,
    /// How bad it is, if it says.
    pub level: Option<Level>,
    /// The message.
    pub message: Cow<'a, str>,
}

/// How bad a program says that something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(clippy::exhaustive_enums, reason = "the levels that OpenTelemetry has")]
pub enum Level {
    /// More detailed than for debugging.
    Trace,
    /// For debugging.
    Debug,
    /// As expected.
    Info,
    /// Unexpected, but no failure.
    Warn,
    /// A failure.
    Error,
    /// The program ends, or cannot go on.
    Fatal,
}

impl Level {
    /// Its name, in lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Fatal => "fatal",
        }
    }

    /// The level that programs call by this name, whatever its case, or number, such as `WARNING`, `crit`, or `30` in JSON of pino.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let mut lower = [0; 11];
        let lower = lower.get_mut(..name.len())?;
        lower.copy_from_slice(name.as_bytes());
        lower.make_ascii_lowercase();
        Some(match &*lower {
            b"trace" | b"finest" | b"finer" | b"10" => Self::Trace,
            b"debug" | b"fine" | b"dbg" | b"20" => Self::Debug,
            b"info" | b"information" | b"notice" | b"config" | b"inf" | b"30" => Self::Info,
            b"warn" | b"warning" | b"wrn" | b"40" => Self::Warn,
            b"error" | b"err" | b"severe" | b"eror" | b"50" => Self::Error,
            b"fatal" | b"crit" | b"critical" | b"alert" | b"emerg" | b"emergency" | b"panic" | b"dpanic"
            | b"60" => Self::Fatal,
            _ => return None,
        })
    }

    /// The level of a priority of syslog, from 0 to 7.
    pub(super) const fn of_priority(priority: u8) -> Option<Self> {
        Some(match priority {
            0..=2 => Self::Fatal,
            3 => Self::Error,
            4 => Self::Warn,
            5 | 6 => Self::Info,
            7 => Self::Debug,
            _ => return None,
        })
    }

    /// The level of an HTTP status: a server that answers with 500 has failed.
    pub(super) const fn of_status(status: u16) -> Option<Self> {
        match status {
            100..=499 => Some(Self::Info),
            500..=599 => Some(Self::Error),
            _ => None,
        }
    }

    /// The level that a line of text names near its beginning: in capitals, in brackets, or before a colon.
    pub(super) fn in_text(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let mut start = 0;
        for _ in 0..8 {
            while bytes.get(start).is_some_and(|byte| !byte.is_ascii_alphabetic()) {
                start += 1;
            }
            let mut end = start;
            while bytes.get(end).is_some_and(u8::is_ascii_alphabetic) {
                end += 1;
            }
            let word = text.get(start..end).filter(|word| !word.is_empty())?;
            if word.len() <= 11 && word.len() >= 3 {
                let before = start.checked_sub(1).and_then(|at| bytes.get(at));
                let after = bytes.get(end);
                let is_apart = before.is_none_or(|byte| !byte.is_ascii_digit() && *byte != b'_')
                    && after.is_none_or(|byte| !byte.is_ascii_digit() && *byte != b'_');
                let is_marked = word.bytes().all(|byte| byte.is_ascii_uppercase())
                    || matches!((before, after), (Some(b'[' | b'<' | b'('), Some(b']' | b'>' | b')' | b':')))
                    || after == Some(&b':')
                    || before == Some(&b'=');
                if is_apart
                    && is_marked
                    && let Some(level) = Self::named(word)
                {
                    return Some(level);
                }
            }
            start = end;
        }
        None
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::Level;

    #[test]
    fn levels_in_text() {
        let check = |text: &str, level| assert_eq!(Level::in_text(text), level, "{text}");
        check("ERROR dfs.DataNode: disk full", Some(Level::Error));
        check("[error] 7#7: upstream timed out", Some(Level::Error));
        check("main - WARNING - slow", Some(Level::Warn));
        check("FATAL:  the database system is starting up", Some(Level::Fatal));
        check("warning: unused", Some(Level::Warn));
        check("an error is in the middle", None);
        check("INFORMATIONAL", None);
        check("", None);
        check("user_ERROR_count", None);
    }
}
