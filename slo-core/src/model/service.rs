//! A service: its SLOs, and how its series are scraped.

use super::{AlertPolicy, ErrorBudgetPolicy, Exclusion, LabelName, Labels, Name, Slo, Window};
use crate::Error;
use std::collections::BTreeSet;

/// A service and its SLOs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    name: Name,
    labels: Labels,
    target_labels: Vec<LabelName>,
    counts_newborn: bool,
    exclusions: Vec<Exclusion>,
    error_budget_policy: Option<ErrorBudgetPolicy>,
    // Short enough for every alert window to hold four scrapes.
    scrape_interval: Window,
    scrape_interval_is_assumed: bool,
    // At least one, with distinct names.
    slos: Vec<Slo>,
}

/// Labels that Prometheus puts on every series of a scrape target.
const TARGET_LABELS: [&str; 2] = ["job", "instance"];

/// Scrapes that the shortest alert window must hold: a tile is at most half of it and needs two.
const SCRAPES_PER_WINDOW: u64 = 4;
/// Scrapes that a slice must hold, so that a late one does not leave it empty.
const SCRAPES_PER_SLICE: u64 = 2;

impl Service {
    /// The default scrape interval, as in Prometheus' example configuration.
    pub const SCRAPE_INTERVAL: Window = Window::seconds(15);

    /// A service with its SLOs, scraped every `scrape_interval`.
    ///
    /// # Errors
    /// No SLO, two of one name, or scrapes too far apart for the shortest alert window.
    pub fn new(name: Name, scrape_interval: Window, slos: Vec<Slo>) -> Result<Self, Error> {
        if slos.is_empty() {
            return Err(Error::new("no SLO").with_hint("add at least one"));
        }
        let mut names = BTreeSet::new();
        for slo in &slos {
            if !names.insert(slo.name()) {
                return Err(Error::new(format!("two SLOs have the name `{}`", slo.name()))
                    .with_hint("rename one of them"));
            }
        }
        check_scrape_interval(scrape_interval, slos.iter().map(Slo::policy))?;
        for slo in &slos {
            if let Some(slices) = slo.slices()
                && slices.length().as_millis() < SCRAPES_PER_SLICE * scrape_interval.as_millis()
            {
                return Err(Error::new(format!(
                    "slices of {} hold fewer than two scrapes at a scrape interval of {scrape_interval}",
                    slices.length()
                ))
                .with_hint("make the slices longer, or scrape more often"));
            }
        }
        Ok(Self {
            name,
            labels: Labels::new(),
            target_labels: TARGET_LABELS.map(LabelName::from_static).to_vec(),
            counts_newborn: true,
            exclusions: Vec::new(),
            error_budget_policy: None,
            scrape_interval,
            scrape_interval_is_assumed: false,
            slos,
        })
    }

    /// The same service with more SLOs after its own.
    ///
    /// ```
    /// use slo_core::model::{EventCounters, Period, Selector, Service, Sli, Slo, Window};
    ///
    /// let counters = EventCounters::TotalBad { total: Selector::new("all")?, bad: Selector::new("bad")? };
    /// let slo = |name: &str| {
    ///     let period = Period::Rolling(Window::days(30));
    ///     Slo::new(name.parse()?, "99%".parse()?, period, Sli::Events(counters.clone()))
    /// };
    /// let service = Service::new("a".parse()?, Window::seconds(15), vec![slo("one")?])?;
    /// assert_eq!(service.clone().with_slos(vec![slo("two")?])?.slos().len(), 2);
    /// assert!(service.with_slos(vec![slo("one")?]).is_err());
    /// # Ok::<(), slo_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`new`](Self::new).
    pub fn with_slos(self, more: Vec<Slo>) -> Result<Self, Error> {
        let slos = self.slos.iter().cloned().chain(more).collect();
        let Self { slos, .. } = Self::new(self.name.clone(), self.scrape_interval, slos)?;
        Ok(Self { slos, ..self })
    }

