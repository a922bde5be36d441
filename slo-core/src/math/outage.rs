//! Formulas for a steady outage: when a tier fires, when it stops, and how much is spent by then.

use crate::{
    Error,
    model::{Objective, Ratio, Tier, Window},
};

/// A steady outage: at constant traffic, the share of bad events steps up and stays there.
///
/// All times are exact, in seconds. Scraping and evaluation add a delay, see [`SamplingDelay`].
///
/// ```
/// use slo_core::{math::Outage, model::AlertPolicy};
///
/// // How long until this outage pages?
/// let fast = AlertPolicy::workbook().tiers()[0];
/// let page = |outage: Outage| outage.detection(&fast, "99.9%".parse()?);
/// let full = page(Outage::FULL)?.unwrap();
/// assert_eq!(full.fires_after.to_string(), "51.84"); // seconds after everything fails
/// assert_eq!(full.resets_after.to_string(), "295.68"); // after nothing fails any more
/// let tenth = page(Outage::new("0.1".parse()?)?)?.unwrap();
/// assert_eq!(tenth.fires_after.to_string(), "518.4");
/// assert_eq!(page(Outage::new("0.01".parse()?)?)?, None); // a burn rate of 10 is below the tier's 14.4
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outage {
    // baseline < error_ratio ≤ 1
    error_ratio: Ratio,
    baseline: Ratio,
}

/// When a tier detects an [`Outage`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Detection {
    /// From the first bad event until the alert's condition holds, in seconds: L·(θ−e₀)/(e−e₀).
    ///
    /// Also the longest outage that is not detected.
    pub fires_after: Ratio,
    /// From the last bad event until the condition no longer holds, in seconds: S·(1 − (θ−e₀)/(e−e₀)).
    pub resets_after: Ratio,
    /// The share of the period's budget spent between the first bad event and the alert: e·t/(βT).
    ///
    /// Without a baseline it is the tier's share, whatever the size of the outage.
    pub spent: Ratio,
}

impl Outage {
    /// An outage in which everything fails, and nothing failed before.
    pub const FULL: Self = Self { error_ratio: Ratio::ONE, baseline: Ratio::ZERO };

    /// An outage in which the share `error_ratio` of all events is bad, and none was before.
    ///
    /// # Errors
    /// An error ratio of zero or above one.
    pub fn new(error_ratio: Ratio) -> Result<Self, Error> {
        if error_ratio > Ratio::ONE {
            return Err(Error::new(format!("an error ratio of {error_ratio} is more than all events")));
        }
        if error_ratio == Ratio::ZERO {
            return Err(Error::new("an error ratio of zero is no outage"));
        }
        Ok(Self { error_ratio, baseline: Ratio::ZERO })
    }

    /// The same outage, if the share `baseline` of events was already bad before.
    ///
    /// # Errors
    /// A baseline that is not below the outage's error ratio.
    pub fn with_baseline(self, baseline: Ratio) -> Result<Self, Error> {
        if baseline >= self.error_ratio {
            return Err(Error::new(format!("a baseline of {baseline} is not below {}", self.error_ratio)));
        }
        Ok(Self { baseline, ..self })
    }

    /// Seconds until the average over `window` exceeds `threshold`: W·(θ−e₀)/(e−e₀).
    ///
    /// 0 if the baseline already exceeds it; `None` if the outage does not, or if the result does not fit 128
    /// bits.
    ///
    /// ```
    /// use slo_core::{math::Outage, model::Window};
    ///
    /// let outage = Outage::new("0.15".parse()?)?;
    /// assert_eq!(outage.crossing(Window::hours(1), "0.0144".parse()?), Some("345.6".parse()?));
    /// # Ok::<(), slo_core::Error>(())
    /// ```
    #[must_use]
    pub fn crossing(&self, window: Window, threshold: Ratio) -> Option<Ratio> {
        window.as_seconds().checked_mul(self.share_of_window(threshold)?)
    }

    /// Seconds from the end of an outage until the average over `window` is back at `threshold`.
    ///
    /// W·(1 − (θ−e₀)/(e−e₀)), for an outage that filled the window. `None` if the average never exceeded the
    /// threshold, if the baseline always does, or if the result does not fit 128 bits.
    #[must_use]
    pub fn recovery(&self, window: Window, threshold: Ratio) -> Option<Ratio> {
        if self.baseline > threshold {
            return None;
        }
        window.as_seconds().checked_mul(Ratio::ONE.checked_sub(self.share_of_window(threshold)?)?)
    }

