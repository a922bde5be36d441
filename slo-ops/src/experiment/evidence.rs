//! Whether an error ratio is above what is tolerated: a test that may be looked at all the time.

use slo_core::{
    Error,
    math::Tally,
    stats::{Confidence, MixtureTest, confidence_sequence, fewest},
};

/// Where the error ratio is expected if it is not tolerated, in multiples of what is. Both a service that fails now and then
/// and one that fails always are found soon.
const TYPICAL_MULTIPLE: f64 = 4.0;
/// Beyond so many times as many events, a ratio that stays as it is sits at the limit.
const MOST_TIMES: u64 = 1_000_000;

/// A test of one hypothesis, valid at every look (an e-process, see [`MixtureTest`]).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Test {
    tolerated: f64,
    alpha: f64,
    // At least 1.
    design_effect: f64,
    mixture: MixtureTest,
}

/// What the events so far say about a hypothesis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verdict {
    /// The SLO burned its budget more slowly than is tolerated.
    Held,
    /// It burned its budget faster.
    Broken,
    /// The events do not suffice to tell.
    Inconclusive {
        /// How many more would, if their error ratio stays as it is; `None` where it sits at the limit, or without events.
        events_needed: Option<u64>,
    },
}

impl Test {
    /// The test whether the error ratio is above `tolerated`, which errs with a probability of at most `alpha`.
    pub(super) fn new(tolerated: f64, alpha: f64, design_effect: f64) -> Result<Self, Error> {
        let expected = (TYPICAL_MULTIPLE * tolerated).min(0.5);
        let mixture = MixtureTest::worse_than(tolerated)?.with_prior(1.0, 1.0 / expected - 1.0)?;
        Ok(Self { tolerated, alpha, design_effect, mixture })
    }

    /// Whether the events so far refute that the error ratio is tolerated.
    pub(super) fn is_broken(&self, tally: Tally) -> bool {
        self.mixture.evidence(self.thinned(tally, f64::floor, f64::ceil)) >= -self.alpha.ln()
    }

    /// Whether they refute that it is not.
    fn is_held(&self, tally: Tally) -> bool {
        let confidence = Confidence::new(1.0 - self.alpha);
        let sequence = confidence.ok().and_then(|confidence| {
            confidence_sequence(self.thinned(tally, f64::ceil, f64::floor), confidence)
        });
        sequence.is_some_and(|interval| interval.high() < self.tolerated)
    }

    /// What they say.
    pub(super) fn verdict(&self, tally: Tally) -> Verdict {
        self.decided(tally).unwrap_or_else(|| {
            let needed = self.fewest_times(tally).map(|times| tally.total() * (times - 1));
            Verdict::Inconclusive { events_needed: needed.filter(|_| tally.total() > 0) }
        })
    }

    fn decided(&self, tally: Tally) -> Option<Verdict> {
        if self.is_broken(tally) {
            return Some(Verdict::Broken);
        }
        self.is_held(tally).then_some(Verdict::Held)
    }

    /// How many times as many events decide, with the same ratio.
    fn fewest_times(&self, tally: Tally) -> Option<u64> {
        let most = (u64::MAX / 2 / tally.total().max(1)).min(MOST_TIMES);
        fewest(most, |times| self.decided(times_as_many(tally, times)).is_some())
    }

    /// How many events it takes to tell, if a share of `error_ratio` of them is bad.
    pub(super) fn events_to_tell(&self, error_ratio: f64) -> Option<u64> {
        fewest(MOST_TIMES * MOST_TIMES, |total| self.decided(with_ratio(total, error_ratio)).is_some())
    }

    /// The events as so many independent ones, with the rounding of each kind.
    fn thinned(&self, tally: Tally, of_bad: fn(f64) -> f64, of_good: fn(f64) -> f64) -> Tally {
        if self.design_effect <= 1.0 {
            return tally;
        }
        let fewer = |count: u64, rounded: fn(f64) -> f64| whole(rounded(count as f64 / self.design_effect));
        let (bad, good) = (fewer(tally.bad(), of_bad), fewer(tally.good(), of_good));
        Tally::new(bad + good, bad).unwrap_or(tally)
    }
}

impl Verdict {
    /// `held`, `broken` or `inconclusive`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Broken => "broken",
            Self::Inconclusive { .. } => "inconclusive",
        }
    }
}

fn times_as_many(tally: Tally, times: u64) -> Tally {
    let (total, bad) = (tally.total().saturating_mul(times), tally.bad().saturating_mul(times));
    Tally::new(total, bad).unwrap_or(tally)
}

fn with_ratio(total: u64, ratio: f64) -> Tally {
    Tally::new(total, whole(total as f64 * ratio).min(total)).unwrap_or(Tally::EMPTY)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is not negative, and saturates"
)]
fn whole(count: f64) -> u64 {
    count.floor() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(total: u64, bad: u64) -> Tally {
        Tally::new(total, bad).unwrap()
    }

    #[test]
    fn says_held_broken_or_how_much_is_missing() {
        let test = Test::new(0.01, 0.01, 1.0).unwrap();
        assert_eq!(test.verdict(tally(10_000, 50)), Verdict::Held);
        assert_eq!(test.verdict(tally(1_000, 60)), Verdict::Broken);
        assert_eq!(test.verdict(tally(5, 5)), Verdict::Broken);
        assert_eq!(test.verdict(Tally::EMPTY), Verdict::Inconclusive { events_needed: None });
        let Verdict::Inconclusive { events_needed: Some(more) } = test.verdict(tally(1_000, 5)) else {
            panic!("decided too early")
        };
        assert_eq!(test.verdict(tally(1_000 + more, 5 * (1_000 + more) / 1_000)), Verdict::Held);
    }

    #[test]
    fn bursts_count_as_fewer() {
        let (alone, in_bursts) = (Test::new(0.01, 0.01, 1.0).unwrap(), Test::new(0.01, 0.01, 10.0).unwrap());
        assert!(alone.is_broken(tally(100, 8)));
        assert!(!in_bursts.is_broken(tally(100, 8)));
        assert!(in_bursts.is_broken(tally(1_000, 80)));
    }

    #[test]
    fn fewer_events_tell_the_worse_it_is() {
        let test = Test::new(0.001, 0.01, 1.0).unwrap();
        let [always, often, now_and_then] =
            [1.0, 0.05, 0.004].map(|ratio| test.events_to_tell(ratio).unwrap());
        assert!(always < 6, "{always}");
        assert!(always < often && often < now_and_then, "{often} {now_and_then}");
        assert_eq!(test.events_to_tell(0.001), None);
    }
}
