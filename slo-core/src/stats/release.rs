//! Tests of a new version that may be read at every look.

use super::{Confidence, clopper_pearson, fewest};
use crate::{
    Error,
    check::{open_unit, positive},
    math::Tally,
    model::{Objective, Ratio, Slo},
};

/// Which new versions a [`ReleaseTest`] must let pass, and which it must not.
///
/// ```
/// use slo_core::stats::ReleaseRules;
///
/// let rules = ReleaseRules { harmful_burn_rate: 14.4, ..ReleaseRules::default() };
/// assert_eq!((rules.allowed_burn_rate, rules.false_fail), (1.0, 0.01));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "callers write it as a literal over `ReleaseRules::default()`")]
pub struct ReleaseRules {
    /// The burn rate up to which a version is good.
    pub allowed_burn_rate: f64,
    /// The burn rate from which on it is harmful.
    pub harmful_burn_rate: f64,
    /// How many times the error ratio of the old version is harmful, even if the budget bears it no longer or not yet.
    pub harmful_ratio: f64,
    /// The largest probability that a good version fails.
    pub false_fail: f64,
    /// The largest probability that a harmful version passes.
    pub false_pass: f64,
    /// How many events fail together; 1 if they fail independently. Evidence is divided by it.
    pub design_effect: f64,
}

impl ReleaseRules {
    /// The burn rate from which on a version of an SLO is harmful, if a good one burns at most `allowed`: where its slowest alert
    /// pages, or 6 (SRE Workbook, table 5-8), and at least twice what is allowed. Exact.
    ///
    /// `None` if it does not fit.
    #[must_use]
    pub fn harmful_burn_rate(slo: Option<&Slo>, allowed: Ratio) -> Option<Ratio> {
        let page = slo.and_then(|slo| slo.policy().slowest_page()).unwrap_or(PAGES_AT);
        allowed.checked_mul(Ratio::whole(2)).map(|least| page.max(least))
    }

    /// The error ratio from which on a version is harmful: the burn rate times the budget, and at most the middle between the
    /// allowed error ratio and 1. Exact.
    ///
    /// `None` if it does not fit.
    #[must_use]
    pub fn harmful_error_ratio(burn_rate: Ratio, allowed: Ratio, budget: Ratio) -> Option<Ratio> {
        let allowed = allowed.checked_mul(budget)?;
        let middle = allowed.checked_add(Ratio::ONE)?.checked_mul(Ratio::HALF)?;
        Some(burn_rate.checked_mul(budget)?.min(middle))
    }
}

/// The burn rate of the slower page of the SRE Workbook.
const PAGES_AT: Ratio = Ratio::whole(6);

impl Default for ReleaseRules {
    /// A version is good if it burns no more than its budget, and harmful if it would page: six times as much (SRE Workbook,
    /// table 5-8). Beside an old version, it is harmful with twice its errors. A good one fails in at most 1 % of releases, a
    /// harmful one passes in at most 5 %.
    fn default() -> Self {
        Self {
            allowed_burn_rate: 1.0,
            harmful_burn_rate: 6.0,
            harmful_ratio: 2.0,
            false_fail: 0.01,
            false_pass: 0.05,
            design_effect: 1.0,
        }
    }
}

