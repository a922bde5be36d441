//! Scores alerts: precision, recall, and the budget that was spent before detection.

use super::{Episode, Incident, Series};
use crate::{Error, math::PeriodBudget, model::Window};

/// The score of alerts against incidents.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Score {
    /// The number of alerts.
    pub alerts: usize,
    /// The number of alerts that overlap an incident, or start within the grace after its end.
    pub true_alerts: usize,
    /// The incidents, each with its detection.
    pub incidents: Vec<Detected>,
    /// The number of steps at which an alert fired outside of all incidents and their grace.
    pub idle_steps: usize,
}

/// An incident and its detection.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Detected {
    /// The incident.
    pub incident: Incident,
    /// From its beginning to the first alert, in seconds; `None` without an alert.
    pub seconds: Option<f64>,
    /// The share of the period's budget that it had spent by then, or in total without an alert.
    ///
    /// Every bad event counts, including those that are allowed and that [`Incident::excess`] leaves out.
    pub spent: f64,
    /// From its end to the end of the last alert on it, in seconds; 0 if the alert ended before it, `None` if
    /// there was no alert or it still fires.
    pub reset_seconds: Option<f64>,
}

impl Score {
    /// The share of alerts that were true, or `None` without alerts.
    #[must_use]
    pub fn precision(&self) -> Option<f64> {
        (self.alerts > 0).then(|| self.true_alerts as f64 / self.alerts as f64)
    }

    /// The share of incidents that were detected, or `None` without incidents.
    #[must_use]
    pub fn recall(&self) -> Option<f64> {
        let detected = self.incidents.iter().filter(|incident| incident.seconds.is_some()).count();
        (!self.incidents.is_empty()).then(|| detected as f64 / self.incidents.len() as f64)
    }

    /// (1+β²)·P·R/(β²P+R): above 1, `beta` makes missed incidents matter more than false alerts.
    ///
    /// `None` if precision or recall is `None`; 0 if both are 0.
    #[must_use]
    pub fn f_score(&self, beta: f64) -> Option<f64> {
        let (precision, recall) = (self.precision()?, self.recall()?);
        let square = beta * beta;
        let score = (1.0 + square) * precision * recall / (square * precision + recall);
        Some(if score.is_finite() { score } else { 0.0 })
    }

    /// Seconds to detection at quantile `p` of the detected incidents, or `None` without any.
    #[must_use]
    pub fn detection_seconds(&self, p: f64) -> Option<f64> {
        let mut seconds: Vec<f64> = self.incidents.iter().filter_map(|incident| incident.seconds).collect();
        seconds.sort_by(f64::total_cmp);
        (!seconds.is_empty()).then(|| crate::stats::quantile(&seconds, p))
    }

    /// The largest share of the period's budget that an incident spent before it was detected.
    #[must_use]
    pub fn most_spent(&self) -> f64 {
        self.incidents.iter().map(|incident| incident.spent).fold(0.0, f64::max)
    }
}