    /// The same service with a scrape interval that is assumed because none was given.
    ///
    /// Rules that need two scrapes then look back far enough for any interval that the alert windows allow.
    ///
    /// ```
    /// use slo_core::model::{EventCounters, Period, Selector, Service, Sli, Slo, Window};
    ///
    /// let counters = EventCounters::TotalBad { total: Selector::new("all")?, bad: Selector::new("bad")? };
    /// let period = Period::Rolling(Window::days(30));
    /// let slo = Slo::new("a".parse()?, "99%".parse()?, period, Sli::Events(counters))?;
    /// let service = Service::new("b".parse()?, Window::seconds(15), vec![slo])?.with_assumed_scrape_interval();
    /// assert!(service.scrape_interval_is_assumed());
    /// # Ok::<(), slo_core::Error>(())
    /// ```
    #[must_use]
    pub const fn with_assumed_scrape_interval(mut self) -> Self {
        self.scrape_interval_is_assumed = true;
        self
    }

    /// The same service with the SLOs of `other`, another description of it, added.
    ///
    /// The settings of the service must be the same in both. A scrape interval that only one of them gives
    /// applies to both.
    ///
    #[cfg_attr(feature = "spec", doc = "```")]
    #[cfg_attr(not(feature = "spec"), doc = "```ignore")]
    /// # let service = |slo: &str, interval: &str| slo_core::spec::parse(&format!(
    /// #     "{{version: slo/v1, service: a, {interval} slos: [{{name: {slo}, objective: 99%, window: 30d,
    /// #     sli: {{events: {{total: t_total, bad: b_total}}}}}}]}}")).unwrap().remove(0);
    /// let one = service("errors", "");
    /// let other = service("latency", "scrape_interval: 30s,");
    /// let both = one.joined(other)?;
    /// assert_eq!((both.slos().len(), both.scrape_interval().to_string()), (2, "30s".to_owned()));
    /// assert!(both.clone().joined(service("traffic", "scrape_interval: 1m,")).is_err());
    /// # Ok::<(), slo_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// Settings that differ, or an SLO that is in both.
    pub fn joined(mut self, other: Self) -> Result<Self, Error> {
        let clash = |what: &str, one: &dyn std::fmt::Debug, other: &dyn std::fmt::Debug| {
            Err(Error::new(format!("{what} is {one:?} here and {other:?} there"))
                .with_hint("write the same value everywhere, or move labels that differ to the SLOs"))
        };
        if self.name != other.name {
            return clash("the service", &self.name.as_str(), &other.name.as_str());
        }
        for label in self.labels.keys().chain(other.labels.keys()) {
            let [one, two] = [&self.labels, &other.labels].map(|labels| labels.get(label));
            if one != two {
                let shown = |value: Option<&String>| value.cloned().unwrap_or_default();
                return clash(&format!("the label `{label}` of the service"), &shown(one), &shown(two));
            }
        }
        match (self.scrape_interval_is_assumed, other.scrape_interval_is_assumed) {
            (true, false) => {
                self.scrape_interval = other.scrape_interval;
                self.scrape_interval_is_assumed = false;
            }
            (false, true) => {}
            _ if self.scrape_interval == other.scrape_interval => {}
            _ => {
                let [one, other] = [self.scrape_interval, other.scrape_interval].map(|one| one.to_string());
                return clash("`scrape_interval`", &one, &other);
            }
        }
        if self.target_labels != other.target_labels {
            let shown = |labels: &[LabelName]| labels.iter().map(ToString::to_string).collect::<Vec<_>>();
            return clash("`target_labels`", &shown(&self.target_labels), &shown(&other.target_labels));
        }
        if self.counts_newborn != other.counts_newborn {
            return clash("`newborn: count`", &self.counts_newborn, &other.counts_newborn);
        }
        if self.exclusions != other.exclusions {
            return Err(Error::new("`exclude` differs").with_hint("write the same exclusions everywhere"));
        }
        match (&self.error_budget_policy, other.error_budget_policy) {
            (Some(one), Some(two)) if *one != two => {
                return Err(Error::new("`policy` differs")
                    .with_hint("write the same policy everywhere, or only once"));
            }
            (None, Some(two)) => self.error_budget_policy = Some(two),
            _ => {}
        }
        if let Some(twice) =
            other.slos.iter().find(|slo| self.slos.iter().any(|one| one.name() == slo.name()))
        {
            return Err(Error::new(format!("two SLOs have the name `{}`", twice.name()))
                .with_hint("rename one of them"));
        }
        self.slos.extend(other.slos);
        check_scrape_interval(self.scrape_interval, self.slos.iter().map(Slo::policy))?;
        Ok(self)
    }

