//! Error-budget policies: stages that depend on how much budget is left.

use crate::{Error, check::unit};

/// The stages of an error-budget policy, such as *freeze features below 0 %*, with hysteresis.
///
/// A stage begins when the remaining share of the budget falls to its bound. It ends when that share is above
/// the bound by more than the hysteresis, so that a budget near a bound does not change the stage every day.
///
/// ```
/// use slo_core::math::BudgetPolicy;
///
/// let policy = BudgetPolicy::new([("careful", 0.25), ("freeze", 0.0)], 0.05)?;
/// let stage = policy.next(None, 0.2);
/// assert_eq!(stage.map(|stage| policy.name(stage)), Some("careful"));
/// assert_eq!(policy.next(stage, 0.29), stage); // better, but within the hysteresis
/// assert_eq!(policy.next(stage, 0.31), None);
/// let frozen = policy.next(stage, -0.1);
/// assert_eq!(frozen.map(|stage| policy.name(stage)), Some("freeze"));
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct BudgetPolicy {
    // Bounds fall; never empty.
    stages: Vec<(String, f64)>,
    // In [0, 1].
    hysteresis: f64,
}

/// A stage of a [`BudgetPolicy`]; later ones are stricter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stage(usize);

impl BudgetPolicy {
    /// A policy from its stages, mildest first: names, and the remaining shares at which they begin.
    ///
    /// # Errors
    /// No stages, bounds that do not fall or are above 1, or a hysteresis outside 0 to 1.
    pub fn new<Name: Into<String>>(
        stages: impl IntoIterator<Item = (Name, f64)>,
        hysteresis: f64,
    ) -> Result<Self, Error> {
        let stages: Vec<(String, f64)> =
            stages.into_iter().map(|(name, bound)| (name.into(), bound)).collect();
        unit("hysteresis", hysteresis)?;
        let mut before = f64::INFINITY;
        for (name, bound) in &stages {
            if !bound.is_finite() || *bound > 1.0 {
                return Err(Error::new(format!("{name}: the remaining share of a budget cannot be {bound}"))
                    .with_hint("write a number up to 1; below 0 is overspent"));
            }
            if *bound >= before {
                return Err(Error::new(format!("{name}: {bound} is not below the stage before it"))
                    .with_hint("list the stages mildest first"));
            }
            before = *bound;
        }
        if stages.is_empty() {
            return Err(Error::new("the policy has no stages"));
        }
        Ok(Self { stages, hysteresis })
    }

    /// The name of a stage.
    #[must_use]
    pub fn name(&self, stage: Stage) -> &str {
        self.stages.get(stage.0).map_or("", |(name, _)| name)
    }

    /// The stage after `current`, if the share `remaining` is left; `None` if no stage applies.
    ///
    /// If the share is NaN, the stage does not change.
    #[must_use]
    pub fn next(&self, current: Option<Stage>, remaining: f64) -> Option<Stage> {
        if remaining.is_nan() {
            return current;
        }
        let in_force = |index: usize, bound: f64| {
            let held = current.is_some_and(|current| index <= current.0);
            remaining <= if held { bound + self.hysteresis } else { bound }
        };
        let stages = self.stages.iter().enumerate();
        stages
            .filter(|(index, (_, bound))| in_force(*index, *bound))
            .map(|(index, _)| Stage(index))
            .next_back()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_through_all_stages_and_back() {
        let policy = BudgetPolicy::new([("a", 0.5), ("b", 0.2), ("c", 0.0)], 0.1).unwrap();
        let mut stage = None;
        let mut seen = Vec::new();
        for remaining in [0.6, 0.5, 0.55, 0.2, 0.29, 0.31, -1.0, f64::NAN, 0.05, 0.11, 0.61] {
            stage = policy.next(stage, remaining);
            seen.push(stage.map_or("-", |stage| policy.name(stage)));
        }
        assert_eq!(seen, ["-", "a", "a", "b", "b", "a", "c", "c", "c", "b", "-"]);
    }

    #[test]
    fn refuses_what_is_no_policy() {
        assert!(BudgetPolicy::new::<&str>([], 0.1).is_err());
        assert!(BudgetPolicy::new([("a", 0.1), ("b", 0.2)], 0.1).is_err());
        assert!(BudgetPolicy::new([("a", f64::NAN)], 0.1).is_err());
        assert!(BudgetPolicy::new([("a", 0.1)], -0.1).is_err());
    }
}
