//! Tail probabilities of the distributions that counts follow.

use super::beta_order::beta_above_beta;
use super::special::{ln_beta, ln_beta_tails, ln_binomial, ln_gamma_tails, ln_normal_upper};
use crate::{
    Error,
    check::{not_negative, positive, unit},
};

/// P(X ≥ m) for a binomial X: `trials` events, each bad with probability `p`.
///
/// `I_p(m, n − m + 1)`, with all its digits down to the smallest doubles.
///
/// | m | probability |
/// |---|---|
/// | 0 | 1 |
/// | above `trials` | 0 |
///
/// ```
/// use slo_core::stats::binomial_at_least;
///
/// // How often do 2 of 70 requests fail by chance, where one in a thousand does?
/// let probability = binomial_at_least(2, 70, 0.001)?;
/// assert!((probability - 0.002_308_222_921).abs() < 1e-12);
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// A probability outside 0 to 1.
pub fn binomial_at_least(m: u64, trials: u64, p: f64) -> Result<f64, Error> {
    unit("probability", p)?;
    if m == 0 {
        return Ok(1.0);
    }
    if m > trials {
        return Ok(0.0);
    }
    Ok(ln_beta_tails(m as f64, (trials - m) as f64 + 1.0, p, 1.0 - p).lower.exp())
}

/// P(X ≥ m) for a Poisson X of the given mean: P(m, mean), the incomplete gamma function.
///
/// | m | probability |
/// |---|---|
/// | 0 | 1 |
/// | > 0, mean 0 | 0 |
///
/// ```
/// use slo_core::stats::poisson_at_least;
///
/// assert!((poisson_at_least(1, 0.05)? - 0.048_770_575_5).abs() < 1e-10);
/// assert!(poisson_at_least(160, 1.0)? < 1e-284); // and not 0
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// A negative or infinite mean, or NaN.
pub fn poisson_at_least(m: u64, mean: f64) -> Result<f64, Error> {
    not_negative("mean", mean)?;
    Ok(if m == 0 { 1.0 } else { ln_gamma_tails(m as f64, mean).lower.exp() })
}

/// P(X ≥ m) for a negative binomial X of the given mean, whose variance is mean + mean²/`size`.
///
/// `I_p(m, size)` with p = mean/(mean + size): counts that vary more than a Poisson's, such as lines of a log. The larger the
/// size, the closer they are to a Poisson's.
///
/// | m | probability |
/// |---|---|
/// | 0 | 1 |
/// | > 0, mean 0 | 0 |
///
/// ```
/// use slo_core::stats::negative_binomial_at_least;
///
/// // A geometric count, of mean 1: every further one halves the probability.
/// assert!((negative_binomial_at_least(5, 1.0, 1.0)? - 0.031_25).abs() < 1e-15);
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// A negative or infinite mean, or a size that is not positive.
pub fn negative_binomial_at_least(m: u64, mean: f64, size: f64) -> Result<f64, Error> {
    not_negative("mean", mean)?;
    crate::check::finite("mean + size", mean + positive("size", size)?)?;
    if m == 0 {
        return Ok(1.0);
    }
    let (p, q) = (mean / (mean + size), size / (mean + size));
    Ok(if mean == 0.0 { 0.0 } else { ln_beta_tails(m as f64, size, p, q).lower.exp() })
}

/// P(Z > z) for a standard normal Z.
///
/// ```
/// use slo_core::stats::normal_above;
///
/// assert!((normal_above(1.959_963_984_540_054)? - 0.025).abs() < 1e-15);
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// A z that is infinite or NaN.
pub fn normal_above(z: f64) -> Result<f64, Error> {
    let z = crate::check::finite("z", z)?;
    Ok(if z < 0.0 { 1.0 - ln_normal_upper(-z).exp() } else { ln_normal_upper(z).exp() })
}

/// P(X > x) for X ~ Beta(a, b), such as the posterior of an error ratio.
///
/// ```
/// use slo_core::stats::beta_above;
///
/// // After 1 bad of 1,000 (Jeffreys' prior): is the error ratio above 0.1 %?
/// assert!((beta_above(0.001, 1.5, 999.5)? - 0.572_302_877_8).abs() < 1e-9);
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// x outside 0 to 1, or parameters that are not positive.
pub fn beta_above(x: f64, a: f64, b: f64) -> Result<f64, Error> {
    unit("x", x)?;
    crate::check::finite("a + b", positive("a", a)? + positive("b", b)?)?;
    Ok(ln_beta_tails(a, b, x, 1.0 - x).upper.exp())
}