/// A test of a new version: is it good, or harmful?
///
/// It is a likelihood ratio of the harmful against the allowed error ratio (A. Wald, 1945). If the version is good, the
/// ratio reaches 1/`false_fail` with a probability of at most `false_fail`, however often it is looked at; if it is harmful,
/// the reciprocal reaches 1/`false_pass` with a probability of at most `false_pass` (J. Ville, 1939). Between the two error
/// ratios, any verdict is possible. Without enough events, there is none.
///
/// | method | the new version is compared with |
/// |---|---|
/// | [`alone`](Self::alone) | the objective |
/// | [`beside`](Self::beside) | the objective, and the old version that runs at the same time |
/// | [`after`](Self::after) | the objective, and the time before |
///
/// ```
/// use slo_core::{math::Tally, stats::{ReleaseRules, ReleaseTest, ReleaseVerdict}};
///
/// let test = ReleaseTest::new("99.9%".parse()?, ReleaseRules::default())?;
/// assert_eq!(test.alone(Tally::new(5_000, 4)?).verdict, ReleaseVerdict::Pass);
/// assert_eq!(test.alone(Tally::new(500, 5)?).verdict, ReleaseVerdict::Fail);
/// // Nothing is known without traffic. 598 events without a failure would do.
/// let idle = test.alone(Tally::EMPTY);
/// assert_eq!(idle.verdict, ReleaseVerdict::Inconclusive { events_needed: Some(598) });
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReleaseTest {
    rules: ReleaseRules,
    // 0 < allowed < harmful < 1
    allowed: f64,
    harmful: f64,
}

/// What the events so far say of a new version.
///
/// Closed: there is no fourth answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "there is no fourth answer")]
pub enum ReleaseVerdict {
    /// It is not harmful.
    Pass,
    /// It is not good.
    Fail,
    /// The events do not suffice to tell.
    Inconclusive {
        /// How many more events of the new version would, if the error ratios stay as they are; `None` if they would not.
        events_needed: Option<u64>,
    },
}

impl ReleaseVerdict {
    /// `pass`, `fail` or `inconclusive`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Inconclusive { .. } => "inconclusive",
        }
    }
}

/// A verdict with its evidence.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct ReleaseFinding {
    /// The verdict.
    pub verdict: ReleaseVerdict,
    /// How probable so much evidence of harm is at most if the version is good: at `false_fail`, it fails.
    pub p_if_good: f64,
    /// How probable so little evidence of harm is at most if the version is harmful: at `false_pass`, it passes.
    pub p_if_harmful: f64,
}

/// The logarithms of two e-values: against *good*, and against *harmful*.
#[derive(Debug, Clone, Copy)]
struct Evidence {
    harm: f64,
    health: f64,
}

impl ReleaseTest {
    /// The test of versions of a service with this objective.
    ///
    /// At most the middle between the allowed error ratio and 1 is harmful.
    ///
    /// # Errors
    /// A burn rate, a ratio or a design effect that is not positive, a harmful burn rate that is not above the allowed one, a
    /// harmful ratio that is not above 1, a design effect below 1, a probability that is not between 0 and 1, or an objective
    /// that allows every error ratio.
    pub fn new(objective: Objective, rules: ReleaseRules) -> Result<Self, Error> {
        let budget = objective.budget().to_f64();
        let allowed = positive("the allowed burn rate", rules.allowed_burn_rate)? * budget;
        let harmful = positive("the harmful burn rate", rules.harmful_burn_rate)? * budget;
        positive("the harmful ratio", rules.harmful_ratio)?;
        open_unit("the probability that a good version fails", rules.false_fail)?;
        open_unit("the probability that a harmful version passes", rules.false_pass)?;
        positive("the design effect", rules.design_effect)?;
        if rules.design_effect < 1.0 {
            return Err(Error::new(format!("a design effect of {} is below 1", rules.design_effect))
                .with_hint(
                    "write 1 for events that fail independently, more for events that fail together",
                ));
        }
        if allowed >= 1.0 {
            return Err(Error::new(format!(
                "at {objective}, a burn rate of {} allows every event to fail",
                rules.allowed_burn_rate
            ))
            .with_hint("allow a lower burn rate"));
        }
        if rules.harmful_burn_rate <= rules.allowed_burn_rate * APART {
            return Err(Error::new(format!(
                "the harmful burn rate of {} is not above the allowed one of {}",
                rules.harmful_burn_rate, rules.allowed_burn_rate
            ))
            .with_hint(
                "the closer they are, the more events it takes to tell: leave a factor of 2 or more",
            ));
        }
        if rules.harmful_ratio <= APART {
            return Err(Error::new(format!("a harmful ratio of {} is not above 1", rules.harmful_ratio))
                .with_hint("write 2 if twice the errors of the old version are harmful"));
        }
        Ok(Self { rules, allowed, harmful: harmful.min(f64::midpoint(allowed, 1.0)) })
    }

