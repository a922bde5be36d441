//! Burn tiers and severities of alerts.

use crate::Error;
use std::{fmt, str::FromStr};

/// A burn tier: how fast the budget is being spent, fastest first.
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

/// How urgent an alert is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// A page: it wakes somebody.
    Page,
    /// A ticket: it waits for a working day.
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

impl BurnTier {
    /// The fewest bad events in the long window that are significant; `None` if no number is.
    ///
    /// With at least this many, a service at a burn rate of 1 reaches the Workbook's factor with a
    /// probability of at most 0.001, whatever its traffic; see `stats::fewest_bad_events`.
    ///
    /// | tier | factor | bad events |
    /// |---|---|---|
    /// | fast | 14.4 | 4 |
    /// | medium | 6 | 6 |
    /// | slow | 3 | 12 |
    /// | trickle | 1 | – |
    #[must_use]
    pub const fn significant_bad_events(self) -> Option<u64> {
        match self {
            Self::Fast => Some(4),
            Self::Medium => Some(6),
            Self::Slow => Some(12),
            Self::Trickle => None,
        }
    }
}

impl FromStr for BurnTier {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let all = [Self::Fast, Self::Medium, Self::Slow, Self::Trickle];
        all.into_iter().find(|tier| tier.as_str() == text).ok_or_else(|| {
            Error::new(format!("`{text}` is not a burn tier"))
                .with_hint("write `fast`, `medium`, `slow` or `trickle`")
        })
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

impl FromStr for Severity {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let all = [Self::Page, Self::Ticket];
        all.into_iter().find(|severity| severity.as_str() == text).ok_or_else(|| {
            Error::new(format!("`{text}` is not a severity")).with_hint("write `page` or `ticket`")
        })
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
