//! Services made of services: their availability, and how to divide a budget among their parts.

use super::Tally;
use crate::{
    Error,
    check::unit,
    model::{Objective, Ratio},
};

/// The availability of a chain in which all parts must work: `ΠAᵢ`.
///
/// A model for parts that fail independently. If requests can be traced through all parts, count them
/// instead. 1 for no parts.
///
/// ```
/// use slo_core::math::serial;
///
/// // What can ten services of 99.9 % in a row promise?
/// assert!((serial(&[0.999; 10])? - 0.990_044_880_2).abs() < 1e-9);
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// An availability outside 0 to 1.
pub fn serial(availabilities: &[f64]) -> Result<f64, Error> {
    checked(availabilities).map(|parts| parts.iter().product())
}

/// Bounds for the availability of a chain, even if its parts fail together.
///
/// Fréchet's bounds, `max(0, ΣAᵢ − (n−1))` to `min Aᵢ`. The lower one is 1 minus the sum of all error
/// budgets.
///
/// ```
/// use slo_core::math::serial_bounds;
///
/// let (least, most) = serial_bounds(&[0.999, 0.9995, 0.9999])?;
/// assert!((least - 0.9984).abs() < 1e-12 && most == 0.999);
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// An availability outside 0 to 1.
pub fn serial_bounds(availabilities: &[f64]) -> Result<(f64, f64), Error> {
    let parts = checked(availabilities)?;
    let missing: f64 = parts.iter().map(|part| 1.0 - part).sum();
    let most = parts.iter().copied().fold(1.0, f64::min);
    Ok(((1.0 - missing).clamp(0.0, most), most))
}

/// The availability of alternatives of which one must work: 1 − Π(1 − Aᵢ).
///
/// For alternatives that fail independently; 0 for no parts. Replicas rarely do: see [`common_cause`].
///
/// ```
/// use slo_core::math::parallel;
///
/// assert!((parallel(&[0.99, 0.99])? - 0.9999).abs() < 1e-15);
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// An availability outside 0 to 1.
pub fn parallel(availabilities: &[f64]) -> Result<f64, Error> {
    checked(availabilities).map(|parts| 1.0 - parts.iter().map(|part| 1.0 - part).product::<f64>())
}

/// Bounds for the availability of alternatives, even if they fail together.
///
/// Fréchet's bounds, `max Aᵢ` to `min(1, ΣAᵢ)`; 0 to 0 for no parts.
///
/// ```
/// use slo_core::math::parallel_bounds;
///
/// assert_eq!(parallel_bounds(&[0.25, 0.5])?, (0.5, 0.75));
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// An availability outside 0 to 1.
pub fn parallel_bounds(availabilities: &[f64]) -> Result<(f64, f64), Error> {
    let parts = checked(availabilities)?;
    Ok((parts.iter().copied().fold(0.0, f64::max), parts.iter().sum::<f64>().min(1.0)))
}

/// The probability that at least `needed` of the parts work, if they fail independently.
///
/// The parts may differ: a Poisson-binomial tail, by adding one part after the other (O(n²)).
///
/// ```
/// use slo_core::math::k_of_n;
///
/// // A quorum of two of three.
/// assert!((k_of_n(2, &[0.99; 3])? - 0.999_702).abs() < 1e-12);
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// An availability outside 0 to 1.
pub fn k_of_n(needed: usize, availabilities: &[f64]) -> Result<f64, Error> {
    // exactly[k] is the probability that k of the parts so far work.
    let mut exactly = vec![1.0];
    for part in checked(availabilities)? {
        let mut fewer = 0.0;
        exactly.push(0.0);
        for probability in &mut exactly {
            let before = *probability;
            *probability = fewer * part + before * (1.0 - part);
            fewer = before;
        }
    }
    let (fail, work) = exactly.split_at(needed.min(exactly.len()));
    let (fail, work) = (fail.iter().sum::<f64>(), work.iter().sum::<f64>());
    // The smaller side has kept its digits.
    // An empty sum is −0.
    Ok(if fail < work { 1.0 - fail } else { work + 0.0 })
}

/// The unavailability of replicas that share some of their failures.
///
/// One of the equal `replicas` must work; the share `common` of each one's failures hits all of them:
/// 1 − (1 − cq)(1 − ((1−c)q)ⁿ), the β-factor model. Two replicas of 99 % that share a tenth of their failures
/// are ten times worse than two independent ones.
///
/// ```
/// use slo_core::math::common_cause;
///
/// assert!((common_cause(2, 0.01, 0.1)? - 1.080_919e-3).abs() < 1e-12);
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// Shares outside 0 to 1.
pub fn common_cause(replicas: u32, unavailability: f64, common: f64) -> Result<f64, Error> {
    let (q, c) = (unit("unavailability", unavailability)?, unit("common share", common)?);
    let (together, alone) = (c * q, ((1.0 - c) * q).powf(f64::from(replicas)));
    // 1 − (1 − x)(1 − y), without the cancellation.
    Ok(together + alone - together * alone)
}