    /// The error ratios up to which a version is good, and from which on it is harmful, by the objective alone.
    #[must_use]
    pub const fn error_ratios(&self) -> (f64, f64) {
        (self.allowed, self.harmful)
    }

    /// Compares the events of the new version with the objective.
    #[must_use]
    pub fn alone(&self, new: Tally) -> ReleaseFinding {
        let ratio = self.thinned(likelihood(new, self.allowed, self.harmful));
        let of_good = self.thinned(of_good(self.allowed, self.harmful));
        self.finding(new, of_good, 0.0, |times| Evidence { harm: times * ratio, health: -times * ratio })
    }

    /// Compares the new version with the objective, and with the old one beside it.
    ///
    /// `steps` are the new events of both, `(old, new)`, since the step before. What befalls both, such as an outage of a
    /// dependency, is no evidence, and the share of traffic may change from step to step. Counters are read at other moments of a
    /// step: of more than two steps, each is also compared with the one before and the one after, and the weakest of the three
    /// counts.
    ///
    /// A version is good if its error ratio is at most that of the old one, or at most the allowed one. It is harmful if its
    /// error ratio is `harmful_ratio` times that of the old one, and harmful by the objective. Of each bad event, the
    /// evidence is in which version it was: given traffic in proportion w, it is in the new one with probability w/(1+w) if
    /// both are alike, and kw/(1+kw) if the new one is k times as bad. The product of these likelihood ratios is a
    /// supermartingale whatever the error ratios are. That a version is good must hold in the same sense all the time: compared with
    /// the old one, or with the objective.
    ///
    /// In steps without events of the old version, the objective decides.
    ///
    /// ```
    /// use slo_core::{math::Tally, stats::{ReleaseRules, ReleaseTest, ReleaseVerdict}};
    ///
    /// let test = ReleaseTest::new("99.9%".parse()?, ReleaseRules::default())?;
    /// // A database is down: both fail, and the new version is not to blame.
    /// let outage = [(Tally::new(900, 300)?, Tally::new(100, 34)?)];
    /// assert_eq!(test.beside(outage)?.verdict, ReleaseVerdict::Pass);
    /// assert_eq!(test.alone(outage[0].1).verdict, ReleaseVerdict::Fail);
    /// let broken = [(Tally::new(900, 1)?, Tally::new(100, 8)?)];
    /// assert_eq!(test.beside(broken)?.verdict, ReleaseVerdict::Fail);
    /// # Ok::<(), slo_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// More events than 64 bits hold.
    pub fn beside(&self, steps: impl IntoIterator<Item = (Tally, Tally)>) -> Result<ReleaseFinding, Error> {
        let steps: Vec<(Tally, Tally)> = steps.into_iter().collect();
        let (mut old, mut new) = (Tally::EMPTY, Tally::EMPTY);
        for (one, two) in &steps {
            (old, new) = (old.checked_add(*one)?, new.checked_add(*two)?);
        }
        if old.total() == 0 || new.total() == 0 {
            return Ok(self.alone(new));
        }
        let arm = |(one, two): (&Tally, &Tally)| {
            if one.total() == 0 {
                likelihood(*two, self.allowed, self.harmful)
            } else {
                arms(*one, *two, self.rules.harmful_ratio)
            }
        };
        let shifted = |earlier: usize, later: usize| -> f64 {
            let (one, two) = (steps.iter().skip(earlier), steps.iter().skip(later));
            one.map(|(one, _)| one).zip(two.map(|(_, two)| two)).map(arm).sum()
        };
        let mut between = vec![shifted(0, 0)];
        if steps.len() > 2 {
            between.extend([shifted(1, 0), shifted(0, 1)]);
        }
        let least = between.iter().copied().fold(f64::INFINITY, f64::min);
        let most = between.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let objective = self.thinned(likelihood(new, self.allowed, self.harmful));
        let (least, most) = (self.thinned(least), self.thinned(most));
        // Not good: worse than allowed, and worse than the old one; both must be shown. Harmful is both, too: an average of
        // e-values is one.
        let of_good = self.thinned(of_good(self.allowed, self.harmful));
        Ok(self.finding(new, of_good, 0.0, |times| Evidence {
            harm: times * objective.min(least),
            health: mean(-times * objective, -times * most),
        }))
    }

