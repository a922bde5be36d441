//! The time over which an SLO is judged.

#[cfg(feature = "calendar")]
use super::Calendar;
use super::Window;
use crate::Error;
use std::fmt;

/// The time over which an SLO is judged.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Period {
    /// The last `Window` up to now, left-open: events in (t − T, t].
    Rolling(Window),
    /// The current period of a calendar, from its beginning up to now.
    #[cfg(feature = "calendar")]
    Calendar(Calendar),
}

impl Period {
    /// Its nominal length, which alert thresholds are derived from.
    #[must_use]
    pub const fn length(&self) -> Window {
        match self {
            Self::Rolling(window) => *window,
            #[cfg(feature = "calendar")]
            Self::Calendar(calendar) => calendar.nominal(),
        }
    }

    pub(super) fn time_scaled(&self, speed: u32) -> Result<Self, Error> {
        match self {
            Self::Rolling(window) => Ok(Self::Rolling(window.divided_by(speed)?)),
            #[cfg(feature = "calendar")]
            Self::Calendar(_) if speed > 1 => Err(Error::new("calendar periods cannot run faster")),
            #[cfg(feature = "calendar")]
            Self::Calendar(calendar) => Ok(Self::Calendar(calendar.clone())),
        }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rolling(window) => window.fmt(f),
            #[cfg(feature = "calendar")]
            Self::Calendar(calendar) => write!(f, "a {} in {}", calendar.unit(), calendar.zone()),
        }
    }
}