/// The weighted share of good events, ΣwᵢGᵢ/ΣwᵢNᵢ; `None` without events.
///
/// ```
/// use slo_core::math::{Tally, weighted_sli};
///
/// // A checkout matters three times as much as a page view.
/// let sli = weighted_sli(&[(3.0, Tally::new(1_000, 1)?), (1.0, Tally::new(100, 1)?)])?;
/// assert!((sli.unwrap() - 0.998_709_677_4).abs() < 1e-9);
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// A weight that is negative or not finite.
pub fn weighted_sli(parts: &[(f64, Tally)]) -> Result<Option<f64>, Error> {
    let (mut bad, mut total) = (0.0, 0.0);
    for (index, (weight, tally)) in parts.iter().enumerate() {
        let weight = crate::check::not_negative(&format!("weight {index}"), *weight)?;
        bad += weight * tally.bad() as f64;
        total += weight * tally.total() as f64;
    }
    if !f64::is_finite(total) {
        return Err(Error::new("the number of weighted events does not fit a 64-bit float"));
    }
    Ok((total > 0.0).then(|| 1.0 - bad / total))
}

/// Objectives for the parts of a chain that divide its budget by weights: sᵢ = 1 − wᵢβ, exact.
///
/// The budgets of the parts add up to that of the chain, so it meets its objective even if the parts fail
/// together. Weights are relative to their sum.
///
/// ```
/// use slo_core::{math::allocate_budget, model::Ratio};
///
/// let parts = allocate_budget("99.9%".parse()?, &[5, 3, 2].map(Ratio::whole))?;
/// assert_eq!(parts[0].to_string(), "99.95%");
/// assert_eq!(parts[2].to_string(), "99.98%");
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// No weights, a weight of zero, or a part that is not an objective, such as one with more than ten decimals.
pub fn allocate_budget(objective: Objective, weights: &[Ratio]) -> Result<Vec<Objective>, Error> {
    let too_fine = || Error::new("the weights have more digits than can be kept exactly");
    let sum =
        weights.iter().try_fold(Ratio::ZERO, |sum, weight| sum.checked_add(*weight)).ok_or_else(too_fine)?;
    let part = |weight: &Ratio| {
        let share = weight.checked_div(sum).filter(|share| *share > Ratio::ZERO);
        let share = share.ok_or_else(|| Error::new(format!("a weight of {weight} leaves no budget")))?;
        let budget = share.checked_mul(objective.budget()).ok_or_else(too_fine)?;
        let percent = Ratio::ONE.checked_sub(budget).and_then(|ratio| ratio.checked_mul(Ratio::whole(100)));
        let percent = percent.and_then(Ratio::to_decimal).ok_or_else(too_fine)?;
        format!("{percent}%").parse()
    };
    if weights.is_empty() {
        return Err(Error::new("there are no weights to divide the budget by"));
    }
    weights.iter().map(part).collect()
}

/// Availabilities for the parts of a chain whose product is the objective: sᵢ = s^{wᵢ/Σw}.
///
/// For parts that fail independently; slightly more generous than [`allocate_budget`].
///
/// ```
/// use slo_core::math::{allocate_product, serial};
///
/// let parts = allocate_product("99.9%".parse()?, &[0.5, 0.3, 0.2])?;
/// assert!((serial(&parts)? - 0.999).abs() < 1e-12);
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// No weights, or weights that are not positive.
pub fn allocate_product(objective: Objective, weights: &[f64]) -> Result<Vec<f64>, Error> {
    for (index, weight) in weights.iter().enumerate() {
        crate::check::positive(&format!("weight {index}"), *weight)?;
    }
    let sum: f64 = weights.iter().sum();
    if weights.is_empty() || !sum.is_finite() {
        return Err(Error::new("the weights have no finite sum above zero"));
    }
    let ln = (-objective.budget().to_f64()).ln_1p();
    Ok(weights.iter().map(|weight| (ln * weight / sum).exp()).collect())
}

fn checked(availabilities: &[f64]) -> Result<&[f64], Error> {
    for (index, availability) in availabilities.iter().enumerate() {
        unit(&format!("availability {index}"), *availability)?;
    }
    Ok(availabilities)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_empty_cases() {
        assert_eq!(serial(&[]), Ok(1.0));
        assert_eq!(parallel(&[]), Ok(0.0));
        assert_eq!(k_of_n(0, &[]), Ok(1.0));
        assert_eq!(k_of_n(1, &[]), Ok(0.0));
        assert_eq!(weighted_sli(&[]), Ok(None));
        assert!(allocate_budget("99%".parse().unwrap(), &[]).is_err());
        assert!(allocate_product("99%".parse().unwrap(), &[]).is_err());
    }

    #[test]
    fn k_of_n_lies_between_serial_and_parallel() {
        let parts = [0.9, 0.99, 0.95, 0.8];
        assert!((k_of_n(4, &parts).unwrap() - serial(&parts).unwrap()).abs() < 1e-15);
        assert!((k_of_n(1, &parts).unwrap() - parallel(&parts).unwrap()).abs() < 1e-15);
        let bounds = serial_bounds(&parts).unwrap();
        assert!(bounds.0 <= serial(&parts).unwrap() && serial(&parts).unwrap() <= bounds.1);
        let bounds = parallel_bounds(&parts).unwrap();
        assert!(bounds.0 <= parallel(&parts).unwrap() && parallel(&parts).unwrap() <= bounds.1);
    }

    #[test]
    fn refuses_what_is_no_share() {
        for value in [-0.1, 1.1, f64::NAN] {
            assert!(serial(&[value]).is_err());
            assert!(common_cause(2, value, 0.1).is_err());
        }
        assert!(weighted_sli(&[(f64::NAN, Tally::EMPTY)]).is_err());
        assert!(allocate_budget("99.9%".parse().unwrap(), &[Ratio::ONE, Ratio::whole(2)]).is_err());
    }
}
