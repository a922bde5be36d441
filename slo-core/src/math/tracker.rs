//! A live record of one SLO's counters, read over several windows.

use super::{Tally, TallyRange};
use crate::{Error, model::Window};
use std::{collections::VecDeque, time::Duration};

/// A live record of one SLO's counters: a ring of cumulative snapshots for each window.
///
/// Reading a window is one subtraction. The caller gives the time as a [`Duration`] since the counters began
/// at zero; it never runs backwards. Each window keeps about sixty snapshots, so its memory is constant, and
/// its oldest edge is off by at most a sixtieth of the window. [`WindowTally`] gives bounds for the error.
///
/// ```
/// use slo_core::{math::{Tally, Tracker}, model::Window};
/// use std::time::Duration;
///
/// let mut tracker = Tracker::new(&[Window::minutes(5)], Window::seconds(1));
/// for second in 0..=600_u64 {
///     // One request a second; all of them fail in the last minute.
///     let counters = Tally::new(second, second.saturating_sub(540))?;
///     tracker.record(Duration::from_secs(second), counters)?;
/// }
/// let last = tracker.window(Window::minutes(5)).unwrap();
/// assert_eq!((last.tally.total(), last.tally.bad()), (300, 60));
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Tracker {
    levels: Vec<Level>,
    // A longer pause between two readings counts as unwatched.
    longest_pause: Duration,
    latest: Snapshot,
}

/// The counts of a [`Tracker`] in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct WindowTally {
    /// The count since the snapshot nearest to the window's beginning.
    pub tally: Tally,
    /// Bounds of the true count.
    ///
    /// The counts since the first snapshot after the window's beginning, and since the last one at or before
    /// it.
    pub range: TallyRange,
    /// How much of the window was watched.
    ///
    /// Less than the window just after a start, and after a pause in the readings, for example while the
    /// computer slept.
    pub covered: Duration,
}

#[derive(Debug, Clone, Copy)]
struct Snapshot {
    time: Duration,
    // The part of that time in which readings came regularly.
    watched: Duration,
    counters: Tally,
}

#[derive(Debug, Clone)]
struct Level {
    window: Window,
    step: Duration,
    // Oldest first, at most one of them at or before the window's beginning; never empty.
    snapshots: VecDeque<Snapshot>,
}

/// Snapshots that a window is divided into.
const RESOLUTION: u32 = 60;
/// Ticks that may be missed before a pause counts as unwatched.
const LATE_TICKS: u32 = 3;

impl Tracker {
    /// A tracker of `windows` that gets the counters about every `tick`.
    #[must_use]
    pub fn new(windows: &[Window], tick: Window) -> Self {
        let start = Snapshot { time: Duration::ZERO, watched: Duration::ZERO, counters: Tally::EMPTY };
        let levels = windows
            .iter()
            .map(|&window| Level {
                window,
                // A little less than the step, so that a tick that comes a moment early still counts.
                step: (window.as_duration() / RESOLUTION).max(tick.as_duration()).mul_f64(0.95),
                snapshots: VecDeque::from([start]),
            })
            .collect();
        Self { levels, longest_pause: tick.as_duration() * LATE_TICKS, latest: start }
    }

    /// Takes a reading of the counters at `time`.
    ///
    /// # Errors
    /// Time or counters that ran backwards; the reading is then ignored.
    pub fn record(&mut self, time: Duration, counters: Tally) -> Result<(), Error> {
        if time < self.latest.time {
            return Err(Error::new(format!("time ran backwards from {:?} to {time:?}", self.latest.time)));
        }
        counters.since(self.latest.counters)?;
        let pause = time.saturating_sub(self.latest.time);
        // Events in a long pause are counted, but it is unknown when they happened.
        let watched = if pause > self.longest_pause { Duration::ZERO } else { pause };
        self.latest = Snapshot { time, watched: self.latest.watched + watched, counters };
        for level in &mut self.levels {
            level.record(self.latest);
        }
        Ok(())
    }

    /// The counts of the last `window` up to the latest reading; `None` for a window that is not tracked.
    #[must_use]
    pub fn window(&self, window: Window) -> Option<WindowTally> {
        let level = self.levels.iter().find(|level| level.window == window)?;
        level.read(self.latest)
    }

    /// The latest reading: all events since the counters began.
    #[must_use]
    pub const fn total(&self) -> Tally {
        self.latest.counters
    }

    /// When the latest reading was taken.
    #[must_use]
    pub const fn time(&self) -> Duration {
        self.latest.time
    }
}

impl Level {
    fn record(&mut self, snapshot: Snapshot) {
        if self.snapshots.back().is_none_or(|last| snapshot.time >= last.time.saturating_add(self.step)) {
            self.snapshots.push_back(snapshot);
        }
        let begin = snapshot.time.saturating_sub(self.window.as_duration());
        while self.snapshots.get(1).is_some_and(|second| second.time <= begin) {
            self.snapshots.pop_front();
        }
    }

