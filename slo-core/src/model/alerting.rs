//! Alert policies, budget alerts, and the labels and annotations of alerts.

use super::{BurnTier, LabelName, Labels, Name, Objective, Ratio, Rescaling, Severity, Tier, Window};
use crate::Error;
use std::collections::BTreeMap;

/// An alert policy: the burn-rate tiers of an SLO, fastest first.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
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

impl AlertPolicy {
    /// The Workbook's tiers for a period of whole days, 1 to 366.
    ///
    /// From 28 days on, windows and factors stay the same: an outage pages after the same time, and the share
    /// of the budget that is spent by then depends on the period. From 7 to 27 days, the windows shrink with
    /// the period (never under five minutes) and the shares stay the same. Below 7 days, long windows shrink
    /// to no less than fifteen minutes: factors stay the same, and the shares depend on the period.
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
    /// A period that is not a whole number of days from 1 to 366.
    pub fn for_period(period: Window) -> Result<Self, Error> {
        let whole_days = period.is_multiple_of(Window::days(1));
        if !whole_days || period > Window::days(366) {
            return Err(Error::new(format!("no alert tiers are known for a period of {period}"))
                .with_hint("write whole days from 1d to 366d; 28d and 30d are the usual ones"));
        }
        if period < Window::days(7) {
            let tiers = Self::workbook().tiers.into_iter().map(|tier| tier.shortened(period));
            return Ok(Self { tiers: tiers.collect::<Result<_, Error>>()? });
        }
        let rescaling =
            if period >= Window::days(28) { Rescaling::KeepBurn } else { Rescaling::ScaleWindows };
        Self::workbook().rescaled(period, rescaling)
    }

    /// The Workbook's four tiers for 30 days (SRE Workbook, ch. 5, table 5-8, and the text's 3×).
    #[must_use]
    pub fn workbook() -> Self {
        let tier = |(burn, severity, percent, long, short)| {
            Tier::by_share(burn, severity, Ratio::new(percent, 100)?, [long, short], WORKBOOK_PERIOD)
        };
        // The constants always make valid tiers; a test verifies that.
        Self { tiers: WORKBOOK.into_iter().filter_map(|row| tier(row).ok()).collect() }
    }

    /// A custom policy, tiers fastest first.
    ///
    /// # Errors
    /// No tiers, tiers out of order, a burn tier that occurs twice, or tiers of different periods.
    pub fn new(tiers: Vec<Tier>) -> Result<Self, Error> {
        let Some(first) = tiers.first() else {
            return Err(Error::new("a policy without tiers never alerts"));
        };
        for (one, next) in tiers.iter().zip(tiers.iter().skip(1)) {
            if next.burn() <= one.burn() {
                return Err(Error::new(format!("the {} tier follows the {} tier", next.burn(), one.burn()))
                    .with_hint("list each tier once, fastest first"));
            }
            if next.period() != first.period() {
                return Err(Error::new(format!(
                    "the {} tier has a period of {}, the {} tier one of {}",
                    first.burn(),
                    first.period(),
                    next.burn(),
                    next.period()
                )));
            }
        }
        Ok(Self { tiers })
    }

    /// The same policy with windows that are multiples of `step`, for a history with such steps.
    ///
    /// Each window becomes the nearest multiple, and the factors stay the same. Tiers that do not fit such
    /// steps, or whose windows become those of a faster tier, are left out.
    ///
    /// ```
    /// use slo_core::model::{AlertPolicy, Window};
    ///
    /// let hourly = AlertPolicy::workbook().fitted(Window::hours(1))?;
    /// let windows: Vec<_> = hourly.tiers().iter().map(|tier| (tier.long(), tier.short())).collect();
    /// let hours = |long, short| (Window::hours(long), Window::hours(short));
    /// assert_eq!(windows, [hours(2, 1), hours(6, 1), hours(24, 2), hours(72, 6)]);
    /// # Ok::<(), slo_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// A step that is too long for every tier.
    pub fn fitted(&self, step: Window) -> Result<Self, Error> {
        let mut tiers: Vec<Tier> = Vec::new();
        for tier in &self.tiers {
            let Ok(fitted) = tier.fitted(step) else { continue };
            if tiers.iter().all(|other| (other.long(), other.short()) != (fitted.long(), fitted.short())) {
                tiers.push(fitted);
            }
        }
        if tiers.is_empty() {
            return Err(Error::new(format!("steps of {step} are too long for every alert window"))
                .with_hint("use a history with shorter steps, or a policy with longer windows"));
        }
        Self::new(tiers)
    }

    /// The same policy for another period; see [`Tier::rescaled`].
    ///
    /// # Errors
    /// A period that makes a tier invalid.
    pub fn rescaled(&self, period: Window, rescaling: Rescaling) -> Result<Self, Error> {
        let tiers = self.tiers.iter().map(|tier| tier.rescaled(period, rescaling));
        Ok(Self { tiers: tiers.collect::<Result<_, Error>>()? })
    }

