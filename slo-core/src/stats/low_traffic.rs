//! The significance of an alert when there are few events.

use super::{
    binomial_at_least, poisson_at_least,
    special::{Tail, gamma_quantile, ln_beta_tails, ln_poisson},
    tails::beta_above,
};
use crate::{
    Error,
    check::{not_negative, open_unit, positive},
    math::Tally,
    model::{Objective, Ratio, Window},
};

/// The fewest bad events among `events` with which the error ratio is above `threshold`: ⌊θn⌋ + 1.
///
/// Exact, so that it is right at the boundary, where floats are off by one.
///
/// ```
/// use slo_core::stats::bad_events_to_fire;
///
/// // 14.4 times a budget of 0.1 %, among 50 requests: a single failure pages.
/// assert_eq!(bad_events_to_fire("0.0144".parse()?, 50)?, 1);
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// A number that does not fit 64 bits.
pub fn bad_events_to_fire(threshold: Ratio, events: u64) -> Result<u64, Error> {
    above(threshold, Ratio::whole(events.into()))
}

/// ⌊θn⌋ + 1 for a number of events that need not be whole.
fn above(threshold: Ratio, events: Ratio) -> Result<u64, Error> {
    let product = threshold.checked_mul(events).map(Ratio::floor).and_then(|bad| u64::try_from(bad).ok());
    product
        .and_then(|bad| bad.checked_add(1))
        .ok_or_else(|| Error::new(format!("{threshold} of {events} events do not fit 64 bits")))
}

/// The fewest events among which `bad` bad ones never exceed `threshold`: ⌈r/θ⌉.
///
/// ```
/// use slo_core::stats::events_to_stay_silent;
///
/// // How many requests an hour, before one failure alone no longer pages at 99.9 %?
/// assert_eq!(events_to_stay_silent("0.0144".parse()?, 1)?, 70);
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// A threshold of zero, or a number that does not fit 64 bits.
pub fn events_to_stay_silent(threshold: Ratio, bad: u64) -> Result<u64, Error> {
    let exact = Ratio::whole(bad.into()).checked_div(threshold);
    let events = exact.and_then(|n| u64::try_from(n.numerator().div_ceil(n.denominator())).ok());
    events.ok_or_else(|| Error::new(format!("no number of events keeps {bad} bad ones within {threshold}")))
}

/// The probability that a window of `events` events exceeds `threshold`.
///
/// P(X ≥ ⌊θn⌋ + 1) for a binomial X with the probability `error_ratio`: errors that do not come in clusters.
///
/// ```
/// use slo_core::stats::firing_probability;
///
/// // 500 requests, a threshold of six times the budget of 0.1 %, and a burn rate of 1.
/// let p = firing_probability("0.006".parse()?, 500, 0.001)?;
/// assert!((p - 0.001_735_852).abs() < 1e-9);
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// An error ratio outside 0 to 1, or numbers that do not fit 64 bits.
pub fn firing_probability(threshold: Ratio, events: u64, error_ratio: f64) -> Result<f64, Error> {
    binomial_at_least(bad_events_to_fire(threshold, events)?, events, error_ratio)
}

/// The probability that the true burn rate is above `burn`, given the counts: P(e > burn·β).
///
/// With Jeffreys' prior, 1 − I_{burn·β}(B + ½, N − B + ½). Without events, it is the probability of the
/// prior.
///
/// ```
/// use slo_core::{math::Tally, stats::burn_above};
///
/// // One failure in a thousand at 99.9 % is a burn rate of 1, but that is uncertain.
/// assert!((burn_above(Tally::new(1_000, 1)?, "99.9%".parse()?, 1.0)? - 0.5723).abs() < 1e-4);
/// assert!((burn_above(Tally::new(1_000, 5)?, "99.9%".parse()?, 1.0)? - 0.9985).abs() < 1e-4);
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// A negative or infinite burn rate, or NaN.
pub fn burn_above(tally: Tally, objective: Objective, burn: f64) -> Result<f64, Error> {
    let error_ratio = (not_negative("burn", burn)? * objective.budget().to_f64()).min(1.0);
    beta_above(error_ratio, tally.bad() as f64 + 0.5, tally.good() as f64 + 0.5)
}