    fn read(&self, latest: Snapshot) -> Option<WindowTally> {
        let begin = latest.time.saturating_sub(self.window.as_duration());
        let before = self.snapshots.front()?;
        let after = self.snapshots.iter().find(|snapshot| snapshot.time >= begin).unwrap_or(&latest);
        let nearest = if begin.saturating_sub(before.time) <= after.time.saturating_sub(begin) {
            before
        } else {
            after
        };
        // Watched since the first snapshot inside, and before it as far as that lies in the window.
        let edge = after.watched.saturating_sub(before.watched).min(after.time.saturating_sub(begin));
        let covered = latest.watched.saturating_sub(after.watched) + edge;
        let since = |snapshot: &Snapshot| latest.counters.since(snapshot.counters).ok();
        Some(WindowTally {
            tally: since(nearest)?,
            range: TallyRange::new(since(after)?, since(before)?).ok()?,
            covered,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn refuses_what_runs_backwards_and_keeps_what_it_had() {
        let mut tracker = Tracker::new(&[Window::minutes(5)], Window::minutes(1));
        tracker.record(Duration::from_secs(60), Tally::new(10, 1).unwrap()).unwrap();
        assert!(tracker.record(Duration::from_secs(59), Tally::new(11, 1).unwrap()).is_err());
        assert!(tracker.record(Duration::from_secs(61), Tally::new(9, 1).unwrap()).is_err());
        assert_eq!(tracker.total(), Tally::new(10, 1).unwrap());
    }

    #[test]
    fn says_how_much_of_a_window_it_has_seen() {
        let mut tracker = Tracker::new(&[Window::hours(1)], Window::minutes(1));
        tracker.record(Duration::from_secs(90), Tally::new(9, 0).unwrap()).unwrap();
        let hour = tracker.window(Window::hours(1)).unwrap();
        assert_eq!((hour.covered, hour.tally.total()), (Duration::from_secs(90), 9));
        assert_eq!(tracker.window(Window::hours(2)), None);
    }

    #[test]
    fn says_what_it_has_slept_through() {
        let mut tracker = Tracker::new(&[Window::hours(1)], Window::minutes(1));
        for minute in (0..=60).chain([100]).chain(101..=110) {
            tracker.record(Duration::from_secs(60 * minute), Tally::new(minute, 0).unwrap()).unwrap();
        }
        let hour = tracker.window(Window::hours(1)).unwrap();
        assert_eq!((hour.covered, hour.tally.total()), (Duration::from_secs(1_200), 60));
        // A sleep longer than the window leaves nothing that was watched.
        for (until, watched) in [(100, 0), (102, 2)] {
            let mut tracker = Tracker::new(&[Window::minutes(5)], Window::minutes(1));
            for minute in (0..=60).chain(100..=until) {
                tracker.record(Duration::from_secs(60 * minute), Tally::new(minute, 0).unwrap()).unwrap();
            }
            assert_eq!(
                tracker.window(Window::minutes(5)).unwrap().covered,
                Duration::from_secs(60 * watched)
            );
        }
    }

    #[test]
    fn knows_a_month_within_hard_bounds() {
        // The windows of four tiers and the period: a few hundred snapshots, and no window is off by more
        // than a sixtieth and a tick.
        let mut windows = crate::model::AlertPolicy::workbook().windows();
        windows.push(Window::days(30));
        let mut tracker = Tracker::new(&windows, Window::minutes(1));
        for minute in 0..60 * 24 * 45 {
            tracker
                .record(Duration::from_secs(60 * minute), Tally::new(minute, minute / 3).unwrap())
                .unwrap();
        }
        for window in windows {
            let read = tracker.window(window).unwrap();
            let minutes = window.as_millis() / 60_000;
            let (least, most) = (read.range.at_least().total(), read.range.at_most().total());
            assert!(least <= minutes && minutes <= most && most - least <= minutes / 60 + 1, "{window}");
        }
        let snapshots: usize = tracker.levels.iter().map(|level| level.snapshots.len()).sum();
        assert!(snapshots < 600, "{snapshots}");
    }

    #[test]
    fn keeps_memory_constant() {
        let mut tracker = Tracker::new(&[Window::minutes(5), Window::days(30)], Window::seconds(1));
        for second in 0..20_000 {
            tracker.record(Duration::from_secs(second), Tally::new(second, 0).unwrap()).unwrap();
        }
        assert!(tracker.levels.iter().all(|level| level.snapshots.len() <= 66));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]
        #[test]
        fn bounds_contain_the_truth(
            steps in prop::collection::vec((1..4_000_u64, 0..50_u64, 0..50_u64), 1..400)
        ) {
            let window = Window::minutes(5);
            let mut tracker = Tracker::new(&[window], Window::seconds(1));
            let mut history = vec![(0_u64, Tally::EMPTY)];
            for (pause, good, bad) in steps {
                let (time, counters) = *history.last().unwrap();
                let counters = counters.checked_add(Tally::new(good + bad, bad).unwrap()).unwrap();
                history.push((time + pause, counters));
                tracker.record(Duration::from_millis(time + pause), counters).unwrap();
            }
            let (now, counters) = *history.last().unwrap();
            let begin = now.saturating_sub(window.as_millis());
            let (_, base) = history.iter().rev().find(|(time, _)| *time <= begin).unwrap();
            let truth = counters.since(*base).unwrap();
            let read = tracker.window(window).unwrap();
            let (least, most) = (read.range.at_least(), read.range.at_most());
            prop_assert!(least.total() <= truth.total() && truth.total() <= most.total());
            prop_assert!(least.bad() <= truth.bad() && truth.bad() <= most.bad());
            prop_assert!(least.total() <= read.tally.total() && read.tally.total() <= most.total());
            prop_assert!(read.covered <= window.as_duration());
        }
    }
}
