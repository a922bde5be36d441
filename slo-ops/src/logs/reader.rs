//! Bytes of a log, in pieces of any size → records.

use super::{
    format::{LogFormat, in_container, record},
    record::{Level, Record},
    when::Clock,
};
use jiff::tz::TimeZone;
use slo_core::{Error, model::Timestamp};
use std::borrow::Cow;

/// Reads a log piece by piece.
///
/// A line that begins with white space belongs to the record before it, such as a line of a stack trace. A record without a
/// time has that of the record before it.
///
/// ```
/// use slo_core::model::Timestamp;
/// use slo_ops::logs::{LogFormat, Reader};
///
/// let mut reader = Reader::new(LogFormat::Auto, "UTC", Timestamp::from_seconds(1_796_120_000))?;
/// let mut messages = Vec::new();
/// reader.feed(b"2026-12-01T10:00:00Z ERROR disk f", |record| messages.push(record.message.to_string()));
/// reader.feed(b"ull\n\tat disk.rs:5\n", |record| messages.push(record.message.to_string()));
/// reader.end(|record| messages.push(record.message.to_string()));
/// assert_eq!(messages, ["disk full"]);
/// assert_eq!(reader.seen().continuations, 1);
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Reader {
    format: LogFormat,
    clock: Clock,
    /// The beginning of a line whose end is still to come.
    partial: Vec<u8>,
    /// Whether the rest of a line is left out, since it is too long.
    skips: bool,
    journal: Option<Journal>,
    /// The parts of messages that a container runtime has split, of standard output and of standard error.
    split: [String; 2],
    /// Whether there was a record that a line can belong to.
    has_record: bool,
    last: Option<Timestamp>,
    seen: Seen,
}

/// What a reader has read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Seen {
    /// Lines.
    pub lines: u64,
    /// Bytes.
    pub bytes: u64,
    /// Lines that belong to the record before them.
    pub continuations: u64,
    /// Lines whose end was left out, since they are longer than 64 KiB.
    pub cut: u64,
    /// Lines that are not UTF-8: what is not is replaced.
    pub not_utf8: u64,
    /// Records that had no time of their own.
    pub untimed: u64,
}

impl Seen {
    /// Adds what another reader has read.
    pub const fn add(&mut self, other: Self) {
        self.lines += other.lines;
        self.bytes += other.bytes;
        self.continuations += other.continuations;
        self.cut += other.cut;
        self.not_utf8 += other.not_utf8;
        self.untimed += other.untimed;
    }
}

/// The longest line, in bytes.
const LONGEST: usize = 65_536;

/// An entry of the journal that is being read.
#[derive(Debug, Default)]
struct Journal {
    message: Option<String>,
    time: Option<Timestamp>,
    source_time: Option<Timestamp>,
    level: Option<Level>,
    /// The name of a field whose value is binary, and the bytes that are still to come.
    binary: Option<(Vec<u8>, u64)>,
    value: Vec<u8>,
}

impl Reader {
    /// A reader of one log.
    ///
    /// `zone` is that of times that name none, such as `UTC` or `Europe/Berlin`. Times without a year are at most a day after
    /// `now`.
    ///
    /// # Errors
    /// A time zone that does not exist.
    pub fn new(format: LogFormat, zone: &str, now: Timestamp) -> Result<Self, Error> {
        let zone = TimeZone::get(zone).map_err(|_| {
            Error::new(format!("`{zone}` is not a time zone"))
                .with_hint("write a name such as UTC or Europe/Berlin")
        })?;
        Ok(Self {
            format,
            clock: Clock { zone, now },
            partial: Vec::new(),
            skips: false,
            journal: (format == LogFormat::Journald).then(Journal::default),
            split: [String::new(), String::new()],
            has_record: false,
            last: None,
            seen: Seen::default(),
        })
    }

