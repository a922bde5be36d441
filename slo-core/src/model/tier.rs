//! Burn-rate alert tiers, and how to rescale them to another period.

use super::{BurnTier, Objective, Ratio, Severity, Window};
use crate::Error;

/// A burn-rate alert tier: a share of the budget, and a long and a short window.
///
/// It fires when more than `share` of the period's budget is being spent within `long`, and `short` shows
/// that it is still being spent. A tier is created from its share or its factor; the other one and the
/// threshold are derived (SRE Workbook, ch. 5, table 5-8).
///
/// ```
/// use slo_core::model::{BurnTier, Ratio, Severity, Tier, Window};
///
/// let windows = [Window::hours(1), Window::minutes(5)];
/// let two_percent = Ratio::new(2, 100)?;
/// let tier = Tier::by_share(BurnTier::Fast, Severity::Page, two_percent, windows, Window::days(28))?;
/// assert_eq!(tier.factor()?.to_string(), "13.44");
/// let tier = Tier::by_factor(BurnTier::Fast, Severity::Page, "14".parse()?, windows, Window::days(28))?;
/// assert_eq!(tier.share(), Ratio::new(1, 48)?); // 2.083 % of the budget
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tier {
    burn: BurnTier,
    severity: Severity,
    // In (0, 1].
    share: Ratio,
    // short < long <= period
    long: Window,
    short: Window,
    period: Window,
    // 0 for no guard.
    fewest_bad: u64,
}

impl Tier {
    /// A tier that fires when `share` of the period's budget is spent within the long window.
    ///
    /// `windows` are the long and the short one.
    ///
    /// # Errors
    /// A share of zero or above one, a short window that is not shorter than the long one, or a long one
    /// that is longer than the period.
    pub fn by_share(
        burn: BurnTier,
        severity: Severity,
        share: Ratio,
        [long, short]: [Window; 2],
        period: Window,
    ) -> Result<Self, Error> {
        if share == Ratio::ZERO || share > Ratio::ONE {
            return Err(Error::new(format!("the {burn} tier: {share} is not a share of the budget"))
                .with_hint("write more than 0% and at most 100%"));
        }
        if short >= long {
            return Err(Error::new(format!("the {burn} tier: {short} is not shorter than {long}"))
                .with_hint("write a shorter one; a twelfth of the long window is usual"));
        }
        if long > period {
            return Err(Error::new(format!("the {burn} tier: {long} is longer than the period of {period}")));
        }
        Ok(Self { burn, severity, share, long, short, period, fewest_bad: 0 })
    }

    /// A tier that fires at burn rates above `factor`, k; its share is f = k·L/T.
    ///
    /// `windows` are the long and the short one.
    ///
    /// # Errors
    /// As for [`Tier::by_share`]: a factor of zero, or one that would spend more than the whole budget.
    pub fn by_factor(
        burn: BurnTier,
        severity: Severity,
        factor: Ratio,
        windows: [Window; 2],
        period: Window,
    ) -> Result<Self, Error> {
        let [long, _] = windows;
        if long > period {
            return Err(Error::new(format!("the {burn} tier: {long} is longer than the period of {period}")));
        }
        let share = factor.checked_mul(long.ratio_to(period));
        let share = share.ok_or_else(|| {
            Error::new(format!("the {burn} tier: {factor} has more digits than can be kept exactly"))
        })?;
        Self::by_share(burn, severity, share, windows, period)
    }

    /// The burn tier.
    #[must_use]
    pub const fn burn(&self) -> BurnTier {
        self.burn
    }

