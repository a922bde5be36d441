//! Templates whose lines come when an SLO has bad events.

use super::{log::Logs, record::Level, template::TemplateId};
use serde::Serialize;
use slo_core::{model::Timestamp, stats::normal_above};
use std::collections::BTreeMap;

/// A template whose lines come when there are bad events.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Follower {
    /// The template.
    pub template: TemplateId,
    /// Its words, with `<*>` for those that vary.
    pub text: String,
    /// The worst level of its lines.
    pub level: Option<Level>,
    /// Its lines in the time of the events.
    pub lines: u64,
    /// Pearson's correlation of ln(1 + lines) with ln(1 + bad events), over bins of time, from −1 to 1.
    pub correlation: f64,
    /// By how many bins its lines come before the bad events, if positive; after them, if negative.
    pub lead: i64,
    /// The probability of such a correlation by chance, times the number of templates and of leads, at most 1.
    pub p: f64,
}

/// The most bins by which lines are moved to find the best correlation.
const LEADS: i64 = 3;
const LEAST_BINS: i64 = 10;
const LEAST_LINES: u64 = 5;

impl Logs {
    /// The templates whose lines come with bad events, the closest first.
    ///
    /// `bad` holds counts of bad events, each at the end of the time that it counts, in any order. Bins in which nothing is counted
    /// have none, so the counts should cover the time that is looked at. A correlation is told if it is positive and
    /// would be by chance with a probability below `p`. Its test counts for less the more both series depend on what they
    /// were before (M. Bartlett, 1935).
    #[must_use]
    pub fn followers(&self, bad: &[(Timestamp, f64)], p: f64) -> Vec<Follower> {
        let mut events: BTreeMap<i64, f64> = BTreeMap::new();
        for (time, count) in bad.iter().filter(|(_, count)| count.is_finite() && *count >= 0.0) {
            *events.entry(self.bin(Timestamp::from_millis(time.as_millis() - 1))).or_default() += count;
        }
        let Some((first, last)) = events.keys().next().copied().zip(events.keys().next_back().copied())
        else {
            return Vec::new();
        };
        if last - first + 1 < LEAST_BINS || last - first > 1_000_000 {
            return Vec::new();
        }
        let of_events: Vec<f64> =
            (first..=last).map(|bin| events.get(&bin).copied().unwrap_or(0.0).ln_1p()).collect();
        let candidates: Vec<_> =
            self.templates().filter(|(_, about)| about.bins.sum(first, last + 1) >= LEAST_LINES).collect();
        let tests = (candidates.len() as f64) * (2 * LEADS + 1) as f64;
        let mut found = Vec::new();
        for (template, about) in candidates {
            let mut best: Option<(f64, i64)> = None;
            for lead in -LEADS..=LEADS {
                let of_lines =
                    series(about.bins.between(first - lead, last + 1 - lead), first - lead, of_events.len());
                let Some(correlation) = correlation(&of_lines, &of_events) else { continue };
                let is_better = best.is_none_or(|(known, at)| {
                    correlation > known + 1e-9 || (correlation >= known - 1e-9 && lead.abs() < at.abs())
                });
                if is_better {
                    best = Some((correlation, lead));
                }
            }
            let Some((correlation, lead)) = best.filter(|(correlation, _)| *correlation > 0.0) else {
                continue;
            };
            let of_lines =
                series(about.bins.between(first - lead, last + 1 - lead), first - lead, of_events.len());
            let by_chance = (chance(correlation, &of_lines, &of_events) * tests).min(1.0);
            if by_chance < p {
                found.push(Follower {
                    template: template.id(),
                    text: template.to_string(),
                    level: about.level,
                    lines: about.bins.sum(first, last + 1),
                    correlation,
                    lead,
                    p: by_chance,
                });
            }
        }
        found.sort_by(|a, b| b.correlation.total_cmp(&a.correlation).then(b.lines.cmp(&a.lines)));
        found
    }
}

/// The logarithms of counts, with those of empty bins.
fn series(bins: impl Iterator<Item = (i64, u32)>, first: i64, length: usize) -> Vec<f64> {
    let mut out = vec![0.0; length];
    for (bin, count) in bins {
        if let Some(place) = usize::try_from(bin - first).ok().and_then(|at| out.get_mut(at)) {
            *place = f64::from(count).ln_1p();
        }
    }
    out
}

/// Pearson's correlation; `None` if either does not vary.
fn correlation(a: &[f64], b: &[f64]) -> Option<f64> {
    let count = a.len().min(b.len()) as f64;
    let (mean_a, mean_b) = (a.iter().sum::<f64>() / count, b.iter().sum::<f64>() / count);
    let (mut both, mut of_a, mut of_b) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        let (x, y) = (x - mean_a, y - mean_b);
        (both, of_a, of_b) = (both + x * y, of_a + x * x, of_b + y * y);
    }
    let size = (of_a * of_b).sqrt();
    (size > 1e-12).then(|| (both / size).clamp(-1.0, 1.0))
}

/// The one-sided probability of a correlation by chance, by Fisher's z with Bartlett's number of independent bins.
fn chance(r: f64, a: &[f64], b: &[f64]) -> f64 {
    let own = |series: &[f64]| {
        let later = series.get(1..).unwrap_or_default();
        let earlier = series.get(..series.len().saturating_sub(1)).unwrap_or_default();
        correlation(earlier, later).unwrap_or(0.0).max(0.0)
    };
    let product = own(a) * own(b);
    let bins = a.len() as f64 * (1.0 - product) / (1.0 + product);
    if bins <= 4.0 {
        return 1.0;
    }
    let z = r.min(1.0 - 1e-12).atanh() * (bins - 3.0).sqrt();
    normal_above(z).unwrap_or(1.0)
}