    /// Compares the new version with the objective, and with the time before it.
    ///
    /// A version is good if its error ratio is at most that before, or at most the allowed one. It is harmful if it is
    /// `harmful_ratio` times that before, and harmful by the objective. Half of each probability of error is for the error
    /// ratio before, which is known from `before` up to an interval of Clopper and Pearson.
    ///
    /// Without events before, the objective decides.
    ///
    /// ```
    /// use slo_core::{math::Tally, stats::{ReleaseRules, ReleaseTest, ReleaseVerdict}};
    ///
    /// let test = ReleaseTest::new("99.9%".parse()?, ReleaseRules::default())?;
    /// // The service has been burning its budget before: that alone is no reason to take the version back.
    /// let (before, new) = (Tally::new(20_000, 180)?, Tally::new(2_000, 17)?);
    /// assert_eq!(test.after(before, new).verdict, ReleaseVerdict::Pass);
    /// assert_eq!(test.after(before, Tally::new(2_000, 60)?).verdict, ReleaseVerdict::Fail);
    /// # Ok::<(), slo_core::Error>(())
    /// ```
    #[must_use]
    pub fn after(&self, before: Tally, new: Tally) -> ReleaseFinding {
        let before = self.fewer(before);
        let bounds = |error: f64| {
            // One-sided at half of `error` on either side.
            Confidence::new(1.0 - error).ok().and_then(|confidence| clopper_pearson(before, confidence))
        };
        let (Some(for_fail), Some(for_pass)) = (bounds(self.rules.false_fail), bounds(self.rules.false_pass))
        else {
            return self.alone(new);
        };
        let k = self.rules.harmful_ratio;
        let good = self.allowed.max(for_fail.high()).min(MOST);
        let worse = self.harmful.max(k * good).min(f64::midpoint(good, 1.0));
        let harmful = self.harmful.max(k * for_pass.low()).min(MOST);
        let better = self.allowed.max(for_pass.low()).min(harmful / k);
        let (harm, health) =
            (self.thinned(likelihood(new, good, worse)), self.thinned(likelihood(new, better, harmful)));
        let two = std::f64::consts::LN_2;
        let of_good = self.thinned(of_good(better, harmful));
        self.finding(new, of_good, two, |times| Evidence {
            harm: times * harm - two,
            health: -times * health - two,
        })
    }

