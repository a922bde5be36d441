//! The tiles that an SLO needs, and the tiles that each window sums.

use crate::{
    Error,
    model::{Period, Service, Slo, Window},
};

/// The tiles of an SLO and the windows that are summed from them.
///
/// Fine tiles are a fifth of the shortest alert window, or longer if they would hold fewer than two scrapes.
/// They serve windows up to 72 times the shortest window (six hours for five minutes). Coarse tiles, each the
/// sum of up to five fine ones, serve all longer windows: 8,640 samples for 30 days.
///
#[cfg_attr(feature = "spec", doc = "```")]
#[cfg_attr(not(feature = "spec"), doc = "```ignore")]
/// # let text = "{version: slo/v1, service: a, slos: [{name: b, objective: 99%, window: 30d,
/// #    sli: {events: {total: t, bad: b}}}]}";
/// # let service = slo_core::spec::parse(text).unwrap().remove(0);
/// let plan = slo_core::rules::Plan::of(&service, &service.slos()[0])?;
/// assert_eq!((plan.fine().to_string(), plan.coarse().to_string()), ("1m".into(), "5m".into()));
/// assert_eq!(plan.fine_windows().len(), 5); // 5m, 30m, 1h, 2h, 6h
/// assert_eq!(plan.alert_windows().len(), 2); // 1d, 3d; besides the period of 30d
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    fine: Window,
    coarse: Window,
    slow_interval: Window,
    fine_windows: Vec<Window>,
    alert_windows: Vec<Window>,
}

/// The most fine tiles in the shortest window, and in a coarse tile.
const TILES: u32 = 5;
/// Fewer tiles in the shortest window would make an alert late by half of it.
const FEWEST_TILES: u32 = 2;
/// Scrapes that a tile must hold, so that a late one does not leave it empty.
const SCRAPES: u64 = 2;
/// The longest window on fine tiles, as a multiple of the shortest window.
const FINE_REACH: u64 = 72;
/// Fine tiles between two evaluations of the long windows: rare enough to be cheap, often enough that
/// two in a row must be missed before Prometheus' five-minute look-back no longer finds a value.
const SLOW: u64 = 2;
/// Four minutes: with a longer interval, a single late evaluation would leave no value in the look-back.
const LONGEST_SLOW: u64 = 240_000;
/// It makes no sense to evaluate rules more often than once a second.
const SHORTEST_TILE: u64 = 1_000;

impl Plan {
    /// The plan for `slo` of `service`. If the SLO judges time slices, they are its fine tiles.
    ///
    /// # Errors
    /// Windows so short that a tile would be under a second, or that are not whole numbers of tiles.
    pub fn of(service: &Service, slo: &Slo) -> Result<Self, Error> {
        let windows = slo.policy().windows();
        let period = slo.period().length();
        let shortest = windows.first().copied().ok_or_else(|| Error::new("an alert policy without tiers"))?;
        let fine = match slo.slices() {
            Some(slices) => slices.length(),
            None => fine_tile(shortest, service.scrape_interval())?,
        };
        if fine.as_millis() < SHORTEST_TILE {
            return Err(Error::new(format!(
                "an alert window of {shortest} needs tiles of {fine}, which are too short"
            ))
            .with_hint(
                "make tiles 1s or longer; with `--time-scale`, 60 is the maximum for the default windows",
            ));
        }
        // A window as long as the period is recorded as the period.
        let is_period = |window: &Window| matches!(slo.period(), Period::Rolling(period) if period == window);
        let (fine_windows, alert_windows): (Vec<_>, Vec<_>) = windows
            .into_iter()
            .filter(|window| !is_period(window))
            .partition(|window| window.as_millis() <= shortest.as_millis() * FINE_REACH);
        let coarse = coarse_tile(fine, &alert_windows, period)?;
        if let Some(window) = fine_windows.iter().find(|window| !window.is_multiple_of(fine)) {
            return Err(Error::new(format!("a window of {window} is not a whole number of {fine} tiles"))
                .with_hint("scrape more often, for shorter tiles; or write custom `alerting: {tiers: …}`"));
        }
        let slow_interval = Window::from_millis((fine.as_millis() * SLOW).min(LONGEST_SLOW))?;
        Ok(Self { fine, coarse, slow_interval, fine_windows, alert_windows })
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

    /// Alert windows summed from coarse tiles, shortest first; the period is summed from them, too.
    #[must_use]
    pub fn alert_windows(&self) -> &[Window] {
        &self.alert_windows
    }

    /// The tiles that `window` is summed from.
    #[must_use]
    pub fn tile_of(&self, window: Window) -> Window {
        if self.fine_windows.contains(&window) { self.fine } else { self.coarse }
    }
}

/// The shortest tile that divides `window` into at most five parts and holds enough scrapes.
fn fine_tile(window: Window, scrape_interval: Window) -> Result<Window, Error> {
    for tiles in (FEWEST_TILES..=TILES).rev() {
        let Ok(tile) = window.divided_by(tiles) else { continue };
        if tile.as_millis() >= SCRAPES * scrape_interval.as_millis() {
            return Ok(tile);
        }
    }
    // `Service` refuses such scrape intervals.
    window.divided_by(FEWEST_TILES)
}

/// The longest tile of two to five fine tiles that divides every window.
fn coarse_tile(fine: Window, windows: &[Window], period: Window) -> Result<Window, Error> {
    for tiles in (2..=u64::from(TILES)).rev() {
        let tile = Window::from_millis(fine.as_millis() * tiles)?;
        if windows.iter().chain([&period]).all(|window| window.is_multiple_of(tile)) {
            return Ok(tile);
        }
    }
    Err(Error::new(format!("no tile of 2 to {TILES} times {fine} divides all long windows")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{EventCounters, Period, Selector, Sli};

    fn plan(days: u64) -> Plan {
        scraped_every(Window::seconds(15), days)
    }

    fn scraped_every(scrape_interval: Window, days: u64) -> Plan {
        let counter = || Selector::new("m").unwrap();
        let sli = Sli::Events(EventCounters::TotalBad { total: counter(), bad: counter() });
        let period = Period::Rolling(Window::days(days));
        let slo = Slo::new("a".parse().unwrap(), "99%".parse().unwrap(), period, sli).unwrap();
        let service = Service::new("b".parse().unwrap(), scrape_interval, vec![slo]).unwrap();
        Plan::of(&service, &service.slos()[0]).unwrap()
    }

    #[test]
    fn tiles_every_window_of_every_period() {
        for days in 1..=366 {
            let plan = plan(days);
            for window in plan.fine_windows.iter().chain(&plan.alert_windows) {
                assert!(window.is_multiple_of(plan.tile_of(*window)), "{days}d: {window}");
            }
            assert!(plan.coarse > plan.fine && Window::days(days).is_multiple_of(plan.coarse));
        }
    }

    #[test]
    fn a_tile_holds_two_scrapes() {
        for (seconds, fine, coarse) in
            [(15, 60, 300), (30, 60, 300), (37, 75, 300), (60, 150, 600), (75, 150, 600)]
        {
            let plan = scraped_every(Window::seconds(seconds), 30);
            assert_eq!(
                (plan.fine, plan.coarse),
                (Window::seconds(fine), Window::seconds(coarse)),
                "{seconds}"
            );
        }
    }

    #[test]
    fn shrinks_the_coarse_tile_where_a_window_asks_for_it() {
        assert_eq!((plan(7).coarse, plan(30).coarse), (Window::minutes(4), Window::minutes(5)));
    }
}