    /// The same service with other labels that identify its targets; the default is `job` and `instance`.
    #[must_use]
    pub fn with_target_labels(mut self, labels: Vec<LabelName>) -> Self {
        self.target_labels = labels;
        self
    }

    /// The same service, but the first value of a new series does not count as new events.
    ///
    /// For exporters whose series disappear and return with their old value.
    #[must_use]
    pub const fn without_newborn_series(mut self) -> Self {
        self.counts_newborn = false;
        self
    }

    /// The same service with excluded times.
    #[must_use]
    pub fn with_exclusions(mut self, exclusions: Vec<Exclusion>) -> Self {
        self.exclusions = exclusions;
        self
    }

    /// The same service with an error-budget policy, which applies to each of its SLOs.
    #[must_use]
    pub fn with_error_budget_policy(mut self, policy: ErrorBudgetPolicy) -> Self {
        self.error_budget_policy = Some(policy);
        self
    }

    /// The same service with labels that describe it.
    #[must_use]
    pub fn with_labels(mut self, labels: Labels) -> Self {
        self.labels = labels;
        self
    }

    /// The same service with only this one of its SLOs.
    #[must_use]
    pub fn only(&self, slo: &Slo) -> Self {
        Self { slos: vec![slo.clone()], ..self.clone() }
    }

    /// The same service without the SLOs of these names; `None` if it has no other.
    #[must_use]
    pub fn without(&self, names: &[Name]) -> Option<Self> {
        let slos: Vec<Slo> = self.slos.iter().filter(|slo| !names.contains(slo.name())).cloned().collect();
        (!slos.is_empty()).then(|| Self { slos, ..self.clone() })
    }

    /// The name of one of its SLOs in messages: `service/slo`.
    #[cfg(feature = "rules")]
    pub(crate) fn path_of(&self, slo: &Slo) -> String {
        format!("{}/{}", self.name, slo.name())
    }

    /// Its name, the value of the `service` label.
    #[must_use]
    pub const fn name(&self) -> &Name {
        &self.name
    }

    /// Labels that describe it; they are added to `slo_info` and to alerts.
    #[must_use]
    pub const fn labels(&self) -> &Labels {
        &self.labels
    }

    /// The labels that identify its targets.
    #[must_use]
    pub fn target_labels(&self) -> &[LabelName] {
        &self.target_labels
    }

    /// Whether the first value of a new series on a known target counts as new events.
    #[must_use]
    pub const fn counts_newborn_series(&self) -> bool {
        self.counts_newborn
    }

    /// The excluded times.
    #[must_use]
    pub fn exclusions(&self) -> &[Exclusion] {
        &self.exclusions
    }

    /// What its remaining error budget allows, if a policy says so.
    #[must_use]
    pub const fn error_budget_policy(&self) -> Option<&ErrorBudgetPolicy> {
        self.error_budget_policy.as_ref()
    }

    /// How often its metrics are scraped.
    #[must_use]
    pub const fn scrape_interval(&self) -> Window {
        self.scrape_interval
    }

    /// Whether the scrape interval is assumed because none was given.
    #[must_use]
    pub const fn scrape_interval_is_assumed(&self) -> bool {
        self.scrape_interval_is_assumed
    }

