//! The tiers of a policy that can fire on a history.

use crate::{
    Error,
    model::{AlertPolicy, Objective, Ratio, Tier, Window},
};

/// The tiers of a policy that can fire on a history, and those that cannot.
///
/// ```
/// use slo_core::{model::{AlertPolicy, Window}, replay::FittedTiers};
///
/// // Two days of five-minute steps, at an objective for which the fastest tier can never fire.
/// let policy = AlertPolicy::workbook();
/// let fitted = FittedTiers::of(&policy, "93%".parse()?, Window::minutes(5), 576)?;
/// assert_eq!((fitted.tiers.len(), fitted.unreachable.len(), fitted.blind.len()), (3, 1, 1));
/// assert!(fitted.rounded.is_empty());
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FittedTiers {
    /// The tiers to replay, with windows that are whole steps, fastest first.
    pub tiers: Vec<Tier>,
    /// All tiers with windows rounded to whole steps, fastest first; empty if no window had to be rounded.
    pub rounded: Vec<Tier>,
    /// Tiers that are left out, because no error ratio is above their threshold.
    pub unreachable: Vec<Tier>,
    /// Those of `tiers` that cannot fire, because the history is shorter than their long window.
    pub blind: Vec<Tier>,
}

impl FittedTiers {
    /// Fits `policy` for `objective` to a history of `steps` steps.
    ///
    /// # Errors
    /// Steps that are too long for every window; numbers that do not fit 128 bits.
    pub fn of(policy: &AlertPolicy, objective: Objective, step: Window, steps: usize) -> Result<Self, Error> {
        let is_rounded = !policy.windows().into_iter().all(|window| window.is_multiple_of(step));
        let fitted = if is_rounded { policy.fitted(step)? } else { policy.clone() };
        let length = step.as_millis().saturating_mul(steps as u64);
        let (mut tiers, mut unreachable) = (Vec::new(), Vec::new());
        for tier in fitted.tiers() {
            let can_fire = tier.is_reachable(objective, Ratio::ONE)?;
            if can_fire { &mut tiers } else { &mut unreachable }.push(*tier);
        }
        let blind = tiers.iter().filter(|tier| tier.long().as_millis() > length).copied().collect();
        let rounded = if is_rounded { fitted.tiers().to_vec() } else { Vec::new() };
        Ok(Self { tiers, rounded, unreachable, blind })
    }
}
