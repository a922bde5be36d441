//! A history that owns its columns and lists its gaps.

use super::{
    Series,
    counts::{stretches, whole_events},
};
use crate::{
    Error,
    math::{Exclusions, Span},
    model::{Service, Slo, Timestamp, Window},
};
use std::ops::Range;

/// A history of events: its columns, and the steps without data.
///
/// ```
/// use slo_core::{model::{Timestamp, Window}, replay::History};
///
/// let history = History { start: Timestamp::EPOCH, step: Window::minutes(1), total: vec![10, 0, 10], bad: vec![1, 0, 0], gaps: vec![1..2] };
/// assert_eq!(history.series()?.total().bad(), 1);
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a history needs all of it")]
pub struct History {
    /// When its first step begins.
    pub start: Timestamp,
    /// The length of a step.
    pub step: Window,
    /// Events in each step.
    pub total: Vec<u64>,
    /// Bad events in each step.
    pub bad: Vec<u64>,
    /// The steps without data, in order.
    pub gaps: Vec<Range<usize>>,
}

impl History {
    /// The history of values that a server recorded.
    ///
    /// It lasts from the first step with both values to the last one, because a server only keeps data for
    /// some time. A step in between without one of the values is a gap. `None` if no step has both values.
    ///
    /// Values are whole counts or estimates, as for [`whole_events`](super::whole_events). If the columns
    /// differ in length, the rest of the longer one is ignored.
    ///
    /// ```
    /// use slo_core::{model::{Timestamp, Window}, replay::History};
    ///
    /// let (total, bad) = ([None, Some(10.0), Some(9.0), Some(9.0)], [None, Some(1.0), None, Some(0.0)]);
    /// let history = History::of_recorded(Timestamp::EPOCH, Window::minutes(1), &total, &bad).unwrap();
    /// assert_eq!((history.start.as_millis(), history.total, history.bad), (60_000, vec![10, 0, 9], vec![1, 0, 0]));
    /// assert_eq!(history.gaps, [1..2]);
    /// assert_eq!(History::of_recorded(Timestamp::EPOCH, Window::minutes(1), &total, &[None; 4]), None);
    /// ```
    #[must_use]
    pub fn of_recorded(
        start: Timestamp,
        step: Window,
        total: &[Option<f64>],
        bad: &[Option<f64>],
    ) -> Option<Self> {
        let known: Vec<Option<(f64, f64)>> =
            total.iter().zip(bad).map(|(total, bad)| total.zip(*bad)).collect();
        let first = known.iter().position(Option::is_some)?;
        let end = known.iter().rposition(Option::is_some)? + 1;
        let known = known.get(first..end)?;
        let gaps = stretches((0..known.len()).filter(|step| known.get(*step).is_some_and(Option::is_none)));
        let (total, bad): (Vec<_>, Vec<_>) =
            known.iter().map(|both| (both.map(|(total, _)| total), both.map(|(_, bad)| bad))).unzip();
        let (total, bad) = whole_events(&total, &bad);
        Some(Self { start: start.after_steps(step, first), step, total, bad, gaps })
    }

    /// Its steps as a [`Series`].
    ///
    /// # Errors
    /// Those of [`Series::new`].
    pub fn series(&self) -> Result<Series<'_>, Error> {
        Series::new(self.start, self.step, &self.total, &self.bad)
    }

    /// The history as `slo` of `service` judges it, and the excluded steps.
    ///
    /// If the SLO has time slices, they are its events. Steps that end in excluded times do not count.
    ///
    #[cfg_attr(feature = "spec", doc = "```")]
    #[cfg_attr(not(feature = "spec"), doc = "```ignore")]
    /// use slo_core::{model::{Timestamp, Window}, replay::History};
    ///
    /// let text = "{version: slo/v1, service: a, slos: [{name: b, objective: 99%, window: 30d,
    ///     slices: {length: 1m, good: 95%}, sli: {events: {total: all_total, bad: failed_total}}}]}";
    /// let service = slo_core::spec::parse(text).unwrap().remove(0);
    /// let (total, bad) = (vec![50, 50, 50, 50], vec![0, 5, 5, 5]);
    /// let history = History { start: Timestamp::EPOCH, step: Window::seconds(30), total, bad, gaps: vec![] };
    /// let (judged, excluded) = history.judged(&service, &service.slos()[0])?;
    /// assert_eq!((judged.step, judged.total, judged.bad), (Window::minutes(1), vec![1, 1], vec![0, 1]));
    /// assert!(excluded.is_empty());
    /// # Ok::<(), slo_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`Series::slices`] and [`Series::new`].
    pub fn judged(self, service: &Service, slo: &Slo) -> Result<(Self, Vec<Range<usize>>), Error> {
        let mut judged = self;
        if let Some(slices) = slo.slices() {
            let series = judged.series()?;
            let steps = series.steps_in(slices.length())?;
            let (total, bad) = series.slices(slices, &judged.gaps)?;
            let whole = |gap: &Range<usize>| gap.start.div_ceil(steps)..gap.end / steps;
            let gaps = judged.gaps.iter().map(whole).filter(|gap| !gap.is_empty()).collect();
            judged = Self { step: slices.length(), total, bad, gaps, ..judged };
        }
        if service.exclusions().is_empty() {
            return Ok((judged, vec![]));
        }
        let spans = service.exclusions().iter();
        let spans = spans.map(|excluded| Span::new(excluded.from(), excluded.to()));
        let exclusions = Exclusions::new(spans.collect::<Result<Vec<_>, _>>()?);
        let series = judged.series()?;
        let (total, bad) = series.without(&exclusions);
        let is_excluded = |step: &usize| exclusions.contains(series.end_of(*step));
        let excluded = stretches((0..series.len()).filter(is_excluded));
        // Excluded steps are not gaps.
        let counts =
            |gap: &Range<usize>| !excluded.iter().any(|span| span.start <= gap.start && gap.end <= span.end);
        let gaps = judged.gaps.iter().filter(|gap| counts(gap)).cloned().collect();
        Ok((Self { total, bad, gaps, ..judged }, excluded))
    }
}
