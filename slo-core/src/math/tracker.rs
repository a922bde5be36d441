//! A live record of one SLO's counters from which any window can be read.

use super::Tally;
use crate::{Error, model::Window};
use std::{collections::VecDeque, time::Duration};

/// A ring of cumulative snapshots per window: any window is one subtraction.
///
/// Time is given by the caller, as a [`Duration`] since the counters began at zero; it never runs
/// backwards. Each window keeps about sixty snapshots, so its memory is constant and its oldest edge
/// is off by at most a sixtieth of it; [`WindowTally`] bounds the error.
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
    latest: Snapshot,
}

/// What a [`Tracker`] counted in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowTally {
    /// The count since the snapshot nearest to the window's beginning.
    pub tally: Tally,
    /// The count since the last snapshot at or before the beginning: never less than the truth.
    pub at_most: Tally,
    /// The count since the first snapshot after the beginning: never more than the truth.
    pub at_least: Tally,
    /// How much of the window has been watched: less than the window just after a start.
    pub covered: Duration,
}

#[derive(Debug, Clone, Copy)]
struct Snapshot {
    time: Duration,
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

impl Tracker {
    /// A tracker of `windows`, to be given the counters about every `tick`.
    #[must_use]
    pub fn new(windows: &[Window], tick: Window) -> Self {
        let start = Snapshot { time: Duration::ZERO, counters: Tally::EMPTY };
        let levels = windows
            .iter()
            .map(|&window| Level {
                window,
                // A little less than the step, so that a tick that comes a moment early still counts.
                step: (window.as_duration() / RESOLUTION).max(tick.as_duration()).mul_f64(0.95),
                snapshots: VecDeque::from([start]),
            })
            .collect();
        Self { levels, latest: start }
    }

    /// Takes a reading of the counters at `time`.
    ///
    /// # Errors
    /// Time or counters that ran backwards; the reading is then not taken.
    pub fn record(&mut self, time: Duration, counters: Tally) -> Result<(), Error> {
        if time < self.latest.time {
            return Err(Error::new(format!("time ran backwards from {:?} to {time:?}", self.latest.time)));
        }
        counters.since(self.latest.counters)?;
        self.latest = Snapshot { time, counters };
        for level in &mut self.levels {
            level.record(self.latest);
        }
        Ok(())
    }

    /// What was counted in the last `window` up to the latest reading; `None` for a window that is not
    /// tracked.
    #[must_use]
    pub fn window(&self, window: Window) -> Option<WindowTally> {
        let level = self.levels.iter().find(|level| level.window == window)?;
        level.read(self.latest)
    }

    /// The latest reading: everything that was ever counted.
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
        if self.snapshots.back().is_none_or(|last| snapshot.time >= last.time + self.step) {
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
        let since = |snapshot: &Snapshot| latest.counters.since(snapshot.counters).ok();
        Some(WindowTally {
            tally: since(nearest)?,
            at_most: since(before)?,
            at_least: since(after)?,
            covered: latest.time.saturating_sub(begin),
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
        tracker.record(Duration::from_mins(1), Tally::new(10, 1).unwrap()).unwrap();
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
            prop_assert!(read.at_least.total() <= truth.total() && truth.total() <= read.at_most.total());
            prop_assert!(read.at_least.bad() <= truth.bad() && truth.bad() <= read.at_most.bad());
            prop_assert!(read.at_least.total() <= read.tally.total() && read.tally.total() <= read.at_most.total());
        }
    }
}
