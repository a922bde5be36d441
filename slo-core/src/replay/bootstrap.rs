//! A block bootstrap: resamples a history into other possible histories.

use super::Series;
use crate::{Error, math::Tally, model::Window, stats::Random};

/// Resamples a history in blocks, so that incidents stay whole and nights stay nights.
///
/// The stationary bootstrap (D. N. Politis and J. P. Romano, 1994): the lengths of blocks are geometric, and
/// blocks wrap round at the end of the history. Their mean length should be at least that of the longest
/// incident. With two weeks of history or more, a block comes from the same time of the week as the place it
/// fills; with two days or more, from the same time of the day. The same seed gives the same results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "callers write all of it")]
pub struct Bootstrap {
    /// The mean length of a block.
    pub mean_block: Window,
    /// The number of histories that are drawn.
    pub resamples: u32,
    /// The seed of the random numbers.
    pub seed: u64,
}

impl Bootstrap {
    /// 1,000 histories of blocks of `mean_block`.
    #[must_use]
    pub const fn new(mean_block: Window, seed: u64) -> Self {
        Self { mean_block, resamples: 1_000, seed }
    }

    /// 1,000 histories from blocks of about six hours, as long as most incidents, for steps of length `step`.
    #[must_use]
    pub fn usual(step: Window) -> Self {
        let steps = (Window::hours(6).as_millis() / step.as_millis()).max(1);
        let block = Window::from_millis(step.as_millis() * steps).unwrap_or(step);
        Self::new(block, 1)
    }

    /// Prepares to draw blocks from `series`.
    ///
    /// # Errors
    /// A history without steps, no resamples, or a mean block that is not whole steps.
    pub(crate) fn on<'a>(&self, series: &'a Series<'a>) -> Result<Draws<'a>, Error> {
        if series.is_empty() {
            return Err(Error::new("there is no history to draw from"));
        }
        if self.resamples == 0 {
            return Err(Error::new("the number of resamples is 0").with_hint("draw a thousand"));
        }
        let per = |window: Window| series.steps_in(window).ok().filter(|steps| series.len() >= 2 * steps);
        let cycle = per(Window::days(7)).or_else(|| per(Window::days(1))).unwrap_or(1);
        let mean_block = series.steps_in(self.mean_block)?.max(1);
        Ok(Draws { series, cycle, mean_block, pending: 0, random: Random::new(self.seed) })
    }
}

/// A source of blocks.
pub(crate) struct Draws<'a> {
    series: &'a Series<'a>,
    // Steps after which time of week, or of day, repeats.
    cycle: usize,
    mean_block: usize,
    // What is left of a block that has reached the end of the history.
    pending: usize,
    random: Random,
}

/// A stretch of a history.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block {
    pub(crate) start: usize,
    pub(crate) steps: usize,
}

impl Draws<'_> {
    /// A block to fill place `at`, of at most `room` steps.
    ///
    /// A block that reaches the end of the history continues at its beginning, at the same time of the cycle;
    /// otherwise the first days would hardly ever be drawn.
    pub(crate) fn block(&mut self, at: usize, room: usize) -> Block {
        let phase = at % self.cycle;
        let (start, length) = if self.pending > 0 {
            (phase, self.pending)
        } else {
            let cycles = (self.series.len() - phase).div_ceil(self.cycle);
            (phase + self.random.below(cycles) * self.cycle, self.length())
        };
        let steps = length.min(room).min(self.series.len() - start);
        // Cut by the room, the block is over; cut by the history, it is not.
        self.pending = if steps < room { length - steps } else { 0 };
        Block { start, steps }
    }

    /// A geometric length, by inversion.
    fn length(&mut self) -> usize {
        let chance = 1.0 / self.mean_block as f64;
        let length =
            if self.mean_block == 1 { 0.0 } else { (1.0 - self.random.unit()).ln() / (-chance).ln_1p() };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "positive, and saturates"
        )]
        let length = length as usize;
        length.saturating_add(1)
    }

    /// The tally of a resampled period of `steps` steps. It begins `first` steps into the history or whole
    /// periods later, equally often at each time of the cycle, for example on each day of the week.
    pub(crate) fn tally(&mut self, first: usize, steps: usize) -> Result<Tally, Error> {
        let places = self.cycle / greatest_common_divisor(self.cycle, steps.max(1));
        let begin = first + self.random.below(places) * steps;
        let (mut sum, mut at, end) = (Tally::EMPTY, begin, begin + steps);
        self.pending = 0;
        while at < end {
            let block = self.block(at, end - at);
            sum = sum.checked_add(self.series.window(block.start + block.steps, block.steps))?;
            at += block.steps;
        }
        Ok(sum)
    }
}

fn greatest_common_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;

    /// Every step of the history is drawn as often as every other, and at its time of the week.
    #[test]
    fn draws_all_of_the_history() {
        let (total, bad) = (vec![1; 24 * 14], vec![0; 24 * 14]);
        let series = Series::new(Timestamp::EPOCH, Window::hours(1), &total, &bad).unwrap();
        let mut draws = Bootstrap::new(Window::hours(30), 5).on(&series).unwrap();
        let mut drawn = vec![0_u32; series.len()];
        let (mut at, all) = (0, 4_000_000);
        while at < all {
            let block = draws.block(at, all - at);
            for offset in 0..block.steps {
                assert_eq!((at + offset) % 168, (block.start + offset) % 168);
                drawn[block.start + offset] += 1;
            }
            at += block.steps;
        }
        let mean = all as f64 / drawn.len() as f64;
        for (index, count) in drawn.iter().enumerate() {
            let share = f64::from(*count) / mean;
            assert!((0.75..1.25).contains(&share), "{index}: {share}");
        }
    }
}
