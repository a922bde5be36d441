//! Burn-downs as sparklines.

use super::line::Line;
use slo_core::model::{Timestamp, Window};
use std::collections::{BTreeMap, HashSet, VecDeque};

/// Points of a sparkline.
pub(super) const POINTS: usize = 24;

/// What was left, by SLO and group.
pub(super) type History = BTreeMap<String, BurnDown>;

/// What was left, at moments of the same distance; the last one is now.
#[derive(Default)]
pub(super) struct BurnDown {
    points: VecDeque<f64>,
    /// Milliseconds between them; none of a service, whose past nobody knows: each look is one.
    step: u64,
    /// Since when the last one has been there.
    last_kept: Timestamp,
}

impl BurnDown {
    /// What was left at some moments until `now`, `step` apart.
    pub(super) const fn of(points: VecDeque<f64>, step: Window, now: Timestamp) -> Self {
        Self { points, step: step.as_millis(), last_kept: now }
    }

    /// What was left, from nothing to all of it, in eighths.
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

/// Puts what is left at the end of what was. Groups that are gone are forgotten.
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
