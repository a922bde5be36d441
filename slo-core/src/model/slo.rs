//! An SLO.

use super::{
    AlertPolicy, BudgetAlert, LabelName, Labels, Name, Notification, Objective, Period, Severity, Sli,
    TimeSlices, Window,
};
use crate::Error;
use std::collections::BTreeSet;

/// A service level objective.
///
/// ```
/// use slo_core::model::{EventCounters, Period, Selector, Sli, Slo, Window};
///
/// let sli = Sli::Events(EventCounters::TotalBad {
///     total: Selector::new("requests_total")?,
///     bad: Selector::new("request_errors_total")?,
/// });
/// let slo = Slo::new("availability".parse()?, "99.9%".parse()?, Period::Rolling(Window::days(30)), sli)?;
/// assert_eq!(slo.policy().tiers().len(), 4);
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slo {
    name: Name,
    description: String,
    labels: Labels,
    objective: Objective,
    period: Period,
    sli: Sli,
    // Distinct, and none that the rules set.
    by: Vec<LabelName>,
    // The same labels as the raw series have them.
    by_raw: Vec<LabelName>,
    slices: Option<TimeSlices>,
    // Every tier is reachable for the objective and fires above a burn rate of one.
    policy: AlertPolicy,
    budget_alerts: Vec<BudgetAlert>,
    keep_firing_for: Option<Window>,
    alert_name: Option<String>,
    page: Notification,
    ticket: Notification,
}

impl Slo {
    /// An SLO with the Workbook's alert tiers.
    ///
    /// # Errors
    /// A period without tiers, or an objective so low that a tier could never fire.
    pub fn new(name: Name, objective: Objective, period: Period, sli: Sli) -> Result<Self, Error> {
        let policy = AlertPolicy::for_period(period.length())?;
        Self::with_policy(name, objective, period, sli, policy)
    }

    /// An SLO with a custom alert policy.
    ///
    /// # Errors
    /// A policy for another period, or with a tier that could never fire or would fire while the objective is
    /// met.
    pub fn with_policy(
        name: Name,
        objective: Objective,
        period: Period,
        sli: Sli,
        policy: AlertPolicy,
    ) -> Result<Self, Error> {
        if let Some(tier) = policy.tiers().iter().find(|tier| tier.period() != period.length()) {
            return Err(Error::new(format!(
                "the alert tiers have a period of {}, the SLO one of {}",
                tier.period(),
                period.length()
            )));
        }
        policy.check_reachable(objective)?;
        Ok(Self {
            name,
            description: String::new(),
            labels: Labels::new(),
            objective,
            period,
            sli,
            by: Vec::new(),
            by_raw: Vec::new(),
            slices: None,
            policy,
            budget_alerts: Vec::new(),
            keep_firing_for: None,
            alert_name: None,
            page: Notification::default(),
            ticket: Notification::default(),
        })
    }

    /// The same SLO with a separate budget and alerts for each value of the labels `of`.
    ///
    /// `of` are labels of the raw series. Recorded series have the same labels, except for those that the
    /// rules set themselves: `service` becomes `exported_service`, as in Prometheus if a scrape sets a label.
    ///
    /// ```
    /// use slo_core::model::{EventCounters, LabelName, Period, Selector, Sli, Slo, Window};
    ///
    /// let sli = Sli::Events(EventCounters::TotalBad { total: Selector::new("all")?, bad: Selector::new("failed")? });
    /// let slo = Slo::new("availability".parse()?, "99.9%".parse()?, Period::Rolling(Window::days(30)), sli)?;
    /// let slo = slo.grouped_by(vec!["service".parse()?, "route".parse()?])?;
    /// assert_eq!(slo.by().iter().map(LabelName::as_str).collect::<Vec<_>>(), ["exported_service", "route"]);
    /// # Ok::<(), slo_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// A label that occurs twice, or `le`, the bound of a histogram bucket.
    pub fn grouped_by(mut self, of: Vec<LabelName>) -> Result<Self, Error> {
        let by: Vec<LabelName> = of.iter().map(LabelName::recorded).collect();
        let mut seen = BTreeSet::new();
        for label in &by {
            if label.as_str() == "le" {
                return Err(Error::new("grouped by `le`, the bound of a histogram bucket")
                    .with_hint("group by another label"));
            }
            if !seen.insert(label) {
                return Err(Error::new(format!("grouped by `{label}` twice")).with_hint("keep one of them"));
            }
        }
        (self.by, self.by_raw) = (by, of);
        Ok(self)
    }

    /// The same SLO, judged by time slices instead of events.
    ///
    /// # Errors
    /// An alert window that is not a whole number of slices, or an SLI without a number of events.
    pub fn judged_by(mut self, slices: TimeSlices) -> Result<Self, Error> {
        if matches!(self.sli, Sli::Ratio(_)) {
            return Err(
                Error::new("a ratio SLI has no time slices").with_hint("use an SLI that counts events")
            );
        }
        let windows = self.policy.windows();
        if let Some(window) = windows.iter().find(|window| !window.is_multiple_of(slices.length())) {
            return Err(Error::new(format!(
                "the {window} alert window is not a whole number of {} slices",
                slices.length()
            ))
            .with_hint("use 1m slices, which fit every usual window"));
        }
        self.slices = Some(slices);
        Ok(self)
    }

