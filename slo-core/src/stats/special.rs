//! Incomplete beta and gamma functions that keep their digits in the tails and for large counts.
//!
//! The powers in front of both functions are formed from saddle-point deviances (C. Loader, *Fast and
//! Accurate Computation of Binomial Probabilities*, 2000): the difference of three `ln_gamma` loses six
//! digits at a million events. The continued fractions run until they converge.

use std::f64::consts::{LN_2, PI};

const LN_TAU: f64 = 1.837_877_066_409_345_3;
const TINY: f64 = 1e-300;
/// More than any parameter up to [`LARGE`] needs.
const MOST_STEPS: u32 = 10_000_000;
/// Parameters from which on expansions in their reciprocal keep eleven digits.
const LARGE: f64 = 1e10;

/// The natural logarithms of a lower and an upper tail, which add up to one.
#[derive(Debug, Clone, Copy)]
pub(super) struct LnTails {
    pub(super) lower: f64,
    pub(super) upper: f64,
}

impl LnTails {
    const NOTHING: Self = Self { lower: f64::NEG_INFINITY, upper: 0.0 };
    const EVERYTHING: Self = Self { lower: 0.0, upper: f64::NEG_INFINITY };

    fn from_lower(lower: f64) -> Self {
        let lower = lower.min(0.0);
        Self { lower, upper: ln_one_minus_exp(lower) }
    }

    fn from_upper(upper: f64) -> Self {
        let Self { lower, upper } = Self::from_lower(upper);
        Self { lower: upper, upper: lower }
    }
}

/// ln(1 − e^x) for x ≤ 0 without losing digits at either end.
fn ln_one_minus_exp(x: f64) -> f64 {
    if x > -LN_2 { (-x.exp_m1()).ln() } else { (-x.exp()).ln_1p() }
}

/// ln Γ(x + 1) − (x + ½) ln x + x − ½ ln 2π, for x > 0.
fn stirling_error(x: f64) -> f64 {
    if x <= 15.0 {
        return libm::lgamma(x + 1.0) - (x + 0.5) * x.ln() + x - 0.5 * LN_TAU;
    }
    let square = x * x;
    let series = 1.0 / 1_188.0 / square;
    let series = (1.0 / 1_680.0 - series) / square;
    let series = (1.0 / 1_260.0 - series) / square;
    let series = (1.0 / 360.0 - series) / square;
    (1.0 / 12.0 - series) / x
}

/// x ln(x/m) + m − x, for x > 0 and m > 0.
fn deviance(x: f64, m: f64) -> f64 {
    if (x - m).abs() >= 0.1 * (x + m) {
        return x * (x / m).ln() + m - x;
    }
    let v = (x - m) / (x + m);
    let mut sum = (x - m) * v;
    let mut power = 2.0 * x * v;
    for odd in (3..1_000).step_by(2) {
        power *= v * v;
        let term = power / f64::from(odd);
        sum += term;
        if term.abs() <= sum.abs() * f64::EPSILON / 4.0 {
            break;
        }
    }
    sum
}

/// ln of Γ(a+b+1)/(Γ(a+1)Γ(b+1)) · x^a · y^b with y = 1 − x: the binomial probability of a among a + b.
pub(super) fn ln_binomial(a: f64, b: f64, x: f64, y: f64) -> f64 {
    let n = a + b;
    if a <= 0.0 {
        return n * ln_of(y, x);
    }
    if b <= 0.0 {
        return n * ln_of(x, y);
    }
    stirling_error(n) - stirling_error(a) - stirling_error(b) - deviance(a, n * x) - deviance(b, n * y)
        + 0.5 * (n / (2.0 * PI * a * b)).ln()
}

/// ln x where `rest` is 1 − x, from whichever is the smaller.
fn ln_of(x: f64, rest: f64) -> f64 {
    if rest < 0.5 { (-rest).ln_1p() } else { x.ln() }
}

/// ln of the Poisson probability of `x` at `mean`; x need not be whole.
pub(super) fn ln_poisson(x: f64, mean: f64) -> f64 {
    if x <= 0.0 {
        return -mean;
    }
    if mean <= 0.0 {
        return f64::NEG_INFINITY;
    }
    -stirling_error(x) - deviance(x, mean) - 0.5 * (2.0 * PI * x).ln()
}

