//! How often an alert would have fired, for every threshold at once.

use crate::Error;

/// The number of runs of a curve above a threshold, for any threshold.
///
/// The persistence barcode of the curve's superlevel sets: a run appears at a peak (its birth) and joins a
/// higher one at the valley between them (its death). Runs above k are the bars with death ≤ k < birth.
/// A single sort gives the answer for every k.
///
/// ```
/// use slo_core::replay::Barcode;
///
/// // The lower of the burn rates over a long and a short window, after every step.
/// let burn = [0.0, 3.0, 1.0, 5.0, 0.0, 2.0, 0.0];
/// let curve = Barcode::new(burn.iter().map(|burn| Some(*burn)))?;
/// assert_eq!([0.5, 1.5, 2.5, 4.0, 5.0].map(|factor| curve.runs_above(factor)), [2, 3, 2, 1, 0]);
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Barcode {
    // Of bars that are not empty; both sorted. Deaths of runs that never join another are −∞.
    births: Vec<f64>,
    deaths: Vec<f64>,
}

impl Barcode {
    /// The barcode of a curve; `None` is below every threshold.
    ///
    /// # Errors
    /// NaN, with its position.
    pub fn new(curve: impl IntoIterator<Item = Option<f64>>) -> Result<Self, Error> {
        let curve: Vec<f64> = curve.into_iter().map(|value| value.unwrap_or(f64::NEG_INFINITY)).collect();
        if let Some(index) = curve.iter().position(|value| value.is_nan()) {
            return Err(Error::new(format!("value {index} is not a number")));
        }
        let mut order: Vec<usize> = (0..curve.len()).collect();
        let height = |index: usize| curve.get(index).copied().unwrap_or(f64::NEG_INFINITY);
        // Highest first; among equals, earliest first.
        order.sort_by(|one, two| height(*two).total_cmp(&height(*one)).then(one.cmp(two)));
        let mut runs = Runs { parents: vec![usize::MAX; curve.len()] };
        let (mut births, mut deaths) = (Vec::new(), Vec::new());
        for index in order {
            let value = height(index);
            if value == f64::NEG_INFINITY {
                break;
            }
            runs.add(index);
            let left = index.checked_sub(1).and_then(|left| runs.root(left));
            let right = runs.root(index + 1);
            match (left, right) {
                (Some(left), Some(right)) => {
                    runs.join(index, left);
                    // The lower peak's run joins the higher one's. A peak is the first of its run to be added,
                    // so it stays the root.
                    let (higher, lower) =
                        if height(left) >= height(right) { (left, right) } else { (right, left) };
                    runs.join(lower, higher);
                    if height(lower) > value {
                        births.push(height(lower));
                        deaths.push(value);
                    }
                }
                (Some(only), None) | (None, Some(only)) => runs.join(index, only),
                (None, None) => {}
            }
        }
        for (index, parent) in runs.parents.iter().enumerate() {
            if *parent == index {
                births.push(height(index));
                deaths.push(f64::NEG_INFINITY);
            }
        }
        births.sort_by(f64::total_cmp);
        deaths.sort_by(f64::total_cmp);
        Ok(Self { births, deaths })
    }

    /// How many runs of the curve lie above `threshold`: how often an alert at it would have started.
    #[must_use]
    pub fn runs_above(&self, threshold: f64) -> usize {
        let above = |values: &[f64]| values.len() - values.partition_point(|value| *value <= threshold);
        above(&self.births) - above(&self.deaths)
    }

    /// The heights of the runs' peaks, rising. They are the thresholds worth trying: between two of them, no
    /// further run stops firing.
    #[must_use]
    pub fn births(&self) -> &[f64] {
        &self.births
    }
}

/// Union–find over steps, with the peak of each run as its root.
struct Runs {
    // usize::MAX for a step that has not been added.
    parents: Vec<usize>,
}

impl Runs {
    fn add(&mut self, index: usize) {
        self.join(index, index);
    }

    fn join(&mut self, run: usize, into: usize) {
        if let Some(parent) = self.parents.get_mut(run) {
            *parent = into;
        }
    }

    /// The root of the run of a step, or `None` for one that has not been added or does not exist.
    fn root(&mut self, index: usize) -> Option<usize> {
        let mut at = index;
        loop {
            let parent = *self.parents.get(at)?;
            if parent == usize::MAX {
                return None;
            }
            if parent == at {
                return Some(at);
            }
            // Half the path on the way.
            let grandparent = *self.parents.get(parent)?;
            self.join(at, grandparent);
            at = grandparent;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn knows_the_empty_cases() {
        assert_eq!(Barcode::new([]).unwrap().runs_above(0.0), 0);
        assert_eq!(Barcode::new([None, None]).unwrap().runs_above(-1.0), 0);
        assert_eq!(Barcode::new([Some(1.0), None, Some(1.0)]).unwrap().runs_above(-1.0), 2);
        assert!(Barcode::new([Some(f64::NAN)]).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]
        #[test]
        fn counts_runs_at_every_threshold(
            curve in prop::collection::vec(prop::option::of(0..12_u32), 0..120), thresholds in prop::collection::vec(-1.0..13.0_f64, 8)
        ) {
            let curve: Vec<Option<f64>> = curve.into_iter().map(|value| value.map(f64::from)).collect();
            let barcode = Barcode::new(curve.iter().copied()).unwrap();
            let whole = (0..12).map(f64::from);
            for threshold in thresholds.into_iter().chain(whole) {
                let above: Vec<bool> = curve.iter().map(|value| value.is_some_and(|value| value > threshold)).collect();
                let runs = above.iter().enumerate().filter(|(index, above)| **above && (*index == 0 || !curve[index - 1].is_some_and(|value| value > threshold)));
                prop_assert_eq!(barcode.runs_above(threshold), runs.count(), "above {}", threshold);
            }
        }
    }
}