    /// The same SLO with labels that describe it.
    #[must_use]
    pub fn with_labels(mut self, labels: Labels) -> Self {
        self.labels = labels;
        self
    }

    /// The same SLO with another name for its burn-rate alerts, for routes that match on that name.
    ///
    /// # Errors
    /// An empty name.
    pub fn with_alert_name(mut self, name: impl Into<String>) -> Result<Self, Error> {
        let name = name.into();
        if name.trim().is_empty() {
            return Err(Error::new("the alert name is empty"));
        }
        self.alert_name = Some(name);
        Ok(self)
    }

    /// The same SLO with burn-rate alerts that keep firing for `hold` after their condition has ended.
    ///
    /// This prevents flapping near the threshold.
    #[must_use]
    pub const fn with_keep_firing_for(mut self, hold: Window) -> Self {
        self.keep_firing_for = Some(hold);
        self
    }

    /// The same SLO with a description of its promise.
    #[must_use]
    pub fn with_description(mut self, description: impl Into<String>) -> Self {
        self.description = description.into();
        self
    }

    /// The same SLO with labels, links and annotations for its alerts of `severity`.
    #[must_use]
    pub fn with_notification(mut self, severity: Severity, notification: Notification) -> Self {
        match severity {
            Severity::Page => self.page = notification,
            Severity::Ticket => self.ticket = notification,
        }
        self
    }

    /// The same SLO with these budget alerts, in place of those it had.
    ///
    /// If two are of one kind, the later one is used.
    #[must_use]
    pub fn with_budget_alerts(mut self, alerts: impl IntoIterator<Item = BudgetAlert>) -> Self {
        self.budget_alerts.clear();
        for alert in alerts {
            alert.add_to(&mut self.budget_alerts);
        }
        self
    }

    /// The same SLO with a guard against low traffic, see [`AlertPolicy::guarded`].
    #[must_use]
    pub fn with_low_traffic_guard(mut self) -> Self {
        self.policy = self.policy.guarded();
        self
    }

    /// Its name, unique within the service.
    #[must_use]
    pub const fn name(&self) -> &Name {
        &self.name
    }

    /// The description of its promise; may be empty.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Labels that describe it, besides those of its service; they are added to `slo_info` and to alerts.
    #[must_use]
    pub const fn labels(&self) -> &Labels {
        &self.labels
    }

    /// The share of events that must be good.
    #[must_use]
    pub const fn objective(&self) -> Objective {
        self.objective
    }

    /// The time over which it is judged.
    #[must_use]
    pub const fn period(&self) -> &Period {
        &self.period
    }

    /// The service level indicator.
    #[must_use]
    pub const fn sli(&self) -> &Sli {
        &self.sli
    }

    /// The labels that it is grouped by, as on recorded series; usually none.
    #[must_use]
    pub fn by(&self) -> &[LabelName] {
        &self.by
    }

    /// The same labels as the raw series have them: `service` where [`by`](Self::by) has `exported_service`.
    #[must_use]
    pub fn by_raw(&self) -> &[LabelName] {
        &self.by_raw
    }

    /// The time slices that are judged instead of events, if any.
    #[must_use]
    pub const fn slices(&self) -> Option<TimeSlices> {
        self.slices
    }

    /// The name of its burn-rate alerts, if it is not the default one.
    #[must_use]
    pub fn alert_name(&self) -> Option<&str> {
        self.alert_name.as_deref()
    }

    /// How long its burn-rate alerts keep firing after their condition has ended.
    #[must_use]
    pub const fn keep_firing_for(&self) -> Option<Window> {
        self.keep_firing_for
    }

    /// Its alert tiers.
    #[must_use]
    pub const fn policy(&self) -> &AlertPolicy {
        &self.policy
    }

    /// Its alerts besides those of its tiers, at most one of each kind.
    #[must_use]
    pub fn budget_alerts(&self) -> &[BudgetAlert] {
        &self.budget_alerts
    }

    /// The labels, links and annotations of its alerts of `severity`.
    #[must_use]
    pub const fn notification(&self, severity: Severity) -> &Notification {
        match severity {
            Severity::Page => &self.page,
            Severity::Ticket => &self.ticket,
        }
    }

    pub(super) fn time_scaled(&self, speed: u32) -> Result<Self, Error> {
        let slices = match self.slices {
            Some(slices) => Some(slices.time_scaled(speed)?),
            None => None,
        };
        Ok(Self {
            period: self.period.time_scaled(speed)?,
            slices,
            // No number is derived from it, so it may be rounded.
            keep_firing_for: self
                .keep_firing_for
                .map(|hold| Window::from_millis(hold.as_millis().div_ceil(speed.max(1).into())))
                .transpose()?,
            policy: self.policy.time_scaled(speed)?,
            budget_alerts: self
                .budget_alerts
                .iter()
                .map(|alert| alert.time_scaled(speed))
                .collect::<Result<_, Error>>()?,
            ..self.clone()
        })
    }
}