/// Scores alert episodes against incidents; both must be in order.
///
/// An alert is true if it overlaps an incident, or starts within `grace` after its end, because alerts may be
/// late. One alert may be true for several incidents.
///
/// ```
/// use slo_core::{math::PeriodBudget, model::{AlertPolicy, Ratio, Timestamp, Window}};
/// use slo_core::replay::{AlertRule, Series, alerts, incidents, score};
///
/// let total = vec![1_000; 2_000];
/// let mut bad = vec![0; 2_000];
/// bad[500..520].fill(1_000);
/// let series = Series::new(Timestamp::EPOCH, Window::minutes(1), &total, &bad)?;
/// let objective = "99.9%".parse()?;
/// let fast = AlertRule::of_tier(&AlertPolicy::workbook().tiers()[0], objective)?;
/// let budget = PeriodBudget::new(objective, 43_200_000)?;
/// let found = incidents(&series, budget, Ratio::ONE, 0.01)?;
/// let result = score(&series, &alerts(&series, &fast, 1)?, &found, budget, Window::minutes(5))?;
/// assert_eq!((result.precision(), result.recall()), (Some(1.0), Some(1.0)));
/// assert_eq!(result.incidents[0].seconds, Some(60.0));
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// A grace that is not whole steps.
pub fn score(
    series: &Series<'_>,
    episodes: &[Episode],
    incidents: &[Incident],
    budget: PeriodBudget,
    grace: Window,
) -> Result<Score, Error> {
    let grace = series.steps_in(grace)?;
    let budget = budget.bad_events();
    let step = series.step().as_seconds().to_f64();
    let overlaps = |episode: &Episode, incident: &Incident| {
        episode.start < incident.end.saturating_add(grace) && incident.start < episode.end
    };
    let detected = |incident: &Incident| {
        let mut hits = episodes.iter().filter(|episode| overlaps(episode, incident)).peekable();
        // After the step: that is when the alert was evaluated. One that fired already is there at once.
        let until = hits.peek().map(|first| first.start.max(incident.start) + 1);
        let seen = until.unwrap_or(incident.end).min(incident.end).saturating_sub(incident.start);
        let last = hits.last().filter(|last| last.end < series.len());
        Detected {
            incident: *incident,
            seconds: until.map(|until| until.saturating_sub(incident.start) as f64 * step),
            spent: series.window(incident.start + seen, seen).bad() as f64 / budget,
            reset_seconds: last.map(|last| (last.end + 1).saturating_sub(incident.end) as f64 * step),
        }
    };
    let is_true = |episode: &&Episode| incidents.iter().any(|incident| overlaps(episode, incident));
    let busy: Vec<Episode> = incidents
        .iter()
        .map(|one| Episode { start: one.start, end: one.end.saturating_add(grace) })
        .collect();
    let busy = any_of(&[busy]);
    let idle = |episode: &Episode| {
        let first = busy.partition_point(|one| one.end <= episode.start);
        let overlap = |one: &Episode| one.end.min(episode.end).saturating_sub(one.start.max(episode.start));
        let later = busy.iter().skip(first).take_while(|one| one.start < episode.end);
        episode.end.saturating_sub(episode.start) - later.map(overlap).sum::<usize>()
    };
    Ok(Score {
        alerts: episodes.len(),
        true_alerts: episodes.iter().filter(is_true).count(),
        incidents: incidents.iter().map(detected).collect(),
        idle_steps: episodes.iter().map(idle).sum(),
    })
}

/// Merges the episodes of several rules into those of one alert that fires when any of them does.
///
/// Episodes that overlap or touch become one; none without rules.
///
/// ```
/// use slo_core::replay::{Episode, any_of};
///
/// let fast = vec![Episode { start: 2, end: 5 }];
/// let slow = vec![Episode { start: 4, end: 9 }, Episode { start: 20, end: 21 }];
/// assert_eq!(any_of(&[fast, slow]), [Episode { start: 2, end: 9 }, Episode { start: 20, end: 21 }]);
/// ```
#[must_use]
pub fn any_of(rules: &[Vec<Episode>]) -> Vec<Episode> {
    let mut all: Vec<Episode> = rules.iter().flatten().copied().collect();
    all.sort_unstable();
    let mut merged: Vec<Episode> = Vec::new();
    for episode in all {
        match merged.last_mut() {
            Some(last) if episode.start <= last.end => last.end = last.end.max(episode.end),
            _ => merged.push(episode),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{math::Tally, model::Timestamp};

    const fn episode(start: usize, end: usize) -> Episode {
        Episode { start, end }
    }

    #[test]
    fn tells_true_alerts_from_false_ones() {
        let (total, bad) = (vec![10; 100], vec![1; 100]);
        let series = Series::new(Timestamp::EPOCH, Window::minutes(1), &total, &bad).unwrap();
        let incident = |start, end| Incident { start, end, tally: Tally::EMPTY, excess: 1.0 };
        let episodes = [episode(5, 8), episode(22, 30), episode(41, 43), episode(90, 95)];
        let incidents = [incident(20, 25), incident(30, 40), incident(60, 70)];
        let budget = PeriodBudget::new("99%".parse().unwrap(), 1_000).unwrap();
        let result = score(&series, &episodes, &incidents, budget, Window::minutes(2)).unwrap();
        assert_eq!((result.alerts, result.true_alerts), (4, 2));
        assert_eq!(result.precision(), Some(0.5));
        assert_eq!(result.recall(), Some(2.0 / 3.0));
        let seconds: Vec<_> = result.incidents.iter().map(|one| one.seconds).collect();
        assert_eq!(seconds, [Some(180.0), Some(720.0), None]);
        let spent: Vec<_> = result.incidents.iter().map(|one| one.spent).collect();
        assert_eq!(spent, [0.3, 1.0, 1.0]);
        assert_eq!(result.idle_steps, 3 + 3 + 1 + 5);
        assert!((result.f_score(1.0).unwrap() - 4.0 / 7.0).abs() < 1e-12);
        assert!((result.most_spent() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn merges_rules() {
        let merged = any_of(&[vec![episode(1, 4), episode(9, 10)], vec![episode(3, 6), episode(6, 7)]]);
        assert_eq!(merged, [episode(1, 7), episode(9, 10)]);
        assert_eq!(any_of(&[]), []);
    }
}
