//! Time slices: what an SLO judges in place of events.

use super::{Ratio, Window};
use crate::Error;

/// How a period is cut into slices that are good or bad as a whole, OpenSLO's `Timeslices`.
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

/// What a time slice without events counts as; there is no default, since each choice is somebody's surprise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EmptySlice {
    /// A good slice: nobody was hurt.
    Good,
    /// A bad slice: nobody got through.
    Bad,
    /// No slice at all: it leaves the denominator too.
    Skip,
    /// What the slice before it was; skipped where there is none.
    CarryForward,
}

impl EmptySlice {
    /// Whether such a slice is bad, after one that was so; `None` where it does not count.
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
    /// Slices of `length`, good where at least the share `target` of their events is.
    ///
    /// # Errors
    /// A target of zero or above one.
    pub fn new(length: Window, target: Ratio, idle: EmptySlice) -> Result<Self, Error> {
        match Ratio::ONE.checked_sub(target) {
            Some(allowed) if target > Ratio::ZERO => {
                Ok(Self { length, judged: Some([target, allowed]), idle })
            }
            _ => Err(Error::new(format!("a slice target of {target}"))
                .with_hint("write a share above 0% and up to 100%")),
        }
    }

    /// Slices of `length` that are as good as their share of good events, OpenSLO's `RatioTimeslices`: a slice of
    /// few events weighs as much as one of many.
    #[must_use]
    pub const fn of_ratios(length: Window, idle: EmptySlice) -> Self {
        Self { length, judged: None, idle }
    }

    /// The length of a slice.
    #[must_use]
    pub const fn length(&self) -> Window {
        self.length
    }

    /// The least share of good events in a good slice; `None` where slices are ratios.
    #[must_use]
    pub fn target(&self) -> Option<Ratio> {
        self.judged.map(|[target, _]| target)
    }

    /// The largest share of bad events in a good slice; `None` where slices are ratios.
    #[must_use]
    pub fn allowed(&self) -> Option<Ratio> {
        self.judged.map(|[_, allowed]| allowed)
    }

    /// What a slice without events counts as.
    #[must_use]
    pub const fn idle(&self) -> EmptySlice {
        self.idle
    }

    pub(super) fn time_scaled(self, speed: u32) -> Result<Self, Error> {
        Ok(Self { length: self.length.divided_by(speed)?, ..self })
    }
}