    /// As many events as are independent of each other.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative, and saturates"
    )]
    fn fewer(&self, tally: Tally) -> Tally {
        let fewer = |count: u64| (count as f64 / self.rules.design_effect).floor() as u64;
        let (bad, good) = (fewer(tally.bad()), fewer(tally.good()));
        Tally::new(bad.saturating_add(good), bad).unwrap_or(tally)
    }

    fn thinned(&self, evidence: f64) -> f64 {
        evidence / self.rules.design_effect
    }

    /// `evidence` is that of so many times as many events. From the start, each good event adds `-of_good` to the evidence of
    /// health, which begins at `-handicap`.
    fn finding(
        &self,
        new: Tally,
        of_good: f64,
        handicap: f64,
        evidence: impl Fn(f64) -> Evidence,
    ) -> ReleaseFinding {
        let (fail, pass) = (-self.rules.false_fail.ln(), -self.rules.false_pass.ln());
        let decided = |evidence: Evidence| {
            if evidence.harm >= fail {
                return Some(ReleaseVerdict::Fail);
            }
            (evidence.health >= pass).then_some(ReleaseVerdict::Pass)
        };
        let now = evidence(1.0);
        let verdict = decided(now).unwrap_or_else(|| {
            let total = new.total() as f64;
            let of_events = |events: u64| match new.total() {
                0 => Evidence { harm: 0.0, health: -of_good * events as f64 - handicap },
                _ => evidence(events as f64 / total),
            };
            let fewest = fewest(MOST_EVENTS, |events| decided(of_events(events)).is_some());
            ReleaseVerdict::Inconclusive {
                events_needed: fewest.map(|events| events.saturating_sub(new.total())),
            }
        });
        let p = |evidence: f64| (-evidence).exp().min(1.0);
        ReleaseFinding { verdict, p_if_good: p(now.harm), p_if_harmful: p(now.health) }
    }
}

/// How far apart ratios must be at least.
const APART: f64 = 1.001;
/// The largest error ratio that a test is made for.
const MOST: f64 = 1.0 - 1e-9;
/// If it takes more events, the error ratios do not tell.
const MOST_EVENTS: u64 = 1_000_000_000_000;

/// ln of the likelihood of `harmful` over that of `allowed`, for a good event: negative.
fn of_good(allowed: f64, harmful: f64) -> f64 {
    (-harmful).ln_1p() - (-allowed).ln_1p()
}

/// ln of the likelihood of `harmful` over that of `allowed`.
fn likelihood(tally: Tally, allowed: f64, harmful: f64) -> f64 {
    tally.bad() as f64 * (harmful / allowed).ln() + tally.good() as f64 * of_good(allowed, harmful)
}

/// ln of the likelihood that the bad events fall as they did if the new version is `k` times as bad, over that if both are alike.
fn arms(old: Tally, new: Tally, k: f64) -> f64 {
    if old.total() == 0 || new.total() == 0 {
        return 0.0;
    }
    let w = new.total() as f64 / old.total() as f64;
    // ln((1 + w) / (1 + kw)): of a bad event in the old one; in the new one, it is k times as likely.
    let in_old = w.ln_1p() - (k * w).ln_1p();
    old.bad() as f64 * in_old + new.bad() as f64 * (in_old + k.ln())
}

