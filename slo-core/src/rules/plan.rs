//! Which tiles an SLO needs, and which of them each window sums.

use crate::{
    Error,
    model::{Slo, Window},
};

/// The tiles of an SLO and the windows that are summed from them.
///
/// Fine tiles, a fifth of the shortest alert window, serve windows up to 72 times that window (six
/// hours for five minutes). Coarse tiles, each the sum of up to five fine ones, serve everything longer:
/// 8,640 samples for 30 days.
///
#[cfg_attr(feature = "spec", doc = "```")]
#[cfg_attr(not(feature = "spec"), doc = "```ignore")]
/// # let text = "{version: slo/v1, service: a, slos: [{name: b, objective: 99%, window: 30d,
/// #    sli: {events: {total: t, bad: b}}}]}";
/// # let service = slo_core::spec::parse(text).unwrap().remove(0);
/// let plan = slo_core::rules::Plan::of(&service.slos()[0])?;
/// assert_eq!((plan.fine().to_string(), plan.coarse().to_string()), ("1m".into(), "5m".into()));
/// assert_eq!(plan.fine_windows().len(), 5); // 5m, 30m, 1h, 2h, 6h
/// assert_eq!(plan.coarse_windows().len(), 3); // 1d, 3d, 30d
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    fine: Window,
    coarse: Window,
    slow_interval: Window,
    fine_windows: Vec<Window>,
    coarse_windows: Vec<Window>,
}

/// Fine tiles in the shortest window, and at most in a coarse tile.
const TILES: u32 = 5;
/// The longest window on fine tiles, as a multiple of the shortest window.
const FINE_REACH: u64 = 72;
/// Fine tiles between two evaluations of the long windows: rare enough to be cheap, often enough that
/// two in a row must be missed before Prometheus' five-minute look-back no longer finds a value.
const SLOW: u64 = 2;
/// Prometheus evaluates rules no more sensibly than once a second.
const SHORTEST_TILE: u64 = 1_000;

impl Plan {
    /// The plan for `slo`.
    ///
    /// # Errors
    /// Windows so short that a tile would be under a second, or that are not whole numbers of tiles.
    pub fn of(slo: &Slo) -> Result<Self, Error> {
        let mut windows = slo.policy().windows();
        windows.push(slo.period().length());
        windows.dedup();
        let shortest = windows.first().copied().ok_or_else(|| Error::new("an alert policy without tiers"))?;
        let fine = shortest.divided_by(TILES)?;
        if fine.as_millis() < SHORTEST_TILE {
            return Err(Error::new(format!(
                "an alert window of {shortest} would be counted in tiles of {fine}"
            ))
            .with_hint(
                "tiles must be 1s or longer; with --time-scale, 60 is the fastest for the usual windows",
            ));
        }
        let (fine_windows, coarse_windows): (Vec<_>, Vec<_>) =
            windows.into_iter().partition(|window| window.as_millis() <= shortest.as_millis() * FINE_REACH);
        let coarse = coarse_tile(fine, &coarse_windows)?;
        if let Some(window) = fine_windows.iter().find(|window| !window.is_multiple_of(fine)) {
            return Err(Error::new(format!("a window of {window} is not a whole number of {fine} tiles")));
        }
        let slow_interval = Window::from_millis(fine.as_millis() * SLOW)?;
        Ok(Self { fine, coarse, slow_interval, fine_windows, coarse_windows })
    }

    /// Length of the fine tiles, counted from the raw series.
    #[must_use]
    pub const fn fine(&self) -> Window {
        self.fine
    }

    /// Length of the coarse tiles, each a sum of fine ones.
    #[must_use]
    pub const fn coarse(&self) -> Window {
        self.coarse
    }

    /// How often windows on coarse tiles are evaluated.
    #[must_use]
    pub const fn slow_interval(&self) -> Window {
        self.slow_interval
    }

    /// Windows summed from fine tiles, shortest first.
    #[must_use]
    pub fn fine_windows(&self) -> &[Window] {
        &self.fine_windows
    }

    /// Windows summed from coarse tiles, shortest first; the period is the last.
    #[must_use]
    pub fn coarse_windows(&self) -> &[Window] {
        &self.coarse_windows
    }

    /// The tiles that `window` is summed from.
    #[must_use]
    pub fn tile_of(&self, window: Window) -> Window {
        if self.fine_windows.contains(&window) { self.fine } else { self.coarse }
    }
}

/// The longest tile of two to five fine ones of which every window is a whole number.
fn coarse_tile(fine: Window, windows: &[Window]) -> Result<Window, Error> {
    for tiles in (2..=u64::from(TILES)).rev() {
        let tile = Window::from_millis(fine.as_millis() * tiles)?;
        if windows.iter().all(|window| window.is_multiple_of(tile)) {
            return Ok(tile);
        }
    }
    Err(Error::new(format!(
        "the long windows are not whole numbers of any tile of 2 to {TILES} times {fine}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{EventCounters, Period, Selector, Sli};

    fn plan(days: u64) -> Plan {
        let counter = || Selector::new("m").unwrap();
        let sli = Sli::Events(EventCounters::TotalBad { total: counter(), bad: counter() });
        let period = Period::Rolling(Window::days(days));
        Plan::of(&Slo::new("a".parse().unwrap(), "99%".parse().unwrap(), period, sli).unwrap()).unwrap()
    }

    #[test]
    fn tiles_every_window_of_every_period() {
        for days in 7..=366 {
            let plan = plan(days);
            for window in plan.fine_windows.iter().chain(&plan.coarse_windows) {
                assert!(window.is_multiple_of(plan.tile_of(*window)), "{days}d: {window}");
            }
            assert!(plan.coarse > plan.fine && plan.coarse_windows.last() == Some(&Window::days(days)));
        }
    }

    #[test]
    fn shrinks_the_coarse_tile_where_a_window_asks_for_it() {
        assert_eq!((plan(7).coarse, plan(30).coarse), (Window::minutes(4), Window::minutes(5)));
    }
}
