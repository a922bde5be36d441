//! Scores of past forecasts.

use crate::{Error, check::unit};

/// The mean squared error of forecast probabilities: Σ(p − outcome)²/n; `None` without forecasts.
///
/// 0 for perfect forecasts, ¼ for always forecasting one half (G. W. Brier, 1950).
///
/// ```
/// use slo_core::forecast::brier_score;
///
/// let quarters = [(0.9, true), (0.8, true), (0.3, false)];
/// assert!((brier_score(&quarters)?.unwrap() - 0.046_667).abs() < 1e-6);
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// A probability outside 0 to 1.
pub fn brier_score(forecasts: &[(f64, bool)]) -> Result<Option<f64>, Error> {
    let mut sum = 0.0;
    for (index, (probability, outcome)) in forecasts.iter().enumerate() {
        let error = unit(&format!("forecast {index}"), *probability)? - f64::from(u8::from(*outcome));
        sum += error * error;
    }
    Ok((!forecasts.is_empty()).then(|| sum / forecasts.len() as f64))
}

/// The continuous ranked probability score of a sample of possible values.
///
/// E|X − y| − ½E|X − X′| against the observed y, in the unit of the values. 0 for a perfect forecast, and
/// |x − y| for a single value, so it can be compared with a point forecast. `None` without a sample.
///
/// ```
/// use slo_core::forecast::crps;
///
/// assert_eq!(crps(&[0.4], 0.1)?, Some(0.30000000000000004));
/// assert!(crps(&[0.1, 0.2, 0.3], 0.2)? < crps(&[0.0, 0.2, 0.4], 0.2)?); // sharper is better
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// Values that are not finite.
pub fn crps(sample: &[f64], observed: f64) -> Result<Option<f64>, Error> {
    if let Some(value) = sample.iter().chain([&observed]).find(|value| !value.is_finite()) {
        return Err(Error::new(format!("{value} is not a finite number")));
    }
    let mut sorted = sample.to_vec();
    sorted.sort_by(f64::total_cmp);
    let count = sorted.len() as f64;
    let distance: f64 = sorted.iter().map(|value| (value - observed).abs()).sum::<f64>() / count;
    // Σ over pairs of |x − x′| from the ranks of the sorted sample.
    let spread: f64 =
        sorted.iter().enumerate().map(|(rank, value)| (2.0 * rank as f64 + 1.0 - count) * value).sum();
    Ok((!sorted.is_empty()).then(|| (distance - spread / (count * count)).max(0.0)))
}
