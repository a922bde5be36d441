//! The formats of logs, and what a line of each says.

use super::{
    record::{Level, Record},
    when::Clock,
};
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
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
        LogFormat::Json => json(line, clock),
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
        return json(line, clock);
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

/// A line of text.
fn text<'a>(line: &'a str, clock: &Clock) -> Record<'a> {
    // `kubectl logs --prefix`
    let line =
        line.strip_prefix("[pod/").and_then(|rest| rest.split_once("] ")).map_or(line, |(_, rest)| rest);
    let (priority, line) = without_priority(line);
    if let Some(found) = clock.at_start(line) {
        let rest = line.get(found.length..).unwrap_or_default();
        let message = rest.trim_start_matches([' ', '\t', '-', '|', ',', ']']);
        let klog = line.as_bytes().first().filter(|_| line.as_bytes().get(1).is_some_and(u8::is_ascii_digit));
        let message = if klog.is_some_and(u8::is_ascii_alphabetic) { after_klog(message) } else { message };
        let level = match klog {
            Some(b'I') => Some(Level::Info),
            Some(b'W') => Some(Level::Warn),
            Some(b'E') => Some(Level::Error),
            Some(b'F') => Some(Level::Fatal),
            _ => Level::in_text(message).or(priority),
        };
        return Record { time: Some(found.time), level, message: Cow::Borrowed(without_level(message)) };
    }
    if let Some((start, found)) = clock.in_access_log(line) {
        let (before, after) =
            (line.get(..start).unwrap_or_default(), line.get(start + found.length..).unwrap_or_default());
        let message = Cow::Owned(format!("{}{after}", before.trim_end()));
        return Record { time: Some(found.time), level: after_request(after), message };
    }
    Record {
        time: None,
        level: Level::in_text(line).or(priority),
        message: Cow::Borrowed(without_level(line)),
    }
}

/// A line of syslog without its priority, and the version that may follow: `<34>`, `<165>1 `.
fn without_priority(line: &str) -> (Option<Level>, &str) {
    let found =
        line.strip_prefix('<').and_then(|rest| rest.split_once('>')).filter(|(number, _)| number.len() <= 3);
    let Some((level, rest)) = found.and_then(|(number, rest)| Some((number.parse::<u8>().ok()? % 8, rest)))
    else {
        return (None, line);
    };
    (Level::of_priority(level), rest.strip_prefix("1 ").unwrap_or(rest))
}

/// The level of an access log, by the status after the request: `"GET / HTTP/1.1" 500 17`.
fn after_request(text: &str) -> Option<Level> {
    let status = text.rsplit('"').find_map(|part| part.trim_start().get(..3)?.parse::<u16>().ok());
    status.and_then(of_status)
}

/// The level of an HTTP status.
const fn of_status(status: u16) -> Option<Level> {
    match status {
        100..=499 => Some(Level::Info),
        500..=599 => Some(Level::Error),
        _ => None,
    }
}

/// A message without the level that it begins with, which is told apart: `INFO order paid`, `[error] disk full`, `LOG:  ready`.
fn without_level(message: &str) -> &str {
    let inner = message.trim_start_matches(['[', '(', '<', ' ']);
    let end = inner.find(|character: char| !character.is_ascii_alphabetic()).unwrap_or(inner.len());
    let (word, rest) = inner.split_at_checked(end).unwrap_or((inner, ""));
    let is_marked =
        word.bytes().all(|byte| byte.is_ascii_uppercase()) || rest.starts_with([']', ')', '>', ':']);
    let message_follows = rest.starts_with([' ', ']', ')', '>', ':', '|', '\t']);
    if word.len() < 3 || !is_marked || !message_follows || Level::named(word).is_none() {
        return message;
    }
    let rest = rest.trim_start_matches([' ', ']', ')', '>', ':', '|', '-', '\t']);
    if rest.is_empty() { message } else { rest }
}

/// What follows the thread and the place in the source that klog writes: `7 main.go:5] message`.
fn after_klog(text: &str) -> &str {
    let rest = text.trim_start_matches(|character: char| character.is_ascii_digit()).trim_start();
    let message = rest.split_once("] ").filter(|(place, _)| place.contains(':') && !place.contains(' '));
    message.map_or(text, |(_, message)| message)
}

