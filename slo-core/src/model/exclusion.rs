//! Times that an SLO does not count.

use crate::Error;

/// A time that does not count, such as planned maintenance: (from, to].
///
/// Events in it are recorded, and left out of everything that is said of the SLO.
///
/// ```
/// use slo_core::model::Exclusion;
///
/// let night = Exclusion::new(1_796_076_000, 1_796_083_200, "moving the database")?;
/// assert_eq!(night.reason(), "moving the database");
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exclusion {
    // from < to, seconds since the Unix epoch
    from: u64,
    to: u64,
    reason: String,
}

impl Exclusion {
    /// The time from `from` to `to`, in seconds since the Unix epoch.
    ///
    /// # Errors
    /// `to` at or before `from`.
    pub fn new(from: u64, to: u64, reason: impl Into<String>) -> Result<Self, Error> {
        if to <= from {
            return Err(Error::new("it ends before it begins").with_hint("swap `from` and `to`"));
        }
        Ok(Self { from, to, reason: reason.into() })
    }

    /// Its beginning, in seconds since the Unix epoch.
    #[must_use]
    pub const fn from(&self) -> u64 {
        self.from
    }

    /// Its end, in seconds since the Unix epoch.
    #[must_use]
    pub const fn to(&self) -> u64 {
        self.to
    }

    /// Why it does not count; may be empty.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// A moment as RFC 3339 writes it, in seconds since the Unix epoch.
    ///
    /// # Errors
    /// Text that is no such time, or one before 1970.
    #[cfg(all(feature = "spec", feature = "calendar"))]
    pub(crate) fn parse_time(text: &str) -> Result<u64, Error> {
        let moment =
            text.parse::<jiff::Timestamp>().ok().and_then(|time| u64::try_from(time.as_second()).ok());
        moment.ok_or_else(|| {
            Error::new(format!("`{text}` is not a time"))
                .with_hint("write it with its zone, as 2026-12-01T22:00:00Z or 2026-12-01T23:00:00+01:00")
        })
    }

    #[cfg(all(feature = "spec", not(feature = "calendar")))]
    pub(crate) fn parse_time(_text: &str) -> Result<u64, Error> {
        Err(Error::new("times are not built in").with_hint("turn on the feature `calendar`"))
    }

    /// A moment as RFC 3339 writes it.
    #[cfg(all(feature = "spec", feature = "calendar"))]
    pub(crate) fn write_time(seconds: u64) -> String {
        let time = i64::try_from(seconds).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
        time.map_or_else(|| seconds.to_string(), |time| time.to_string())
    }

    #[cfg(all(feature = "spec", not(feature = "calendar")))]
    pub(crate) fn write_time(seconds: u64) -> String {
        seconds.to_string()
    }
}