    /// The same policy with thresholds of at most the error ratio `at`.
    ///
    /// For objectives so low that a tier would need more errors than there are events. See
    /// [`Tier::with_threshold_at_most`].
    ///
    /// ```
    /// use slo_core::model::{AlertPolicy, Ratio, Window};
    ///
    /// let policy = AlertPolicy::for_period(Window::days(30))?.firing_at("90%".parse()?, Ratio::HALF)?;
    /// let factors = policy.tiers().iter().map(|tier| tier.factor().map(|factor| factor.to_string()));
    /// assert_eq!(factors.collect::<Result<Vec<_>, _>>()?, ["5", "5", "3", "1"]);
    /// # Ok::<(), slo_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// An error ratio of zero.
    pub fn firing_at(&self, objective: Objective, at: Ratio) -> Result<Self, Error> {
        let tiers = self.tiers.iter().map(|tier| tier.with_threshold_at_most(objective, at));
        Ok(Self { tiers: tiers.collect::<Result<_, Error>>()? })
    }

    /// The same policy with a guard against low traffic.
    ///
    /// A tier fires only if its long window has enough bad events to be significant, see
    /// [`BurnTier::significant_bad_events`].
    ///
    /// ```
    /// use slo_core::model::AlertPolicy;
    ///
    /// let guarded = AlertPolicy::workbook().guarded();
    /// assert_eq!(guarded.tiers().iter().map(|tier| tier.fewest_bad()).collect::<Vec<_>>(), [4, 6, 12, 0]);
    /// ```
    #[must_use]
    pub fn guarded(mut self) -> Self {
        for tier in &mut self.tiers {
            *tier = tier.with_fewest_bad(tier.burn().significant_bad_events().unwrap_or(0));
        }
        self
    }

    /// The tiers, fastest first; never empty.
    #[must_use]
    pub fn tiers(&self) -> &[Tier] {
        &self.tiers
    }

    /// The distinct windows of all tiers, shortest first.
    #[must_use]
    pub fn windows(&self) -> Vec<Window> {
        let mut windows: Vec<Window> =
            self.tiers.iter().flat_map(|tier| [tier.long(), tier.short()]).collect();
        windows.sort_unstable();
        windows.dedup();
        windows
    }

    /// The burn rate of the slowest tier that pages, from which on a release is harmful; `None` if no tier pages.
    ///
    /// ```
    /// use slo_core::model::AlertPolicy;
    ///
    /// assert_eq!(AlertPolicy::workbook().slowest_page().unwrap().to_string(), "6");
    /// ```
    #[must_use]
    pub fn slowest_page(&self) -> Option<Ratio> {
        let pages = self.tiers.iter().filter(|tier| tier.severity() == Severity::Page);
        pages.filter_map(|tier| tier.factor().ok()).min()
    }

    /// A threshold for tiers that could not fire otherwise: half of the events, or midway between the budget
    /// and all events.
    pub(crate) fn share_to_fire(objective: Objective) -> Ratio {
        let budget = objective.budget();
        let midway = budget.checked_add(Ratio::ONE).and_then(|sum| sum.checked_div(Ratio::whole(2)));
        if budget < Ratio::HALF { Ratio::HALF } else { midway.unwrap_or(Ratio::HALF) }
    }

