//! Times as logs write them.

use jiff::{civil::DateTime, tz::TimeZone};
use slo_core::model::Timestamp;

/// A time at the beginning of a text, and the length of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) time: Timestamp,
    pub(super) length: usize,
}

/// What times leave out.
#[derive(Debug, Clone)]
pub(super) struct Clock {
    /// The zone of times that do not name one.
    pub(super) zone: TimeZone,
    /// The latest time that a log can have: times without a year are before it.
    pub(super) now: Timestamp,
}

impl Clock {
    /// The time at the beginning of a line. Ten digits alone are a number.
    pub(super) fn at_start(&self, text: &str) -> Option<Found> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let is_number = digits == 10 && text.as_bytes().get(10) != Some(&b'.');
        if is_number { None } else { self.of_field(text) }
    }

    /// The time at the beginning of a field that holds a time.
    pub(super) fn of_field(&self, text: &str) -> Option<Found> {
        let bytes = text.as_bytes();
        match bytes.first()? {
            b'0'..=b'9' => self.numeric(bytes),
            b'[' => {
                let inner = self.at_start_plain(bytes.get(1..)?)?;
                let close = bytes.get(1 + inner.length..)?.iter().take(48).position(|byte| *byte == b']')?;
                Some(Found { length: inner.length + close + 2, ..inner })
            }
            b'A'..=b'Z' => self.named(bytes).or_else(|| self.klog(bytes)),
            _ => None,
        }
    }

    fn at_start_plain(&self, bytes: &[u8]) -> Option<Found> {
        if bytes.first()?.is_ascii_digit() { self.numeric(bytes) } else { self.named(bytes) }
    }

    /// The time in brackets of an access log: `[01/Dec/2026:10:00:00 +0000]`, and where it begins.
    pub(super) fn in_access_log(&self, text: &str) -> Option<(usize, Found)> {
        let bytes = text.as_bytes();
        let start = bytes.iter().take(256).position(|byte| *byte == b'[')?;
        let mut scan = Scan(bytes.get(start + 1..)?);
        let day = scan.number(2, 2)?;
        scan.is(b'/')?;
        let month = scan.month()?;
        scan.is(b'/')?;
        let year = scan.number(4, 4)?;
        scan.is(b':')?;
        let clock = scan.clock()?;
        let _space = scan.is(b' ');
        let offset = scan.offset();
        scan.is(b']')?;
        let length = bytes.len() - start - scan.0.len();
        Some((start, Found { time: self.civil(year, month, day, clock, offset)?, length }))
    }

    /// `2026-12-01T10:00:00.5Z`, `2026/12/01 10:00:00,5`, `26/12/01 10:00:00`, `1764583200.5`.
    fn numeric(&self, bytes: &[u8]) -> Option<Found> {
        let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let mut scan = Scan(bytes);
        if digits >= 10 {
            let number = scan.number(digits, digits)?;
            let mut millis = match digits {
                10 => number.checked_mul(1000)?,
                13 => number,
                16 => number / 1000,
                19 => number / 1_000_000,
                _ => return None,
            };
            if digits == 10 && scan.is(b'.').is_some() {
                millis += scan.millis()?;
            }
            // A number that is no time: something follows at once, or it is far from now.
            let latest = self.now.as_millis().saturating_add(86_400_000);
            let is_time = !scan.0.first().is_some_and(u8::is_ascii_alphanumeric)
                && (EARLIEST..=latest).contains(&millis);
            return is_time
                .then(|| Found { time: Timestamp::from_millis(millis), length: bytes.len() - scan.0.len() });
        }
        if digits == 2
            && let Some(found) = self.tomcat(bytes)
        {
            return Some(found);
        }
        let year = match digits {
            4 => scan.number(4, 4)?,
            2 => 2000 + scan.number(2, 2)?,
            _ => return None,
        };
        let separator = *scan.0.first()?;
        if !matches!(separator, b'-' | b'/' | b'.') {
            return None;
        }
        scan.is(separator)?;
        let month = scan.number(1, 2)?;
        scan.is(separator)?;
        let day = scan.number(1, 2)?;
        scan.is(b'T').or_else(|| scan.is(b' ')).or_else(|| scan.is(b'_')).or_else(|| scan.is(b'-'))?;
        let clock = scan.clock()?;
        let before = scan;
        let _space = scan.is(b' ');
        let offset = scan.offset();
        if offset.is_none() {
            scan = before;
        }
        Some(Found { time: self.civil(year, month, day, clock, offset)?, length: bytes.len() - scan.0.len() })
    }

    /// `01-Dec-2026 10:00:00.123`
    fn tomcat(&self, bytes: &[u8]) -> Option<Found> {
        let mut scan = Scan(bytes);
        let day = scan.number(2, 2)?;
        scan.is(b'-')?;
        let month = scan.month()?;
        scan.is(b'-')?;
        let year = scan.number(4, 4)?;
        scan.is(b' ')?;
        let clock = scan.clock()?;
        Some(Found { time: self.civil(year, month, day, clock, None)?, length: bytes.len() - scan.0.len() })
    }

    /// `Dec  1 10:00:00`, `Tue Dec  1 10:00:00 2026`, `Dec 01 10:00:00.123`.
    fn named(&self, bytes: &[u8]) -> Option<Found> {
        let mut scan = Scan(bytes);
        if DAYS.iter().any(|day| scan.0.starts_with(day)) {
            scan = Scan(bytes.get(3..)?);
            let _comma = scan.is(b',');
            scan.is(b' ')?;
        }
        let month = scan.month()?;
        scan.is(b' ')?;
        let _pad = scan.is(b' ');
        let day = scan.number(1, 2)?;
        scan.is(b' ')?;
        let clock = scan.clock()?;
        let before = scan;
        let year = scan.is(b' ').and_then(|()| scan.number(4, 4)).filter(|year| {
            (1970..2200).contains(year) && !scan.0.first().is_some_and(u8::is_ascii_alphanumeric)
        });
        if year.is_none() {
            scan = before;
        }
        let time = self.dated(year, month, day, clock)?;
        Some(Found { time, length: bytes.len() - scan.0.len() })
    }

    /// The header of klog, `E1201 10:00:00.123456`; the letter is the level.
    fn klog(&self, bytes: &[u8]) -> Option<Found> {
        if !matches!(bytes.first()?, b'I' | b'W' | b'E' | b'F') {
            return None;
        }
        let mut scan = Scan(bytes.get(1..)?);
        let (month, day) = (scan.number(2, 2)?, scan.number(2, 2)?);
        scan.is(b' ')?;
        let clock = scan.clock()?;
        Some(Found { time: self.dated(None, month, day, clock)?, length: bytes.len() - scan.0.len() })
    }

    /// A time in the year, or else in the last year in which it was.
    fn dated(&self, year: Option<i64>, month: i64, day: i64, clock: Civil) -> Option<Timestamp> {
        if let Some(year) = year {
            return self.civil(year, month, day, clock, None);
        }
        let now = jiff::Timestamp::from_millisecond(self.now.as_millis()).ok()?;
        let year = i64::from(self.zone.to_datetime(now).year());
        // Clocks differ, but not by more than a day.
        let latest = self.now.as_millis().saturating_add(86_400_000);
        // 29 February may be four years ago, and eight around 1900 or 2100.
        (0..=8).find_map(|back| {
            self.civil(year + 1 - back, month, day, clock, None).filter(|time| time.as_millis() <= latest)
        })
    }

    fn civil(&self, year: i64, month: i64, day: i64, clock: Civil, offset: Option<i64>) -> Option<Timestamp> {
        let small = |number: i64| i8::try_from(number).ok();
        let date = DateTime::new(
            i16::try_from(year).ok()?,
            small(month)?,
            small(day)?,
            small(clock.hour)?,
            small(clock.minute)?,
            // A leap second is the end of the second before.
            small(clock.second.min(59))?,
            i32::try_from(clock.millis * 1_000_000).ok()?,
        )
        .ok()?;
        let zone = if offset.is_some() { &TimeZone::UTC } else { &self.zone };
        let time = zone.to_timestamp(date).ok()?.as_millisecond();
        Some(Timestamp::from_millis(time - offset.unwrap_or(0) * 60_000))
    }
}

