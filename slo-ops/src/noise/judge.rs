//! What each alert has cost, and whether it was worth it.

use super::{
    AlertHistory, AlertKey, Measure, NoiseRules, Pair, Spending,
    measure::measures,
    pairs::pairs,
    priced::{Priced, flaps},
};
use crate::time;
use serde::Serialize;
use slo_core::{
    Error,
    math::Tally,
    model::{Timestamp, Window},
    stats::{Confidence, Interval, wilson},
};
use std::collections::BTreeMap;

/// What an alert has cost its receivers, and what for.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AlertNoise {
    /// The alert.
    #[serde(flatten)]
    pub key: AlertKey,
    /// How often it fired.
    pub firings: u64,
    /// The median time that it fired, in seconds.
    pub median_seconds: f64,
    /// How many of its firings have a known cost.
    pub priced: u64,
    /// How many of these were for nothing.
    pub for_nothing: u64,
    /// The share of firings that were worth it, with the interval of Wilson at 95 %; `None` if no cost is known.
    #[serde(serialize_with = "interval")]
    pub precision: Option<(f64, Interval)>,
    /// How many began soon after the one before had ended.
    pub flaps: u64,
    /// How many messages repeated one that had been sent, as far as that is known.
    pub repeats: u64,
    /// How many began out of hours; `None` if no hours are given.
    pub out_of_hours: Option<u64>,
    /// The share of a period's budget that was spent during all of them, if it is known.
    pub spent: Option<f64>,
}

/// The noise of a history of alerts.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Noise {
    /// The beginning of the history.
    #[serde(serialize_with = "time::text")]
    pub from: Timestamp,
    /// Its end.
    #[serde(serialize_with = "time::text")]
    pub to: Timestamp,
    /// How often alerts fired.
    pub firings: u64,
    /// How often of these somebody was paged.
    pub pages: u64,
    /// Each alert, those with most firings for nothing first.
    pub alerts: Vec<AlertNoise>,
    /// Alerts that come with another one.
    pub pairs: Vec<Pair>,
    /// What would have spared firings, the most first.
    pub measures: Vec<Measure>,
}

/// How long before an alert its fault may have begun.
const BEFORE: Window = Window::minutes(15);

impl Noise {
    /// The noise of a history.
    ///
    /// The cost of a firing is what its SLO, or the service that it names, spent from 15 minutes before it until it ended.
    ///
    /// # Errors
    /// A worth outside 0 to 1.
    pub fn of(history: &AlertHistory, spending: &impl Spending, rules: &NoiseRules) -> Result<Self, Error> {
        if !(0.0..=1.0).contains(&rules.worth) {
            return Err(Error::new(format!("{} is not a share of a budget", rules.worth)));
        }
        let mut by_key: BTreeMap<AlertKey, Vec<Priced<'_>>> = BTreeMap::new();
        for firing in history.firings() {
            let key = firing.key();
            let from = firing.began.before(BEFORE);
            let ask = || spending.spent(&key.service, &key.slo, from, firing.ended);
            let spent = firing.spent.or_else(|| if key.service.is_empty() { None } else { ask() });
            by_key.entry(key).or_default().push(Priced { firing, spent });
        }
        let mut alerts = Vec::new();
        for (key, firings) in &by_key {
            alerts.push(one(key, firings, rules)?);
        }
        alerts.sort_by(|a, b| (b.for_nothing, b.firings, &a.key).cmp(&(a.for_nothing, a.firings, &b.key)));
        let pairs = pairs(&by_key, history, rules.together)?;
        let measures = measures(&by_key, &pairs, rules);
        Ok(Self {
            from: history.from(),
            to: history.to(),
            firings: history.firings().len() as u64,
            pages: by_key
                .iter()
                .filter(|(key, _)| key.is_page())
                .map(|(_, firings)| firings.len() as u64)
                .sum(),
            alerts,
            pairs,
            measures,
        })
    }
}

/// The middle of sorted numbers, or the mean of both.
fn median(sorted: &[f64]) -> f64 {
    let at = |index: usize| sorted.get(index).copied().unwrap_or(0.0);
    let half = sorted.len() / 2;
    if sorted.len() % 2 == 1 { at(half) } else { f64::midpoint(at(half.saturating_sub(1)), at(half)) }
}

fn one(key: &AlertKey, firings: &[Priced<'_>], rules: &NoiseRules) -> Result<AlertNoise, Error> {
    let known: Vec<bool> = firings.iter().filter_map(|one| one.was_worth(rules)).collect();
    let (priced, worth) = (known.len() as u64, known.iter().filter(|worth| **worth).count() as u64);
    // Firings that were worth it, of all whose cost is known.
    let tally = Tally::new(priced, worth)?;
    let precision = wilson(tally, Confidence::P95).map(|interval| (worth as f64 / priced as f64, interval));
    let mut seconds: Vec<f64> = firings.iter().map(|one| one.firing.length().as_secs_f64()).collect();
    seconds.sort_by(f64::total_cmp);
    let spent: Vec<f64> = firings.iter().filter_map(|one| one.spent).collect();
    Ok(AlertNoise {
        key: key.clone(),
        firings: firings.len() as u64,
        median_seconds: median(&seconds),
        priced,
        for_nothing: priced - worth,
        precision,
        flaps: flaps(firings, rules.flap),
        repeats: firings.iter().map(|one| one.firing.messages.saturating_sub(1)).sum(),
        out_of_hours: rules
            .hours
            .as_ref()
            .map(|hours| firings.iter().filter(|one| !hours.contains(one.firing.began)).count() as u64),
        spent: (!spent.is_empty()).then(|| spent.iter().sum()),
    })
}

#[expect(clippy::ref_option, reason = "serde calls it")]
fn interval<S: serde::Serializer>(of: &Option<(f64, Interval)>, serializer: S) -> Result<S::Ok, S::Error> {
    of.map(|(share, interval)| [share, interval.low(), interval.high()]).serialize(serializer)
}