    /// Refuses tiers that can never fire for `objective`, or that would fire while it is met.
    pub(crate) fn check_reachable(&self, objective: Objective) -> Result<(), Error> {
        for tier in &self.tiers {
            let factor = tier.factor()?;
            if tier.threshold(objective)? >= Ratio::ONE {
                let lowest = Ratio::ONE
                    .checked_div(factor)
                    .and_then(|budget| Ratio::ONE.checked_sub(budget))
                    .unwrap_or(Ratio::ONE);
                return Err(Error::new(format!(
                    "the {} tier can never fire at {objective}: {factor} times the error budget is 100% \
                     of the events or more",
                    tier.burn()
                ))
                .with_hint(format!(
                    "write an objective above {:.4}%, or `alerting: {{fires_at: {}%}}` to fire when that \
                     share of the events is bad",
                    lowest.to_f64() * 100.0,
                    Self::share_to_fire(objective).to_f64() * 100.0
                )));
            }
            if factor < Ratio::ONE {
                return Err(Error::new(format!(
                    "the {} tier fires at a burn rate of {factor}, within the budget",
                    tier.burn()
                ))
                .with_hint(format!(
                    "write a share above the budget, such as `fires_at: {}%`, or a factor above 1",
                    Self::share_to_fire(objective).to_f64() * 100.0
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

/// An optional alert of an SLO, besides its burn-rate tiers.
///
/// ```
/// use slo_core::model::{BudgetAlert, Ratio, Severity};
///
/// let low = BudgetAlert::Low { left: Ratio::new(1, 4)?, severity: Severity::Ticket }; // a quarter is left
/// assert_eq!((low.name(), low.severity()), ("SLOErrorBudgetLow", Severity::Ticket));
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BudgetAlert {
    /// The period's budget is spent.
    Exhausted {
        /// Whether it pages or opens a ticket.
        severity: Severity,
    },
    /// Little of the period's budget is left. Silent once it is spent, if [`BudgetAlert::Exhausted`] is also
    /// on.
    Low {
        /// It fires when at most this share of the budget is left.
        left: Ratio,
        /// Whether it pages or opens a ticket.
        severity: Severity,
    },
    /// The series of the events are gone, so nothing is counted any more.
    Absent {
        /// For how long they must be gone.
        hold: Window,
        /// Whether it pages or opens a ticket.
        severity: Severity,
    },
}

impl BudgetAlert {
    /// The name of the alert.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exhausted { .. } => "SLOErrorBudgetExhausted",
            Self::Low { .. } => "SLOErrorBudgetLow",
            Self::Absent { .. } => "SLOEventsAbsent",
        }
    }

    /// Whether it pages or opens a ticket.
    #[must_use]
    pub const fn severity(self) -> Severity {
        match self {
            Self::Exhausted { severity } | Self::Low { severity, .. } | Self::Absent { severity, .. } => {
                severity
            }
        }
    }

    /// The place of its kind in lists.
    const fn place(self) -> u8 {
        match self {
            Self::Exhausted { .. } => 0,
            Self::Low { .. } => 1,
            Self::Absent { .. } => 2,
        }
    }

    /// Adds it to `alerts`, in place of another of its kind: there is at most one of each.
    pub(crate) fn add_to(self, alerts: &mut Vec<Self>) {
        alerts.retain(|other| other.place() != self.place());
        let at = alerts.partition_point(|other| other.place() < self.place());
        alerts.insert(at, self);
    }

    pub(crate) fn time_scaled(self, speed: u32) -> Result<Self, Error> {
        match self {
            // No number is derived from it, so it may be rounded.
            Self::Absent { hold, severity } => Ok(Self::Absent {
                hold: Window::from_millis(hold.as_millis().div_ceil(speed.max(1).into()))?,
                severity,
            }),
            Self::Exhausted { .. } | Self::Low { .. } => Ok(self),
        }
    }
}

/// Labels, links and annotations for the alerts of one severity.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Notification {
    /// Labels added to the alert; `severity` replaces the default `page` or `ticket`.
    pub labels: Labels,
    /// Link to the runbook.
    pub runbook: Option<String>,
    /// Link to the dashboard.
    pub dashboard: Option<String>,
    /// The runbook that `slo serve` runs for the alert.
    ///
    /// Its name is in the annotation [`RESPONSE`](Self::RESPONSE).
    pub response: Option<Name>,
    /// Annotations added to the alert.
    ///
    /// `summary` and `description` replace the default ones. Prometheus fills in templates such as
    /// `{{ $value }}`.
    pub annotations: BTreeMap<LabelName, String>,
    /// Whether the burn-rate alerts of this severity are left out.
    pub silent: bool,
}

impl Notification {
    /// The annotation with the runbook that `slo serve` runs for an alert.
    pub const RESPONSE: &str = "slo_response";
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
    fn has_the_four_tiers_of_the_workbook() {
        assert_eq!(AlertPolicy::workbook().tiers().len(), WORKBOOK.len());
        assert_eq!(AlertPolicy::for_period(WORKBOOK_PERIOD), Ok(AlertPolicy::workbook()));
        assert_eq!(AlertPolicy::new(AlertPolicy::workbook().tiers().to_vec()), Ok(AlertPolicy::workbook()));
        assert!(AlertPolicy::new(vec![]).is_err());
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
    fn keeps_factors_and_whole_minutes_below_a_week() {
        for days in 1..7 {
            assert_eq!(factors(days), ["14.4", "6", "3", "1"], "{days}d");
            let policy = AlertPolicy::for_period(Window::days(days)).unwrap();
            assert!(policy.windows().iter().all(|window| window.is_multiple_of(Window::minutes(1))));
            assert!(policy.tiers().iter().all(|tier| tier.share() < Ratio::HALF));
        }
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
        assert!(error.hint().unwrap().starts_with("write an objective above 93.0556%"));
        assert!(policy.check_reachable("93.06%".parse().unwrap()).is_ok());
    }

    #[test]
    fn refuses_periods_without_tiers() {
        for period in ["23h", "36h", "367d", "30d1h"] {
            assert!(AlertPolicy::for_period(period.parse().unwrap()).is_err(), "{period}");
        }
    }
}
