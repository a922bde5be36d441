//! Sequential tests, which may be checked after every event.

use super::{
    Confidence, Interval,
    special::{ln_beta, ln_beta_tails, solve},
};
use crate::{
    Error,
    check::{finite, not_negative, open_unit, positive},
    math::Tally,
};

/// Wald's sequential probability ratio test of the error ratio `p0` against the higher `p1`.
///
/// Every bad event adds ln(p₁/p₀) to the evidence, every good one ln((1−p₁)/(1−p₀)). At
/// ln((1−β)/α) or above, p₁ is accepted; at ln(β/(1−α)) or below, p₀ (A. Wald, 1945).
///
/// ```
/// use slo_core::{math::Tally, stats::{Decision, Sprt}};
///
/// // Is the canary at 14.4 times the error ratio? Two failures in a row settle it.
/// let test = Sprt::new(0.001, 0.0144, 0.01, 0.1)?;
/// assert_eq!(test.decide(Tally::new(2, 2)?), Decision::Worse);
/// assert_eq!(test.decide(Tally::new(100, 0)?), Decision::Continue);
/// assert_eq!(test.decide(Tally::new(170, 0)?), Decision::NotWorse);
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sprt {
    // 0 < p0 < p1 < 1
    p0: f64,
    p1: f64,
    // lower < 0 < upper
    upper: f64,
    lower: f64,
    alpha: f64,
    beta: f64,
}

/// The decision of a sequential test after the events so far.
///
/// Closed: there is no fourth answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is no fourth answer")]
pub enum Decision {
    /// The higher error ratio is accepted.
    Worse,
    /// The lower error ratio is accepted.
    NotWorse,
    /// More events are needed.
    Continue,
}

/// How close the error ratios of a test may be, relative to the lower one.
const CLOSEST: f64 = 1e-6;

impl Sprt {
    /// The test that mistakes p₀ for p₁ with probability `alpha`, and p₁ for p₀ with probability `beta`.
    ///
    /// # Errors
    /// Numbers that are not between 0 and 1, or so small that the number of events does not fit a double; a
    /// p₁ that is not above p₀ by at least a millionth; or an α + β of one or more.
    pub fn new(p0: f64, p1: f64, alpha: f64, beta: f64) -> Result<Self, Error> {
        for (name, value) in [("p0", p0), ("p1", p1), ("alpha", alpha), ("beta", beta)] {
            open_unit(name, value)?;
        }
        if p1 < p0 * (1.0 + CLOSEST) {
            return Err(Error::new(format!("p1 of {p1} is not above p0 of {p0}"))
                .with_hint("leave at least a millionth between them"));
        }
        if alpha + beta >= 1.0 {
            return Err(Error::new(format!("alpha {alpha} and beta {beta} leave nothing to decide")));
        }
        let (upper, lower) = (((1.0 - beta) / alpha).ln(), (beta / (1.0 - alpha)).ln());
        let test = Self { p0, p1, upper, lower, alpha, beta };
        finite("the number of events", test.average_events().0.max(test.average_events().1))?;
        Ok(test)
    }

    /// The evidence at or above which p₁ is accepted, ln((1−β)/α).
    #[must_use]
    pub const fn upper(&self) -> f64 {
        self.upper
    }

    /// The evidence at or below which p₀ is accepted, ln(β/(1−α)).
    #[must_use]
    pub const fn lower(&self) -> f64 {
        self.lower
    }

    /// The evidence of one bad event, ln(p₁/p₀).
    #[must_use]
    pub fn bad_event(&self) -> f64 {
        (self.p1 / self.p0).ln()
    }

    /// The evidence of one good event, ln((1−p₁)/(1−p₀)): negative.
    #[must_use]
    pub fn good_event(&self) -> f64 {
        (-self.p1).ln_1p() - (-self.p0).ln_1p()
    }

    /// The evidence of all events in `tally`, a log likelihood ratio.
    #[must_use]
    pub fn evidence(&self, tally: Tally) -> f64 {
        tally.bad() as f64 * self.bad_event() + tally.good() as f64 * self.good_event()
    }

    /// The decision after the events so far. The first decision is final: do not continue after it.
    #[must_use]
    pub fn decide(&self, tally: Tally) -> Decision {
        match self.evidence(tally) {
            evidence if evidence >= self.upper => Decision::Worse,
            evidence if evidence <= self.lower => Decision::NotWorse,
            _ => Decision::Continue,
        }
    }

