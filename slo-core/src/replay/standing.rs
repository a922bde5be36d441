//! What an error-budget policy says about an SLO.

use super::Priced;
use crate::{
    Error,
    math::BudgetPolicy,
    model::{ErrorBudgetPolicy, Ratio, Timestamp},
};

/// A stage of an error-budget policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a policy has these stages")]
pub enum PolicyStage {
    /// Releases go on.
    Open,
    /// Releases go on, with care.
    Caution,
    /// Releases stop, except for those that the policy lists.
    Freeze,
}

/// Whether a change may go live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "callers must handle all of them")]
pub enum PolicyDecision {
    /// It may.
    Go,
    /// Nobody knows how much budget is left.
    Unknown,
    /// It may not.
    Stop,
}

/// What an error-budget policy says about an SLO, and why.
///
/// ```
/// use slo_core::{model::{ErrorBudgetPolicy, Ratio, Timestamp}, replay::{PolicyDecision, PolicyStage, PolicyStanding}};
///
/// let policy = ErrorBudgetPolicy::new(Ratio::ZERO)?
///     .with_exceptions(vec!["security".parse()?])
///     .with_hysteresis("0.05".parse()?)?;
/// let hours = [0.3, -0.1, 0.04].into_iter().enumerate();
/// let left = hours.map(|(hour, left)| (Timestamp::from_seconds(3_600 * hour as i64), Some(left)));
/// let standing = PolicyStanding::of(&policy, left, &[])?;
/// assert_eq!(standing.stage, PolicyStage::Freeze); // 4 % is not above 0 % + 5 %
/// assert_eq!(standing.since, Some(Timestamp::from_seconds(3_600)));
/// assert_eq!(standing.decision(None), PolicyDecision::Stop);
/// assert_eq!(standing.decision(Some("security")), PolicyDecision::Go);
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PolicyStanding {
    /// The policy.
    pub policy: ErrorBudgetPolicy,
    /// Its stage after the last known value.
    pub stage: PolicyStage,
    /// When the stage began, as far as the given values show it; `None` if it did not begin since the first value.
    pub since: Option<Timestamp>,
    /// The share of the budget that is left now; `None` if it is not known.
    pub remaining: Option<f64>,
    /// Each change of the stage, oldest first.
    pub changes: Vec<(Timestamp, PolicyStage)>,
    /// The incidents that need a postmortem.
    pub postmortems: Vec<Priced>,
    // Whether any value is known.
    is_known: bool,
}

impl PolicyStanding {
    /// The standing after `remaining`: the share of the budget that was left at each time, oldest first.
    ///
    /// A share that is not known changes no stage. `incidents` are priced in shares of a period's budget.
    ///
    /// # Errors
    /// Times that do not rise.
    pub fn of(
        policy: &ErrorBudgetPolicy,
        remaining: impl IntoIterator<Item = (Timestamp, Option<f64>)>,
        incidents: &[Priced],
    ) -> Result<Self, Error> {
        let bounds = [policy.caution(), Some(policy.freeze())].into_iter().flatten();
        let stages: Vec<PolicyStage> =
            policy.caution().map(|_| PolicyStage::Caution).into_iter().chain([PolicyStage::Freeze]).collect();
        let named = stages.iter().map(|stage| stage.as_str()).zip(bounds.map(Ratio::to_f64));
        let machine = BudgetPolicy::new(named, policy.hysteresis().to_f64())?;
        let (mut current, mut stage, mut latest) = (None, PolicyStage::Open, None);
        let mut is_known = false;
        let mut changes = Vec::new();
        let mut before: Option<Timestamp> = None;
        for (at, left) in remaining {
            if before.is_some_and(|before| at <= before) {
                return Err(Error::new(format!("{at} is not after the time before it"))
                    .with_hint("sort the values by time"));
            }
            before = Some(at);
            latest = left.filter(|left| !left.is_nan());
            current = machine.next(current, latest.unwrap_or(f64::NAN));
            let name = current.map_or("", |stage| machine.name(stage));
            let next =
                stages.iter().find(|stage| stage.as_str() == name).copied().unwrap_or(PolicyStage::Open);
            // In which stage it was before the first value, nobody knows.
            if next != stage && is_known {
                changes.push((at, next));
            }
            stage = next;
            is_known |= latest.is_some();
        }
        let is_large =
            |incident: &&Priced| policy.postmortem().is_some_and(|above| incident.price > above.to_f64());
        Ok(Self {
            policy: policy.clone(),
            stage,
            since: changes.last().map(|(at, _)| *at),
            remaining: latest,
            changes,
            postmortems: incidents.iter().filter(is_large).copied().collect(),
            is_known,
        })
    }

