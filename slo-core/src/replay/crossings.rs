//! When an incident would have been detected, for every threshold at once.

use crate::Error;

/// The first moments at which a curve exceeds each threshold: its prefix maxima.
///
/// Over the steps of one incident, it gives the time to detection for any factor. For the spend until then,
/// use [`Series::window`](super::Series::window).
///
/// ```
/// use slo_core::replay::Crossings;
///
/// // The lower burn rate of both windows, step by step since the incident began.
/// let incident = Crossings::new([0.5, 2.0, 1.0, 7.0, 3.0].map(Some))?;
/// assert_eq!(incident.first_above(1.5), Some(1));
/// assert_eq!(incident.first_above(2.0), Some(3)); // strictly above
/// assert_eq!(incident.first_above(14.4), None);
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Crossings {
    // Heights and positions rise together.
    maxima: Vec<(f64, usize)>,
}

impl Crossings {
    /// The crossings of a curve; `None` is below every threshold.
    ///
    /// # Errors
    /// NaN, with its position.
    pub fn new(curve: impl IntoIterator<Item = Option<f64>>) -> Result<Self, Error> {
        let mut maxima: Vec<(f64, usize)> = Vec::new();
        for (index, value) in curve.into_iter().enumerate() {
            let Some(value) = value else { continue };
            if value.is_nan() {
                return Err(Error::new(format!("value {index} is not a number")));
            }
            if maxima.last().is_none_or(|(highest, _)| value > *highest) {
                maxima.push((value, index));
            }
        }
        Ok(Self { maxima })
    }

    /// The first step after which the curve is above `threshold`, if any.
    #[must_use]
    pub fn first_above(&self, threshold: f64) -> Option<usize> {
        let first = self.maxima.partition_point(|(height, _)| *height <= threshold);
        self.maxima.get(first).map(|(_, index)| *index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]
        #[test]
        fn finds_the_first_step_above(curve in prop::collection::vec(prop::option::of(0..9_u32), 0..50), threshold in -1..10_i32) {
            let curve: Vec<Option<f64>> = curve.into_iter().map(|value| value.map(f64::from)).collect();
            let above = |value: &Option<f64>| value.is_some_and(|value| value > f64::from(threshold));
            let crossings = Crossings::new(curve.iter().copied()).unwrap();
            prop_assert_eq!(crossings.first_above(threshold.into()), curve.iter().position(above));
        }
    }
}