    /// The number of bad events in a row, from the start, after which p₁ is accepted.
    #[must_use]
    pub fn bad_in_a_row(&self) -> u64 {
        whole(self.upper / self.bad_event())
    }

    /// The number of good events in a row, from the start, after which p₀ is accepted.
    #[must_use]
    pub fn good_in_a_row(&self) -> u64 {
        whole(self.lower / self.good_event())
    }

    /// The average number of events until a decision: if p₁ is true, and if p₀ is true.
    ///
    /// Wald's approximation, which ignores how far the last event goes beyond the bound.
    #[must_use]
    pub fn average_events(&self) -> (f64, f64) {
        let per_event = |p: f64| p * self.bad_event() + (1.0 - p) * self.good_event();
        let worse = ((1.0 - self.beta) * self.upper + self.beta * self.lower) / per_event(self.p1);
        let not_worse = (self.alpha * self.upper + (1.0 - self.alpha) * self.lower) / per_event(self.p0);
        (worse, not_worse)
    }
}

fn whole(events: f64) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive, and saturates")]
    let events = events.ceil() as u64;
    events
}

/// A test of an error ratio that may be checked after every event.
///
/// It uses a beta mixture, which is an e-process: M = B(a+S, b+n−S) / (B(a,b)·p₀^S·(1−p₀)^{n−S}) for S bad of
/// n. If p₀ is true, the probability that M ever reaches 1/α is at most α (J. Ville, 1939), so you may stop
/// at any time. In a one-sided test, M is multiplied by P(p > p₀ | data)/P(p > p₀).
///
/// ```
/// use slo_core::{math::Tally, stats::MixtureTest};
///
/// // May this experiment go on? Look after every request, stop at 1/α = 100.
/// let test = MixtureTest::worse_than(0.001)?;
/// assert!(!test.rejects(Tally::new(1_000, 2)?, 0.01)?);
/// assert!(test.rejects(Tally::new(100, 4)?, 0.01)?);
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MixtureTest {
    // In (0, 1).
    p0: f64,
    one_sided: bool,
    // The beta prior; both positive.
    a: f64,
    b: f64,
}

impl MixtureTest {
    /// The test whether the error ratio is above `p0`, with a uniform prior.
    ///
    /// # Errors
    /// An error ratio that is not between 0 and 1.
    pub fn worse_than(p0: f64) -> Result<Self, Error> {
        Ok(Self { p0: open_unit("p0", p0)?, one_sided: true, a: 1.0, b: 1.0 })
    }

    /// The test whether the error ratio differs from `p0`, with a uniform prior.
    ///
    /// # Errors
    /// An error ratio that is not between 0 and 1.
    pub fn differs_from(p0: f64) -> Result<Self, Error> {
        Ok(Self { one_sided: false, ..Self::worse_than(p0)? })
    }

    /// The test whether the second arm of an experiment is worse than the first.
    ///
    /// `share` is the share of all events that the second arm gets. If the arms are alike, each bad event
    /// falls into the second one with that probability, whatever the error ratio. Pass all bad events to
    /// [`MixtureTest::evidence`] as the total, and those of the second arm as the bad ones.
    ///
    /// ```
    /// use slo_core::{math::Tally, stats::MixtureTest};
    ///
    /// // The canary gets a tenth of the traffic and has 9 of 12 failures.
    /// let test = MixtureTest::second_arm_worse(0.1)?;
    /// assert!(test.rejects(Tally::new(12, 9)?, 0.001)?);
    /// # Ok::<(), slo_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// A share that is not between 0 and 1.
    pub fn second_arm_worse(share: f64) -> Result<Self, Error> {
        Self::worse_than(share)
    }

    /// The same test with the prior Beta(a, b): where the error ratio is expected if it is not p₀.
    ///
    /// # Errors
    /// Parameters that are not positive, or a prior of a one-sided test that has no weight above p₀.
    pub fn with_prior(self, a: f64, b: f64) -> Result<Self, Error> {
        let above = ln_beta_tails(positive("a", a)?, positive("b", b)?, self.p0, 1.0 - self.p0).upper;
        if self.one_sided && !above.is_finite() {
            return Err(Error::new(format!("the prior has no weight above p0 of {}", self.p0)));
        }
        Ok(Self { a, b, ..self })
    }

