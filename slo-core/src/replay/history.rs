//! A history that owns its columns, and knows what is missing of it.

use super::Series;
use crate::{
    Error,
    math::{Exclusions, Span},
    model::{Service, Slo, Window},
};
use std::ops::Range;

/// A history of events: its columns, and the steps of which nothing is known.
///
/// ```
/// use slo_core::{model::Window, replay::History};
///
/// let history = History { start: 0, step: Window::minutes(1), total: vec![10, 0, 10], bad: vec![1, 0, 0], gaps: vec![1..2] };
/// assert_eq!(history.series()?.total().bad(), 1);
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// When its first step begins, in milliseconds since the Unix epoch.
    pub start: i64,
    /// The length of a step.
    pub step: Window,
    /// Events in each step.
    pub total: Vec<u64>,
    /// Bad events in each step.
    pub bad: Vec<u64>,
    /// The steps of which nothing is known, in order.
    pub gaps: Vec<Range<usize>>,
}

impl History {
    /// Its steps.
    ///
    /// # Errors
    /// Those of [`Series::new`].
    pub fn series(&self) -> Result<Series<'_>, Error> {
        Series::new(self.start, self.step, &self.total, &self.bad)
    }

    /// What `slo` of `service` judges of these events: its time slices, where it has some, and nothing of times that are
    /// excluded. The steps that are excluded come with it.
    ///
    #[cfg_attr(feature = "spec", doc = "```")]
    #[cfg_attr(not(feature = "spec"), doc = "```ignore")]
    /// use slo_core::{model::Window, replay::History};
    ///
    /// let text = "{version: slo/v1, service: a, slos: [{name: b, objective: 99%, window: 30d,
    ///     slices: {length: 1m, good: 95%}, sli: {events: {total: all_total, bad: failed_total}}}]}";
    /// let service = slo_core::spec::parse(text).unwrap().remove(0);
    /// let (total, bad) = (vec![50, 50, 50, 50], vec![0, 5, 5, 5]);
    /// let history = History { start: 0, step: Window::seconds(30), total, bad, gaps: vec![] };
    /// let (judged, excluded) = history.judged(&service, &service.slos()[0])?;
    /// assert_eq!((judged.step, judged.total, judged.bad), (Window::minutes(1), vec![1, 1], vec![0, 1]));
    /// assert!(excluded.is_empty());
    /// # Ok::<(), slo_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`Series::slices`], and columns that make no [`Series`].
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
        let millis = |seconds: u64| i64::try_from(seconds.saturating_mul(1_000)).unwrap_or(i64::MAX);
        let spans = service.exclusions().iter();
        let spans = spans.map(|excluded| Span::new(millis(excluded.from()), millis(excluded.to())));
        let exclusions = Exclusions::new(spans.collect::<Result<Vec<_>, _>>()?);
        let series = judged.series()?;
        let (total, bad) = series.without(&exclusions);
        let mut excluded: Vec<Range<usize>> = Vec::new();
        for step in (0..series.len()).filter(|step| exclusions.contains(series.end_of(*step))) {
            match excluded.last_mut() {
                Some(last) if last.end == step => last.end = step + 1,
                _ => excluded.push(step..step + 1),
            }
        }
        // What does not count is no gap.
        let counts =
            |gap: &Range<usize>| !excluded.iter().any(|span| span.start <= gap.start && gap.end <= span.end);
        let gaps = judged.gaps.iter().filter(|gap| counts(gap)).cloned().collect();
        Ok((Self { total, bad, gaps, ..judged }, excluded))
    }
}
