//! Student's distribution, for the mean of few values.

use super::special::{Tail, beta_quantile, ln_beta_tails};

/// P(T > t) with `freedom` degrees of freedom, a positive number.
pub(crate) fn student_upper_tail(t: f64, freedom: f64) -> f64 {
    let square = t * t;
    let (x, y) = (freedom / (freedom + square), square / (freedom + square));
    let beyond = 0.5 * ln_beta_tails(freedom / 2.0, 0.5, x, y).lower.exp();
    if t >= 0.0 { beyond } else { 1.0 - beyond }
}

/// The quantile t with P(T < t) = `p`, for `p` above one half.
pub(crate) fn student_quantile(p: f64, freedom: f64) -> f64 {
    let x = beta_quantile(Tail::Lower, 2.0 * (1.0 - p), freedom / 2.0, 0.5);
    (freedom * (1.0 - x) / x).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of scipy 1.17's `stats.t`.
    #[test]
    fn agrees_with_tables() {
        for (p, freedom, t) in [
            (0.975, 1.0, 12.706_204_736_174_694),
            (0.975, 2.0, 4.302_652_729_749_462),
            (0.975, 10.0, 2.228_138_851_986_274),
            (0.995, 3.5, 5.085_702_223_091_256),
            (0.975, 1e6, 1.959_966_356_814_107),
        ] {
            let found = student_quantile(p, freedom);
            assert!((found / t - 1.0).abs() < 1e-7, "{freedom}: {found} is not {t}");
            assert!((student_upper_tail(t, freedom) - (1.0 - p)).abs() < 1e-9);
            assert!((student_upper_tail(-t, freedom) - p).abs() < 1e-9);
        }
        assert!((student_upper_tail(0.0, 3.0) - 0.5).abs() < 1e-15);
    }
}