/// The fewest bad events in a window that are significant for an alert at burn rate `factor`.
///
/// m*: with at least this many, a service at a burn rate of 1 reaches the factor with a probability of at
/// most `alpha`: P(Poisson(m/k) ≥ m) ≤ α. It does not depend on the objective or the traffic, so it is a
/// better guard for low traffic than a least number of requests. `None` for factors up to 1, which such a
/// service exceeds about half of the time. Replays use it as
/// [`AlertRule::fewest_bad`](crate::replay::AlertRule), alert policies by
/// [`AlertPolicy::guarded`](crate::model::AlertPolicy::guarded).
///
/// | k | α = 0.01 | 0.001 | 0.0001 |
/// |---|---|---|---|
/// | 14.4 | 2 | 4 | 5 |
/// | 6 | 4 | 6 | 8 |
/// | 3 | 8 | 12 | 17 |
/// | 1 | – | – | – |
///
/// ```
/// use slo_core::stats::fewest_bad_events;
///
/// // How many failures make the fast page significant?
/// assert_eq!(fewest_bad_events("14.4".parse()?, 0.001)?, Some(4));
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// An `alpha` outside 0 to 1.
pub fn fewest_bad_events(factor: Ratio, alpha: f64) -> Result<Option<u64>, Error> {
    open_unit("alpha", alpha)?;
    let k = factor.to_f64();
    if factor <= Ratio::ONE {
        return Ok(None);
    }
    // The probability falls with m, so the first that is small enough is found by halving.
    let enough = |m: u64| poisson_at_least(m, m as f64 / k).map(|p| p <= alpha);
    let (mut low, mut high) = (0, 1);
    while !enough(high)? {
        if high > 1 << 50 {
            return Ok(None);
        }
        (low, high) = (high, high * 2);
    }
    while high - low > 1 {
        let middle = u64::midpoint(low, high);
        if enough(middle)? { high = middle } else { low = middle }
    }
    Ok(Some(high))
}

/// Events without a failure that show that an objective is met: the least n with sⁿ ≤ α.
///
/// At least 1. A single failure among them is no evidence against the objective, but more events are needed
/// then; see [`clopper_pearson`](super::clopper_pearson).
///
/// ```
/// use slo_core::stats::{Confidence, events_to_demonstrate};
///
/// assert_eq!(events_to_demonstrate("99.9%".parse()?, Confidence::P95), 2_995);
/// # Ok::<(), slo_core::Error>(())
/// ```
#[must_use]
pub fn events_to_demonstrate(objective: Objective, confidence: super::Confidence) -> u64 {
    let events = (confidence.alpha().ln() / (-objective.budget().to_f64()).ln_1p()).ceil();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive, and saturates")]
    let events = events as u64;
    events
}

/// The time until an alert fires on random errors, which is after the m-th of them.
///
/// The waiting time is Erlang(m, λe) with m = ⌊θN⌋ + 1. This is valid while m errors come well within the
/// long window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ErlangDetection {
    bad_events: u64,
    // Bad events per second, positive.
    rate: f64,
}