/// The names of fields that hold a message, in the order of preference.
const MESSAGES: [&str; 9] =
    ["msg", "message", "MESSAGE", "log", "event", "body", "text", "textPayload", "short_message"];
const TIMES: [&str; 10] = [
    "time",
    "ts",
    "timestamp",
    "@timestamp",
    "t",
    "datetime",
    "date",
    "asctime",
    "_SOURCE_REALTIME_TIMESTAMP",
    "__REALTIME_TIMESTAMP",
];
const LEVELS: [&str; 8] =
    ["level", "lvl", "severity", "levelname", "log.level", "severity_text", "severityText", "PRIORITY"];
/// Fields that hold the status of an answer.
const STATUSES: [&str; 4] = ["status", "status_code", "http.status_code", "http.response.status_code"];
/// Fields that tell errors apart that have the same message.
const ERRORS: [&str; 5] = ["error", "err", "exception", "error.message", "exc_info"];

/// The fields of a line that matter, and the others.
#[derive(Default)]
struct Fields<'a> {
    message: Option<(usize, Cow<'a, str>)>,
    time: Option<(usize, Timestamp)>,
    level: Option<Level>,
    error: Option<Cow<'a, str>>,
    /// All others, for lines that have no message.
    others: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Fields<'a> {
    fn take(&mut self, key: Cow<'a, str>, value: Cow<'a, str>, clock: &Clock) {
        let rank = |names: &[&str]| names.iter().position(|name| *name == key);
        if let Some(rank) = rank(&MESSAGES) {
            if self.message.as_ref().is_none_or(|(known, _)| rank < *known) {
                self.message = Some((rank, value));
            }
        } else if let Some(rank) = rank(&TIMES) {
            let time = clock
                .of_field(value.trim())
                .or_else(|| clock.of_field(&short_number(&value)?))
                .map(|found| found.time);
            if let Some(time) = time
                && self.time.is_none_or(|(known, _)| rank < known)
            {
                self.time = Some((rank, time));
            }
        } else if STATUSES.contains(&&*key) {
            // A server that answers with 500 has failed, whatever its log says.
            let level = value.parse().ok().and_then(of_status);
            self.level =
                if level == Some(Level::Error) { self.level.max(level) } else { self.level.or(level) };
            self.others.push((key, value));
        } else if key == "PRIORITY" {
            self.level = value.parse().ok().and_then(Level::of_priority).or(self.level);
        } else if rank(&LEVELS).is_some() {
            self.level = Level::named(value.trim()).max(self.level);
        } else if rank(&ERRORS).is_some() {
            self.error = Some(value);
        } else if self.others.len() < 64 {
            self.others.push((key, value));
        }
    }

    fn record(self) -> Option<Record<'a>> {
        let message = match (self.message, self.error) {
            (Some((_, message)), Some(error)) if !error.is_empty() => {
                Cow::Owned(format!("{}: {error}", message.trim_end_matches(['\n', '\r', ':'])))
            }
            (Some((_, message)), _) => match message {
                Cow::Borrowed(message) => Cow::Borrowed(message.trim_end_matches(['\n', '\r'])),
                Cow::Owned(message) => Cow::Owned(message.trim_end_matches(['\n', '\r']).to_owned()),
            },
            (None, Some(error)) => error,
            (None, None) if self.others.is_empty() => return None,
            (None, None) => {
                let pairs: Vec<String> =
                    self.others.iter().map(|(key, value)| format!("{key}={value}")).collect();
                Cow::Owned(pairs.join(" "))
            }
        };
        Some(Record { time: self.time.map(|(_, time)| time), level: self.level, message })
    }
}

/// Seconds of JSON such as `1764583200.123` or `1.764583200123e9`, which all are numbers of the same form here.
fn short_number(value: &str) -> Option<String> {
    let seconds: f64 =
        value.trim().parse().ok().filter(|seconds: &f64| seconds.is_finite() && *seconds > 1e8)?;
    (seconds < 1e11).then(|| format!("{seconds:013.3}"))
}