    /// Whether it pages or opens a ticket.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        self.severity
    }

    /// The share of the period's budget, f, that is spent when a steady outage is detected.
    #[must_use]
    pub const fn share(&self) -> Ratio {
        self.share
    }

    /// The long window L.
    #[must_use]
    pub const fn long(&self) -> Window {
        self.long
    }

    /// The short window S.
    #[must_use]
    pub const fn short(&self) -> Window {
        self.short
    }

    /// The period whose budget it watches.
    #[must_use]
    pub const fn period(&self) -> Window {
        self.period
    }

    /// The same tier, but it fires only if the long window has at least `bad` bad events.
    ///
    /// A guard for low traffic, where a single failure is already a high error ratio.
    #[must_use]
    pub const fn with_fewest_bad(self, bad: u64) -> Self {
        Self { fewest_bad: bad, ..self }
    }

    /// The fewest bad events in the long window for which it fires; 0 without a guard.
    #[must_use]
    pub const fn fewest_bad(&self) -> u64 {
        self.fewest_bad
    }

    /// The burn rate above which it fires, k = f·T/L.
    ///
    /// # Errors
    /// A factor that does not fit 128 bits.
    pub fn factor(&self) -> Result<Ratio, Error> {
        self.share.checked_mul(self.period.ratio_to(self.long)).ok_or_else(|| self.too_fine())
    }

    /// The error ratio above which it fires, θ = kβ.
    ///
    /// ```
    /// use slo_core::model::{AlertPolicy, Window};
    ///
    /// let policy = AlertPolicy::for_period(Window::days(30))?;
    /// let factors: Vec<String> =
    ///     policy.tiers().iter().map(|tier| tier.factor().map(|k| k.to_string())).collect::<Result<_, _>>()?;
    /// assert_eq!(factors, ["14.4", "6", "3", "1"]);
    /// assert_eq!(policy.tiers()[0].threshold("99.9%".parse()?)?.to_string(), "0.0144");
    /// # Ok::<(), slo_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// A threshold that does not fit 128 bits.
    pub fn threshold(&self, objective: Objective) -> Result<Ratio, Error> {
        self.factor()?.checked_mul(objective.budget()).ok_or_else(|| self.too_fine())
    }

    fn too_fine(&self) -> Error {
        Error::new(format!("the threshold of the {} tier has too many digits to be kept exactly", self.burn))
    }

    /// The same tier for another period.
    ///
    /// For 2 % within an hour of 30 days (k = 14.4), moved to 7 days:
    ///
    /// | rescaling | share | long window | factor |
    /// |---|---|---|---|
    /// | `KeepFraction` | 2 % | 1 h | 3.36 |
    /// | `KeepBurn` | 8.57 % | 1 h | 14.4 |
    /// | `ScaleWindows` | 2 % | 14 m | 14.4 |
    ///
    /// ```
    /// use slo_core::model::{AlertPolicy, Rescaling, Window};
    ///
    /// let fast = AlertPolicy::workbook().tiers()[0];
    /// let quarter = fast.rescaled(Window::days(90), Rescaling::ScaleWindows)?;
    /// assert_eq!((quarter.long(), quarter.factor()?.to_string()), (Window::hours(3), "14.4".to_owned()));
    /// # Ok::<(), slo_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// An invalid tier, for example with a share above one or windows that are not whole milliseconds.
    pub fn rescaled(&self, period: Window, rescaling: Rescaling) -> Result<Self, Error> {
        let Self { burn, severity, share, long, short, fewest_bad, .. } = *self;
        let tier = match rescaling {
            Rescaling::KeepFraction => Self::by_share(burn, severity, share, [long, short], period),
            Rescaling::KeepBurn => Self::by_factor(burn, severity, self.factor()?, [long, short], period),
            Rescaling::ScaleWindows => {
                let scale = |window: Window| window.scaled(period.ratio_to(self.period));
                let windows = [scale(long)?, scale(short)?.max(SHORTEST_WINDOW)];
                Self::by_share(burn, severity, share, windows, period)
            }
        };
        Ok(tier?.with_fewest_bad(fewest_bad))
    }

    /// The same factor for a period of a few days. Windows shrink with the period, down to a minimum.
    pub(super) fn shortened(&self, period: Window) -> Result<Self, Error> {
        let scale = |window: Window| window.scaled(period.ratio_to(self.period));
        let windows = [scale(self.long)?.max(SHORTEST_LONG_WINDOW), scale(self.short)?.max(SHORTEST_WINDOW)];
        let tier = Self::by_factor(self.burn, self.severity, self.factor()?, windows, period)?;
        Ok(tier.with_fewest_bad(self.fewest_bad))
    }

    /// The same factor over the nearest windows that are multiples of `step`.
    pub(super) fn fitted(&self, step: Window) -> Result<Self, Error> {
        let nearest = |window: Window, least: u64| {
            let steps = (window.as_millis() + step.as_millis() / 2) / step.as_millis();
            Window::from_millis(steps.max(least) * step.as_millis())
        };
        let windows = [nearest(self.long, 2)?, nearest(self.short, 1)?];
        let tier = Self::by_factor(self.burn, self.severity, self.factor()?, windows, self.period)?;
        Ok(tier.with_fewest_bad(self.fewest_bad))
    }

    /// Whether an outage can make it fire: θ = kβ is below the error ratio `worst`.
    ///
    /// `worst` is the largest possible error ratio: 1 if everything can fail, or the share of the traffic
    /// that one fault can affect.
    ///
    /// # Errors
    /// A threshold that does not fit 128 bits.
    pub fn is_reachable(&self, objective: Objective, worst: Ratio) -> Result<bool, Error> {
        Ok(self.threshold(objective)? < worst)
    }

    /// The same tier with its factor lowered, so that it fires above the error ratio `at`: k = u/β.
    ///
    /// For a tier that could never fire. Because of the lower factor, it also fires after less of the budget
    /// is spent. Unchanged if the threshold is not above `at`.
    ///
    /// # Errors
    /// An error ratio of zero, or numbers that do not fit 128 bits.
    pub fn with_threshold_at_most(&self, objective: Objective, at: Ratio) -> Result<Self, Error> {
        if self.threshold(objective)? <= at {
            return Ok(*self);
        }
        let factor = at.checked_div(objective.budget()).ok_or_else(|| self.too_fine())?;
        let windows = [self.long, self.short];
        let tier = Self::by_factor(self.burn, self.severity, factor, windows, self.period)?;
        Ok(tier.with_fewest_bad(self.fewest_bad))
    }

    /// The same tier with longer windows, so that it fires above the error ratio `at`: L = f·T·β/u.
    ///
    /// The alternative for a tier that could never fire: it keeps the share that is spent before it fires,
    /// but detection takes longer. Both windows grow by the same factor. Unchanged if the threshold is not
    /// above `at`.
    ///
    /// ```
    /// use slo_core::model::{AlertPolicy, Window};
    ///
    /// // At 90 %, the fast tier would need 144 % of errors. Let it fire at 50 %.
    /// let fast = AlertPolicy::workbook().tiers()[0];
    /// let reachable = fast.with_windows_stretched("90%".parse()?, "0.5".parse()?)?;
    /// assert_eq!(reachable.long(), "2h52m48s".parse()?);
    /// assert_eq!(reachable.factor()?.to_string(), "5");
    /// # Ok::<(), slo_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// An error ratio of zero, windows that are not whole milliseconds, or numbers that do not fit 128 bits.
    pub fn with_windows_stretched(&self, objective: Objective, at: Ratio) -> Result<Self, Error> {
        let threshold = self.threshold(objective)?;
        if threshold <= at {
            return Ok(*self);
        }
        let stretch = threshold.checked_div(at).ok_or_else(|| self.too_fine())?;
        let windows = [self.long.scaled(stretch)?, self.short.scaled(stretch)?];
        let tier = Self::by_share(self.burn, self.severity, self.share, windows, self.period)?;
        Ok(tier.with_fewest_bad(self.fewest_bad))
    }

    /// Warnings about the tier, for the scrape interval of its series.
    ///
    /// # Errors
    /// A factor that does not fit 128 bits.
    pub fn doubts(&self, scrape_interval: Window) -> Result<Vec<TierDoubt>, Error> {
        let mut doubts = Vec::new();
        if self.factor()? < Ratio::ONE {
            doubts.push(TierDoubt::FiresWithinBudget);
        }
        if self.short.ratio_to(scrape_interval) < Ratio::whole(4) {
            doubts.push(TierDoubt::FewScrapes);
        }
        if self.long.ratio_to(self.period) > Ratio::HALF {
            doubts.push(TierDoubt::LongWindow);
        }
        Ok(doubts)
    }

    pub(super) fn time_scaled(self, speed: u32) -> Result<Self, Error> {
        Ok(Self {
            long: self.long.divided_by(speed)?,
            short: self.short.divided_by(speed)?,
            period: self.period.divided_by(speed)?,
            ..self
        })
    }
}

