//! Confidence levels and intervals.

use crate::{Error, check::open_unit};

/// A confidence level: how often such an interval contains the true value.
///
/// Above 0 and below 1.
///
/// ```
/// use slo_core::stats::Confidence;
///
/// assert_eq!(Confidence::new(0.95)?, Confidence::P95);
/// assert!(Confidence::new(95.0).is_err());
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Confidence {
    // In (0, 1).
    level: f64,
}

impl Confidence {
    /// 90 %.
    pub const P90: Self = Self { level: 0.90 };
    /// 95 %.
    pub const P95: Self = Self { level: 0.95 };
    /// 99 %.
    pub const P99: Self = Self { level: 0.99 };

    /// The confidence level `level`, such as 0.95.
    ///
    /// # Errors
    /// A level that is not between 0 and 1.
    pub fn new(level: f64) -> Result<Self, Error> {
        Ok(Self { level: open_unit("confidence", level)? })
    }

    /// The level, a number between 0 and 1.
    #[must_use]
    pub const fn level(self) -> f64 {
        self.level
    }

    /// α = 1 − level: how often the true value lies outside.
    #[must_use]
    pub const fn alpha(self) -> f64 {
        1.0 - self.level
    }
}

/// A closed interval of real numbers, both ends finite, `low ≤ high`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    low: f64,
    high: f64,
}

impl Interval {
    pub(crate) const fn new(low: f64, high: f64) -> Self {
        Self { low, high }
    }

    /// Its lower end.
    #[must_use]
    pub const fn low(self) -> f64 {
        self.low
    }

    /// Its upper end.
    #[must_use]
    pub const fn high(self) -> f64 {
        self.high
    }

    /// Whether `value` lies in it, ends included.
    #[must_use]
    pub fn contains(self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }
}