    /// Whether a change may go live: one of the kind `change`, or any change that is no exception.
    #[must_use]
    pub fn decision(&self, change: Option<&str>) -> PolicyDecision {
        if change.is_some_and(|kind| self.policy.excepts(kind)) {
            return PolicyDecision::Go;
        }
        match (self.remaining, self.stage) {
            (None, _) => PolicyDecision::Unknown,
            (Some(_), PolicyStage::Freeze) => PolicyDecision::Stop,
            (Some(_), PolicyStage::Open | PolicyStage::Caution) => PolicyDecision::Go,
        }
    }

    /// The stage; `None` if not even an earlier value is known.
    #[must_use]
    pub fn known_stage(&self) -> Option<PolicyStage> {
        self.is_known.then_some(self.stage)
    }

    /// The remaining share above which the stage ends; `None` if releases go on without care.
    #[must_use]
    pub fn ends_above(&self) -> Option<Ratio> {
        let bound = match self.stage {
            PolicyStage::Open => return None,
            PolicyStage::Caution => self.policy.caution()?,
            PolicyStage::Freeze => self.policy.freeze(),
        };
        bound.checked_add(self.policy.hysteresis())
    }
}

impl PolicyStage {
    /// Its name: `open`, `caution` or `freeze`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Caution => "caution",
            Self::Freeze => "freeze",
        }
    }
}

impl PolicyDecision {
    /// Its name: `go`, `stop` or `unknown`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Go => "go",
            Self::Unknown => "unknown",
            Self::Stop => "stop",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::Tally;

    fn policy() -> ErrorBudgetPolicy {
        let share = |text: &str| text.parse::<Ratio>().unwrap();
        ErrorBudgetPolicy::new(Ratio::ZERO)
            .unwrap()
            .with_hysteresis(share("0.05"))
            .unwrap()
            .with_caution(share("0.25"))
            .unwrap()
            .with_postmortem(share("0.2"))
            .unwrap()
    }

    fn after(left: &[Option<f64>]) -> PolicyStanding {
        let at = |index: usize| Timestamp::from_seconds(i64::try_from(index).unwrap());
        PolicyStanding::of(&policy(), left.iter().enumerate().map(|(index, left)| (at(index), *left)), &[])
            .unwrap()
    }

    #[test]
    fn steps_through_the_stages_and_says_since_when() {
        let check = |left: &[f64], stage: PolicyStage, since: Option<i64>, ends: Option<&str>| {
            let found = after(&left.iter().copied().map(Some).collect::<Vec<_>>());
            let ends = ends.map(|share| share.parse().unwrap());
            assert_eq!(
                (found.stage, found.since, found.ends_above()),
                (stage, since.map(Timestamp::from_seconds), ends),
                "{left:?}"
            );
        };
        check(&[1.0, 0.3], PolicyStage::Open, None, None);
        check(&[1.0, 0.25, 0.29], PolicyStage::Caution, Some(1), Some("0.3"));
        check(&[0.2, 0.0, 0.05], PolicyStage::Freeze, Some(1), Some("0.05"));
        check(&[0.2, 0.0, 0.06], PolicyStage::Caution, Some(2), Some("0.3"));
        check(&[0.2, 0.0, 0.9], PolicyStage::Open, Some(2), None);
        // It began before.
        check(&[-0.1, -0.2], PolicyStage::Freeze, None, Some("0.05"));
    }

    #[test]
    fn what_is_not_known_neither_passes_nor_fails() {
        assert_eq!(after(&[]).decision(None), PolicyDecision::Unknown);
        let gone = after(&[Some(-1.0), None]);
        assert_eq!((gone.stage, gone.decision(None)), (PolicyStage::Freeze, PolicyDecision::Unknown));
        assert_eq!(after(&[Some(f64::NAN)]).decision(None), PolicyDecision::Unknown);
        assert_eq!(after(&[Some(1.0), Some(-1.0), None, Some(-1.0)]).changes.len(), 1);
    }

    #[test]
    fn only_what_spent_more_than_the_bound_needs_a_postmortem() {
        let incident = |price: f64| Priced {
            start: Timestamp::EPOCH,
            end: Timestamp::from_seconds(60),
            tally: Tally::new(10, 10).unwrap(),
            price,
        };
        let found = PolicyStanding::of(&policy(), [], &[incident(0.2), incident(0.200_1)]).unwrap();
        assert_eq!(found.postmortems, [incident(0.200_1)]);
    }

    #[test]
    fn refuses_times_that_do_not_rise() {
        let twice = [(Timestamp::EPOCH, Some(1.0)), (Timestamp::EPOCH, Some(0.5))];
        assert!(PolicyStanding::of(&policy(), twice, &[]).is_err());
    }
}
