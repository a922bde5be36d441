//! The increase of a counter's samples, as Prometheus computes it.

use crate::{Error, check::finite, model::Window};

/// Which ends of a range belong to it.
///
/// The enum is exhaustive: Prometheus has had only these two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "Prometheus has had these two")]
pub enum RangeEnds {
    /// (t − R, t], since Prometheus 3.
    LeftOpen,
    /// [t − R, t], up to Prometheus 2.
    Closed,
}

/// A sample of a counter: milliseconds since the Unix epoch, and its value.
pub type Sample = (i64, f64);

/// `increase(counter[range])` at the time `at`, as Prometheus extrapolates it.
///
/// The growth between the first and the last sample of the range, corrected for resets, is stretched towards
/// the ends of the range: up to an end that is less than 1.1 sample gaps away, otherwise by half a gap. To
/// the left, it stops where the counter would have been zero. `None` for fewer than two samples.
///
/// ```
/// use slo_core::{model::Window, replay::{RangeEnds, extrapolated_increase}};
///
/// // Scraped every 15 s, 5 events each: how much does increase[1m] see of 20?
/// let samples: Vec<_> = (0..5).map(|i| (i * 15_000, 100.0 + 5.0 * i as f64)).collect();
/// let seen = extrapolated_increase(&samples, 60_000, Window::minutes(1), RangeEnds::LeftOpen)?;
/// assert_eq!(seen, Some(20.0)); // three gaps, stretched to four
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// Samples out of order, or values or sums that are not finite.
pub fn extrapolated_increase(
    samples: &[Sample],
    at: i64,
    range: Window,
    ends: RangeEnds,
) -> Result<Option<f64>, Error> {
    check(samples)?;
    let range = i64::try_from(range.as_millis()).unwrap_or(i64::MAX);
    let begin = at.saturating_sub(range);
    let inside = |time: i64| time <= at && (time > begin || (time == begin && ends == RangeEnds::Closed));
    let inside: Vec<Sample> = samples.iter().copied().filter(|(time, _)| inside(*time)).collect();
    let (Some(&(first_time, first)), Some(&(last_time, _))) = (inside.first(), inside.last()) else {
        return Ok(None);
    };
    let span = (last_time - first_time) as f64;
    if span <= 0.0 {
        return Ok(None);
    }
    let growth = finite("the growth", growth(&inside))?;
    let gap = span / (inside.len() - 1) as f64;
    let edge = |distance: f64| if distance >= gap * 1.1 { gap / 2.0 } else { distance };
    let mut left = edge((first_time - begin) as f64);
    if growth > 0.0 && first >= 0.0 {
        left = left.min(span * (first / growth));
    }
    let right = edge((at - last_time) as f64);
    finite("the increase", growth * ((span + left + right) / span)).map(Some)
}

/// `rate(counter[range])` at the time `at`: its [`extrapolated_increase`] per second of the range.
///
/// `None` for fewer than two samples.
///
/// ```
/// use slo_core::{model::Window, replay::{RangeEnds, extrapolated_rate}};
///
/// let samples = [(15_000, 5.0), (30_000, 20.0), (45_000, 35.0), (60_000, 50.0)];
/// let rate = extrapolated_rate(&samples, 60_000, Window::minutes(1), RangeEnds::LeftOpen)?;
/// assert_eq!(rate, Some(50.0 / 60.0)); // a third of a gap back, the counter was zero
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// Samples out of order, or values or sums that are not finite.
pub fn extrapolated_rate(
    samples: &[Sample],
    at: i64,
    range: Window,
    ends: RangeEnds,
) -> Result<Option<f64>, Error> {
    let increase = extrapolated_increase(samples, at, range, ends)?;
    Ok(increase.map(|increase| increase / range.as_seconds().to_f64()))
}

/// The growth of a counter from the last sample at or before `from` to the last one at or before `to`.
///
/// Consecutive increments neither overlap nor leave gaps, even with resets and irregular scrapes, so they add
/// up to the whole. `None` if there is no sample at or before `from`.
///
/// ```
/// use slo_core::replay::anchored_increase;
///
/// let samples = [(0, 10.0), (16_000, 14.0), (29_000, 3.0), (46_000, 9.0)]; // a restart in between
/// let [one, two] = [(0, 30_000), (30_000, 60_000)].map(|(from, to)| anchored_increase(&samples, from, to));
/// assert_eq!((one?, two?), (Some(7.0), Some(6.0)));
/// assert_eq!(anchored_increase(&samples, 0, 60_000)?, Some(13.0));
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// Samples out of order, or values or sums that are not finite.
pub fn anchored_increase(samples: &[Sample], from: i64, to: i64) -> Result<Option<f64>, Error> {
    check(samples)?;
    let up_to = |time: i64| samples.partition_point(|sample| sample.0 <= time);
    let (first, end) = (up_to(from), up_to(to));
    let inside = first.checked_sub(1).and_then(|first| samples.get(first..end));
    inside.filter(|inside| !inside.is_empty()).map(|inside| finite("the growth", growth(inside))).transpose()
}