/// P(X ≥ m) for a hypergeometric X: `drawn` of `all` events are examined, and `marked` of all are bad.
///
/// ```
/// use slo_core::stats::hypergeometric_at_least;
///
/// // Can all three bad events of 200 fall on the canary's 100 by chance?
/// assert!((hypergeometric_at_least(3, 200, 3, 100)? - 0.123_115_577_9).abs() < 1e-9);
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// More marked or drawn events than there are, or more than 10^14 of both.
pub fn hypergeometric_at_least(m: u64, all: u64, marked: u64, drawn: u64) -> Result<f64, Error> {
    if marked > all || drawn > all {
        return Err(Error::new(format!("{marked} marked or {drawn} drawn are more than all {all} events")));
    }
    let most = marked.min(drawn);
    // At least marked + drawn − all of them are both; in numbers that cannot overflow.
    let least = marked.saturating_sub(all - drawn);
    if most.min((all - marked).min(all - drawn)) > MOST_MARKED {
        return Err(Error::new(format!(
            "{marked} marked and {drawn} drawn of {all} are too many to be summed"
        ))
        .with_hint("use the two-proportion z test, which is as good with so many events"));
    }
    if m <= least {
        return Ok(1.0);
    }
    if m > most {
        return Ok(0.0);
    }
    // Loader's form: three binomials with the same p, which cancels.
    let p = drawn as f64 / all as f64;
    let ln_at = |k: u64| {
        let binomial = |hit: u64, of: u64| ln_binomial(hit as f64, (of - hit) as f64, p, 1.0 - p);
        if drawn == 0 || drawn == all {
            return 0.0;
        }
        binomial(k, marked) + binomial(drawn - k, all - marked) - binomial(drawn, all)
    };
    // P(k + 1)/P(k)
    let ratio = |k: u64| {
        let up = (marked - k) as f64 * (drawn - k) as f64;
        // all − marked − drawn + k + 1, likewise.
        let neither = if all - marked >= drawn {
            all - marked - drawn + k + 1
        } else {
            k + 1 - (drawn - (all - marked))
        };
        up / ((k + 1) as f64 * neither as f64)
    };
    let mode = (u128::from(marked) + 1) * (u128::from(drawn) + 1) / (u128::from(all) + 2);
    if u128::from(m) > mode {
        return Ok(sum_from(ln_at(m), (m..most).map(ratio)));
    }
    Ok(1.0 - sum_from(ln_at(m - 1), (least + 1..m).rev().map(|k| 1.0 / ratio(k - 1))))
}

/// P(X ≥ m) for a beta-binomial X: `trials` events whose probability of being bad is Beta(a, b).
///
/// A forecast of the next events, if the error ratio itself is only known from past ones. Up to ten million
/// trials, all digits are right; beyond that, about ten decimals.
///
/// ```
/// use slo_core::stats::beta_binomial_at_least;
///
/// // A uniform prior makes every count equally likely.
/// assert!((beta_binomial_at_least(8, 9, 1.0, 1.0)? - 0.2).abs() < 1e-14);
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// Parameters that are not positive.
pub fn beta_binomial_at_least(m: u64, trials: u64, a: f64, b: f64) -> Result<f64, Error> {
    positive("a", a)?;
    positive("b", b)?;
    if m == 0 {
        return Ok(1.0);
    }
    if m > trials {
        return Ok(0.0);
    }
    let n = trials as f64;
    crate::check::finite("a + b", a + b)?;
    if trials > MOST_TRIALS {
        // m of n events have happened once the m-th of n uniform numbers is below the probability.
        return Ok(beta_above_beta((a, b), (m as f64, (trials - m) as f64 + 1.0), 0.0));
    }
    let ln_at = |k: u64| {
        let k = k as f64;
        ln_beta(k + a, n - k + b) - ln_beta(a, b) - ln_beta(k + 1.0, n - k + 1.0) - (n + 1.0).ln()
    };
    let ratio = |k: u64| {
        let k = k as f64;
        (n - k) * (k + a) / ((k + 1.0) * (n - k - 1.0 + b))
    };
    if m as f64 > n * a / (a + b) {
        return Ok(sum_from(ln_at(m), (m..trials).map(ratio)));
    }
    Ok((1.0 - sum_from(ln_at(m - 1), (1..m).rev().map(|k| 1.0 / ratio(k - 1)))).max(0.0))
}

/// Beyond these, sums over single counts take too long.
const MOST_MARKED: u64 = 100_000_000_000_000;
const MOST_TRIALS: u64 = 10_000_000;

/// The sum of terms that begin with e^`ln_first`, each `ratio` times the one before.
fn sum_from(ln_first: f64, ratios: impl Iterator<Item = f64>) -> f64 {
    let (mut term, mut sum) = (1.0, 1.0);
    for ratio in ratios {
        term *= ratio;
        sum += term;
        // Ratios fall along a tail, so what follows is smaller than a geometric series.
        if ratio < 1.0 && term / (1.0 - ratio) < sum * 1e-17 {
            break;
        }
    }
    (ln_first + f64::ln(sum)).exp().min(1.0)
}
