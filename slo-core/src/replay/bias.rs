//! The error of averaging ratios.

use crate::{Error, math::Tally};

/// The error ratio of all events, beside the mean of the steps' error ratios.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct RatioBias {
    /// ΣB/ΣN: the share of events that were bad.
    pub ratio_of_sums: f64,
    /// The mean of B/N over the steps with events: what rules that average a ratio record.
    pub mean_of_ratios: f64,
    /// Their difference, which is Cov(N, B/N)/mean(N): if busy steps fail more often, the mean is too low.
    pub bias: f64,
}

/// The error of the mean of ratios for these steps; `None` without events.
///
/// Steps without events are left out of both. Rules that record a ratio and average it over the period (the
/// 30-day SLI of several rule generators) have this error.
///
/// ```
/// use slo_core::{math::Tally, replay::ratio_bias};
///
/// // Twelve hours of day, twelve of night: at night, 2 % fail.
/// let day = vec![Tally::new(10_000, 5)?; 12];
/// let night = vec![Tally::new(100, 2)?; 12];
/// let bias = ratio_bias(day.into_iter().chain(night))?.unwrap();
/// let budget = 0.001;
/// assert!((bias.ratio_of_sums / budget - 0.693).abs() < 1e-3);
/// assert!((bias.mean_of_ratios / budget - 10.25).abs() < 1e-9); // fifteen times the truth
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// More events than 64 bits hold.
pub fn ratio_bias(steps: impl IntoIterator<Item = Tally>) -> Result<Option<RatioBias>, Error> {
    let (mut sum, mut ratios, mut count) = (Tally::EMPTY, 0.0, 0_u64);
    for step in steps {
        if let Some(ratio) = step.error_ratio() {
            sum = sum.checked_add(step)?;
            ratios += ratio;
            count += 1;
        }
    }
    Ok(sum.error_ratio().map(|ratio_of_sums| {
        let mean_of_ratios = ratios / count as f64;
        RatioBias { ratio_of_sums, mean_of_ratios, bias: ratio_of_sums - mean_of_ratios }
    }))
}
