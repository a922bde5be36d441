//! Moments that a query is asked of.

/// Moments of the same distance, the first of which is a step after `start`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Steps {
    /// Milliseconds since the Unix epoch.
    pub start: i64,
    /// Milliseconds from one to the next.
    pub step: u64,
    /// How many.
    pub count: usize,
}

/// Points that Prometheus gives for a series at once are 11,000.
const POINTS: usize = 10_000;

/// As many steps as are asked for at once.
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
        let step = i64::try_from(self.steps.step).unwrap_or(i64::MAX);
        [
            ("start", seconds(self.steps.at(self.first))),
            ("end", seconds(self.steps.at(self.last))),
            ("step", seconds(step)),
        ]
    }

    /// The step of a time in seconds, if it is one of these.
    pub(crate) fn index(&self, time: f64) -> Option<usize> {
        self.steps.index(time).filter(|index| (self.first..=self.last).contains(index))
    }
}

impl Steps {
    /// Pieces that a server answers at once.
    pub(crate) fn pieces(self) -> impl Iterator<Item = Piece> {
        (0..self.count).step_by(POINTS).map(move |first| Piece {
            steps: self,
            first,
            last: (first + POINTS).min(self.count) - 1,
        })
    }

    fn at(&self, index: usize) -> i64 {
        let millis = u64::try_from(index).unwrap_or(u64::MAX).saturating_add(1).saturating_mul(self.step);
        self.start.saturating_add(i64::try_from(millis).unwrap_or(i64::MAX))
    }

    /// The step of a time in seconds.
    fn index(&self, time: f64) -> Option<usize> {
        #[expect(clippy::cast_possible_truncation, reason = "saturates")]
        let since = ((time * 1_000.0).round() as i64).checked_sub(self.start)?;
        usize::try_from(since.checked_div(i64::try_from(self.step).ok()?)?.checked_sub(1)?).ok()
    }
}

/// Milliseconds as seconds.
fn seconds(millis: i64) -> String {
    format!("{}.{:03}", millis.div_euclid(1_000), millis.rem_euclid(1_000))
}

#[cfg(test)]
mod tests {
    use super::Steps;

    #[test]
    fn times_that_are_no_steps_have_no_index() {
        let minutes = Steps { start: 1_000, step: 60_000, count: 2 };
        for (time, index) in [(61.0, Some(0)), (121.0, Some(1)), (1.0, None), (-1e30, None), (f64::NAN, None)]
        {
            assert_eq!(minutes.index(time), index, "{time}");
        }
        assert_eq!(Steps { step: 0, ..minutes }.index(61.0), None);
        assert_eq!(Steps { start: 0, step: 1, count: 1 }.index(-1e30), None);
    }
}
