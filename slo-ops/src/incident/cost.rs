//! The cost of an episode, and the start of its bad events, from the event counts of its SLO.

use super::Event;
use slo_core::{
    math::Tally,
    model::{Objective, Timestamp, Window},
};

/// The events of an SLO around an episode, and the recorded cost of its period.
///
/// ```
/// use slo_core::{math::Tally, model::{Timestamp, Window}};
/// use slo_ops::incident::{Cost, Event};
///
/// let at = |minute: i64| Timestamp::from_seconds(minute * 60);
/// let bad = [0, 1, 0, 0, 0, 0, 0, 80, 0, 90, 100, 100, 70, 0];
/// let tiles = (1..).map(at).zip(bad.map(|bad| Tally::new(1_000, bad))).map(|(at, tally)| Ok((at, tally?)));
/// let cost = Cost {
///     slo: "checkout/availability".to_owned(),
///     objective: "99.9%".parse()?,
///     tile: Window::minutes(1),
///     tiles: tiles.collect::<Result<_, slo_core::Error>>()?,
///     period_bad: 880.0,
///     period_spent: 0.2,
/// };
/// assert_eq!(cost.bad_since(at(11)), Some(at(7))); // the bad event of one calm minute is not its beginning
/// let [began, spent] = cost.events(at(11)).try_into().unwrap();
/// assert_eq!(began, Event::Began { time: at(7) });
/// // 440 of the 880 bad events of the period, which have cost 20 % of its budget.
/// assert_eq!(spent.to_string(), "the episode has cost checkout/availability 10.0 % of its error budget");
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "every caller must set every field")]
pub struct Cost {
    /// The SLO, as `service/slo`.
    pub slo: String,
    /// Its objective.
    pub objective: Objective,
    /// The length of a tile.
    pub tile: Window,
    /// The events of each tile, with its end, oldest first.
    pub tiles: Vec<(Timestamp, Tally)>,
    /// The bad events of the period so far.
    pub period_bad: f64,
    /// The share of the whole period's budget that they have cost: 1 minus the budget left, as on dashboards.
    pub period_spent: f64,
}

/// How many calm tiles in a row come before the beginning.
const CALM: usize = 5;

impl Cost {
    /// When the bad events began that led to the alert at `firing`.
    ///
    /// This is the beginning of the first tile that burned the budget and was not followed by five calm tiles
    /// in a row. It is `None` if no tile burned the budget, or if the tiles do not go back to five calm ones.
    #[must_use]
    pub fn bad_since(&self, firing: Timestamp) -> Option<Timestamp> {
        let budget = self.objective.budget().to_f64();
        let (mut first, mut calm) = (None, 0);
        for (end, tally) in self.tiles.iter().rev() {
            let start = end.before(self.tile);
            if start > firing {
                continue;
            }
            if tally.error_ratio().is_some_and(|ratio| ratio > budget) {
                (first, calm) = (Some(start), 0);
            } else {
                calm += 1;
                if calm >= CALM {
                    return first;
                }
            }
        }
        None
    }

    /// The events to record.
    ///
    /// They say when bad events began and which share of the period's error budget they have cost, or that
    /// the cost is unknown.
    #[must_use]
    pub fn events(&self, firing: Timestamp) -> Vec<Event> {
        let not_counted = |reason: String| vec![Event::NotCounted { reason }];
        if self.tiles.first().is_none_or(|(end, _)| end.before(self.tile) > firing) {
            return not_counted(format!(
                "the event counts of {} do not go back to the beginning of the episode",
                self.slo
            ));
        }
        let began = self.bad_since(firing);
        let since = began.unwrap_or(firing);
        let own = self.tiles.iter().filter(|(end, _)| *end > since).map(|(_, tally)| tally);
        let (total, bad) =
            own.fold((0_u64, 0_u64), |(total, bad), tally| (total + tally.total(), bad + tally.bad()));
        // The rules may lag a little behind the event counts that were queried.
        let part = bad as f64 / self.period_bad.max(bad as f64);
        let share = if bad == 0 { 0.0 } else { part * self.period_spent.max(0.0) };
        if !share.is_finite() || (bad > 0 && share <= 0.0) {
            return not_counted(format!("the rules of {} have not recorded its cost yet", self.slo));
        }
        let spent = Event::Spent { slo: self.slo.clone(), total, bad, share };
        began.map(|time| Event::Began { time }).into_iter().chain([spent]).collect()
    }
}