    /// Seconds during which the average over `window` exceeds `threshold`, for an outage of `duration`.
    ///
    /// Counts the outage and the recovery: D − crossing + recovery. A rule whose `for` is longer than this
    /// never fires, however much budget such outages spend together.
    ///
    /// ```
    /// use slo_core::{math::Outage, model::Window};
    ///
    /// // Five minutes of everything failing, 99.9 %, a 5 m window and `for: 10m`: never fires.
    /// let above = Outage::FULL.seconds_above(Window::minutes(5), "0.001".parse()?, Window::minutes(5));
    /// assert_eq!(above.unwrap().to_string(), "599.4");
    /// # Ok::<(), slo_core::Error>(())
    /// ```
    #[must_use]
    pub fn seconds_above(&self, window: Window, threshold: Ratio, duration: Window) -> Option<Ratio> {
        let crossing = self.crossing(window, threshold)?;
        let outage = duration.as_seconds().min(window.as_seconds());
        if outage <= crossing {
            return Some(Ratio::ZERO);
        }
        let above = outage.checked_sub(crossing)?;
        // What is in the window at the end leaves it at the same pace as it came.
        let full = duration.as_seconds().checked_sub(outage)?;
        let recovery = window.as_seconds().checked_sub(crossing)?;
        above.checked_add(full)?.checked_add(recovery)
    }

    /// When `tier` fires and stops, if this outage makes it fire.
    ///
    /// `None` if the outage is too small, or if the baseline alone keeps it firing. The short window never
    /// delays the detection of a steady outage. The tier fires if the outage lasts longer than `fires_after`,
    /// that is, if it spends more than the tier's share.
    ///
    /// # Errors
    /// Numbers that do not fit 128 bits.
    pub fn detection(&self, tier: &Tier, objective: Objective) -> Result<Option<Detection>, Error> {
        let threshold = tier.threshold(objective)?;
        if self.error_ratio <= threshold || self.baseline > threshold {
            return Ok(None);
        }
        let exact = || {
            let fires_after = self.crossing(tier.long(), threshold)?;
            let resets_after = self.recovery(tier.short(), threshold)?;
            let budget = objective.budget().checked_mul(tier.period().as_seconds())?;
            let spent = self.error_ratio.checked_mul(fires_after)?.checked_div(budget)?;
            Some(Detection { fires_after, resets_after, spent })
        };
        exact()
            .map(Some)
            .ok_or_else(|| Error::new(format!("an error ratio of {} has too many digits", self.error_ratio)))
    }

    /// The share of the budget of `period` that the outage spends in `duration`: e·D/(βT).
    ///
    /// ```
    /// use slo_core::{math::Outage, model::Window};
    ///
    /// let spent = Outage::FULL.spend("99.9%".parse()?, Window::days(30), Window::minutes(5))?;
    /// assert!((spent.to_f64() - 0.115_740_74).abs() < 1e-8);
    /// # Ok::<(), slo_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// Numbers that do not fit 128 bits.
    pub fn spend(&self, objective: Objective, period: Window, duration: Window) -> Result<Ratio, Error> {
        let share = self.error_ratio.checked_div(objective.budget());
        share
            .and_then(|burn| burn.checked_mul(duration.ratio_to(period)))
            .ok_or_else(|| Error::new(format!("an error ratio of {} has too many digits", self.error_ratio)))
    }

    /// (θ−e₀)/(e−e₀), the share of a window that must lie in the outage: 0 where the baseline exceeds the
    /// threshold, `None` where the outage does not.
    fn share_of_window(&self, threshold: Ratio) -> Option<Ratio> {
        if self.error_ratio <= threshold {
            return None;
        }
        if self.baseline > threshold {
            return Some(Ratio::ZERO);
        }
        threshold.checked_sub(self.baseline)?.checked_div(self.error_ratio.checked_sub(self.baseline)?)
    }
}

/// The delay that scraping and rule evaluation add before an alert fires.
///
/// The next scrape comes after 0 to `scrape_interval`, the next evaluation after 0 to `evaluation_interval`,
/// and `for` lasts a whole number of evaluations. The alert also ends later by such a delay, with
/// `keep_firing_for` in place of `for`. Alertmanager's `group_wait` is added to it. Exact to half a
/// millisecond.
///
/// ```
/// use slo_core::{math::SamplingDelay, model::Window};
///
/// let delay = SamplingDelay::new(Window::seconds(30), Window::minutes(1), Some("90s".parse()?));
/// assert_eq!((delay.mean_seconds(), delay.longest_seconds()), (165.0, 210.0));
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SamplingDelay {
    waits_millis: u64,
    hold_millis: u64,
}

impl SamplingDelay {
    /// The delay for these intervals, with the rule's `for` (or `keep_firing_for`) as `hold`.
    #[must_use]
    pub const fn new(scrape_interval: Window, evaluation_interval: Window, hold: Option<Window>) -> Self {
        let evaluation = evaluation_interval.as_millis();
        let hold_millis = match hold {
            Some(hold) => hold.as_millis().div_ceil(evaluation) * evaluation,
            None => 0,
        };
        Self { waits_millis: scrape_interval.as_millis() + evaluation, hold_millis }
    }

    /// The delay on average: s/2 + E/2 + ⌈F/E⌉·E, in seconds.
    #[must_use]
    pub const fn mean_seconds(self) -> f64 {
        (self.waits_millis as f64 / 2.0 + self.hold_millis as f64) / 1_000.0
    }

    /// The longest delay: s + E + ⌈F/E⌉·E, in seconds.
    #[must_use]
    pub const fn longest_seconds(self) -> f64 {
        (self.waits_millis + self.hold_millis) as f64 / 1_000.0
    }
}