impl ErlangDetection {
    /// Detection by a window of `long` with the given threshold.
    ///
    /// There are `traffic` events per second, of which the share `error_ratio` is bad.
    ///
    /// ```
    /// use slo_core::{model::{Ratio, Window}, stats::ErlangDetection};
    ///
    /// // 360 requests an hour, and everything fails: how long until the fast tier pages?
    /// let wait = ErlangDetection::new(Window::hours(1), "0.0144".parse()?, "0.1".parse()?, 1.0)?;
    /// assert_eq!((wait.bad_events(), wait.mean()), (6, 60.0));
    /// assert!((wait.quantile(0.95)? - 105.13).abs() < 0.01);
    /// # Ok::<(), slo_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// No bad events at all, an error ratio above one, or numbers that do not fit 64 bits.
    pub fn new(long: Window, threshold: Ratio, traffic: Ratio, error_ratio: f64) -> Result<Self, Error> {
        crate::check::unit("error ratio", error_ratio)?;
        let bad_events = above(threshold, events_in(traffic, long)?)?;
        let rate = positive("bad events per second", traffic.to_f64() * error_ratio)?;
        crate::check::finite("the time to detection", bad_events as f64 / rate)?;
        Ok(Self { bad_events, rate })
    }

    /// The number of bad events at which it fires.
    #[must_use]
    pub const fn bad_events(&self) -> u64 {
        self.bad_events
    }

    /// The mean time in seconds from the start of the outage: m/(λe).
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.bad_events as f64 / self.rate
    }

    /// The time in seconds within which it fires with probability `p`.
    ///
    /// # Errors
    /// A `p` that is not between 0 and 1.
    pub fn quantile(&self, p: f64) -> Result<f64, Error> {
        open_unit("p", p)?;
        Ok(gamma_quantile(Tail::Lower, p, self.bad_events as f64) / self.rate)
    }
}

fn events_in(traffic: Ratio, window: Window) -> Result<Ratio, Error> {
    let events = traffic.checked_mul(window.as_seconds());
    events.ok_or_else(|| Error::new(format!("{traffic} events a second has too many digits")))
}

/// How often a two-window alert fires on random errors, at constant traffic.
///
/// Exact for Poisson errors. Errors that come in clusters make it fire more often; divide the traffic by
/// their [`design_effect`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FalseAlarms {
    // Bad events that the windows need; at least one.
    long_needs: u64,
    short_needs: u64,
    // Seconds of the windows; short < long.
    long: f64,
    short: f64,
}

impl FalseAlarms {
    /// The alert over `long` and `short` with the given threshold, at `traffic` events per second.
    ///
    /// `guard` is the fewest bad events in the long window with which it fires, such as
    /// [`fewest_bad_events`]; 0 for none.
    ///
    /// # Errors
    /// A short window that is not shorter, or numbers that do not fit 64 bits.
    pub fn new(
        long: Window,
        short: Window,
        threshold: Ratio,
        traffic: Ratio,
        guard: u64,
    ) -> Result<Self, Error> {
        let long_needs = above(threshold, events_in(traffic, long)?)?.max(guard);
        let short_needs = above(threshold, events_in(traffic, short)?)?;
        Self::with_counts(long, short, long_needs, short_needs)
    }

    /// The alert that needs the given numbers of bad events in its windows, at least one each.
    ///
    /// # Errors
    /// A short window that is not shorter, or no bad events.
    pub fn with_counts(
        long: Window,
        short: Window,
        long_needs: u64,
        short_needs: u64,
    ) -> Result<Self, Error> {
        if short >= long {
            return Err(Error::new(format!(
                "the short window {short} is not shorter than the long one, {long}"
            )));
        }
        if long_needs == 0 || short_needs == 0 {
            return Err(Error::new("an alert that needs no bad events always fires"));
        }
        let seconds = |window: Window| window.as_seconds().to_f64();
        Ok(Self { long_needs, short_needs, long: seconds(long), short: seconds(short) })
    }

    /// The bad events that the long and the short window need.
    #[must_use]
    pub const fn needs(&self) -> (u64, u64) {
        (self.long_needs, self.short_needs)
    }

