//! How fast a budget burns that an alert is for, and who hears of it.

use std::fmt;

/// How fast a tier's budget burns, fastest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum BurnTier {
    /// 2 % of a 30-day budget within an hour.
    Fast,
    /// 5 % within six hours.
    Medium,
    /// 10 % within a day.
    Slow,
    /// 10 % within three days.
    Trickle,
}

/// Who hears of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// Somebody is woken.
    Page,
    /// Somebody looks on a working day.
    Ticket,
}

impl BurnTier {
    /// The value of the `burn_tier` label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Medium => "medium",
            Self::Slow => "slow",
            Self::Trickle => "trickle",
        }
    }
}

impl fmt::Display for BurnTier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Severity {
    /// The default value of the `severity` label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Ticket => "ticket",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
