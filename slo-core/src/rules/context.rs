//! What every step from a plan to rules needs: one SLO with its plan and options, and the way its series are selected.

use super::{
    Options, Plan, Rule, Series,
    series::{identity, selecting},
};
use crate::{
    model::{Matcher, Selector, Service, Slo, Window},
    promql::{Expr, Range},
};
use std::sync::Arc;

/// One SLO whose rules are made.
pub(super) struct Context<'a> {
    pub(super) service: &'a Service,
    pub(super) slo: &'a Slo,
    pub(super) plan: &'a Plan,
    pub(super) options: Options,
    // Shared by the selectors of all its series.
    selecting: Arc<[Matcher]>,
}

impl<'a> Context<'a> {
    pub(super) fn new(service: &'a Service, slo: &'a Slo, plan: &'a Plan, options: Options) -> Self {
        Self { service, slo, plan, options, selecting: selecting(identity(service, slo)) }
    }

    /// Selects a recorded series of the SLO.
    pub(super) fn selector(&self, series: Series) -> Selector {
        Selector::composed(series.to_string(), Arc::clone(&self.selecting))
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

/// `window` without its last millisecond: the samples of a left-open interval, whether the server counts both ends
/// of a range (Prometheus 2) or only the later one (3).
pub(super) fn just_short_of(window: Window) -> Window {
    // A window of a millisecond holds one sample at most.
    Window::from_millis(window.as_millis() - 1).unwrap_or(window)
}
