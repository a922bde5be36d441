//! Lengths of time.

use super::Ratio;
use crate::Error;
use std::{fmt, str::FromStr, time::Duration};

/// A positive length of time in whole milliseconds, written as Prometheus writes it.
///
/// Used for alert windows, scrape intervals and latency thresholds. At most ten years.
///
/// ```
/// use slo_core::model::Window;
///
/// let window: Window = "1h30m".parse()?;
/// assert_eq!(window.as_millis(), 5_400_000);
/// assert_eq!("30d".parse::<Window>()?.to_string(), "30d");
/// assert_eq!("90s".parse::<Window>()?.to_string(), "1m30s");
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window {
    // 1 ..= ten years.
    millis: u64,
}

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const LONGEST: u64 = 3_653 * DAY;

/// Units of Prometheus' duration grammar, longest first, in milliseconds.
const UNITS: [(&str, u64); 7] =
    [("y", 365 * DAY), ("w", 7 * DAY), ("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", SECOND), ("ms", 1)];

impl Window {
    /// `millis` milliseconds.
    ///
    /// # Errors
    /// Zero, or more than ten years.
    pub fn from_millis(millis: u64) -> Result<Self, Error> {
        match millis {
            0 => Err(Error::new("a length of time cannot be zero").with_hint("write at least 1ms")),
            1..=LONGEST => Ok(Self { millis }),
            _ => Err(Error::new(format!("{millis}ms is longer than ten years"))),
        }
    }

    /// `seconds` seconds, for literals.
    ///
    /// # Panics
    /// On zero or more than ten years; at compile time in a `const`.
    #[must_use]
    pub const fn seconds(seconds: u64) -> Self {
        assert!(seconds > 0 && seconds <= LONGEST / SECOND, "a window is a second to ten years long");
        Self { millis: seconds * SECOND }
    }

    /// `minutes` minutes, for literals.
    ///
    /// # Panics
    /// On zero or more than ten years; at compile time in a `const`.
    #[must_use]
    pub const fn minutes(minutes: u64) -> Self {
        Self::seconds(minutes * 60)
    }

    /// `hours` hours, for literals.
    ///
    /// # Panics
    /// On zero or more than ten years; at compile time in a `const`.
    #[must_use]
    pub const fn hours(hours: u64) -> Self {
        Self::minutes(hours * 60)
    }

    /// `days` days of 24 hours, for literals.
    ///
    /// # Panics
    /// On zero or more than ten years; at compile time in a `const`.
    #[must_use]
    pub const fn days(days: u64) -> Self {
        Self::hours(days * 24)
    }

    /// Its length in milliseconds.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.millis
    }

    /// Its length in seconds, exactly.
    #[must_use]
    pub fn as_seconds(self) -> Ratio {
        self.ratio_to(Self { millis: SECOND })
    }

    /// Its length as a [`Duration`].
    #[must_use]
    pub const fn as_duration(self) -> Duration {
        Duration::from_millis(self.millis)
    }

    /// How many times `other` fits into it, exactly.
    #[must_use]
    pub fn ratio_to(self, other: Self) -> Ratio {
        // `other` is never zero, so the quotient exists.
        Ratio::new(self.millis.into(), other.millis.into()).unwrap_or(Ratio::ONE)
    }

    /// Its length times `factor`.
    ///
    /// # Errors
    /// A product that is not a whole number of milliseconds, is zero or longer than ten years.
    pub fn scaled(self, factor: Ratio) -> Result<Self, Error> {
        let product = factor.checked_mul(Ratio::whole(self.millis.into()));
        let millis = product.filter(|millis| millis.denominator() == 1).map(Ratio::floor);
        millis.and_then(|millis| u64::try_from(millis).ok()).map_or_else(
            || Err(Error::new(format!("{self} times {factor} is not a whole number of milliseconds"))),
            Self::from_millis,
        )
    }

    /// Whether it is a whole number of `other`.
    #[must_use]
    pub const fn is_multiple_of(self, other: Self) -> bool {
        self.millis.is_multiple_of(other.millis)
    }

    /// Its length divided by `divisor`.
    ///
    /// # Errors
    /// A quotient that is not a whole number of milliseconds.
    pub fn divided_by(self, divisor: u32) -> Result<Self, Error> {
        self.scaled(Ratio::new(1, divisor.into())?)
    }
}

impl FromStr for Window {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refuse = || {
            Error::new(format!("`{text}` is not a length of time"))
                .with_hint("write it as Prometheus does: 30d, 1h30m, 250ms")
        };
        let mut rest = text;
        let mut millis = 0_u64;
        let mut smaller_units = UNITS.as_slice();
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (number, after) = rest.split_at(digits);
            let letters = after.bytes().take_while(u8::is_ascii_alphabetic).count();
            let (unit, after) = after.split_at(letters);
            let position = smaller_units.iter().position(|(name, _)| *name == unit).ok_or_else(refuse)?;
            let (found, later) = smaller_units.split_at(position + 1);
            let length = found.last().map_or(0, |(_, length)| *length);
            let number: u64 = number.parse().map_err(|_| refuse())?;
            millis =
                number.checked_mul(length).and_then(|part| millis.checked_add(part)).ok_or_else(refuse)?;
            (rest, smaller_units) = (after, later);
        }
        if text.is_empty() {
            return Err(refuse());
        }
        Self::from_millis(millis)
    }
}

impl Window {
    pub(crate) fn write_to(self, out: &mut impl fmt::Write) -> fmt::Result {
        let mut rest = self.millis;
        for (unit, length) in UNITS.iter().skip(2) {
            if rest >= *length {
                write_number(rest / length, out)?;
                out.write_str(unit)?;
                rest %= length;
            }
        }
        Ok(())
    }
}

/// Writes a number. Most numbers of a window have one or two digits.
fn write_number(number: u64, out: &mut impl fmt::Write) -> fmt::Result {
    let digit = |number: u64| u32::try_from(number).ok().and_then(|digit| char::from_digit(digit, 10));
    match (digit(number / 10), digit(number % 10)) {
        (Some('0'), Some(one)) => out.write_char(one),
        (Some(ten), Some(one)) => {
            out.write_char(ten)?;
            out.write_char(one)
        }
        _ => write!(out, "{number}"),
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_to(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_prometheus_durations() {
        for (text, millis) in [
            ("5m", 300_000),
            ("30d", 2_592_000_000),
            ("4w", 2_419_200_000),
            ("1h5m", 3_900_000),
            ("59m59s999ms", 3_599_999),
        ] {
            assert_eq!(text.parse::<Window>().unwrap().as_millis(), millis);
        }
    }

    #[test]
    fn refuses_other_text() {
        for text in ["", "5", "m", "5 m", "-5m", "1.5h", "5M", "5m1h", "0s", "99999d", "5m5m", "1h 5m"] {
            assert!(text.parse::<Window>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn text_survives_a_round_trip(millis in 1..LONGEST) {
            let window = Window::from_millis(millis).unwrap();
            prop_assert_eq!(window.to_string().parse::<Window>().unwrap(), window);
        }
    }
}