/// A line that is a JSON object.
fn json<'a>(line: &'a str, clock: &Clock) -> Option<Record<'a>> {
    let mut deserializer = serde_json::Deserializer::from_str(line);
    let fields = deserializer.deserialize_map(Object(clock)).ok()?;
    let record = fields.record()?;
    // What a container writes, in the files of Docker.
    if line.starts_with("{\"log\":")
        && let Cow::Owned(inner) = &record.message
    {
        let inner = self::record(inner.as_str(), LogFormat::Auto, clock);
        let message = Cow::Owned(inner.message.into_owned());
        return Some(Record {
            time: inner.time.or(record.time),
            level: inner.level.or(record.level),
            message,
        });
    }
    Some(record)
}

struct Object<'c>(&'c Clock);

impl<'de> Visitor<'de> for Object<'_> {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
        let mut fields = Fields::default();
        while let Some(Key(key)) = map.next_key()? {
            if let Scalar(Some(value)) = map.next_value()? {
                fields.take(key, value, self.0);
            }
        }
        Ok(fields)
    }
}

/// A key of an object, borrowed if it has no escapes.
struct Key<'a>(Cow<'a, str>);

impl<'de> serde::Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text).map(Key)
    }
}

struct Text;

impl<'de> Visitor<'de> for Text {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

/// A value as text; `None` for null and for what has parts, but for bytes and for an object's message.
struct Scalar<'a>(Option<Cow<'a, str>>);

impl<'de> serde::Deserialize<'de> for Scalar<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor).map(Scalar)
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Option<Cow<'de, str>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(text.to_owned())))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Some(Cow::Borrowed(if value { "true" } else { "false" })))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(value.to_string())))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(value.to_string())))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(value.to_string())))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    /// journald writes a message that is no UTF-8 as an array of bytes.
    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut bytes = Some(Vec::new());
        while let Some(value) = seq.next_element::<serde_json::Value>()? {
            let byte = value.as_u64().and_then(|value| u8::try_from(value).ok());
            match (byte, &mut bytes) {
                (Some(byte), Some(bytes)) => bytes.push(byte),
                _ => bytes = None,
            }
        }
        Ok(bytes
            .filter(|bytes| !bytes.is_empty())
            .map(|bytes| Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())))
    }

    /// `{"error": {"message": …}}`
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut message = None;
        while let Some(Key(key)) = map.next_key()? {
            if matches!(&*key, "message" | "msg" | "text" | "level") {
                let Scalar(value) = map.next_value()?;
                message = message.or(value);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(message)
    }
}

/// A line of `key=value` pairs; words without a value are left out.
fn logfmt<'a>(line: &'a str, clock: &Clock) -> Option<Record<'a>> {
    let mut fields = Fields::default();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let key_end = rest.find(['=', ' ']).unwrap_or(rest.len());
        let (key, after) = rest.split_at_checked(key_end)?;
        let Some(after) = after.strip_prefix('=') else {
            rest = after.trim_start();
            continue;
        };
        let (value, after) = if let Some(quoted) = after.strip_prefix('"') {
            unquoted(quoted)
        } else {
            let end = after.find(' ').unwrap_or(after.len());
            let (value, after) = after.split_at_checked(end)?;
            (Cow::Borrowed(value), after)
        };
        fields.take(Cow::Borrowed(key), value, clock);
        rest = after.trim_start();
    }
    fields.record()
}

/// The text up to the next double quote, and what follows it.
fn unquoted(text: &str) -> (Cow<'_, str>, &str) {
    let mut escaped = false;
    let mut has_escapes = false;
    let end = text.char_indices().find_map(|(at, character)| {
        if escaped {
            escaped = false;
        } else if character == '\\' {
            (escaped, has_escapes) = (true, true);
        } else if character == '"' {
            return Some(at);
        }
        None
    });
    let (value, after) = match end {
        Some(end) => (text.get(..end).unwrap_or_default(), text.get(end + 1..).unwrap_or_default()),
        None => (text, ""),
    };
    if !has_escapes {
        return (Cow::Borrowed(value), after);
    }
    let mut out = String::with_capacity(value.len());
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        let escaped = if character == '\\' { characters.next() } else { None };
        out.push(match escaped {
            Some('n' | 'r' | 't') => ' ',
            Some(other) => other,
            None => character,
        });
    }
    (Cow::Owned(out), after)
}

#[cfg(test)]
mod tests {
    use super::*;
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
