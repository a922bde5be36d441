//! The formats of logs, and what a line of each says.

use super::{
    fields::{json, logfmt},
    record::Record,
    text::text,
    when::Clock,
};
use slo_core::{Error, model::Timestamp};
use std::{borrow::Cow, fmt, str::FromStr};

/// The format of a log.
///
/// ```
/// use slo_ops::logs::LogFormat;
///
/// assert_eq!("logfmt".parse(), Ok(LogFormat::Logfmt));
/// assert_eq!(LogFormat::default(), LogFormat::Auto);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LogFormat {
    /// Found out from each line.
    #[default]
    Auto,
    /// Text, with a time and a level at the beginning if it has any.
    Text,
    /// A JSON object a line, also that of Docker and of `journalctl -o json`.
    Json,
    /// `key=value` pairs.
    Logfmt,
    /// The export format of systemd's journal, `journalctl -o export`.
    Journald,
    /// The files of container runtimes in `/var/log/pods`: a time, a stream, and whether a line is whole.
    Container,
}

impl LogFormat {
    /// All formats.
    pub const ALL: [Self; 6] =
        [Self::Auto, Self::Text, Self::Json, Self::Logfmt, Self::Journald, Self::Container];

    /// Its name in options.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Text => "text",
            Self::Json => "json",
            Self::Logfmt => "logfmt",
            Self::Journald => "journald",
            Self::Container => "container",
        }
    }
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for LogFormat {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|format| format.as_str() == text).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|format| format.as_str()).collect();
            Error::new(format!("`{text}` is not a format of logs"))
                .with_hint(format!("write one of {}", names.join(", ")))
        })
    }
}

/// What the file of a container runtime says of a line: `2026-12-01T10:00:00.5Z stdout F message`.
pub(super) struct InContainer<'a> {
    pub(super) time: Timestamp,
    /// Whether it was written to standard error.
    pub(super) is_error: bool,
    /// Whether the message goes on in the next line of the same stream.
    pub(super) goes_on: bool,
    pub(super) message: &'a str,
}

/// A line of the file of a container runtime.
pub(super) fn in_container<'a>(line: &'a str, clock: &Clock) -> Option<InContainer<'a>> {
    let found = clock.at_start(line)?;
    let rest = line.get(found.length..)?;
    let (is_error, rest) = match rest.strip_prefix(" stdout ") {
        Some(rest) => (false, rest),
        None => (true, rest.strip_prefix(" stderr ")?),
    };
    let (tags, message) = rest.split_once(' ').unwrap_or((rest, ""));
    let goes_on = match tags.split(':').next()? {
        "P" => true,
        "F" => false,
        _ => return None,
    };
    Some(InContainer { time: found.time, is_error, goes_on, message })
}

/// What a line says that is no line of a container runtime or of the journal's export.
pub(super) fn record<'a>(line: &'a str, format: LogFormat, clock: &Clock) -> Record<'a> {
    let structured = match format {
        LogFormat::Text => None,
        LogFormat::Json => object(line, clock),
        LogFormat::Logfmt => logfmt(line, clock),
        LogFormat::Auto | LogFormat::Container | LogFormat::Journald => guessed(line, clock),
    };
    if let Some(record) = structured {
        return record;
    }
    let text = text(line, clock);
    // Times are often put before what a program writes, such as by `kubectl logs --timestamps`.
    if matches!(format, LogFormat::Text) {
        return text;
    }
    let Cow::Borrowed(message) = text.message else { return text };
    match guessed(message, clock) {
        Some(inner) => Record { time: text.time.or(inner.time), level: inner.level.or(text.level), ..inner },
        None => text,
    }
}

fn guessed<'a>(line: &'a str, clock: &Clock) -> Option<Record<'a>> {
    if line.starts_with('{') {
        return object(line, clock);
    }
    let key = line
        .bytes()
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'@'))
        .count();
    let is_pair = key > 0 && line.as_bytes().get(key) == Some(&b'=');
    if is_pair {
        logfmt(line, clock).filter(|_| {
            line.contains("msg=")
                || line.contains("level=")
                || line.contains("message=")
                || line.contains("lvl=")
        })
    } else {
        None
    }
}