    /// Reads a piece of the log, and hands each record that is complete to `each`.
    pub fn feed(&mut self, mut bytes: &[u8], mut each: impl FnMut(&Record<'_>)) {
        self.seen.bytes += bytes.len() as u64;
        while !bytes.is_empty() {
            bytes = self.binary(bytes);
            let Some(end) = memchr::memchr(b'\n', bytes) else {
                self.keep(bytes);
                return;
            };
            let (line, rest) = bytes.split_at_checked(end).unwrap_or((bytes, &[]));
            bytes = rest.get(1..).unwrap_or_default();
            if self.partial.is_empty() && !self.skips {
                self.line(line, &mut each);
            } else {
                self.keep(line);
                let line = std::mem::take(&mut self.partial);
                self.skips = false;
                self.line(&line, &mut each);
                self.partial = line;
                self.partial.clear();
            }
        }
    }

    /// The end of the log: hands what is left to `each`.
    pub fn end(&mut self, mut each: impl FnMut(&Record<'_>)) {
        if !self.partial.is_empty() {
            let line = std::mem::take(&mut self.partial);
            self.line(&line, &mut each);
        }
        self.skips = false;
        for message in std::mem::take(&mut self.split).into_iter().filter(|message| !message.is_empty()) {
            let time = self.last;
            self.given(&message, time, &mut each);
        }
        self.entry(&mut each);
    }

    /// What has been read so far.
    #[must_use]
    pub const fn seen(&self) -> Seen {
        self.seen
    }

    /// Keeps the beginning of a line, up to the longest.
    fn keep(&mut self, bytes: &[u8]) {
        let room = LONGEST.saturating_sub(self.partial.len());
        if bytes.len() > room && !self.skips {
            self.skips = true;
            self.seen.cut += 1;
        }
        self.partial.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
    }

    fn line(&mut self, line: &[u8], each: &mut impl FnMut(&Record<'_>)) {
        self.seen.lines += 1;
        let line = if line.len() > LONGEST {
            self.seen.cut += 1;
            line.get(..LONGEST).unwrap_or(line)
        } else {
            line
        };
        if self.seen.lines == 1
            && self.format == LogFormat::Auto
            && (line.starts_with(b"__CURSOR=") || line.starts_with(b"__REALTIME_TIMESTAMP="))
        {
            self.journal = Some(Journal::default());
        }
        if self.journal.is_some() {
            return self.field(line, each);
        }
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let line =
            if self.seen.lines == 1 { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line) } else { line };
        let text = String::from_utf8_lossy(line);
        self.seen.not_utf8 += u64::from(matches!(text, Cow::Owned(_)));
        let text = if text.contains('\u{1b}') { Cow::Owned(without_colors(&text)) } else { text };
        if text.trim().is_empty() {
            return;
        }
        if matches!(self.format, LogFormat::Auto | LogFormat::Container)
            && text.as_bytes().first().is_some_and(u8::is_ascii_digit)
            && let Some(found) = in_container(&text, &self.clock)
        {
            let [out, error] = &mut self.split;
            let split = if found.is_error { error } else { out };
            let whole = if split.is_empty() && !found.goes_on {
                Cow::Borrowed(found.message)
            } else {
                if split.len() < LONGEST {
                    split.push_str(found.message);
                }
                if found.goes_on {
                    self.last = Some(found.time);
                    return;
                }
                Cow::Owned(std::mem::take(split))
            };
            return self.given(&whole, Some(found.time), each);
        }
        self.given(&text, None, each);
    }

    /// Hands on the record of a line; `time` is what stands before the line.
    fn given(&mut self, line: &str, time: Option<Timestamp>, each: &mut impl FnMut(&Record<'_>)) {
        if line.starts_with([' ', '\t']) && self.has_record && !begins_with_level(line) {
            self.seen.continuations += 1;
            return;
        }
        let mut record = record(line, self.format, &self.clock);
        // What stands before a line is right, and its own time may lack a zone.
        record.time = time.or(record.time);
        if record.time.is_some() {
            self.last = record.time;
        } else {
            self.seen.untimed += 1;
            record.time = self.last;
        }
        self.has_record = true;
        each(&record);
    }

    /// Takes bytes of a binary field of the journal; what is left is lines.
    fn binary<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let Some(journal) = &mut self.journal else { return bytes };
        let Some((name, left)) = &mut journal.binary else { return bytes };
        // The length comes first, in 8 bytes, then the value and a line break.
        let mut bytes = bytes;
        while *left > 0 {
            let Some((first, rest)) = bytes.split_first() else { return bytes };
            if *left == u64::MAX {
                journal.value.push(*first);
                bytes = rest;
                if let Ok(length) = <[u8; 8]>::try_from(journal.value.as_slice()) {
                    *left = u64::from_le_bytes(length).saturating_add(1).min(u64::MAX - 1);
                    journal.value.clear();
                }
                continue;
            }
            let count = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
            let (taken, rest) = bytes.split_at_checked(count).unwrap_or((bytes, &[]));
            let room = LONGEST.saturating_sub(journal.value.len()).min(taken.len());
            journal.value.extend_from_slice(taken.get(..room).unwrap_or_default());
            *left -= count as u64;
            bytes = rest;
        }
        let name = std::mem::take(name);
        let mut value = std::mem::take(&mut journal.value);
        journal.binary = None;
        if value.last() == Some(&b'\n') {
            value.pop();
        }
        journal.take(&name, &value, &self.clock);
        bytes
    }

    /// A line of the journal's export.
    fn field(&mut self, line: &[u8], each: &mut impl FnMut(&Record<'_>)) {
        if line.is_empty() {
            return self.entry(each);
        }
        let Some(journal) = &mut self.journal else { return };
        match line.iter().position(|byte| *byte == b'=') {
            Some(at) => {
                let (name, value) = line.split_at_checked(at).unwrap_or((line, &[]));
                journal.take(name, value.get(1..).unwrap_or_default(), &self.clock);
            }
            None => journal.binary = Some((line.to_vec(), u64::MAX)),
        }
    }

    /// The end of an entry of the journal.
    fn entry(&mut self, each: &mut impl FnMut(&Record<'_>)) {
        let Some(journal) = &mut self.journal else { return };
        let Journal { message, time, source_time, level, .. } = std::mem::take(journal);
        let Some(message) = message else { return };
        let inner = record(&message, LogFormat::Auto, &self.clock);
        let time = source_time.or(time).or(self.last);
        self.last = time;
        each(&Record { time, level: inner.level.or(level), message: inner.message });
    }
}

impl Journal {
    fn take(&mut self, name: &[u8], value: &[u8], clock: &Clock) {
        let text = || String::from_utf8_lossy(value);
        match name {
            b"MESSAGE" => self.message = Some(text().into_owned()),
            b"PRIORITY" => self.level = text().parse().ok().and_then(Level::of_priority),
            b"__REALTIME_TIMESTAMP" => self.time = clock.of_field(&text()).map(|found| found.time),
            b"_SOURCE_REALTIME_TIMESTAMP" => {
                self.source_time = clock.of_field(&text()).map(|found| found.time);
            }
            _ => {}
        }
    }
}

/// Whether the first word is a level: levels are often padded, ` INFO`.
fn begins_with_level(line: &str) -> bool {
    let word = line
        .trim_start()
        .split(|character: char| !character.is_ascii_alphabetic())
        .next()
        .unwrap_or_default();
    word.len() >= 3 && word.bytes().all(|byte| byte.is_ascii_uppercase()) && Level::named(word).is_some()
}

/// A line without the escape sequences that color it.
fn without_colors(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        out.push_str(before);
        rest = after.strip_prefix('[').map_or(after, |after| {
            after
                .trim_start_matches(|character: char| character.is_ascii_digit() || character == ';')
                .get(1..)
                .unwrap_or_default()
        });
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Read = (Option<i64>, Option<Level>, String);

    fn read(text: &[u8], format: LogFormat, piece: usize) -> (Vec<Read>, Seen) {
        let mut reader = Reader::new(format, "UTC", Timestamp::from_seconds(1_796_120_000)).unwrap();
        let mut records = Vec::new();
        let mut each = |record: &Record<'_>| {
            records.push((record.time.map(Timestamp::as_millis), record.level, record.message.to_string()));
        };
        for piece in text.chunks(piece) {
            reader.feed(piece, &mut each);
        }
        reader.end(&mut each);
        (records, reader.seen())
    }

    #[test]
    fn the_journal() {
        let mut text = b"__CURSOR=s=1\n__REALTIME_TIMESTAMP=1796119200000000\nPRIORITY=3\nMESSAGE\n".to_vec();
        text.extend_from_slice(&10_u64.to_le_bytes());
        text.extend_from_slice(
            b"two\n\nlines\n_PID=5\n\n__REALTIME_TIMESTAMP=1796119201000000\nMESSAGE=up\n\n",
        );
        for piece in [1, 2, 7, 1000] {
            let (records, _) = read(&text, LogFormat::Auto, piece);
            let expected = [
                (Some(1_796_119_200_000), Some(Level::Error), "two\n\nlines".to_owned()),
                (Some(1_796_119_201_000), None, "up".to_owned()),
            ];
            assert_eq!(records, expected, "pieces of {piece}");
        }
    }

    #[test]
    fn split_lines_of_containers() {
        let text = b"2026-12-01T10:00:00.0Z stdout P {\"msg\":\"a\n2026-12-01T10:00:00.1Z stdout F b\"}\n2026-12-01T10:00:01Z stdout F \tat x\n";
        let (records, seen) = read(text, LogFormat::Auto, 9);
        assert_eq!(records, [(Some(1_796_119_200_100), None, "ab".to_owned())]);
        assert_eq!(seen.continuations, 1);
    }

    #[test]
    fn streams_and_padded_levels() {
        let at = "2026-12-01T10:00:00Z";
        let text = format!(
            "{at} stdout P aaa \n{at} stderr F boom\n{at} stdout F bbb\n{at} stdout F  INFO up\n{at} stdout F  WARN slow\n"
        );
        let (records, seen) = read(text.as_bytes(), LogFormat::Auto, 7);
        let messages: Vec<&str> = records.iter().map(|(_, _, message)| message.as_str()).collect();
        assert_eq!((messages, seen.continuations), (vec!["boom", "aaa bbb", "up", "slow"], 0));
    }

    #[test]
    fn long_lines_and_bytes() {
        let mut text = vec![b'a'; 200_000];
        text.extend_from_slice(b"\n\xff\xfe b\n\x1b[31mred\x1b[0m end\r\n");
        for piece in [1000, 1_000_000] {
            let (records, seen) = read(&text, LogFormat::Auto, piece);
            assert_eq!(records.len(), 3);
            assert_eq!(
                (seen.cut, seen.not_utf8, records[2].2.as_str()),
                (1, 1, "red end"),
                "pieces of {piece}"
            );
            assert_eq!(records[0].2.len(), LONGEST);
        }
    }

    #[test]
    fn times_are_inherited() {
        let (records, seen) = read(b"2026-12-01T10:00:00Z a\nb\n  c\nd\n", LogFormat::Auto, 5);
        assert!(records.iter().all(|(time, ..)| *time == Some(1_796_119_200_000)));
        assert_eq!((records.len(), seen.continuations, seen.untimed), (3, 1, 2));
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(text in "[a-z{}\":= \n\t0-9\\[\\]]{0,200}", piece in 1_usize..50) {
            prop_assert_eq!(read(text.as_bytes(), LogFormat::Auto, piece), read(text.as_bytes(), LogFormat::Auto, 10_000));
        }
    }
}
