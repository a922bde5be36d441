//! The pages of an SLO with a guard, or with longer windows: a replay of its history.

use serde::Serialize;
use slo_core::{
    Error,
    model::{AlertPolicy, Slo, Tier, Window},
    replay::{Backtest, FittedTiers, Incident, Replay, Series},
};
use std::fmt;

/// A change of the alerts of an SLO.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Change {
    /// None: the alerts as they are.
    AsIs,
    /// Alerts also need a significant number of bad events: `low_traffic: guard`.
    Guard,
    /// Windows that are twice as long, at the same burn rates.
    LongerWindows,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AsIs => "as it is",
            Self::Guard => "with a guard",
            Self::LongerWindows => "with windows twice as long",
        })
    }
}

/// The alerts that a change of an SLO's policy would have sent.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct WhatIf {
    /// The change.
    pub change: Change,
    /// The pages.
    pub pages: u64,
    /// The pages of incidents; all others were for nothing.
    pub true_pages: u64,
    /// The tickets.
    pub tickets: u64,
    /// The incidents: stretches that spent at least 2 % of a period's budget, with at least four bad events.
    pub incidents: u64,
    /// Those of them that were paged.
    pub detected: u64,
    /// The median time until an incident was paged, in seconds; `None` if none was.
    pub median_detection_seconds: Option<f64>,
}

/// Fewer bad events are no incident, whatever share of a small budget they are: as many make the fastest alert with a guard fire.
const FEWEST_BAD: u64 = 4;

/// The alerts of an SLO on a history: as they are, with a guard if it has none, and with longer windows.
///
/// # Errors
/// A history without events, or whose steps are too long for every window.
pub fn what_if(slo: &Slo, series: &Series<'_>) -> Result<Vec<WhatIf>, Error> {
    let mut replay = Replay::new(slo.objective(), slo.period().length());
    let is_incident = |incident: &&Incident| incident.tally.bad() >= FEWEST_BAD;
    let found = replay.incidents(series)?.0;
    let begins = |step: usize| series.time_after(step);
    replay.incidents = Some(
        found
            .iter()
            .filter(is_incident)
            .map(|incident| (begins(incident.start), begins(incident.end)))
            .collect(),
    );
    let mut policies = vec![(Change::AsIs, slo.policy().clone())];
    if slo.policy().tiers().iter().all(|tier| tier.fewest_bad() == 0) {
        policies.push((Change::Guard, slo.policy().clone().guarded()));
    }
    policies.extend(longer(slo.policy()).map(|policy| (Change::LongerWindows, policy)));
    let mut found = Vec::new();
    for (change, policy) in policies {
        let fitted = FittedTiers::of(&policy, slo.objective(), series.step(), series.len())?;
        let done = Backtest::of(series, &fitted.tiers, &replay)?;
        let score = done.score(series, &replay)?.0;
        found.push(WhatIf {
            change,
            pages: done.pages().len() as u64,
            true_pages: score.true_alerts as u64,
            tickets: done.tickets().len() as u64,
            incidents: score.incidents.len() as u64,
            detected: score.incidents.iter().filter(|incident| incident.seconds.is_some()).count() as u64,
            median_detection_seconds: score.detection_seconds(0.5),
        });
    }
    Ok(found)
}

/// The same factors over windows that are twice as long; `None` if they do not fit the period.
fn longer(policy: &AlertPolicy) -> Option<AlertPolicy> {
    let twice = |window: Window| Window::from_millis(window.as_millis() * 2).ok();
    let tier = |tier: &Tier| {
        let windows = [twice(tier.long())?, twice(tier.short())?];
        let longer =
            Tier::by_factor(tier.burn(), tier.severity(), tier.factor().ok()?, windows, tier.period())
                .ok()?;
        Some(longer.with_fewest_bad(tier.fewest_bad()))
    };
    AlertPolicy::new(policy.tiers().iter().map(tier).collect::<Option<_>>()?).ok()
}

impl WhatIf {
    /// The best change that spares pages and detects as many incidents as the alerts do as they are.
    #[must_use]
    pub fn best(all: &[Self]) -> Option<&Self> {
        let as_is = all.iter().find(|one| one.change == Change::AsIs)?;
        let spares = |one: &&Self| {
            one.change != Change::AsIs && one.pages < as_is.pages && one.detected >= as_is.detected
        };
        // The guard delays nothing that matters, so it is first among equals.
        all.iter().filter(spares).min_by_key(|one| (one.pages, one.change == Change::LongerWindows))
    }
}
