//! Lines of text: a time and a level, and the message.

use super::{
    record::{Level, Record},
    when::Clock,
};
use std::borrow::Cow;

/// A line of text.
pub(super) fn text<'a>(line: &'a str, clock: &Clock) -> Record<'a> {
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
    status.and_then(Level::of_status)
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
