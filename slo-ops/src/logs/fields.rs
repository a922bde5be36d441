//! Lines of fields, JSON and logfmt: those that hold a message, a time and a level.

use super::{
    record::{Level, Record},
    when::Clock,
};
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use slo_core::model::Timestamp;
use std::{borrow::Cow, fmt};

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
            let level = value.parse().ok().and_then(Level::of_status);
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
pub(super) fn json<'a>(line: &'a str, clock: &Clock) -> Option<Record<'a>> {
    let mut deserializer = serde_json::Deserializer::from_str(line);
    let fields = deserializer.deserialize_map(Object(clock)).ok()?;
    fields.record()
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
pub(super) fn logfmt<'a>(line: &'a str, clock: &Clock) -> Option<Record<'a>> {
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
