//! Burn-rate alert tiers and what their alerts carry.

use super::{Labels, Objective, Ratio, Window};
use crate::Error;
use std::fmt;

/// A burn-rate alert tier: it fires when more than `share` of the period's budget is being spent
/// within `long`, and `short` agrees that it is still going on.
///
/// The factor and the threshold are derived, never typed (SRE Workbook, ch. 5, table 5-8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tier {
    burn: BurnTier,
    severity: Severity,
    // In (0, 1].
    share: Ratio,
    // short < long <= period
    long: Window,
    short: Window,
    period: Window,
}

/// How fast a tier's budget burns, fastest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum BurnTier {
    /// 2 % of a 30-day budget within an hour.
    Fast,
    /// 5 % within six hours.
    Medium,
    /// 10 % within a day.
    Slow,
    /// 10 % within three days.
    Trickle,
}

/// Who hears of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// Somebody is woken.
    Page,
    /// Somebody looks on a working day.
    Ticket,
}

impl Tier {
    /// How fast this tier's budget burns.
    #[must_use]
    pub const fn burn(&self) -> BurnTier {
        self.burn
    }

    /// Who hears of it.
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
        Error::new(format!("the threshold of the {} tier is too fine a number to be kept exactly", self.burn))
    }

    fn time_scaled(self, speed: u32) -> Result<Self, Error> {
        Ok(Self {
            long: self.long.divided_by(speed)?,
            short: self.short.divided_by(speed)?,
            period: self.period.divided_by(speed)?,
            ..self
        })
    }
}

/// The tiers of an SLO, fastest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertPolicy {
    tiers: Vec<Tier>,
}

/// The Workbook's table for 30 days: tier, severity, percent of the budget, long and short window.
const WORKBOOK: [(BurnTier, Severity, u128, Window, Window); 4] = [
    (BurnTier::Fast, Severity::Page, 2, Window::hours(1), Window::minutes(5)),
    (BurnTier::Medium, Severity::Page, 5, Window::hours(6), Window::minutes(30)),
    (BurnTier::Slow, Severity::Ticket, 10, Window::hours(24), Window::hours(2)),
    (BurnTier::Trickle, Severity::Ticket, 10, Window::hours(72), Window::hours(6)),
];
const WORKBOOK_PERIOD: Window = Window::days(30);
const SHORTEST_WINDOW: Window = Window::minutes(5);

impl AlertPolicy {
    /// The Workbook's tiers for a rolling period of whole days, 7 to 366.
    ///
    /// From 28 days on, windows and factors stay as they are, so that an outage pages after the same
    /// time; the share of the budget spent by then follows the period. Below 28 days the windows
    /// shrink with the period (never under five minutes) and the shares stay.
    ///
    /// ```
    /// use slo_core::model::{AlertPolicy, Window};
    ///
    /// let week = AlertPolicy::for_period(Window::days(7))?;
    /// assert_eq!(week.tiers()[0].long(), Window::minutes(14));
    /// assert_eq!(week.tiers()[0].factor()?.to_string(), "14.4");
    /// # Ok::<(), slo_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// Another period.
    pub fn for_period(period: Window) -> Result<Self, Error> {
        let whole_days = period.is_multiple_of(Window::days(1));
        if !whole_days || period < Window::days(7) || period > Window::days(366) {
            return Err(Error::new(format!("no alert tiers are known for a period of {period}"))
                .with_hint("write whole days from 7d to 366d; 28d and 30d are the usual ones"));
        }
        let tiers = WORKBOOK
            .iter()
            .map(|&(burn, severity, percent, long, short)| {
                let share = Ratio::new(percent, 100)?;
                if period >= Window::days(28) {
                    let share = share
                        .checked_mul(WORKBOOK_PERIOD.ratio_to(period))
                        .ok_or_else(|| Error::new(format!("{period} is too fine a period")))?;
                    return Ok(Tier { burn, severity, share, long, short, period });
                }
                let shrink = |window: Window| {
                    let scaled = window.as_millis() / 30 * (period.as_millis() / Window::days(1).as_millis());
                    Window::from_millis(scaled.max(SHORTEST_WINDOW.as_millis()))
                };
                Ok(Tier { burn, severity, share, long: shrink(long)?, short: shrink(short)?, period })
            })
            .collect::<Result<_, Error>>()?;
        Ok(Self { tiers })
    }

