//! What an episode has cost, and when it began to, from the counts of its SLO.

use super::Event;
use slo_core::{
    math::Tally,
    model::{Objective, Timestamp, Window},
};

/// The events of an SLO around an episode, tile by tile, and how many there are in its period.
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
///     period_total: 4_400_000,
/// };
/// assert_eq!(cost.bad_since(at(11)), Some(at(7))); // the bad events of one calm minute are not its beginning
/// let [began, spent] = cost.events(at(11)).try_into().unwrap();
/// assert_eq!(began, Event::Began { time: at(7) });
/// assert_eq!(spent.to_string(), "checkout/availability has lost 10.0 % of its error budget"); // 440 of 4,400
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "whoever counts must say all of it")]
pub struct Cost {
    /// The SLO, as `service/slo`.
    pub slo: String,
    /// Its objective.
    pub objective: Objective,
    /// The length of a tile.
    pub tile: Window,
    /// The events of each tile, with its end, oldest first.
    pub tiles: Vec<(Timestamp, Tally)>,
    /// All events of the period.
    pub period_total: u64,
}

/// So many calm tiles in a row are before the beginning.
const CALM: usize = 5;

impl Cost {
    /// When bad events began that led to the alert of `firing`: the beginning of the first tile that burned the budget, after
    /// which there were never five tiles in a row that did not. `None` where none burned it.
    #[must_use]
    pub fn bad_since(&self, firing: Timestamp) -> Option<Timestamp> {
        let budget = self.objective.budget().to_f64();
        let mut first = None;
        let mut calm = 0;
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
                    break;
                }
            }
        }
        first
    }

    /// What is written down: when bad events began, and which share of the period's error budget those since then are.
    #[must_use]
    pub fn events(&self, firing: Timestamp) -> Vec<Event> {
        let began = self.bad_since(firing);
        let since = began.unwrap_or(firing);
        let own = self.tiles.iter().filter(|(end, _)| *end > since).map(|(_, tally)| tally);
        let (total, bad) =
            own.fold((0_u64, 0_u64), |(total, bad), tally| (total + tally.total(), bad + tally.bad()));
        let allowed = self.objective.budget().to_f64() * self.period_total.max(total) as f64;
        if allowed <= 0.0 {
            let reason = format!("no events of {} are known", self.slo);
            return vec![Event::NotCounted { reason }];
        }
        let spent = Event::Spent { slo: self.slo.clone(), total, bad, share: bad as f64 / allowed };
        began.map(|time| Event::Began { time }).into_iter().chain([spent]).collect()
    }
}
