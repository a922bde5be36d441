//! Burn-downs as sparklines.

use super::line::Line;
use slo_core::model::{Timestamp, Window};
use std::collections::{BTreeMap, HashSet, VecDeque};

/// Points of a sparkline.
pub(super) const POINTS: usize = 24;

/// The budgets left over time, by SLO and group.
pub(super) type History = BTreeMap<String, BurnDown>;

/// The budget left at evenly spaced times, the last of which is now.
#[derive(Default)]
pub(super) struct BurnDown {
    points: VecDeque<f64>,
    /// Milliseconds between points. It is 0 for a service, which has no history: each refresh adds a point.
    step: u64,
    /// When the last point was added.
    last_kept: Timestamp,
}

impl BurnDown {
    /// The budget left at times until `now`, `step` apart.
    pub(super) const fn of(points: VecDeque<f64>, step: Window, now: Timestamp) -> Self {
        Self { points, step: step.as_millis(), last_kept: now }
    }

    /// The sparkline, in eighths from no budget to the whole budget.
    pub(super) fn sparkline(&self) -> String {
        const EIGHTHS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
        let eighth = |left: &f64| {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 7")]
            let index = (left.clamp(0.0, 1.0) * 7.0).round() as usize;
            EIGHTHS.get(index).copied().unwrap_or('▁')
        };
        self.points.iter().map(eighth).collect()
    }

    fn push(&mut self, left: f64, now: Timestamp) {
        if self.points.is_empty() || now.millis_since(self.last_kept) >= self.step {
            self.last_kept = now;
        } else {
            self.points.pop_back();
        }
        self.points.push_back(left);
        while self.points.len() > POINTS {
            self.points.pop_front();
        }
    }
}

/// Adds the current lines to the history, and drops groups that no longer exist.
pub(super) fn remember(history: &mut History, lines: &[Line], now: Timestamp) {
    let known: HashSet<&str> = lines.iter().map(|line| line.key.as_str()).collect();
    history.retain(|key, _| known.contains(key.as_str()));
    for line in lines {
        let past = history.entry(line.key.clone()).or_default();
        if let Some(left) = line.left {
            past.push(left, now);
        }
    }
}
