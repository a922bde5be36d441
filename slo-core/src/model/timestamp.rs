//! Moments in time.

use super::{Ratio, Window};
use crate::Error;
use std::{fmt, str::FromStr};

/// A moment, in whole milliseconds since the Unix epoch.
///
/// Columns of times, such as those of a table, are plain integers in the same unit.
///
/// ```
/// use slo_core::model::{Timestamp, Window};
///
/// let noon = Timestamp::from_seconds(1_772_971_200);
/// assert_eq!(noon.as_millis(), 1_772_971_200_000);
/// assert_eq!(noon.after(Window::hours(1)).millis_since(noon), 3_600_000);
/// assert_eq!(noon.as_seconds().map(|seconds| seconds.to_string()), Some("1772971200".to_owned()));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The Unix epoch, 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// The moment `millis` milliseconds after the Unix epoch.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// The moment `seconds` seconds after the Unix epoch, limited to the first and last possible moment.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000))
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// The moment `window` later, or the last possible one.
    #[must_use]
    pub const fn after(self, window: Window) -> Self {
        Self(self.0.saturating_add_unsigned(window.as_millis()))
    }

    /// The moment `window` earlier, or the first possible one.
    #[must_use]
    pub const fn before(self, window: Window) -> Self {
        Self(self.0.saturating_sub_unsigned(window.as_millis()))
    }

    /// The moment `steps` steps later, or the last possible one.
    #[must_use]
    pub fn after_steps(self, step: Window, steps: usize) -> Self {
        let millis = i128::from(self.0) + steps as i128 * i128::from(step.as_millis());
        Self(i64::try_from(millis).unwrap_or(i64::MAX))
    }

    /// The moment `steps` steps earlier, or the first possible one.
    #[must_use]
    pub fn before_steps(self, step: Window, steps: usize) -> Self {
        let millis = i128::from(self.0) - steps as i128 * i128::from(step.as_millis());
        Self(i64::try_from(millis).unwrap_or(i64::MIN))
    }

    /// Seconds since the Unix epoch, exactly; `None` before it.
    #[must_use]
    pub fn as_seconds(self) -> Option<Ratio> {
        Ratio::new(u128::try_from(self.0).ok()?, 1_000).ok()
    }

    /// This moment, rounded down to a whole number of steps from `origin`.
    ///
    /// If that lies before the first possible moment, it is that one.
    ///
    /// ```
    /// use slo_core::model::{Timestamp, Window};
    ///
    /// let time = Timestamp::from_millis(-59_000);
    /// assert_eq!(time.on_grid(Window::minutes(1), Timestamp::EPOCH), Timestamp::from_millis(-60_000));
    /// ```
    #[must_use]
    pub const fn on_grid(self, step: Window, origin: Self) -> Self {
        let since = self.0 as i128 - origin.0 as i128;
        let into = since.rem_euclid(step.as_millis() as i128);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "less than a step, which 64 bits hold"
        )]
        Self(self.0.saturating_sub_unsigned(into as u64))
    }

    /// Milliseconds since `earlier`; 0 if `earlier` is later.
    #[must_use]
    pub const fn millis_since(self, earlier: Self) -> u64 {
        if self.0 > earlier.0 { self.0.abs_diff(earlier.0) } else { 0 }
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC, such as `2026-12-01T22:00:00Z`. A number of milliseconds outside the years −9999 to
    /// 9999, and without the feature `calendar`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        #[cfg(feature = "calendar")]
        if let Ok(time) = jiff::Timestamp::from_millisecond(self.0) {
            return write!(f, "{time}");
        }
        write!(f, "{} ms", self.0)
    }
}

impl FromStr for Timestamp {
    type Err = Error;

    /// Reads RFC 3339 with a time zone; fractions of a millisecond are cut off. Needs the feature `calendar`.
    #[cfg(feature = "calendar")]
    fn from_str(text: &str) -> Result<Self, Error> {
        text.parse::<jiff::Timestamp>().map(|time| Self(time.as_millisecond())).map_err(|_| {
            Error::new(format!("`{text}` is not a time"))
                .with_hint("write it with its zone, as 2026-12-01T22:00:00Z or 2026-12-01T23:00:00+01:00")
        })
    }

    /// Always an error: reading a time needs the feature `calendar`.
    #[cfg(not(feature = "calendar"))]
    fn from_str(_: &str) -> Result<Self, Error> {
        Err(Error::new("this build cannot read times").with_hint("enable the feature `calendar`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_time_are_kept() {
        let (first, last) = (Timestamp(i64::MIN), Timestamp(i64::MAX));
        assert_eq!((last.after(Window::days(1)), first.before(Window::days(1))), (last, first));
        assert_eq!((last.millis_since(first), first.millis_since(last)), (u64::MAX, 0));
        assert_eq!(Timestamp::from_seconds(i64::MAX), last);
        assert_eq!(last.to_string(), "9223372036854775807 ms");
    }

    #[cfg(feature = "calendar")]
    #[test]
    fn is_read_as_it_is_written() {
        for (text, millis) in [("2026-12-01T22:00:00Z", 1_796_162_400_000), ("1969-12-31T23:59:59.5Z", -500)]
        {
            assert_eq!(text.parse(), Ok(Timestamp(millis)));
            assert_eq!(Timestamp(millis).to_string(), text);
        }
        assert_eq!("2026-12-01T23:00:00+01:00".parse(), "2026-12-01T22:00:00Z".parse::<Timestamp>());
        assert!("2026-12-01T22:00:00".parse::<Timestamp>().is_err());
    }
}