    /// The longest time between two scrapes of `slo`'s metrics: a quarter of its shortest alert window if the
    /// interval is assumed.
    #[cfg(feature = "rules")]
    pub(crate) fn longest_scrape_interval(&self, slo: &Slo) -> Window {
        let shortest = slo.policy().windows().first().copied();
        match shortest.and_then(|window| longest_interval(window).ok()) {
            Some(longest) if self.scrape_interval_is_assumed => longest.max(self.scrape_interval),
            _ => self.scrape_interval,
        }
    }

    /// Its SLOs, in the order they were written.
    #[must_use]
    pub fn slos(&self) -> &[Slo] {
        &self.slos
    }

    /// Refuses labels that would overwrite the group labels of alerts.
    #[cfg(any(feature = "rules", feature = "spec"))]
    pub(crate) fn check_groups(&self) -> Result<(), Error> {
        for slo in &self.slos {
            let set = [&self.labels, slo.labels()].into_iter().chain(
                [super::Severity::Page, super::Severity::Ticket]
                    .map(|severity| &slo.notification(severity).labels),
            );
            let taken = set.flat_map(Labels::keys).find(|label| slo.by().contains(label));
            if let Some(label) = taken {
                return Err(Error::new(format!(
                    "`{}` is grouped by `{label}`, but the label `{label}` is also set",
                    slo.name()
                ))
                .with_hint("remove the label: alerts take it from their group"));
            }
        }
        Ok(())
    }

    /// The same service with time running `speed` times faster, for demonstrations and tests.
    ///
    /// Periods and alert windows are divided by `speed`. So are the scrape interval and the time that events
    /// must be gone, rounded up to a millisecond. Objectives, factors, shares and latency thresholds stay the
    /// same. At 60, an hour of budget passes in a minute.
    ///
    #[cfg_attr(feature = "spec", doc = "```")]
    #[cfg_attr(not(feature = "spec"), doc = "```ignore")]
    /// let text = "{version: slo/v1, service: a, slos: [{name: b, objective: 99%, window: 30d,
    ///     sli: {events: {total: t, bad: b}}}]}";
    /// let service = slo_core::spec::parse(text)?.remove(0).time_scaled(60)?;
    /// assert_eq!(service.slos()[0].period().to_string(), "12h");
    /// assert_eq!(service.slos()[0].policy().windows()[0].to_string(), "5s");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// A speed that leaves a fraction of a millisecond in a period or an alert window.
    pub fn time_scaled(&self, speed: u32) -> Result<Self, Error> {
        let scaled = || {
            let slos = self.slos.iter().map(|slo| slo.time_scaled(speed)).collect::<Result<_, Error>>()?;
            // No number is derived from the scrape interval exactly, so it may be rounded.
            let scrape_interval =
                Window::from_millis(self.scrape_interval.as_millis().div_ceil(speed.max(1).into()))?;
            Ok(Self { scrape_interval, slos, ..self.clone() })
        };
        scaled().map_err(|error: Error| {
            Error::new(format!("time cannot run {speed} times faster: {error}"))
                .with_hint("use 2, 3, 4, 5, 6, 10, 12, 15, 20, 30 or 60, and no calendar periods")
        })
    }
}

/// Refuses scrapes that are too far apart for the shortest window of `policies`.
pub(crate) fn check_scrape_interval<'a>(
    scrape_interval: Window,
    policies: impl Iterator<Item = &'a AlertPolicy>,
) -> Result<(), Error> {
    let Some(shortest) = policies.filter_map(|policy| policy.windows().first().copied()).min() else {
        return Ok(());
    };
    let longest = longest_interval(shortest)?;
    if scrape_interval <= longest {
        return Ok(());
    }
    Err(Error::new(format!(
        "a scrape interval of {scrape_interval} is too long for the {shortest} alert window"
    ))
    .with_hint(format!("scrape every {longest} or more often")))
}

/// The longest scrape interval that an alert window of `shortest` allows.
fn longest_interval(shortest: Window) -> Result<Window, Error> {
    Window::from_millis((shortest.as_millis() / SCRAPES_PER_WINDOW).max(1))
}
