//! Time slices, which an SLO can judge instead of events.

use super::{Ratio, Window};
use crate::Error;

/// Time slices of a period, judged as a whole: OpenSLO's `Timeslices`.
///
/// ```
/// use slo_core::model::{EmptySlice, TimeSlices, Window};
///
/// let minutes = TimeSlices::new(Window::minutes(1), "0.95".parse()?, EmptySlice::Skip)?;
/// assert_eq!(minutes.allowed(), Some("0.05".parse()?));
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TimeSlices {
    length: Window,
    // The least share of good events and the largest of bad ones, which add up to 1; `None` for ratios.
    judged: Option<[Ratio; 2]>,
    idle: EmptySlice,
}

/// How to judge a time slice without events.
///
/// There is no default, since each choice would surprise some users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EmptySlice {
    /// As a good slice: no request failed.
    Good,
    /// As a bad slice: no request got through.
    Bad,
    /// Not at all: it is left out of the denominator, too.
    Skip,
    /// Like the slice before it; skipped if there is none.
    CarryForward,
}

impl EmptySlice {
    /// Whether a slice without events is bad, given the slice `before` it; `None` if it does not count.
    pub(crate) const fn stand_in(self, before: Option<bool>) -> Option<bool> {
        match self {
            Self::Good => Some(false),
            Self::Bad => Some(true),
            Self::Skip => None,
            Self::CarryForward => before,
        }
    }
}

impl TimeSlices {
    /// Slices of `length` that are good if at least the share `target` of their events is good.
    ///
    /// # Errors
    /// A target of zero or above one.
    pub fn new(length: Window, target: Ratio, idle: EmptySlice) -> Result<Self, Error> {
        match Ratio::ONE.checked_sub(target) {
            Some(allowed) if target > Ratio::ZERO => {
                Ok(Self { length, judged: Some([target, allowed]), idle })
            }
            _ => Err(Error::new(format!("{target} is not a slice target"))
                .with_hint("write a share above 0% and up to 100%")),
        }
    }

    /// Slices of `length` that count as their share of good events: OpenSLO's `RatioTimeslices`.
    ///
    /// A slice with few events weighs as much as one with many.
    #[must_use]
    pub const fn of_ratios(length: Window, idle: EmptySlice) -> Self {
        Self { length, judged: None, idle }
    }

    /// The length of a slice.
    #[must_use]
    pub const fn length(&self) -> Window {
        self.length
    }

    /// The least share of good events in a good slice; `None` if slices are ratios.
    #[must_use]
    pub fn target(&self) -> Option<Ratio> {
        self.judged.map(|[target, _]| target)
    }

    /// The largest share of bad events in a good slice; `None` if slices are ratios.
    #[must_use]
    pub fn allowed(&self) -> Option<Ratio> {
        self.judged.map(|[_, allowed]| allowed)
    }

    /// How a slice without events is judged.
    #[must_use]
    pub const fn idle(&self) -> EmptySlice {
        self.idle
    }

    pub(super) fn time_scaled(self, speed: u32) -> Result<Self, Error> {
        Ok(Self { length: self.length.divided_by(speed)?, ..self })
    }
}
