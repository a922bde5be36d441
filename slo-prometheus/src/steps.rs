//! The times of a range query.

use slo_core::model::{Timestamp, Window};

/// Evenly spaced times, the first of which is one step after `start`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "steps have nothing else")]
pub struct Steps {
    /// The time one step before the first one.
    pub start: Timestamp,
    /// The time from one to the next.
    pub step: Window,
    /// How many.
    pub count: usize,
}

/// Steps per query; Prometheus returns at most 11,000 points of a series.
const POINTS: usize = 10_000;

/// The steps of one query.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Piece {
    steps: Steps,
    first: usize,
    last: usize,
}

/// The parameters of a range query.
pub(crate) fn range_parameters<'a>(
    query: &'a str,
    times: &'a [(&'static str, String); 3],
) -> [(&'a str, &'a str); 5] {
    let [start, end, step] = times.each_ref().map(|(name, time)| (*name, time.as_str()));
    // VictoriaMetrics otherwise rounds the times.
    [("query", query), start, end, step, ("nocache", "1")]
}

impl Piece {
    /// The beginning, the end and the step, as parameters of a query.
    pub(crate) fn parameters(&self) -> [(&'static str, String); 3] {
        [
            ("start", seconds(self.steps.at(self.first))),
            ("end", seconds(self.steps.at(self.last))),
            ("step", seconds(Timestamp::EPOCH.after(self.steps.step))),
        ]
    }

    /// The number of the step at a time in seconds, if this piece has it.
    pub(crate) fn index(&self, time: f64) -> Option<usize> {
        self.steps.index(time).filter(|index| (self.first..=self.last).contains(index))
    }
}

impl Steps {
    /// Pieces that are short enough for one query each.
    pub(crate) fn pieces(self) -> impl Iterator<Item = Piece> {
        (0..self.count).step_by(POINTS).map(move |first| Piece {
            steps: self,
            first,
            last: (first + POINTS).min(self.count) - 1,
        })
    }

    fn at(&self, index: usize) -> Timestamp {
        self.start.after_steps(self.step, index.saturating_add(1))
    }

    /// The number of the step at a time in seconds.
    fn index(&self, time: f64) -> Option<usize> {
        #[expect(clippy::cast_possible_truncation, reason = "saturates")]
        let time = Timestamp::from_millis((time * 1_000.0).round() as i64);
        let steps = time.millis_since(self.start).checked_div(self.step.as_millis())?;
        usize::try_from(steps.checked_sub(1)?).ok()
    }
}

/// Seconds since the Unix epoch.
fn seconds(time: Timestamp) -> String {
    let millis = time.as_millis();
    format!("{}.{:03}", millis.div_euclid(1_000), millis.rem_euclid(1_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_that_are_no_steps_have_no_index() {
        let minutes = Steps { start: Timestamp::from_seconds(1), step: Window::minutes(1), count: 2 };
        for (time, index) in [(61.0, Some(0)), (121.0, Some(1)), (1.0, None), (-1e30, None), (f64::NAN, None)]
        {
            assert_eq!(minutes.index(time), index, "{time}");
        }
        let first = Steps { start: Timestamp::from_millis(i64::MIN), ..minutes };
        assert_eq!(first.index(-1e30), None);
    }
}
