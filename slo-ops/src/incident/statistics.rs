//! How long the stages of incidents take, over many of them.

use super::{Episode, Stage};
use slo_core::{
    Error,
    model::{Timestamp, Window},
    stats::{Confidence, RestoreTimes, TypicalTime, compare_restore_times},
};
use std::collections::BTreeMap;

/// How long each stage took, in seconds, of episodes for which that is known.
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

/// Shorter times are within the error of two clocks.
const SHORTEST: f64 = 0.001;

impl StageTimes {
    /// Those of `episodes`.
    pub fn of<'a>(episodes: impl IntoIterator<Item = &'a Episode>) -> Self {
        let mut times = Self::default();
        for episode in episodes {
            times.add(&episode.moments());
        }
        times
    }

    /// Adds those of an episode with these moments.
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

    /// How long it typically takes, in seconds; `None` where that is not known of any episode.
    ///
    /// # Errors
    /// A confidence whose interval ends nowhere.
    pub fn typical(&self, stage: Stage, confidence: Confidence) -> Result<Option<TypicalTime>, Error> {
        TypicalTime::of(self.seconds(stage), confidence)
    }

    /// How a stage of these compares with that of `later` ones, as the ratio of geometric means with its interval.
    ///
    /// # Errors
    /// Those of [`compare_restore_times`], such as fewer than five episodes a side.
    pub fn compare(&self, later: &Self, stage: Stage, confidence: Confidence) -> Result<RestoreTimes, Error> {
        compare_restore_times(self.seconds(stage), later.seconds(stage), confidence)
    }
}

/// How alerts did, over many episodes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AlertCounts {
    /// Episodes.
    pub episodes: u64,
    /// Those that woke somebody.
    pub pages: u64,
    /// Those that somebody took.
    pub acknowledged: u64,
    /// Those that began within half an hour of the end of the one before, of the same incident.
    pub flaps: u64,
}

/// How soon after the end of the one before an episode is a flap.
const FLAP: Window = Window::minutes(30);

impl AlertCounts {
    /// Those of `incidents`, each with its episodes in their order, of which those count that began from `since` on.
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