/// ln B(a, b).
pub(super) fn ln_beta(a: f64, b: f64) -> f64 {
    let n = a + b;
    let powers = a * ln_of(a / n, b / n) + b * ln_of(b / n, a / n);
    powers + 0.5 * (2.0 * PI * n / a / b).ln() + stirling_error(a) + stirling_error(b) - stirling_error(n)
}

/// `ln I_x(a, b)` and `ln(1 − I_x(a, b))`, with y = 1 − x.
pub(super) fn ln_beta_tails(a: f64, b: f64, x: f64, y: f64) -> LnTails {
    if x <= 0.0 {
        return LnTails::NOTHING;
    }
    if y <= 0.0 {
        return LnTails::EVERYTHING;
    }
    if a.min(b) > LARGE {
        return ln_large_beta_tails(a, b, x, y);
    }
    // x^a y^b / B(a, b)
    let power = ln_binomial(a, b, x, y) + (a * b / (a + b)).ln();
    if x < (a + 1.0) / (a + b + 2.0) {
        LnTails::from_lower(power - beta_fraction(a, b, x, y).ln())
    } else {
        LnTails::from_upper(power - beta_fraction(b, a, y, x).ln())
    }
}

/// x^a y^b / (B(a, b) `I_x(a, b)`), a continued fraction (A. R. `DiDonato` and A. H. Morris, 1992), by
/// Lentz's method. It loses nothing where x is close to 1, unlike the better known one (DLMF 8.17.22).
fn beta_fraction(a: f64, b: f64, x: f64, y: f64) -> f64 {
    let keep = |value: f64| if value.abs() < TINY { TINY } else { value };
    let spare = a * y - b * x + 1.0;
    let mut fraction = keep(a * spare / (a + 1.0));
    let (mut c, mut d) = (fraction, 0.0);
    for step in 1..MOST_STEPS {
        let n = f64::from(step);
        let before = a + 2.0 * n - 1.0;
        let numerator = (a + n - 1.0) / before * ((a + b + n - 1.0) / before) * (n * (b - n) * x * x);
        let denominator =
            n + n * (b - n) * x / before + (a + n) * (spare + n * (1.0 + y)) / (a + 2.0 * n + 1.0);
        d = 1.0 / keep(denominator + numerator * d);
        c = keep(denominator + numerator / c);
        let factor = c * d;
        fraction *= factor;
        if (factor - 1.0).abs() <= f64::EPSILON {
            break;
        }
    }
    fraction
}

/// [`ln_beta_tails`] for two large parameters: DLMF 8.18.9, with one term.
fn ln_large_beta_tails(a: f64, b: f64, x: f64, y: f64) -> LnTails {
    let n = a + b;
    let (at, rest) = (a / n, b / n);
    let spread = deviance(a, n * x) + deviance(b, n * y);
    let distance = if y < 0.5 { rest - y } else { x - at };
    let eta = distance.signum() * (2.0 * spread / n).sqrt();
    let root = (at * rest).sqrt();
    let correction =
        if eta.abs() < 1e-4 { (1.0 - 2.0 * at) / (3.0 * root) } else { 1.0 / eta - root / distance };
    ln_uniform_tails(spread, eta, -correction / (2.0 * PI * n).sqrt())
}

/// ln of the lower and upper tail, ½ erfc(∓√spread) ∓ correction·e^−spread, for the sign of `eta`.
fn ln_uniform_tails(spread: f64, eta: f64, correction: f64) -> LnTails {
    let z = spread.sqrt();
    // ½ erfc(z) e^z²; from here on by its asymptotic series.
    let scaled = if z < 20.0 {
        0.5 * libm::erfc(z) * spread.exp()
    } else {
        let inverse = 0.5 / spread;
        (1.0 - inverse * (1.0 - 3.0 * inverse)) / (2.0 * z * PI.sqrt())
    };
    if eta < 0.0 {
        LnTails::from_lower((scaled - correction).max(0.0).ln() - spread)
    } else {
        LnTails::from_upper((scaled + correction).max(0.0).ln() - spread)
    }
}

/// ln P(a, x) and ln Q(a, x), the incomplete gamma functions.
pub(super) fn ln_gamma_tails(a: f64, x: f64) -> LnTails {
    if x <= 0.0 {
        return LnTails::NOTHING;
    }
    if a > LARGE { ln_large_gamma_tails(a, x) } else { ln_gamma_tails_by_terms(a, x) }
}

