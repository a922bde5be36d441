//! What a team does when its error budget runs out.

use super::{Name, Ratio};
use crate::Error;

/// The error-budget policy of a service: what the remaining budget of an SLO allows.
///
/// At [`freeze`](Self::freeze), releases stop, except for the changes in [`exceptions`](Self::exceptions). At
/// [`caution`](Self::caution), they go on with care. A stage ends when the remaining share is above its bound
/// by more than [`hysteresis`](Self::hysteresis). An incident that spends more than
/// [`postmortem`](Self::postmortem) of a period's budget needs a postmortem. (SRE Workbook, appendix B.)
///
/// ```
/// use slo_core::model::{ErrorBudgetPolicy, Ratio};
///
/// let policy = ErrorBudgetPolicy::new(Ratio::ZERO)?
///     .with_exceptions(vec!["security".parse()?])
///     .with_postmortem("0.2".parse()?)?;
/// assert!(policy.excepts("security") && !policy.excepts("feature"));
/// assert_eq!(policy.hysteresis(), Ratio::ZERO);
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorBudgetPolicy {
    // Above `freeze`. Each bound and the hysteresis together are below one, so that a full budget ends each stage.
    caution: Option<Ratio>,
    freeze: Ratio,
    hysteresis: Ratio,
    // Distinct.
    exceptions: Vec<Name>,
    // Above zero, at most one.
    postmortem: Option<Ratio>,
}

impl ErrorBudgetPolicy {
    /// A policy that stops releases when the remaining share of the budget falls to `freeze`.
    ///
    /// # Errors
    /// A share that a full budget would not end.
    pub fn new(freeze: Ratio) -> Result<Self, Error> {
        let policy =
            Self { caution: None, freeze, hysteresis: Ratio::ZERO, exceptions: Vec::new(), postmortem: None };
        policy.ends()
    }

    /// The same policy with these kinds of change that a freeze lets through. A kind that is given twice counts once.
    #[must_use]
    pub fn with_exceptions(mut self, exceptions: Vec<Name>) -> Self {
        self.exceptions.clear();
        for kind in exceptions {
            if !self.exceptions.contains(&kind) {
                self.exceptions.push(kind);
            }
        }
        self
    }

    /// The same policy with a warning before the freeze, at this remaining share.
    ///
    /// # Errors
    /// A share that is not above that of the freeze, or that a full budget would not end.
    pub fn with_caution(mut self, at: Ratio) -> Result<Self, Error> {
        if at <= self.freeze {
            return Err(Error::new(format!(
                "caution at {} is not before the freeze at {}",
                shown(at),
                shown(self.freeze)
            ))
            .with_hint("write a larger share: the budget falls through it first"));
        }
        self.caution = Some(at);
        self.ends()
    }

    /// The same policy with stages that end only when the remaining share is above their bound by more than this.
    ///
    /// # Errors
    /// A share so large that a full budget would not end a stage.
    pub fn with_hysteresis(mut self, hysteresis: Ratio) -> Result<Self, Error> {
        self.hysteresis = hysteresis;
        self.ends()
    }

    /// The same policy with a postmortem for each incident that spends more than this share of a period's budget.
    ///
    /// # Errors
    /// A share that is not above zero and at most one.
    pub fn with_postmortem(mut self, above: Ratio) -> Result<Self, Error> {
        if above == Ratio::ZERO || above > Ratio::ONE {
            return Err(Error::new(format!("a postmortem above {} of the budget", shown(above)))
                .with_hint("write a share above 0% and up to 100%, such as 20%"));
        }
        self.postmortem = Some(above);
        Ok(self)
    }

    /// The remaining share of the budget at which caution begins.
    #[must_use]
    pub const fn caution(&self) -> Option<Ratio> {
        self.caution
    }

    /// The remaining share of the budget at which releases stop.
    #[must_use]
    pub const fn freeze(&self) -> Ratio {
        self.freeze
    }

    /// How far the remaining share must be above the bound of a stage to end it.
    #[must_use]
    pub const fn hysteresis(&self) -> Ratio {
        self.hysteresis
    }

    /// The kinds of change that a freeze lets through.
    #[must_use]
    pub fn exceptions(&self) -> &[Name] {
        &self.exceptions
    }

    /// Whether a freeze lets a change of this kind through.
    #[must_use]
    pub fn excepts(&self, kind: &str) -> bool {
        self.exceptions.iter().any(|one| one.as_str() == kind)
    }

    /// The share of a period's budget above which an incident needs a postmortem.
    #[must_use]
    pub const fn postmortem(&self) -> Option<Ratio> {
        self.postmortem
    }

    fn ends(self) -> Result<Self, Error> {
        let highest = self.caution.unwrap_or(self.freeze);
        let end = highest.checked_add(self.hysteresis);
        if end.is_none_or(|end| end >= Ratio::ONE) {
            return Err(Error::new(format!(
                "a stage that begins at {} and ends {} above it would not end with a full budget",
                shown(highest),
                shown(self.hysteresis)
            ))
            .with_hint("write shares whose sum is below 100%"));
        }
        Ok(self)
    }
}

fn shown(share: Ratio) -> String {
    format!("{}%", share.to_percent())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_stages_that_never_end_or_never_begin() {
        let share = |text: &str| text.parse::<Ratio>().unwrap();
        assert!(ErrorBudgetPolicy::new(Ratio::ONE).is_err());
        let policy = ErrorBudgetPolicy::new(share("0.1")).unwrap();
        assert!(policy.clone().with_caution(share("0.1")).is_err());
        assert!(policy.clone().with_hysteresis(share("0.9")).is_err());
        assert!(policy.clone().with_hysteresis(share("0.5")).unwrap().with_caution(share("0.5")).is_err());
        assert!(policy.clone().with_postmortem(Ratio::ZERO).is_err());
        let twice = policy.with_exceptions(vec!["a".parse().unwrap(), "a".parse().unwrap()]);
        assert_eq!(twice.exceptions().len(), 1);
    }
}