/// ln of the mean of eᵃ and eᵇ.
fn mean(a: f64, b: f64) -> f64 {
    let (low, high) = (a.min(b), a.max(b));
    high + (low - high).exp().ln_1p() - std::f64::consts::LN_2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Random;

    fn tally(total: u64, bad: u64) -> Tally {
        Tally::new(total, bad).unwrap()
    }

    fn test() -> ReleaseTest {
        ReleaseTest::new("99.9%".parse().unwrap(), ReleaseRules::default()).unwrap()
    }

    #[test]
    fn refuses_rules_that_cannot_be_tested() {
        let (default, nines) = (ReleaseRules::default(), "99.9%".parse().unwrap());
        for rules in [
            ReleaseRules { harmful_burn_rate: 1.0, ..default },
            ReleaseRules { harmful_burn_rate: f64::NAN, ..default },
            ReleaseRules { allowed_burn_rate: 0.0, ..default },
            ReleaseRules { allowed_burn_rate: 1_000.0, harmful_burn_rate: 2_000.0, ..default },
            ReleaseRules { harmful_ratio: 1.0, ..default },
            ReleaseRules { false_fail: 0.0, ..default },
            ReleaseRules { false_pass: 1.0, ..default },
            ReleaseRules { design_effect: 0.5, ..default },
        ] {
            assert!(ReleaseTest::new(nines, rules).is_err(), "{rules:?}");
        }
        // At 80 %, a burn rate of 6 is more than all events.
        let (allowed, harmful) = ReleaseTest::new("80%".parse().unwrap(), default).unwrap().error_ratios();
        assert!((allowed - 0.2).abs() < 1e-12 && (harmful - 0.6).abs() < 1e-12);
    }

    /// What it says is needed is needed: so many decide, and fewer do not.
    #[test]
    fn asks_for_as_many_events_as_decide() {
        let test = test();
        for (total, bad) in [(100, 0), (10, 0), (200, 1), (1_000, 5), (60, 2)] {
            let ReleaseVerdict::Inconclusive { events_needed: Some(more) } =
                test.alone(tally(total, bad)).verdict
            else {
                panic!("{bad}/{total} decided")
            };
            let decided = |events: f64| {
                let of_good = (0.994_f64 / 0.999).ln();
                let evidence =
                    (of_good * (total - bad) as f64 + 6_f64.ln() * bad as f64) * events / total as f64;
                evidence >= 100_f64.ln() || -evidence >= 20_f64.ln()
            };
            let needed = (total + more) as f64;
            assert!(decided(needed + 1.0) && !decided(needed - 2.0), "{bad}/{total}: {more}");
        }
        assert!(matches!(test.alone(tally(597, 0)).verdict, ReleaseVerdict::Inconclusive { .. }));
        assert_eq!(test.alone(tally(598, 0)).verdict, ReleaseVerdict::Pass);
    }

    #[test]
    fn nothing_is_decided_without_events() {
        let (test, none) = (test(), Tally::EMPTY);
        let inconclusive =
            |finding: ReleaseFinding| matches!(finding.verdict, ReleaseVerdict::Inconclusive { .. });
        assert!(inconclusive(test.alone(none)));
        assert!(inconclusive(test.beside([]).unwrap()));
        assert!(inconclusive(test.beside([(tally(1_000_000, 900), none)]).unwrap()));
        assert!(inconclusive(test.after(tally(1_000_000, 900), none)));
        // Without an old version, the objective decides.
        assert_eq!(test.beside([(none, tally(500, 5))]).unwrap(), test.alone(tally(500, 5)));
        assert_eq!(test.after(none, tally(500, 5)), test.alone(tally(500, 5)));
    }

    #[test]
    fn a_perfect_version_passes_beside_a_perfect_one() {
        let (old, new) = (tally(90_000, 0), tally(10_000, 0));
        assert_eq!(test().beside([(old, new)]).unwrap().verdict, ReleaseVerdict::Pass);
        assert_eq!(test().after(old, new).verdict, ReleaseVerdict::Pass);
    }

    /// A version that is worse than the old one, and still within its budget, does not fail.
    #[test]
    fn a_version_within_its_budget_is_good() {
        let (old, new) = (tally(1_000_000, 10), tally(100_000, 60));
        assert_eq!(test().beside([(old, new)]).unwrap().verdict, ReleaseVerdict::Pass);
        assert_eq!(test().after(old, new).verdict, ReleaseVerdict::Pass);
    }

    #[test]
    fn events_that_fail_together_count_less() {
        let rules = ReleaseRules { design_effect: 5.0, ..ReleaseRules::default() };
        let careful = ReleaseTest::new("99.9%".parse().unwrap(), rules).unwrap();
        assert_eq!(test().alone(tally(300, 5)).verdict, ReleaseVerdict::Fail);
        assert!(matches!(careful.alone(tally(300, 5)).verdict, ReleaseVerdict::Inconclusive { .. }));
    }

    /// An old version that has gone is no reason to let the new one do as it likes.
    #[test]
    fn without_the_old_version_the_objective_decides() {
        let beside = [(tally(900, 1), tally(100, 0)); 10];
        let after = [(Tally::EMPTY, tally(1_000, 500)); 30];
        assert_eq!(test().beside(beside.into_iter().chain(after)).unwrap().verdict, ReleaseVerdict::Fail);
    }

    /// The counters of both are read at other moments: an outage of both seems to begin earlier in the new version.
    #[test]
    fn an_outage_that_seems_to_begin_earlier_is_no_evidence() {
        let calm = [(tally(1_350, 1), tally(150, 0)); 10];
        let onset = [(tally(1_350, 1), tally(150, 45))];
        let outage = [(tally(1_350, 405), tally(150, 45)); 4];
        let steps = calm.into_iter().chain(onset).chain(outage);
        assert_ne!(test().beside(steps).unwrap().verdict, ReleaseVerdict::Fail);
        // What lasts longer than a step is evidence.
        let broken = [(tally(1_350, 1), tally(150, 15)); 5];
        assert_eq!(test().beside(calm.into_iter().chain(broken)).unwrap().verdict, ReleaseVerdict::Fail);
    }

    #[test]
    fn what_is_harmful_is_exact_and_at_least_twice_what_is_allowed() {
        let ratio = |text: &str| text.parse::<Ratio>().unwrap();
        assert_eq!(ReleaseRules::harmful_burn_rate(None, Ratio::ONE), Some(ratio("6")));
        assert_eq!(ReleaseRules::harmful_burn_rate(None, ratio("4")), Some(ratio("8")));
        assert_eq!(
            ReleaseRules::harmful_error_ratio(ratio("6"), Ratio::ONE, ratio("0.001")),
            Some(ratio("0.006"))
        );
        assert_eq!(
            ReleaseRules::harmful_error_ratio(ratio("6"), Ratio::ONE, ratio("0.1")),
            Some(ratio("0.55"))
        );
    }

    /// How often each way to compare errs, looked at after every step, while the traffic of the new version grows and an outage
    /// of a dependency hits both.
    #[test]
    fn errs_as_seldom_as_it_says_however_often_it_is_looked_at() {
        let (test, runs) = (test(), 400);
        let count = |ratio_of: fn(f64) -> f64, wrong: ReleaseVerdict| {
            let mut found = [0_u32; 3];
            for run in 0..runs {
                let mut random = Random::new(run);
                let mut draw = |events: u64, p: f64| {
                    tally(events, (0..events).filter(|_| random.unit() < p).count() as u64)
                };
                let before = draw(40_000, 0.001);
                let (mut steps, mut alone, mut done) = (Vec::new(), Tally::EMPTY, [None; 3]);
                for step in 0..60 {
                    let share = if step < 20 { 5 } else { 50 };
                    // The shared trouble is no evidence beside the old version; the others know nothing of it.
                    let shared = if (10..14).contains(&step) { 0.2 } else { 0.001 };
                    steps.push((draw(100 - share, shared), draw(share, ratio_of(shared).min(1.0))));
                    alone = alone.checked_add(draw(share, ratio_of(0.001))).unwrap();
                    let looks = [
                        test.alone(alone),
                        test.after(before, alone),
                        test.beside(steps.iter().copied()).unwrap(),
                    ];
                    for (done, look) in done.iter_mut().zip(looks) {
                        if done.is_none() && !matches!(look.verdict, ReleaseVerdict::Inconclusive { .. }) {
                            *done = Some(look.verdict);
                        }
                    }
                }
                for (found, done) in found.iter_mut().zip(done) {
                    *found += u32::from(done == Some(wrong));
                }
            }
            found
        };
        // As good as promised, and as the old one: at most 1 %, with three standard errors.
        for failed in count(|ratio| ratio, ReleaseVerdict::Fail) {
            assert!(failed <= 10, "{failed} of {runs}");
        }
        // Six times the errors: at most 5 %.
        for passed in count(|ratio| 6.0 * ratio, ReleaseVerdict::Pass) {
            assert!(passed <= 33, "{passed} of {runs}");
        }
    }
}
