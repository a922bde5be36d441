//! Thins out the points of a curve for charts.

/// The positions of at most `most` points that keep the shape of a curve.
///
/// Each stretch keeps its first, lowest, highest and last point, so that no peak is lost. Values that are not
/// finite are left out. A curve that is short enough keeps all other points.
///
/// ```
/// use slo_core::replay::thin;
///
/// let mut curve = vec![1.0; 10_000];
/// curve[7_777] = 50.0; // a second of trouble
/// let shown = thin(&curve, 100);
/// assert!(shown.len() <= 100 && shown.contains(&7_777));
/// assert_eq!((shown.first(), shown.last()), (Some(&0), Some(&9_999)));
/// ```
#[must_use]
pub fn thin(values: &[f64], most: usize) -> Vec<usize> {
    const OF_STRETCH: usize = 4;
    if values.len() <= most {
        return (0..values.len())
            .filter(|index| values.get(*index).is_some_and(|value| value.is_finite()))
            .collect();
    }
    let stretches = (most / OF_STRETCH).max(1);
    let length = values.len().div_ceil(stretches);
    // Of three points and fewer, peaks and troughs matter more than the ends.
    let of_stretch = most.min(OF_STRETCH);
    let mut shown = Vec::with_capacity(most);
    for (number, stretch) in values.chunks(length).enumerate() {
        let finite = || stretch.iter().enumerate().filter(|(_, value)| value.is_finite());
        let order = |a: &(usize, &f64), b: &(usize, &f64)| a.1.total_cmp(b.1);
        let kept = [finite().max_by(order), finite().min_by(order), finite().next_back(), finite().next()];
        let mut kept: Vec<usize> =
            kept.into_iter().take(of_stretch).flatten().map(|(index, _)| number * length + index).collect();
        kept.sort_unstable();
        kept.dedup();
        shown.extend(kept);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_is_short_and_leaves_out_what_is_nothing() {
        assert_eq!(thin(&[1.0, f64::NAN, 3.0], 10), [0, 2]);
        assert_eq!(thin(&[], 10), [0; 0]);
        assert_eq!(thin(&[f64::NAN; 50], 8), [0; 0]);
        assert_eq!(thin(&[1.0, 5.0, 0.0, 2.0], 1), [1]);
        assert_eq!(thin(&[1.0, 5.0, 0.0, 2.0], 0), [0; 0]);
    }

    #[test]
    fn keeps_every_peak_and_every_trough() {
        let curve: Vec<f64> = (0..5_000).map(|index| f64::from(index % 37) - f64::from(index % 11)).collect();
        let shown = thin(&curve, 200);
        let value = |index: &usize| curve.get(*index).copied().unwrap();
        let all = |pick: fn(f64, f64) -> f64| curve.iter().copied().reduce(pick);
        assert_eq!(shown.iter().map(value).reduce(f64::max), all(f64::max));
        assert_eq!(shown.iter().map(value).reduce(f64::min), all(f64::min));
        assert!(shown.is_sorted() && shown.len() <= 200);
    }
}
