//! The queries for the details of an SLO.

use super::Span;
use slo_core::{
    Error,
    model::{Service, Slo, Timestamp, Window},
    rules::{Group, Plan, RecordedQueries, Stream},
};
use std::collections::BTreeMap;

/// Evenly spaced times: the end of each step after `start`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a grid has nothing else")]
pub struct Grid {
    /// The beginning.
    pub start: Timestamp,
    /// The length of a step.
    pub step: Window,
    /// How many steps there are.
    pub count: usize,
}

impl Grid {
    /// The end of the last step.
    #[must_use]
    pub fn end(&self) -> Timestamp {
        self.start.after_steps(self.step, self.count)
    }
}

/// The answer to a question of [`DetailPlan`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum What {
    /// All events of each step.
    Total,
    /// The bad events of each step.
    Bad,
    /// The bad events after the last step, up to now.
    BadSince,
    /// All events of the period so far.
    PeriodTotal,
    /// The bad events of the period so far.
    PeriodBad,
    /// The burn rates over the windows of the alerts, at the start and at the end of each step.
    BurnRates,
    /// The alerts that fired at some time in each step.
    Fired,
    /// Since when alerts are active.
    ActiveSince,
    /// The states of active alerts.
    ActiveState,
    /// The events of each bucket of the latency histogram, in each step.
    Buckets,
    /// All events of each group in the period so far.
    GroupTotal,
    /// The bad events of each group in the period so far.
    GroupBad,
}

/// A query, and the times to evaluate it at.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a query and its times")]
pub struct Query {
    /// What it answers.
    pub what: What,
    /// PromQL.
    pub text: String,
    /// When it is evaluated.
    pub grid: Grid,
}

/// A series of an answer: its labels, and a value for each step.
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "a series has nothing else")]
pub struct Curve {
    /// The labels.
    pub labels: BTreeMap<String, String>,
    /// A value for each step; `None` if there is none, or if it is not finite.
    pub values: Vec<Option<f64>>,
}

/// The answers to the queries of a plan.
pub type Answers = BTreeMap<What, Vec<Curve>>;

/// The queries for the details of an SLO, or of one of its groups.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DetailPlan {
    /// The time that is shown.
    pub span: Span,
    /// Its steps.
    pub grid: Grid,
    /// The group, for an SLO with groups.
    pub group: Option<Group>,
    /// The end of the last tile that the recorded budget has counted.
    pub counted: Timestamp,
    /// How long an answer stays the newest one: a tile.
    pub tile: Window,
    /// The queries.
    pub queries: Vec<Query>,
}

/// The most steps of a chart.
const STEPS: u64 = 144;
/// The most steps of a heat map, and the fewest tiles of one.
const COLUMNS: usize = 72;
/// The longest time of a heat map: it reads raw series.
const LONGEST_HEAT: u64 = 7 * 86_400_000;
/// The longest time that is counted in fine tiles, as a multiple of them: six hours, if a tile is a minute.
const FINE: u64 = 360;

impl DetailPlan {
    /// The queries for `slo` of `service` at `now`. Times are rounded to tiles, so that one answer serves all who ask within a
    /// tile.
    ///
    /// # Errors
    /// Those of [`Plan::of`].
    pub fn of(
        service: &Service,
        slo: &Slo,
        group: Option<Group>,
        span: Span,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let plan = Plan::of(service, slo)?;
        let is_fine = span.millis() <= plan.fine().as_millis() * FINE;
        let tile = if is_fine { plan.fine() } else { plan.coarse() };
        let tiles = span.millis().div_ceil(tile.as_millis()).max(1);
        let step = Window::from_millis(tile.as_millis() * tiles.div_ceil(STEPS))?;
        let count = usize::try_from(span.millis().div_ceil(step.as_millis())).unwrap_or(1).max(1);
        let end = span.to.on_grid(tile, Timestamp::EPOCH);
        let grid = Grid { start: end.before_steps(step, count), step, count };
        let queries = RecordedQueries::of(service, slo);
        let of = group.as_ref();
        let with_start = Grid { start: grid.start.before(step), count: count + 1, ..grid };
        let once = |window: Window, at: Timestamp| Grid { start: at.before(window), step: window, count: 1 };
        let last = now.on_grid(tile, Timestamp::EPOCH);
        let so_far = Window::from_millis(last.millis_since(span.period_start).max(tile.as_millis()))?;
        let period = |stream| queries.events_over(stream, plan.coarse(), so_far, of).to_string();
        let mut all = vec![
            (What::Total, queries.events_over(Stream::Total, tile, step, of).to_string(), grid),
            (What::Bad, queries.events_over(Stream::Bad, tile, step, of).to_string(), grid),
            (What::PeriodTotal, period(Stream::Total), once(so_far, last)),
            (What::PeriodBad, period(Stream::Bad), once(so_far, last)),
            (What::BurnRates, queries.burn_rates(&slo.policy().windows(), of).to_string(), with_start),
            (What::Fired, queries.fired_within(step, of).to_string(), grid),
        ];
        if end < last {
            let since = Window::from_millis(last.millis_since(end))?;
            let bad = queries.events_over(Stream::Bad, tile, since, of);
            all.push((What::BadSince, bad.to_string(), once(since, last)));
        }
        let [since, state] = queries.active(of);
        // Instant values: as of now, not of the last tile.
        all.push((What::ActiveSince, since.to_string(), once(tile, now)));
        all.push((What::ActiveState, state.to_string(), once(tile, now)));
        let columns = count.div_ceil(count.div_ceil(COLUMNS).max(1)).max(1);
        let wide = Window::from_millis(step.as_millis() * count.div_ceil(columns) as u64)?;
        let is_short = span.millis() <= LONGEST_HEAT;
        if let Some(buckets) = queries.buckets(wide, of).filter(|_| is_short) {
            let grid = Grid { start: end.before_steps(wide, columns), step: wide, count: columns };
            all.push((What::Buckets, buckets.to_string(), grid));
        }
        if !slo.by().is_empty() {
            for (what, stream) in [(What::GroupTotal, Stream::Total), (What::GroupBad, Stream::Bad)] {
                let query = queries.events_by_group(stream, plan.coarse(), so_far);
                all.push((what, query.to_string(), once(so_far, last)));
            }
        }
        let queries = all.into_iter().map(|(what, text, grid)| Query { what, text, grid }).collect();
        let counted = now.on_grid(plan.coarse(), Timestamp::EPOCH);
        Ok(Self { span, grid, group, counted, tile, queries })
    }
}
