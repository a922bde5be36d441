//! Statistics over many incidents: durations of stages, and counts of episodes.

use super::{Episode, Stage};
use slo_core::{
    Error,
    model::{Timestamp, Window},
    stats::{Confidence, RestoreTimes, TypicalTime, compare_restore_times},
};
use std::collections::BTreeMap;

/// Durations of each stage in seconds, from the episodes for which they are known.
///
/// ```
/// use slo_core::{model::Timestamp, stats::Confidence};
/// use slo_ops::incident::{Moments, Stage, StageTimes};
///
/// let at = Timestamp::from_seconds;
/// let mut times = StageTimes::default();
/// for minutes in [30, 60, 45, 20, 90] {
///     let mut moments = Moments::new(at(0), at(5));
///     moments.resolved = Some(at(minutes * 60));
///     times.add(&moments);
/// }
/// let restore = times.typical(Stage::Restore, Confidence::P95)?.unwrap();
/// assert_eq!((restore.count, (restore.geometric_mean / 60.0).round()), (5, 43.0));
/// assert_eq!(times.typical(Stage::Mitigate, Confidence::P95)?, None); // nobody said so
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StageTimes {
    seconds: BTreeMap<Stage, Vec<f64>>,
}

/// Shorter durations are within the error of two clocks.
const SHORTEST: f64 = 0.001;

impl StageTimes {
    /// The durations of the stages of `episodes`.
    pub fn of<'a>(episodes: impl IntoIterator<Item = &'a Episode>) -> Self {
        let mut times = Self::default();
        for episode in episodes {
            times.add(&episode.moments());
        }
        times
    }

    /// Adds the durations of an episode with these times.
    pub fn add(&mut self, moments: &super::Moments) {
        for stage in Stage::ALL {
            if let Some(millis) = moments.millis(stage) {
                let seconds = (millis as f64 / 1_000.0).max(SHORTEST);
                self.seconds.entry(stage).or_default().push(seconds);
            }
        }
    }

    /// How long a stage took, in seconds, episode by episode.
    #[must_use]
    pub fn seconds(&self, stage: Stage) -> &[f64] {
        self.seconds.get(&stage).map_or(&[], Vec::as_slice)
    }

    /// How long a stage typically takes, in seconds.
    ///
    /// It is `None` if that is not known for any episode.
    ///
    /// # Errors
    /// A confidence whose interval is not finite.
    pub fn typical(&self, stage: Stage, confidence: Confidence) -> Result<Option<TypicalTime>, Error> {
        TypicalTime::of(self.seconds(stage), confidence)
    }

    /// Compares a stage with the same stage of `later` episodes.
    ///
    /// The result is the ratio of the geometric means, with its interval.
    ///
    /// # Errors
    /// The errors of [`compare_restore_times`], such as fewer than five episodes on a side.
    pub fn compare(&self, later: &Self, stage: Stage, confidence: Confidence) -> Result<RestoreTimes, Error> {
        compare_restore_times(self.seconds(stage), later.seconds(stage), confidence)
    }
}

/// Counts over many episodes, which show how useful alerts were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AlertCounts {
    /// Episodes.
    pub episodes: u64,
    /// Episodes that paged somebody.
    pub pages: u64,
    /// Episodes that somebody acknowledged.
    pub acknowledged: u64,
    /// Episodes that began within half an hour after the one before of the same incident ended.
    pub flaps: u64,
}

/// An episode is a flap if it begins within this time after the end of the one before.
const FLAP: Window = Window::minutes(30);

impl AlertCounts {
    /// The counts over `incidents`, each given as its episodes in order.
    ///
    /// Only episodes that began at `since` or later count.
    pub fn of<'a>(incidents: impl IntoIterator<Item = &'a [Episode]>, since: Timestamp) -> Self {
        let mut counts = Self::default();
        for episodes in incidents {
            let mut before: Option<&Episode> = None;
            for episode in episodes {
                let began = episode.id.began;
                let ended = before.and_then(|before| before.resolution).map(|resolution| resolution.ended);
                before = Some(episode);
                if began < since {
                    continue;
                }
                counts.episodes += 1;
                counts.pages += u64::from(episode.is_urgent());
                counts.acknowledged += u64::from(episode.acknowledged.is_some());
                counts.flaps += u64::from(ended.is_some_and(|ended| ended.after(FLAP) > began));
            }
        }
        counts
    }
}
