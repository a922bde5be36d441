//! Alerts that come with another one.

use super::{AlertHistory, AlertKey, priced::Priced};
use serde::Serialize;
use slo_core::{Error, model::Window, stats::binomial_at_least};
use std::collections::BTreeMap;

/// An alert that comes with another one.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Pair {
    /// The other one.
    pub source: AlertKey,
    /// The alert that comes with it.
    pub target: AlertKey,
    /// How often the target fired.
    pub firings: u64,
    /// How often of these it began while the source fired, or at about the same time.
    pub together: u64,
    /// The probability of so many by chance, times the number of pairs, at most 1.
    pub p: f64,
}

/// An alert that fired less often tells nothing.
const LEAST_FIRINGS: u64 = 3;
/// The share of firings that come with the other one.
const LEAST_SHARE: f64 = 0.8;
const SIGNIFICANT: f64 = 0.01;

/// The pairs of a history, those with most firings first.
///
/// By chance, the target begins at any time: as often in the times of the source as these are of the whole.
pub(super) fn pairs(
    by_key: &BTreeMap<AlertKey, Vec<Priced<'_>>>,
    history: &AlertHistory,
    within: Window,
) -> Result<Vec<Pair>, Error> {
    let whole = history.to().millis_since(history.from()) as f64;
    let tests = (by_key.len() * by_key.len().saturating_sub(1)) as f64;
    let mut found: Vec<Pair> = Vec::new();
    for (source, sources) in by_key {
        let covered = covered(sources, within) as f64;
        let share = if whole > 0.0 { (covered / whole).clamp(0.0, 1.0) } else { 1.0 };
        for (target, targets) in by_key {
            let firings = targets.len() as u64;
            if source == target || firings < LEAST_FIRINGS {
                continue;
            }
            let is_with =
                |one: &&Priced<'_>| sources.iter().any(|other| one.firing.is_with(other.firing, within));
            let together = targets.iter().filter(is_with).count() as u64;
            let p = (binomial_at_least(together, firings, share)? * tests).min(1.0);
            if together as f64 >= LEAST_SHARE * firings as f64 && p < SIGNIFICANT {
                found.push(Pair { source: source.clone(), target: target.clone(), firings, together, p });
            }
        }
    }
    // Of two alerts that come with each other, the one that pages is the source, or else the one that fires more often.
    let rank =
        |key: &AlertKey| (key.is_page(), by_key.get(key).map_or(0, Vec::len), std::cmp::Reverse(key.clone()));
    let is_there = |source: &AlertKey, target: &AlertKey| {
        found.iter().any(|one| one.source == *source && one.target == *target)
    };
    let mut kept: Vec<Pair> = found
        .iter()
        .filter(|one| !is_there(&one.target, &one.source) || rank(&one.source) > rank(&one.target))
        .cloned()
        .collect();
    kept.sort_by(|a, b| (b.together, &a.source, &a.target).cmp(&(a.together, &b.source, &b.target)));
    Ok(kept)
}

/// The milliseconds in which firings, or what is at most `within` before or after their beginning, lie.
fn covered(firings: &[Priced<'_>], within: Window) -> u64 {
    let mut total = 0;
    let mut last = None;
    for one in firings {
        let (mut from, to) =
            (one.firing.began.before(within), one.firing.ended.max(one.firing.began.after(within)));
        if let Some(end) = last.filter(|end| *end > from) {
            from = end;
        }
        if to > from {
            total += to.millis_since(from);
            last = Some(to);
        }
    }
    total
}
