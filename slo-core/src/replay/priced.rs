//! Stretches of time, priced in shares of a budget.

use super::Series;
use crate::{
    math::Tally,
    model::{Objective, Timestamp},
};

/// A stretch of time, and the budget that it spent.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Priced {
    /// Its beginning.
    pub start: Timestamp,
    /// Its end.
    pub end: Timestamp,
    /// Its events.
    pub tally: Tally,
    /// The share of the reviewed time's budget that it spent.
    pub price: f64,
}

impl Priced {
    /// A stretch of time with its events, and the share of a budget that it spent.
    #[must_use]
    pub const fn new(start: Timestamp, end: Timestamp, tally: Tally, price: f64) -> Self {
        Self { start, end, tally, price }
    }

    /// The same stretch, with more exact edges from a history of shorter steps.
    ///
    /// The edges are the first and the last step of `fine` that spend more than allowed; without such steps,
    /// they stay. Events and price stay.
    ///
    #[cfg_attr(feature = "spec", doc = "```")]
    #[cfg_attr(not(feature = "spec"), doc = "```ignore")]
    /// use slo_core::{model::{Timestamp, Window}, replay::{Series, SloReview}};
    ///
    /// let text = "{version: slo/v1, service: a, slos: [{name: b, objective: 99.9%, window: 30d,
    ///     sli: {events: {total: requests_total, bad: errors_total}}}]}";
    /// let service = slo_core::spec::parse(text)?.remove(0);
    /// let slo = &service.slos()[0];
    /// let hours = Series::new(Timestamp::EPOCH, Window::hours(1), &[1_000; 3], &[0, 100, 0])?;
    /// let incident = SloReview::of(&service, slo, &hours, 0, None, "UTC")?.incidents[0];
    /// assert_eq!((incident.start, incident.end), (hours.time_after(1), hours.time_after(2)));
    /// let quarters = Series::new(Timestamp::EPOCH, Window::minutes(15), &[250; 12], &[0, 0, 0, 0, 0, 60, 40, 0, 0, 0, 0, 0])?;
    /// let narrow = incident.narrowed(&quarters, slo.objective());
    /// assert_eq!((narrow.start, narrow.end), (quarters.time_after(5), quarters.time_after(7)));
    /// assert_eq!(narrow.price, incident.price);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn narrowed(self, fine: &Series<'_>, objective: Objective) -> Self {
        let spends = |step: &usize| fine.at(*step).exceeds(objective.budget());
        let (first, last) = ((0..fine.len()).find(spends), (0..fine.len()).rev().find(spends));
        first.zip(last).map_or(self, |(first, last)| Self {
            start: fine.time_after(first),
            end: fine.time_after(last + 1),
            ..self
        })
    }
}