/// [`ln_gamma_tails`] for a large parameter: DLMF 8.12.3 and 8.12.4, with one term.
fn ln_large_gamma_tails(a: f64, x: f64) -> LnTails {
    let spread = deviance(a, x);
    let eta = (x / a - 1.0).signum() * (2.0 * spread / a).sqrt();
    let correction = if eta.abs() < 1e-4 { -1.0 / 3.0 + eta / 12.0 } else { 1.0 / (x / a - 1.0) - 1.0 / eta };
    ln_uniform_tails(spread, eta, correction / (2.0 * PI * a).sqrt())
}

fn ln_gamma_tails_by_terms(a: f64, x: f64) -> LnTails {
    // x^a e^−x / Γ(a + 1)
    let power = ln_poisson(a, x);
    if x < a + 1.0 {
        let (mut term, mut sum) = (1.0, 1.0);
        for step in 1..MOST_STEPS {
            term *= x / (a + f64::from(step));
            sum += term;
            if term <= sum * f64::EPSILON {
                break;
            }
        }
        return LnTails::from_lower(power + sum.ln());
    }
    // DLMF 8.9.2, by Lentz's method.
    let mut b = x + 1.0 - a;
    let mut c = 1.0 / TINY;
    let mut d = 1.0 / b;
    let mut fraction = d;
    for step in 1..MOST_STEPS {
        let m = f64::from(step);
        b += 2.0;
        let term = -m * (m - a);
        d = term * d + b;
        d = 1.0 / if d.abs() < TINY { TINY } else { d };
        c = b + term / c;
        c = if c.abs() < TINY { TINY } else { c };
        let factor = d * c;
        fraction *= factor;
        if (factor - 1.0).abs() <= f64::EPSILON {
            break;
        }
    }
    LnTails::from_upper(power + a.ln() + fraction.ln())
}

/// ln of the standard normal's upper tail.
pub(super) fn ln_normal_upper(z: f64) -> f64 {
    (0.5 * libm::erfc(z / std::f64::consts::SQRT_2)).ln()
}

/// The z above which the standard normal has the probability `upper`, in (0, 1).
pub(super) fn normal_quantile(upper: f64) -> f64 {
    if upper > 0.5 {
        return -normal_quantile_above(1.0 - upper);
    }
    normal_quantile_above(upper)
}

fn normal_quantile_above(upper: f64) -> f64 {
    let target = upper.ln();
    solve(0.0, 38.5, 1.0, |z| {
        let tail = ln_normal_upper(z);
        let density = -0.5 * z * z - 0.5 * LN_TAU;
        (target - tail, (density - tail).exp())
    })
}

/// Which tail of a distribution a probability is of.
#[derive(Debug, Clone, Copy)]
pub(super) enum Tail {
    Lower,
    Upper,
}

/// The x at which the given tail of Beta(a, b) has the probability `p`, in (0, 1).
pub(super) fn beta_quantile(tail: Tail, p: f64, a: f64, b: f64) -> f64 {
    let target = p.ln();
    // In u = ln x, tails are close to straight lines.
    let u = solve(-760.0, 0.0, (a / (a + b)).ln(), |u| {
        let (x, y) = (u.exp(), -u.exp_m1());
        let tails = ln_beta_tails(a, b, x, y);
        // The density times x.
        let density = ln_binomial(a, b, x, y) + (a * b / (a + b)).ln() - ln_of(y, x);
        match tail {
            Tail::Lower => (tails.lower - target, (density - tails.lower).exp()),
            Tail::Upper => (target - tails.upper, (density - tails.upper).exp()),
        }
    });
    u.exp()
}

/// The x at which the given tail of Gamma(shape, 1) has the probability `p`, in (0, 1).
pub(super) fn gamma_quantile(tail: Tail, p: f64, shape: f64) -> f64 {
    let target = p.ln();
    let u = solve(-760.0, 60.0, shape.ln(), |u| {
        let x = u.exp();
        let tails = ln_gamma_tails(shape, x);
        let density = ln_poisson(shape, x) + shape.ln();
        match tail {
            Tail::Lower => (tails.lower - target, (density - tails.lower).exp()),
            Tail::Upper => (target - tails.upper, (density - tails.upper).exp()),
        }
    });
    u.exp()
}

