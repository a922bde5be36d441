//! An experiment, as its file describes it.

use super::Fault;
use slo_core::{
    Error,
    model::{Name, Objective, Ratio, Window},
    stats::Confidence,
};

/// An experiment: a fault, the SLOs that must hold meanwhile, and when to stop.
///
/// Read from a file by [`read`](super::read).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Experiment {
    /// Its name, in the record and in reports.
    pub name: String,
    /// What is to be learned; empty where the file says nothing.
    pub description: String,
    /// The SLOs that must hold; at least one.
    pub hypotheses: Vec<Hypothesis>,
    /// The fault that is injected.
    pub fault: Fault,
    /// How much the fault may hit.
    pub blast_radius: BlastRadius,
    /// When the experiment ends at the latest.
    pub limits: Limits,
    /// What must be true before the fault is injected.
    pub before: Preconditions,
    /// How the guard decides.
    pub guard: GuardRules,
    /// How long the service may take to recover, once the fault is gone.
    pub recovery: Window,
}

/// The claim that an SLO burns its budget no faster than a tolerated rate while the fault lasts.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hypothesis {
    /// The SLO, as `service/slo`.
    pub slo: String,
    /// The burn rate that is tolerated; above zero.
    pub tolerated: Ratio,
}

/// How much a fault may hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlastRadius {
    /// The most processes, pods or nodes.
    pub targets: usize,
    /// The share of connections or requests, in (0, 1].
    pub share: Ratio,
}

/// When an experiment ends at the latest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The share of a period's budget that may be spent, of each SLO; in (0, 1].
    pub spend: Ratio,
    /// How long the fault lasts.
    pub duration: Window,
    /// The most events while it lasts, of any SLO.
    pub events: Option<u64>,
}

/// What must be true before a fault is injected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Preconditions {
    /// The share of the period's budget that must be left, of each SLO.
    pub budget_left: Ratio,
    /// Whether to refuse while an alert of one of the SLOs is firing.
    pub no_alerts: bool,
}

/// How the guard decides.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct GuardRules {
    /// One less the probability of stopping a healthy experiment, however often the guard looks.
    pub confidence: Confidence,
    /// How many events count as one, since failures come in bursts; 1 where they are independent.
    pub design_effect: f64,
    /// How often the guard looks.
    pub every: Window,
    /// After how many looks without data the fault is undone.
    pub looks_without_data: u32,
}

impl Hypothesis {
    /// The hypothesis that `slo` burns its budget at most at the rate `tolerated`.
    ///
    /// # Errors
    /// A name that is not `service/slo`, or a rate of zero.
    pub fn new(slo: &str, tolerated: Ratio) -> Result<Self, Error> {
        let parts: Vec<&str> = slo.split('/').collect();
        if parts.len() != 2 || parts.iter().any(|part| part.parse::<Name>().is_err()) {
            return Err(Error::new(format!("`{slo}` is not an SLO")).with_hint("write `service/slo`"));
        }
        if tolerated == Ratio::ZERO {
            return Err(Error::new("a tolerated burn rate of 0 lets nothing fail, not even by chance")
                .with_hint("write 1 to stay within the budget"));
        }
        Ok(Self { slo: slo.to_owned(), tolerated })
    }

    /// The error ratio that is tolerated: the tolerated burn rate times the budget.
    ///
    /// ```
    /// use slo_ops::experiment::Hypothesis;
    ///
    /// let hypothesis = Hypothesis::new("checkout/availability", "5".parse()?)?;
    /// assert_eq!(hypothesis.error_ratio("99.9%".parse()?)?, 0.005);
    /// assert!(hypothesis.error_ratio("80%".parse()?).is_err(), "5 × 20 % tolerates everything");
    /// # Ok::<(), slo_ops::Error>(())
    /// ```
    ///
    /// # Errors
    /// A rate at which every event may fail.
    pub fn error_ratio(&self, objective: Objective) -> Result<f64, Error> {
        let tolerated = self.tolerated.checked_mul(objective.budget()).filter(|ratio| *ratio < Ratio::ONE);
        tolerated.map(Ratio::to_f64).ok_or_else(|| {
            Error::new(format!(
                "{}: a burn rate of {} tolerates that every event fails, at an objective of {objective}",
                self.slo, self.tolerated
            ))
            .with_hint("write a lower `tolerated_burn_rate`")
        })
    }
}

impl Default for Preconditions {
    /// No alert may be firing, and any budget will do.
    fn default() -> Self {
        Self { budget_left: Ratio::ZERO, no_alerts: true }
    }
}

impl Default for BlastRadius {
    /// One target, and all of its connections.
    fn default() -> Self {
        Self { targets: 1, share: Ratio::ONE }
    }
}

impl GuardRules {
    /// The probability of stopping a healthy experiment, for each of `hypotheses`: together they err as often as one may
    /// (Bonferroni).
    #[must_use]
    pub fn alpha(&self, hypotheses: usize) -> f64 {
        (1.0 - self.confidence.level()) / hypotheses.max(1) as f64
    }
}
