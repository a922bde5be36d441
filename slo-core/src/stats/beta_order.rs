//! Which of two beta-distributed numbers is the larger.

use super::special::{Tail, beta_quantile, ln_beta_tails, ln_binomial};

/// P(X > Y + margin) for independent X ~ Beta(`above`) and Y ~ Beta(`below`).
///
/// Integrated over the narrower of the two, in the logit of its distance to where the other one ends.
pub(super) fn beta_above_beta(above: (f64, f64), below: (f64, f64), margin: f64) -> f64 {
    let variance = |(a, b): (f64, f64)| a / (a + b) * (b / (a + b)) / (a + b + 1.0);
    if variance(below) > variance(above) {
        // The same of the complements: 1 − Y > 1 − X + margin.
        let complement = |(a, b): (f64, f64)| (b, a);
        return beta_above_beta(complement(below), complement(above), margin);
    }
    let (a, b) = below;
    // Outside these bounds, the probability of Y is negligible. 1 − high is computed directly, since high may
    // be close to 1.
    let low = beta_quantile(Tail::Lower, NEGLIGIBLE, a, b).max(f64::MIN_POSITIVE);
    let rest = beta_quantile(Tail::Lower, NEGLIGIBLE, b, a).max(f64::MIN_POSITIVE);
    let room = 1.0 - margin;
    // From Y's upper end to where X can no longer be above it by the margin.
    let gap = if margin > 0.0 { (rest - margin).max(room * 1e-15) } else { rest };
    let (from, to) = ((low / (room - low)).ln(), (1.0 - rest).ln() - gap.ln());
    // What lies below, if the prior leaves anything there: X has to be above the margin only.
    let below_low = (ln_beta_tails(a, b, low, 1.0 - low).lower
        + ln_beta_tails(above.0, above.1, margin, room).upper)
        .exp();
    // Where Y never comes close enough, nothing else is left.
    if from.partial_cmp(&to) != Some(std::cmp::Ordering::Less) {
        return below_low;
    }
    let step = (to - from) / f64::from(NODES);
    let mut sum = 0.0;
    for node in 0..=NODES {
        let at = from + f64::from(node) * step;
        // Y = p, and what is left of it up to 1 − margin.
        let (p, rest) = (room / (1.0 + (-at).exp()), room / (1.0 + at.exp()));
        let density =
            (ln_binomial(a, b, p, rest + margin) + (a * b / (a + b)).ln()).exp() / (p * (rest + margin));
        let tail = ln_beta_tails(above.0, above.1, p + margin, rest).upper.exp();
        let weight = if node == 0 || node == NODES { 0.5 } else { 1.0 };
        sum += weight * density * tail * p * rest / room;
    }
    (sum * step + below_low).clamp(0.0, 1.0)
}

const NEGLIGIBLE: f64 = 1e-18;
const NODES: u32 = 1_000;
