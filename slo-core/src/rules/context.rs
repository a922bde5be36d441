//! The input for making rules: one SLO with its plan and options, and the selectors of its series.

use super::{
    Options, Plan, Rule, Series,
    series::{identity, selecting},
};
use crate::{
    Error,
    model::{Matcher, Ratio, Selector, Service, Slo, Tier, Window},
    promql::{Expr, Range},
};
use std::sync::Arc;

/// An SLO, with its plan and options.
pub(super) struct Context<'a> {
    pub(super) service: &'a Service,
    pub(super) slo: &'a Slo,
    pub(super) plan: Plan,
    /// The tiers of its policy, fastest first.
    pub(super) burns: Vec<Burn>,
    pub(super) options: Options,
    // Shared by the selectors of all its series.
    selecting: Arc<[Matcher]>,
}

/// A tier, and the numbers of its alert for the SLO's objective.
pub(super) struct Burn {
    pub(super) tier: Tier,
    /// The error ratio above which it fires.
    pub(super) threshold: Ratio,
    /// The burn rate above which it fires.
    pub(super) factor: Ratio,
}

impl<'a> Context<'a> {
    /// # Errors
    /// Those of [`Plan::of`], and a threshold that does not fit 128 bits.
    pub(super) fn new(service: &'a Service, slo: &'a Slo, options: Options) -> Result<Self, Error> {
        let burn = |tier: &Tier| {
            Ok(Burn { tier: *tier, threshold: tier.threshold(slo.objective())?, factor: tier.factor()? })
        };
        Ok(Self {
            service,
            slo,
            plan: Plan::of(service, slo)?,
            burns: slo.policy().tiers().iter().map(burn).collect::<Result<_, Error>>()?,
            options,
            selecting: selecting(identity(service, slo)),
        })
    }

    /// Selects a recorded series of the SLO.
    pub(super) fn selector(&self, series: Series) -> Selector {
        series.selector(Arc::clone(&self.selecting))
    }

    /// The last value of a recorded series of the SLO.
    pub(super) fn series(&self, series: Series) -> Expr {
        self.selector(series).into()
    }

    /// The values of a series of tiles whose tiles end within `window`.
    pub(super) fn tiles(&self, series: Series, window: Window) -> Range {
        Range::new(self.selector(series), just_short_of(window))
    }

    /// A rule that records `series`.
    pub(super) fn record(&self, series: Series, expr: Expr) -> Rule {
        Rule::Record { series, labels: identity(self.service, self.slo), expr }
    }
}

/// `window` minus one millisecond: it selects the samples of a left-open interval, whether a range includes
/// both ends (Prometheus 2) or only the later one (Prometheus 3).
pub(super) fn just_short_of(window: Window) -> Window {
    // A window of a millisecond holds one sample at most.
    Window::from_millis(window.as_millis() - 1).unwrap_or(window)
}