/// Which numbers of a tier stay the same when it is rescaled to another period.
///
/// Tools differ in this without saying so; here it is explicit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rescaling {
    /// Share and windows stay the same and the factor changes: the budget spent at detection is kept.
    KeepFraction,
    /// Factor and windows stay the same and the share changes: the time to detection is kept.
    KeepBurn,
    /// Factor and share stay the same and the windows change; the short one is at least five minutes.
    ScaleWindows,
}

/// A warning about a [`Tier`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TierDoubt {
    /// Its factor is below 1: it alerts on an SLO that is being met.
    FiresWithinBudget,
    /// Its short window holds fewer than four scrapes.
    FewScrapes,
    /// Its long window is longer than half the period.
    LongWindow,
}

const SHORTEST_WINDOW: Window = Window::minutes(5);
const SHORTEST_LONG_WINDOW: Window = Window::minutes(15);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::AlertPolicy;

    /// The table of the three rescalings, for all four tiers of the Workbook.
    #[test]
    fn moves_to_other_periods() {
        let check = |days: u64, rescaling, expected: [&str; 4], what: fn(&Tier) -> String| {
            for (tier, expected) in AlertPolicy::workbook().tiers().iter().zip(expected) {
                assert_eq!(what(&tier.rescaled(Window::days(days), rescaling).unwrap()), expected);
            }
        };
        let factor = |tier: &Tier| tier.factor().unwrap().to_string();
        check(7, Rescaling::KeepFraction, ["3.36", "1.4", "0.7", "7/30"], factor);
        check(28, Rescaling::KeepFraction, ["13.44", "5.6", "2.8", "14/15"], factor);
        check(90, Rescaling::KeepFraction, ["43.2", "18", "9", "3"], factor);
        let share = |tier: &Tier| format!("{:.3}", tier.share().to_f64() * 100.0);
        check(7, Rescaling::KeepBurn, ["8.571", "21.429", "42.857", "42.857"], share);
        check(28, Rescaling::KeepBurn, ["2.143", "5.357", "10.714", "10.714"], share);
        check(90, Rescaling::KeepBurn, ["0.667", "1.667", "3.333", "3.333"], share);
        let long = |tier: &Tier| tier.long().to_string();
        check(7, Rescaling::ScaleWindows, ["14m", "1h24m", "5h36m", "16h48m"], long);
        check(28, Rescaling::ScaleWindows, ["56m", "5h36m", "22h24m", "2d19h12m"], long);
        check(90, Rescaling::ScaleWindows, ["3h", "18h", "3d", "9d"], long);
    }

    #[test]
    fn repairs_what_cannot_fire() {
        let fast = AlertPolicy::workbook().tiers()[0];
        let objective = "90%".parse().unwrap();
        assert_eq!(fast.is_reachable(objective, Ratio::ONE), Ok(false));
        let capped = fast.with_threshold_at_most(objective, Ratio::HALF).unwrap();
        assert_eq!(capped.factor().unwrap(), Ratio::whole(5));
        assert_eq!(capped.threshold(objective).unwrap(), Ratio::HALF);
        let fine = "99.9%".parse().unwrap();
        assert_eq!(fast.with_threshold_at_most(fine, Ratio::HALF), Ok(fast));
        assert!(fast.with_windows_stretched(objective, Ratio::ZERO).is_err());
    }

    #[test]
    fn doubts_what_is_unwise() {
        let trickle = AlertPolicy::workbook().tiers()[3];
        let week = trickle.rescaled(Window::days(7), Rescaling::KeepFraction).unwrap();
        assert_eq!(week.doubts(Window::seconds(15)), Ok(vec![TierDoubt::FiresWithinBudget]));
        let short = trickle.rescaled(Window::days(5), Rescaling::KeepBurn).unwrap();
        assert_eq!(short.doubts(Window::hours(3)), Ok(vec![TierDoubt::FewScrapes, TierDoubt::LongWindow]));
        assert_eq!(trickle.doubts(Window::seconds(30)), Ok(vec![]));
    }

    #[test]
    fn refuses_what_makes_no_tier() {
        let tier = |share: &str, long, short| {
            Tier::by_share(
                BurnTier::Fast,
                Severity::Page,
                share.parse().unwrap(),
                [long, short],
                Window::days(30),
            )
        };
        let (hour, minute) = (Window::hours(1), Window::minutes(1));
        assert!(tier("0.02", hour, minute).is_ok());
        assert!(tier("0", hour, minute).is_err());
        assert!(tier("1.01", hour, minute).is_err());
        assert!(tier("0.02", minute, hour).is_err());
        assert!(tier("0.02", Window::days(31), hour).is_err());
    }
}
