//! Tiles that rules have recorded, as a server returns them.

use super::{History, counts::whole_events};
use crate::model::{Timestamp, Window};
#[cfg(feature = "calendar")]
use crate::{
    Error,
    model::{Calendar, CalendarUnit},
};

/// The recorded events of each step; `None` for steps that were not recorded.
///
/// ```
/// use slo_core::{model::{Timestamp, Window}, replay::RecordedTiles};
///
/// let mut tiles = RecordedTiles::new(Timestamp::EPOCH, Window::minutes(5), 3);
/// (tiles.total, tiles.bad) = (vec![Some(10.0), None, Some(9.6)], vec![Some(1.0), None, Some(0.0)]);
/// // Estimates become whole events.
/// assert_eq!(tiles.history().total, [10, 0, 10]);
/// assert_eq!(tiles.unseen(&tiles.total, true), 1);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "callers write all of it")]
pub struct RecordedTiles {
    /// When the first step begins.
    pub start: Timestamp,
    /// The length of a step.
    pub step: Window,
    /// All events of each step.
    pub total: Vec<Option<f64>>,
    /// The bad ones.
    pub bad: Vec<Option<f64>>,
}

impl RecordedTiles {
    /// `count` steps without data.
    #[must_use]
    pub fn new(start: Timestamp, step: Window, count: usize) -> Self {
        Self { start, step, total: vec![None; count], bad: vec![None; count] }
    }

    /// The events of every step, zero if nothing was recorded; see [`whole_events`](super::whole_events).
    #[must_use]
    pub fn history(&self) -> History {
        let (total, bad) = whole_events(&self.total, &self.bad);
        History { start: self.start, step: self.step, total, bad, gaps: Vec::new() }
    }

    /// Whether anything was recorded in any step.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.known() > 0
    }

    /// The number of steps that were recorded.
    #[must_use]
    pub fn known(&self) -> usize {
        self.total.iter().flatten().count()
    }

    /// The number of steps of a group that are missing.
    ///
    /// A step without data is missing if the group had events earlier, perhaps `before` these steps, or if no
    /// group has data in the step (`any`).
    #[must_use]
    pub fn unseen(&self, any: &[Option<f64>], before: bool) -> usize {
        let mut was_there = before;
        let mut unseen = 0;
        for (own, any) in self.total.iter().zip(any) {
            was_there |= own.is_some();
            unseen += usize::from(own.is_none() && (was_there || any.is_none()));
        }
        unseen
    }
}

/// The beginning of the first step, and the number of whole steps, between two times.
///
/// The grid of steps begins with the first day in `zone`. The other days begin on the grid, too, if days are
/// whole steps.
///
/// ```
/// use slo_core::{model::{Timestamp, Window}, replay::steps_of_days};
///
/// let [start, end] = [1, 700].map(Timestamp::from_seconds);
/// assert_eq!(steps_of_days(start, end, Window::minutes(5), "UTC")?, (Timestamp::EPOCH, 2));
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// An unknown zone, or times that the calendar cannot represent.
#[cfg(feature = "calendar")]
pub fn steps_of_days(
    start: Timestamp,
    end: Timestamp,
    step: Window,
    zone: &str,
) -> Result<(Timestamp, usize), Error> {
    let day = Calendar::new(CalendarUnit::Day, zone)?.period_at(start)?.start();
    let start = start.on_grid(step, day);
    Ok((start, usize::try_from(end.millis_since(start) / step.as_millis()).unwrap_or(0)))
}

#[cfg(all(test, feature = "calendar"))]
mod tests {
    use super::*;

    #[test]
    fn days_of_every_zone_are_whole_steps() {
        for (zone, step, days) in [
            ("Asia/Kathmandu", Window::minutes(30), 92),
            ("Europe/Berlin", Window::minutes(30), 92),
            ("UTC", Window::minutes(5), 92),
        ] {
            let quarter = Calendar::new(CalendarUnit::Quarter, zone).unwrap().named("2025-Q4").unwrap();
            let found = steps_of_days(quarter.start(), quarter.end(), step, zone).unwrap();
            let start = found.0;
            assert_eq!(start, quarter.start(), "{zone}");
            let end = start.after_steps(step, found.1);
            assert_eq!(end, quarter.end(), "{zone}");
            let day = Calendar::new(CalendarUnit::Day, zone).unwrap();
            let mut days_seen = 0;
            let mut at = start;
            while at < end {
                assert_eq!(at.on_grid(step, start), at, "{zone}");
                at = day.period_at(at).unwrap().end();
                days_seen += 1;
            }
            assert_eq!(days_seen, days);
            // In the middle of a day: on the grid of that day.
            let within = steps_of_days(start.after(Window::seconds(1_000)), end, step, zone).unwrap().0;
            assert_eq!(within.on_grid(step, start), within);
        }
    }

    #[test]
    fn a_group_is_not_missed_before_its_first_events() {
        let recorded = |seen: &[u8]| {
            let mut tiles = RecordedTiles::new(Timestamp::EPOCH, Window::minutes(1), seen.len());
            tiles.total = seen.iter().map(|seen| (*seen == 1).then_some(5.0)).collect();
            tiles
        };
        let (old, new) = (recorded(&[1, 1, 0, 0, 1, 1]), recorded(&[0, 0, 0, 1, 0, 1]));
        let any = recorded(&[1, 1, 0, 1, 1, 1]).total;
        assert_eq!(old.unseen(&any, false), 2);
        // Of the third step nobody knows anything, and of the fifth something is missing.
        assert_eq!(new.unseen(&any, false), 2);
        assert_eq!(new.unseen(&any, true), 4);
        assert_eq!(recorded(&[0; 6]).unseen(&any, false), 1);
    }
}