/// The root of an increasing function within [low, high], by Newton's method kept inside a bracket.
///
/// `f` gives the value and the slope. Where no sign changes, the nearer end.
pub(super) fn solve(low: f64, high: f64, start: f64, f: impl Fn(f64) -> (f64, f64)) -> f64 {
    let (mut low, mut high) = (low, high);
    let mut at = start.clamp(low, high);
    for _ in 0..200 {
        let (value, slope) = f(at);
        if value == 0.0 {
            return at;
        }
        // A value that is not a number can only come from an end of the bracket: step back from it.
        if value < 0.0 {
            low = at;
        } else {
            high = at;
        }
        let newton = at - value / slope;
        let next = if newton > low && newton < high { newton } else { f64::midpoint(low, high) };
        if (next - at).abs() <= 2.0 * f64::EPSILON * next.abs() {
            return next;
        }
        at = next;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(found: f64, expected: f64, tolerance: f64) {
        assert!((found - expected).abs() <= expected.abs() * tolerance, "{found} is not {expected}");
    }

    /// Expected values: mpmath 1.3 at 40 digits.
    #[test]
    fn keeps_its_digits_for_large_counts() {
        check(ln_beta_tails(144.0, 9_857.0, 0.01, 0.99).lower.exp(), 1.896_386_773_936_895e-5, 1e-13);
        check(ln_beta_tails(1e6, 1e9, 0.00099, 0.99901).lower.exp(), 7.736_701_210_197_037e-20, 1e-12);
        check(ln_gamma_tails(1e6, 1.01e6).upper.exp(), 1.060_699_747_758_69e-23, 1e-12);
    }

    /// Both ways of the tails agree where they meet, and halves stay halves beyond.
    #[test]
    fn large_parameters_follow_on() {
        let close = |one: LnTails, other: LnTails| {
            check(one.lower.exp(), other.lower.exp(), 1e-9);
            check(one.upper.exp(), other.upper.exp(), 1e-9);
        };
        for deviations in [-6.0, -1.0, -0.001, 0.0, 0.5, 7.0] {
            let (a, b) = (LARGE, 3.0 * LARGE);
            let x = a + deviations * a.sqrt();
            close(ln_large_gamma_tails(a, x), ln_gamma_tails_by_terms(a, x));
            let x = a / (a + b) + deviations * (a * b / (a + b).powi(3)).sqrt();
            let power = ln_binomial(a, b, x, 1.0 - x) + (a * b / (a + b)).ln();
            let by_terms = if x < a / (a + b) {
                LnTails::from_lower(power - beta_fraction(a, b, x, 1.0 - x).ln())
            } else {
                LnTails::from_upper(power - beta_fraction(b, a, 1.0 - x, x).ln())
            };
            close(ln_large_beta_tails(a, b, x, 1.0 - x), by_terms);
        }
        for n in [1e13, 1e16, 1e18] {
            check(ln_gamma_tails(n, n).lower.exp(), 0.5, 1e-6);
        }
    }

    #[test]
    fn quantiles_undo_tails() {
        for (a, b) in [(0.5, 10.5), (1.0, 1e9), (30.5, 49_970.5), (1e6, 2.0)] {
            for p in [1e-12, 0.025, 0.5, 0.975] {
                let x = beta_quantile(Tail::Lower, p, a, b);
                check(ln_beta_tails(a, b, x, 1.0 - x).lower.exp(), p, 1e-8);
            }
        }
        for shape in [0.5, 1.0, 11.0, 1e6] {
            for p in [1e-12, 0.025, 0.975] {
                check(ln_gamma_tails(shape, gamma_quantile(Tail::Upper, p, shape)).upper.exp(), p, 1e-8);
            }
        }
    }

    #[test]
    fn knows_the_normal_table() {
        check(normal_quantile(0.025), 1.959_963_984_540_054, 1e-14);
        check(normal_quantile(0.975), -1.959_963_984_540_054, 1e-14);
        check(normal_quantile(0.2), 0.841_621_233_572_914_3, 1e-14);
        check(normal_quantile(1e-300), 37.047_096_299_361_16, 1e-12);
        assert!(normal_quantile(0.5).abs() < 1e-15);
    }
}