/// Numbers of seconds before 2001 are no times.
const EARLIEST: i64 = 978_307_200_000;
const DAYS: [&[u8]; 7] = [b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun"];
const MONTHS: [&[u8]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// A time of day.
#[derive(Debug, Clone, Copy)]
struct Civil {
    hour: i64,
    minute: i64,
    second: i64,
    millis: i64,
}

/// The rest of a text that is read.
#[derive(Debug, Clone, Copy)]
struct Scan<'a>(&'a [u8]);

impl Scan<'_> {
    fn is(&mut self, byte: u8) -> Option<()> {
        let (first, rest) = self.0.split_first()?;
        (*first == byte).then(|| self.0 = rest)
    }

    /// A number of `least` to `most` digits.
    fn number(&mut self, least: usize, most: usize) -> Option<i64> {
        let digits = self.0.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = self.0.split_at_checked(digits).filter(|(digits, _)| digits.len() >= least)?;
        self.0 = rest;
        digits
            .iter()
            .try_fold(0_i64, |number, digit| number.checked_mul(10)?.checked_add(i64::from(digit - b'0')))
    }

    fn month(&mut self) -> Option<i64> {
        let month = MONTHS.iter().position(|month| self.0.starts_with(month))?;
        self.0 = self.0.get(3..)?;
        i64::try_from(month + 1).ok()
    }

    /// The digits after a point, as milliseconds.
    fn millis(&mut self) -> Option<i64> {
        let digits = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let mut millis = 0;
        for at in 0..3 {
            millis = millis * 10
                + self
                    .0
                    .get(at)
                    .filter(|byte| byte.is_ascii_digit() && at < digits)
                    .map_or(0, |byte| i64::from(byte - b'0'));
        }
        self.0 = self.0.get(digits..)?;
        (digits > 0).then_some(millis)
    }

    /// `10:00:00`, with a fraction after a point or a comma.
    fn clock(&mut self) -> Option<Civil> {
        let hour = self.number(2, 2)?;
        self.is(b':')?;
        let minute = self.number(2, 2)?;
        self.is(b':')?;
        let second = self.number(2, 2)?;
        let before = *self;
        let fraction = self.is(b'.').or_else(|| self.is(b',')).and_then(|()| self.millis());
        if fraction.is_none() {
            *self = before;
        }
        (second <= 60).then_some(Civil { hour, minute, second, millis: fraction.unwrap_or(0) })
    }

    /// `Z`, `UTC`, `+01:00`, `-0500`, in minutes.
    fn offset(&mut self) -> Option<i64> {
        for name in [&b"Z"[..], b"UTC", b"GMT"] {
            if self.0.starts_with(name) && !self.0.get(name.len()).is_some_and(u8::is_ascii_alphanumeric) {
                self.0 = self.0.get(name.len()..)?;
                return Some(0);
            }
        }
        let sign = match self.0.first()? {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        let before = *self;
        self.0 = self.0.get(1..)?;
        let offset = self.number(2, 2).and_then(|hours| {
            let colon = self.is(b':').is_some();
            let minutes = self.number(2, 2);
            if colon && minutes.is_none() { None } else { Some(sign * (hours * 60 + minutes.unwrap_or(0))) }
        });
        let is_whole = !self.0.first().is_some_and(u8::is_ascii_alphanumeric);
        if offset.is_none() || !is_whole {
            *self = before;
            return None;
        }
        offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str, rest: &str) {
        let now = Timestamp::from_millis(
            "2026-12-01T12:00:00Z".parse::<jiff::Timestamp>().unwrap().as_millisecond(),
        );
        let clock = Clock { zone: TimeZone::UTC, now };
        let found = clock.at_start(text).unwrap_or_else(|| panic!("no time in {text}"));
        let time = jiff::Timestamp::from_millisecond(found.time.as_millis()).unwrap();
        assert_eq!((time.to_string().as_str(), &text[found.length..]), (expected, rest));
    }

    #[test]
    fn formats() {
        check("2026-12-01T10:00:00.5Z up", "2026-12-01T10:00:00.5Z", " up");
        check("2026-12-01T10:00:00+01:00 up", "2026-12-01T09:00:00Z", " up");
        check("2026-12-01 10:00:00,123 - main - INFO", "2026-12-01T10:00:00.123Z", " - main - INFO");
        check("2026-12-01 10:00:00.123 UTC [7] LOG:", "2026-12-01T10:00:00.123Z", " [7] LOG:");
        check("2026/12/01 10:00:00 [error] x", "2026-12-01T10:00:00Z", " [error] x");
        check("17/06/09 20:10:40 INFO x", "2017-06-09T20:10:40Z", " INFO x");
        check("Dec  1 10:00:00 host x[1]: y", "2026-12-01T10:00:00Z", " host x[1]: y");
        check("Dec 31 10:00:00 host", "2025-12-31T10:00:00Z", " host");
        check("Feb 29 10:00:00 host", "2024-02-29T10:00:00Z", " host");
        check("[Sun Dec 04 04:47:44 2005] [error] x", "2005-12-04T04:47:44Z", " [error] x");
        check("E1201 10:00:00.123456   7 main.go:5] x", "2026-12-01T10:00:00.123Z", "   7 main.go:5] x");
        check("01-Dec-2026 10:00:00.123 INFO x", "2026-12-01T10:00:00.123Z", " INFO x");
        check("1764583200.25 x", "2025-12-01T10:00:00.25Z", " x");
        check("1764583200123 x", "2025-12-01T10:00:00.123Z", " x");
        check("[2026-12-01T10:00:00.000Z] x", "2026-12-01T10:00:00Z", " x");
        check("2026-12-01 10:00:00 +0100 x", "2026-12-01T09:00:00Z", " x");
        check("2026-12-01 10:00:00 -5 items", "2026-12-01T10:00:00Z", " -5 items");
    }

    #[test]
    fn no_time() {
        let clock = Clock { zone: TimeZone::UTC, now: Timestamp::from_seconds(1_800_000_000) };
        for text in [
            "",
            "x",
            "12345 items",
            "2026-13-01T10:00:00Z",
            "Decade",
            "E12",
            "99999999999999999999",
            "[",
            "10:00:00 x",
        ] {
            assert_eq!(clock.at_start(text), None, "{text}");
        }
    }

    #[test]
    fn access_log() {
        let clock = Clock { zone: TimeZone::UTC, now: Timestamp::from_seconds(1_800_000_000) };
        let line = "10.0.0.1 - - [01/Dec/2026:10:00:00 +0000] \"GET / HTTP/1.1\" 200";
        let (start, found) = clock.in_access_log(line).unwrap();
        assert_eq!(
            (&line[start + found.length..], found.time),
            (" \"GET / HTTP/1.1\" 200", Timestamp::from_seconds(1_796_119_200))
        );
    }
}