/// A line that is a JSON object; what a container wrote is read again, in the files of Docker.
fn object<'a>(line: &'a str, clock: &Clock) -> Option<Record<'a>> {
    let found = json(line, clock)?;
    let Cow::Owned(inner) = &found.message else { return Some(found) };
    if !line.starts_with("{\"log\":") {
        return Some(found);
    }
    let inner = record(inner.as_str(), LogFormat::Auto, clock);
    let message = Cow::Owned(inner.message.into_owned());
    Some(Record { time: found.time.or(inner.time), level: inner.level.or(found.level), message })
}

#[cfg(test)]
mod tests {
    use super::{super::record::Level, *};
    use jiff::tz::TimeZone;

    #[track_caller]
    fn check(line: &str, seconds: Option<i64>, level: Option<Level>, message: &str) {
        let clock = Clock { zone: TimeZone::UTC, now: Timestamp::from_seconds(1_796_120_000) };
        let record = record(line, LogFormat::Auto, &clock);
        let time = record.time.map(Timestamp::as_millis);
        assert_eq!(
            (&*record.message, record.level, time),
            (message, level, seconds.map(|seconds| seconds * 1000))
        );
    }

    const TEN: Option<i64> = Some(1_796_119_200);

    #[test]
    fn json_lines() {
        check(
            r#"{"time":"2026-12-01T10:00:00Z","level":"ERROR","msg":"disk full","shard":3}"#,
            TEN,
            Some(Level::Error),
            "disk full",
        );
        check(
            r#"{"ts":1796119200,"severity":"warn","message":"slow","error":"timeout"}"#,
            TEN,
            Some(Level::Warn),
            "slow: timeout",
        );
        check(r#"{"ts":1.7961192e9,"lvl":30,"event":"a \"b\""}"#, TEN, Some(Level::Info), "a \"b\"");
        check(
            r#"{"log":"ERROR x\n","stream":"stderr","time":"2026-12-01T10:00:00Z"}"#,
            TEN,
            Some(Level::Error),
            "x",
        );
    }

    #[test]
    fn others() {
        check(r#"{"method":"GET","status":500}"#, None, Some(Level::Error), "method=GET status=500");
        check(r#"{"error":{"message":"no route","code":5}}"#, None, None, "no route");
        check("{broken", None, None, "{broken");
        check(
            r#"{"__REALTIME_TIMESTAMP":"1796119200000000","PRIORITY":"3","MESSAGE":"failed"}"#,
            TEN,
            Some(Level::Error),
            "failed",
        );
        check(r#"{"MESSAGE":[104,105]}"#, None, None, "hi");
    }

    #[test]
    fn logfmt_lines() {
        check(
            r#"time=2026-12-01T10:00:00Z level=warn source=a.go:5 msg="it \"is\" full" n=3"#,
            TEN,
            Some(Level::Warn),
            "it \"is\" full",
        );
        check(
            r#"level=error msg=failed err="no such host""#,
            None,
            Some(Level::Error),
            "failed: no such host",
        );
        check("a=b is no log", None, None, "a=b is no log");
    }

    #[test]
    fn text_lines() {
        check("2026-12-01T10:00:00Z ERROR x failed", TEN, Some(Level::Error), "x failed");
        check("2026-12-01T10:00:00Z [warn] 7#7: slow", TEN, Some(Level::Warn), "7#7: slow");
        check("2026-12-01T10:00:00Z ERRORS are counted", TEN, None, "ERRORS are counted");
        check("<35>Dec  1 10:00:00 host su: denied", TEN, Some(Level::Error), "host su: denied");
        check("<165>1 2026-12-01T10:00:00Z host app - x", TEN, Some(Level::Info), "host app - x");
        check("E1201 10:00:00.000000   7 a.go:5] x", TEN, Some(Level::Error), "x");
        check(r#"2026-12-01T10:00:00Z {"level":"info","msg":"up"}"#, TEN, Some(Level::Info), "up");
        check("[pod/web-1/app] hello", None, None, "hello");
        check(
            r#"1.2.3.4 - - [01/Dec/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 5"#,
            TEN,
            Some(Level::Info),
            r#"1.2.3.4 - - "GET / HTTP/1.1" 200 5"#,
        );
    }

    #[test]
    fn container_lines() {
        let clock = Clock { zone: TimeZone::UTC, now: Timestamp::from_seconds(1_796_120_000) };
        let found = in_container("2026-12-01T10:00:00.5Z stderr P half", &clock).unwrap();
        assert_eq!((found.message, found.goes_on), ("half", true));
        assert!(in_container("2026-12-01T10:00:00.5Z stderr whole", &clock).is_none());
    }
}