    /// How often it starts to fire per second, with `bad_rate` bad events per second.
    ///
    /// `λ·[P(N_L ≥ m_L−1, N_S ≥ m_S−1) − P(N_L ≥ m_L, N_S ≥ m_S)]`, since an episode begins only when an
    /// event arrives. The difference is rewritten so that no digits are lost:
    /// `λ·[P(N_S = m_S−1)·P(N_R ≥ m_L−m_S) + P(N_L = m_L−1)·P(Bin(m_L−1, S/L) ≥ m_S)]`, where R is the part
    /// of the long window before the short one.
    ///
    /// ```
    /// use slo_core::{model::{Ratio, Window}, stats::FalseAlarms};
    ///
    /// // A healthy service (burn rate ½ at 99.9 %) with 100 requests an hour: how often is it paged?
    /// let traffic = Ratio::new(100, 3_600)?;
    /// let fast = |guard| FalseAlarms::new(Window::hours(1), Window::minutes(5), "0.0144".parse()?, traffic, guard);
    /// let bad_rate = traffic.to_f64() * 0.0005;
    /// let month = 30.0 * 86_400.0;
    /// assert!((fast(0)?.starts_per_second(bad_rate)? * month - 1.75).abs() < 0.01);
    /// assert!(fast(4)?.starts_per_second(bad_rate)? * month < 0.001); // guarded by m*
    /// # Ok::<(), slo_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// A negative or infinite rate, or NaN.
    pub fn starts_per_second(&self, bad_rate: f64) -> Result<f64, Error> {
        not_negative("bad events per second", bad_rate)?;
        if bad_rate == 0.0 {
            return Ok(0.0);
        }
        let (m_long, m_short) = (self.long_needs, self.short_needs);
        let exactly = |count: u64, seconds: f64| ln_poisson(count as f64, bad_rate * seconds);
        let rest = poisson_at_least(m_long.saturating_sub(m_short), bad_rate * (self.long - self.short))?;
        let by_short = exactly(m_short - 1, self.short).exp() * rest;
        let by_long = if m_long > m_short {
            let share = self.short / self.long;
            let trials = (m_long - 1) as f64;
            let m = m_short as f64;
            let within = ln_beta_tails(m, trials - m + 1.0, share, 1.0 - share).lower;
            (exactly(m_long - 1, self.long) + within).exp()
        } else {
            0.0
        };
        Ok(bad_rate * (by_short + by_long))
    }
}

/// How much more bad events vary between `blocks` than independent ones would.
///
/// Pearson's `Σ(B_i − N_i p)²/(N_i p(1−p))`, divided by the number of blocks minus one. 1 for independent
/// errors. In general, n events are worth as much as n / effect independent ones. `None` for fewer than two
/// blocks with events, or if no event or every event is bad.
///
/// ```
/// use slo_core::{math::Tally, stats::design_effect};
///
/// let clustered = [Tally::new(100, 0)?, Tally::new(100, 20)?, Tally::new(100, 0)?, Tally::new(100, 0)?];
/// assert!(design_effect(&clustered)? > Some(20.0));
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// More events than 64 bits hold.
pub fn design_effect(blocks: &[Tally]) -> Result<Option<f64>, Error> {
    let all = blocks.iter().try_fold(Tally::EMPTY, |sum, block| sum.checked_add(*block))?;
    let counted = blocks.iter().filter(|block| block.total() > 0);
    let count = counted.clone().count();
    let Some(p) = all.error_ratio().filter(|p| count > 1 && *p > 0.0 && *p < 1.0) else {
        return Ok(None);
    };
    let chi_square: f64 = counted
        .map(|block| {
            let n = block.total() as f64;
            (block.bad() as f64 - n * p).powi(2) / (n * p * (1.0 - p))
        })
        .sum();
    Ok(Some(chi_square / (count - 1) as f64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::AlertPolicy;

    /// The numbers that `model` has as constants are those of the Workbook's factors.
    #[test]
    fn the_guard_of_a_policy_is_significant() {
        for tier in AlertPolicy::workbook().tiers() {
            let fewest = fewest_bad_events(tier.factor().unwrap(), 0.001);
            assert_eq!(fewest, Ok(tier.burn().significant_bad_events()), "{}", tier.burn());
        }
    }
}