/// The most budget that can be spent within `tier`'s long window while it stays silent: (2 + S/L)·f.
///
/// The short window can fall below the threshold before the long one exceeds it. While the short window is
/// above θ, the long one is not; after that, no short window is. The worst traces found reach 1.84·f.
///
/// ```
/// use slo_core::{math::undetected_spend, model::AlertPolicy};
///
/// let fast = AlertPolicy::workbook().tiers()[0];
/// assert_eq!(undetected_spend(&fast)?.to_string(), "1/24"); // 4.17 % of the budget, not 2 %
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// Numbers that do not fit 128 bits.
pub fn undetected_spend(tier: &Tier) -> Result<Ratio, Error> {
    Ratio::whole(2)
        .checked_add(tier.short().ratio_to(tier.long()))
        .and_then(|windows| windows.checked_mul(tier.share()))
        .ok_or_else(|| Error::new(format!("the share of the {} tier has too many digits", tier.burn())))
}

/// The largest share of the traffic that a new version may safely get: f·βT/t, at most 1.
///
/// If the new version fails entirely, it spends at most the share `spend` of the budget of `period` before it
/// is rolled back. `until_undone` is the time from its first failure to its removal.
///
/// ```
/// use slo_core::{math::safe_exposure, model::Window};
///
/// // 99.99 % over 30 days; we notice and roll back within five minutes; it may cost 5 % of the budget.
/// let share = safe_exposure("99.99%".parse()?, Window::days(30), "0.05".parse()?, Window::minutes(5))?;
/// assert_eq!(share.to_string(), "0.0432"); // start the canary at 4 %
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// Numbers that do not fit 128 bits.
pub fn safe_exposure(
    objective: Objective,
    period: Window,
    spend: Ratio,
    until_undone: Window,
) -> Result<Ratio, Error> {
    let exact = spend
        .checked_mul(objective.budget())
        .and_then(|share| share.checked_mul(period.ratio_to(until_undone)));
    exact.map(|share| share.min(Ratio::ONE)).ok_or_else(|| Error::new(format!("{spend} has too many digits")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::AlertPolicy;

    #[test]
    fn agrees_with_the_table_of_closed_forms() {
        let objective = "99.9%".parse().unwrap();
        let check = |error_ratio: &str, expected: [Option<(f64, f64)>; 4]| {
            let outage = Outage::new(error_ratio.parse().unwrap()).unwrap();
            for (tier, expected) in AlertPolicy::workbook().tiers().iter().zip(expected) {
                let found = outage.detection(tier, objective).unwrap();
                assert_eq!(found.map(|d| (d.fires_after.to_f64(), d.resets_after.to_f64())), expected);
                assert!(found.is_none_or(|detection| detection.spent == tier.share()));
            }
        };
        check(
            "1",
            [Some((51.84, 295.68)), Some((129.6, 1789.2)), Some((259.2, 7178.4)), Some((259.2, 21578.4))],
        );
        check("0.01", [None, Some((12960.0, 720.0)), Some((25920.0, 5040.0)), Some((25920.0, 19440.0))]);
        check("0.005", [None, None, Some((51840.0, 2880.0)), Some((51840.0, 17280.0))]);
        check("0.002", [None, None, None, Some((129_600.0, 10800.0))]);
    }

    #[test]
    fn is_silent_exactly_at_the_threshold() {
        let fast = AlertPolicy::workbook().tiers()[0];
        let outage = Outage::new("0.0144".parse().unwrap()).unwrap();
        assert_eq!(outage.detection(&fast, "99.9%".parse().unwrap()), Ok(None));
    }

    #[test]
    fn a_baseline_brings_detection_forward() {
        let outage = Outage::new("0.02".parse().unwrap()).unwrap();
        let outage = outage.with_baseline("0.0005".parse().unwrap()).unwrap();
        let threshold = "0.0144".parse().unwrap();
        let crossing = outage.crossing(Window::hours(1), threshold).unwrap();
        assert!((crossing.to_f64() - 2_566.153_846_153_846).abs() < 1e-9);
        let recovery = outage.recovery(Window::minutes(5), threshold).unwrap();
        assert!((recovery.to_f64() - 86.153_846_153_846_17).abs() < 1e-9);
        assert!(outage.with_baseline(Ratio::ONE).is_err());
        assert_eq!(outage.crossing(Window::hours(1), Ratio::ZERO), Some(Ratio::ZERO));
        assert_eq!(outage.recovery(Window::hours(1), Ratio::ZERO), None);
    }

    #[test]
    fn follows_short_and_long_outages_through_a_window() {
        let above = |seconds| {
            let duration = Window::seconds(seconds);
            Outage::FULL.seconds_above(Window::minutes(5), Ratio::HALF, duration).unwrap().to_f64()
        };
        for (seconds, expected) in [(100, 0.0), (150, 0.0), (200, 200.0), (300, 300.0), (1_000, 1_000.0)] {
            assert!((above(seconds) - expected).abs() < 1e-9);
        }
    }
}
