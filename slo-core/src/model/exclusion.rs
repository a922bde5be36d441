//! Times that are excluded from an SLO.

use super::Timestamp;
use crate::Error;

/// An excluded time, such as planned maintenance: (from, to].
///
/// Its events are recorded, but they do not count towards the SLO.
///
/// ```
/// use slo_core::model::Exclusion;
///
/// let night = Exclusion::new("2026-11-30T22:00:00Z".parse()?, "2026-12-01T00:00:00Z".parse()?, "moving the database")?;
/// assert_eq!(night.reason(), "moving the database");
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exclusion {
    // The Unix epoch <= from < to
    from: Timestamp,
    to: Timestamp,
    reason: String,
}

impl Exclusion {
    /// The time from `from` to `to`.
    ///
    /// # Errors
    /// `to` at or before `from`, or a beginning before 1970.
    pub fn new(from: Timestamp, to: Timestamp, reason: impl Into<String>) -> Result<Self, Error> {
        if to <= from {
            return Err(Error::new("it ends before it begins").with_hint("swap `from` and `to`"));
        }
        if from < Timestamp::EPOCH {
            return Err(Error::new("it begins before 1970").with_hint("write a time in 1970 or later"));
        }
        Ok(Self { from, to, reason: reason.into() })
    }

    /// Its beginning.
    #[must_use]
    pub const fn from(&self) -> Timestamp {
        self.from
    }

    /// Its end.
    #[must_use]
    pub const fn to(&self) -> Timestamp {
        self.to
    }

    /// The reason for the exclusion; may be empty.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }
}