    /// The tiers, fastest first; never empty.
    #[must_use]
    pub fn tiers(&self) -> &[Tier] {
        &self.tiers
    }

    /// Every window of every tier once, shortest first.
    #[must_use]
    pub fn windows(&self) -> Vec<Window> {
        let mut windows: Vec<Window> = self.tiers.iter().flat_map(|tier| [tier.long, tier.short]).collect();
        windows.sort_unstable();
        windows.dedup();
        windows
    }

    /// Refuses tiers that can never fire for `objective`, or would fire on a kept one.
    pub(crate) fn check_reachable(&self, objective: Objective) -> Result<(), Error> {
        for tier in &self.tiers {
            let factor = tier.factor()?;
            if tier.threshold(objective)? >= Ratio::ONE {
                let lowest = Ratio::ONE
                    .checked_div(factor)
                    .and_then(|budget| Ratio::ONE.checked_sub(budget))
                    .unwrap_or(Ratio::ONE);
                return Err(Error::new(format!(
                    "{objective} can never fire the {} tier: {factor} times its error budget is more than every event",
                    tier.burn
                ))
                .with_hint(format!("write an objective above {:.4}%", lowest.to_f64() * 100.0)));
            }
            if factor < Ratio::ONE {
                return Err(Error::new(format!(
                    "the {} tier fires at a burn rate of {factor}, within the budget",
                    tier.burn
                )));
            }
        }
        Ok(())
    }

    pub(crate) fn time_scaled(&self, speed: u32) -> Result<Self, Error> {
        let tiers = self.tiers.iter().map(|tier| tier.time_scaled(speed)).collect::<Result<_, _>>()?;
        Ok(Self { tiers })
    }
}

/// What the alerts of one severity carry besides their own labels.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Notification {
    /// Labels added to the alert; `severity` replaces the default `page` or `ticket`.
    pub labels: Labels,
    /// Link to what to do.
    pub runbook: Option<String>,
    /// Link to where to look.
    pub dashboard: Option<String>,
}

impl BurnTier {
    /// The value of the `burn_tier` label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Medium => "medium",
            Self::Slow => "slow",
            Self::Trickle => "trickle",
        }
    }
}

impl fmt::Display for BurnTier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Severity {
    /// The default value of the `severity` label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Ticket => "ticket",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn factors(days: u64) -> Vec<String> {
        let policy = AlertPolicy::for_period(Window::days(days)).unwrap();
        policy.tiers().iter().map(|tier| tier.factor().unwrap().to_string()).collect()
    }

    #[test]
    fn keeps_the_workbook_factors_for_every_period() {
        for days in [28, 30, 90, 365] {
            assert_eq!(factors(days), ["14.4", "6", "3", "1"], "{days}d");
        }
        for days in [7, 14, 21] {
            assert_eq!(factors(days), ["14.4", "6", "3", "1"], "{days}d");
        }
    }

    #[test]
    fn shrinks_windows_below_28_days() {
        let windows: Vec<String> = AlertPolicy::for_period(Window::days(7))
            .unwrap()
            .windows()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(windows, ["5m", "7m", "14m", "28m", "1h24m", "5h36m", "16h48m"]);
    }

    #[test]
    fn spends_less_of_a_longer_period_by_the_time_it_fires() {
        let policy = AlertPolicy::for_period(Window::days(90)).unwrap();
        assert_eq!(policy.tiers()[0].share(), Ratio::new(2, 300).unwrap());
    }

    #[test]
    fn refuses_tiers_that_cannot_fire() {
        let policy = AlertPolicy::for_period(Window::days(30)).unwrap();
        let error = policy.check_reachable("90%".parse().unwrap()).unwrap_err();
        assert_eq!(error.hint(), Some("write an objective above 93.0556%"));
        assert!(policy.check_reachable("93.06%".parse().unwrap()).is_ok());
    }

    #[test]
    fn refuses_periods_without_tiers() {
        for period in ["1d", "6d", "36h", "367d", "30d1h"] {
            assert!(AlertPolicy::for_period(period.parse().unwrap()).is_err(), "{period}");
        }
    }
}