    /// ln M, the evidence against p₀ so far; 0 without events, and negative where p₀ looks right.
    #[must_use]
    pub fn evidence(&self, tally: Tally) -> f64 {
        let (bad, good) = (tally.bad() as f64, tally.good() as f64);
        let (a, b) = (self.a + bad, self.b + good);
        let both = ln_beta(a, b) - ln_beta(self.a, self.b) - bad * self.p0.ln() - good * (-self.p0).ln_1p();
        if !self.one_sided {
            return both;
        }
        let above = |a: f64, b: f64| ln_beta_tails(a, b, self.p0, 1.0 - self.p0).upper;
        both + above(a, b) - above(self.a, self.b)
    }

    /// Whether the events so far refute p₀ at level `alpha`: M ≥ 1/α.
    ///
    /// # Errors
    /// An `alpha` that is not between 0 and 1.
    pub fn rejects(&self, tally: Tally, alpha: f64) -> Result<bool, Error> {
        Ok(self.evidence(tally) >= -open_unit("alpha", alpha)?.ln())
    }
}

/// An interval for the error ratio that stays valid at every check.
///
/// {p : M(p) < 1/α} with a uniform prior. It is wider than an interval for one check, and `None` without
/// events. The ends are exactly 0 and 1 if no event or every event is bad.
///
/// ```
/// use slo_core::{math::Tally, stats::{Confidence, confidence_sequence}};
///
/// let so_far = confidence_sequence(Tally::new(1_000, 10)?, Confidence::P95).unwrap();
/// assert!((so_far.low() - 0.002_075).abs() < 1e-6 && (so_far.high() - 0.027_942).abs() < 1e-6);
/// # Ok::<(), slo_core::Error>(())
/// ```
#[must_use]
pub fn confidence_sequence(tally: Tally, confidence: Confidence) -> Option<Interval> {
    let (bad, good) = (tally.bad() as f64, tally.good() as f64);
    let estimate = tally.error_ratio()?;
    let limit = ln_beta(1.0 + bad, 1.0 + good) + confidence.alpha().ln();
    // ln of p^bad (1 − p)^good: it rises up to the estimate and falls from there on.
    let value = |p: f64| (bad * p.ln(), good * (-p).ln_1p());
    let low = if tally.bad() == 0 {
        0.0
    } else {
        solve(-760.0, estimate.ln(), (estimate / 2.0).ln(), |u| {
            let p = u.exp();
            let (one, two) = value(p);
            (
                one + if tally.good() == 0 { 0.0 } else { two } - limit,
                (bad - (bad + good) * p) / (1.0 - p).max(f64::MIN_POSITIVE),
            )
        })
        .exp()
    };
    let high = if tally.good() == 0 {
        1.0
    } else {
        // In v = −ln(1 − p), which is close to p where p is small and never reaches 1.
        let start = -(-estimate).ln_1p();
        let v = solve(start, 760.0, start * 2.0 + 1.0 / (bad + good), |v| {
            let p = -(-v).exp_m1();
            let one = if tally.bad() == 0 { 0.0 } else { bad * p.ln() };
            (limit - one + good * v, good - bad * (1.0 - p) / p.max(f64::MIN_POSITIVE))
        });
        -(-v).exp_m1()
    };
    Some(Interval::new(low, high))
}

/// The evidence against `rate`, from `count` events in `exposure`: ln of an e-value.
///
/// A gamma mixture of Poisson processes: ln[Γ(a+N)/Γ(a) · b^a/(b+t)^{a+N}] + λ₀t − N ln λ₀ with a = b = 1 in
/// units of `exposure`. Two-sided: it also grows if there are fewer events. Valid at every check, like
/// [`MixtureTest`].
///
/// ```
/// use slo_core::stats::rate_evidence;
///
/// // Five incidents in a month that used to see one.
/// assert!((rate_evidence(5, 1.0, 1.0)? - 1.628_608_659).abs() < 1e-9);
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// A rate that is not positive, a negative exposure, or evidence that does not fit a double.
pub fn rate_evidence(count: u64, exposure: f64, rate: f64) -> Result<f64, Error> {
    let (n, t) = (count as f64, not_negative("exposure", exposure)?);
    let mixture = libm::lgamma(1.0 + n) - (1.0 + n) * t.ln_1p();
    finite("the evidence", mixture + positive("rate", rate)? * t - n * rate.ln())
}
