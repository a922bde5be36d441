//! Steps of a time, and what was recorded in them.

use super::{
    Server,
    question::{Group, Question},
};
use crate::error::Error;
use slo_core::{
    model::{Calendar, CalendarUnit, Selector, Window},
    replay::whole_events,
    rules::names,
};
use slo_prometheus::Steps;

/// What was recorded of the events of each step; `None` where nothing was.
pub(super) struct Tiles(pub(super) Vec<Option<f64>>);

impl Tiles {
    pub(super) fn fetch(
        server: &mut Server<'_>,
        series: &Selector,
        step: Window,
        steps: Steps,
    ) -> Result<Self, Error> {
        let mut tiles = vec![None; steps.count];
        let query = format!("sum(sum_over_time({series}[{}ms]))", step.as_millis() - 1);
        server.range(&query, steps, |_, step, value| {
            if let Some(tile) = tiles.get_mut(step) {
                *tile = Some(value).filter(|value| value.is_finite());
            }
        })?;
        Ok(Self(tiles))
    }
}

/// All events of each step, and the bad ones.
pub(super) struct Events {
    pub(super) total: Tiles,
    bad: Tiles,
}

impl Events {
    pub(super) fn fetch(
        asked: Question<'_>,
        server: &mut Server<'_>,
        group: &Group,
        step: Window,
        steps: Steps,
    ) -> Result<Self, Error> {
        let mut of = |tile: String| Tiles::fetch(server, &asked.selector(&tile, group)?, step, steps);
        Ok(Self { total: of(names::total_tile(step))?, bad: of(names::bad_tile(step))? })
    }

    /// As whole events.
    pub(super) fn whole(&self) -> (Vec<u64>, Vec<u64>) {
        whole_events(&self.total.0, &self.bad.0)
    }
}

/// Steps of which nothing was recorded of a group, though something had to be: since its first events, which may have
/// been before, or where nothing was recorded of any group.
pub(super) fn unseen(of_group: &Tiles, of_any: &Tiles, was_there: bool) -> usize {
    let mut was_there = was_there;
    let mut unseen = 0;
    for (own, any) in of_group.0.iter().zip(&of_any.0) {
        was_there |= own.is_some();
        unseen += usize::from(own.is_none() && (was_there || any.is_none()));
    }
    unseen
}

pub(super) fn millis(window: Window) -> i64 {
    i64::try_from(window.as_millis()).unwrap_or(i64::MAX)
}

/// The beginning and number of the whole steps of a time, on a grid that begins with its first day in the zone; so do the
/// other days where days are whole steps.
pub(super) fn steps(start: i64, end: i64, step: Window, zone: &str) -> Result<Steps, Error> {
    let millis = millis(step);
    let day = Calendar::new(CalendarUnit::Day, zone)?.period_at(start)?.start();
    let start = start - (start - day).rem_euclid(millis);
    let count = usize::try_from((end - start).max(0) / millis).unwrap_or(0);
    Ok(Steps { start, step: step.as_millis(), count })
}

#[cfg(test)]
mod tests {
    use super::{Tiles, steps, unseen};
    use slo_core::model::{Calendar, CalendarUnit, Window};

    #[test]
    fn days_of_every_zone_are_whole_steps() {
        for (zone, step, days) in [
            ("Asia/Kathmandu", Window::minutes(30), 92),
            ("Europe/Berlin", Window::minutes(30), 92),
            ("UTC", Window::minutes(5), 92),
        ] {
            let quarter = Calendar::new(CalendarUnit::Quarter, zone).unwrap().named("2025-Q4").unwrap();
            let found = steps(quarter.start(), quarter.end(), step, zone).unwrap();
            let start = found.start;
            assert_eq!(start, quarter.start(), "{zone}");
            let end = start + i64::try_from(found.count as u64 * found.step).unwrap();
            assert_eq!(end, quarter.end(), "{zone}");
            let day = Calendar::new(CalendarUnit::Day, zone).unwrap();
            let mut days_seen = 0;
            let mut at = start;
            while at < end {
                assert_eq!((at - start) % i64::try_from(step.as_millis()).unwrap(), 0, "{zone}");
                at = day.period_at(at).unwrap().end();
                days_seen += 1;
            }
            assert_eq!(days_seen, days);
            // In the middle of a day: on the grid of that day.
            let within = steps(start + 1_000_000, end, step, zone).unwrap().start;
            assert_eq!((within - start) % i64::try_from(step.as_millis()).unwrap(), 0);
        }
    }

    #[test]
    fn a_group_is_not_missed_before_its_first_events() {
        let recorded = |seen: &[u8]| Tiles(seen.iter().map(|seen| (*seen == 1).then_some(5.0)).collect());
        let (old, new) = (recorded(&[1, 1, 0, 0, 1, 1]), recorded(&[0, 0, 0, 1, 0, 1]));
        let any = recorded(&[1, 1, 0, 1, 1, 1]);
        assert_eq!(unseen(&old, &any, false), 2);
        // Of the third step nobody knows anything, and of the fifth something is missing.
        assert_eq!(unseen(&new, &any, false), 2);
        assert_eq!(unseen(&new, &any, true), 4);
        assert_eq!(unseen(&recorded(&[0; 6]), &any, false), 1);
    }
}