/// The relative standard error of adding up `increase(counter[E])` every E, if events come in bursts.
///
/// With m = `samples` samples per range, each range misses one of m gaps between samples, and is stretched: a
/// burst counts m/(m−1) times, or not at all. Over all bursts, the error is 1/√((m−1)·bursts).
///
/// ```
/// use slo_core::replay::burst_error;
///
/// // increase[5m] at 15 s scrapes, ten incidents: the sum is off by 7 %, up or down.
/// assert!((burst_error(20, 10)? - 0.0725).abs() < 1e-4);
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// Fewer than two samples, or no bursts.
pub fn burst_error(samples: u64, bursts: u64) -> Result<f64, Error> {
    match (samples, bursts) {
        (2.., 1..) => Ok(1.0 / ((samples - 1) as f64 * bursts as f64).sqrt()),
        _ => Err(Error::new(format!(
            "the error of {samples} samples per range and {bursts} bursts is not defined"
        ))),
    }
}

/// Last − first, plus the growth that was lost at every reset.
fn growth(samples: &[Sample]) -> f64 {
    let steps = samples.iter().zip(samples.iter().skip(1));
    // A counter that fell started again from zero.
    steps.map(|((_, before), (_, after))| if after < before { *after } else { after - before }).sum()
}

fn check(samples: &[Sample]) -> Result<(), Error> {
    for (index, pair) in samples.windows(2).enumerate() {
        if let [(before, _), (after, _)] = pair
            && after <= before
        {
            return Err(Error::new(format!("sample {}: {after} ms is not after {before} ms", index + 1))
                .with_hint("sort the samples by time, and remove duplicates"));
        }
    }
    match samples.iter().position(|(_, value)| !value.is_finite()) {
        Some(index) => Err(Error::new(format!("sample {index} is not a finite number"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn steps(values: impl IntoIterator<Item = f64>, minutes: i64) -> Vec<Sample> {
        let step = minutes * 60_000;
        (0_i64..).map(|index| index * step).zip(values).collect()
    }

    fn ramp(from: f64, by: f64, count: u32) -> impl Iterator<Item = f64> {
        (0..=count).map(move |index| from + by * f64::from(index))
    }

    /// Values of Prometheus' own tests of `increase` and `rate`.
    #[test]
    fn agrees_with_prometheus_own_test_data() {
        let series = [
            steps(ramp(0.0, 10.0, 10), 5),
            steps(ramp(0.0, 18.0, 5).chain(ramp(0.0, 18.0, 5)), 5),
            steps(ramp(10.0, 10.0, 10), 5),
            steps(ramp(1.0, 10.0, 10), 5),
        ];
        for (range, expected) in [(100, [100.0, 162.0, 105.0, 101.0]), (50, [100.0, 160.0, 100.0, 100.0])] {
            let range = Window::minutes(range);
            let found = series.each_ref().map(|samples| {
                extrapolated_increase(samples, 3_000_000, range, RangeEnds::LeftOpen).unwrap().unwrap()
            });
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
            }
        }
    }

    #[test]
    fn does_not_reach_back_beyond_zero() {
        for (start, expected) in [0.5, 0.55, 0.6, 0.6, 0.6, 0.6].into_iter().enumerate() {
            let samples = steps(ramp(60.0 * start as f64, 240.0, 10), 4);
            // The range reaches back ten minutes before the first sample.
            let rate = extrapolated_rate(&samples, 600_000, Window::minutes(20), RangeEnds::LeftOpen)
                .unwrap()
                .unwrap();
            assert!((rate - expected).abs() < 1e-12, "{start}: {rate}");
        }
    }

    #[test]
    fn needs_two_samples() {
        let at = |samples: &[Sample]| {
            extrapolated_increase(samples, 60_000, Window::minutes(1), RangeEnds::LeftOpen).unwrap()
        };
        assert_eq!(at(&[]), None);
        assert_eq!(at(&[(60_000, 5.0)]), None);
        assert_eq!(at(&[(0, 1.0), (60_000, 5.0)]), None);
        let closed =
            extrapolated_increase(&[(0, 1.0), (60_000, 5.0)], 60_000, Window::minutes(1), RangeEnds::Closed);
        assert_eq!(closed, Ok(Some(4.0)));
        assert!(anchored_increase(&[(5, 1.0), (5, 2.0)], 0, 9).is_err());
        assert!(anchored_increase(&[(5, f64::NAN)], 0, 9).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]
        #[test]
        fn anchored_increments_telescope(
            scrapes in prop::collection::vec((1..30_000_i64, 0..100_u32, prop::bool::weighted(0.05)), 1..80),
            edges in prop::collection::btree_set(0..2_400_000_i64, 2..12),
        ) {
            let (mut time, mut value) = (0, 0.0);
            let mut samples = vec![(0, 0.0)];
            for (pause, events, restart) in scrapes {
                time += pause;
                value = if restart { 0.0 } else { value } + f64::from(events);
                samples.push((time, value));
            }
            let edges: Vec<i64> = edges.into_iter().collect();
            let parts: f64 = edges.windows(2).map(|pair| anchored_increase(&samples, pair[0], pair[1]).unwrap().unwrap()).sum();
            let whole = anchored_increase(&samples, edges[0], *edges.last().unwrap()).unwrap().unwrap();
            prop_assert!((parts - whole).abs() < 1e-9);
        }
    }
}
