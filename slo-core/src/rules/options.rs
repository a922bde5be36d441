//! What rules are made for.

use crate::model::Timestamp;

/// What rules are made for; the default is any Prometheus from 2.42 on, with names of our own.
///
/// ```
/// use slo_core::rules::{Backend, Options};
///
/// let options = Options { backend: Backend::VictoriaMetrics, ..Options::default() };
/// assert_eq!(options.now, None);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// What evaluates them.
    pub backend: Backend,
    /// How series and alerts are called.
    pub naming: Naming,
    /// The time. Only calendar periods ask for it: their bounds are written
    /// down from here on.
    pub now: Option<Timestamp>,
}

/// What evaluates rules.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Backend {
    /// Prometheus from 2.42 on, and what evaluates PromQL as it does: Thanos, Mimir, Cortex.
    #[default]
    Prometheus,
    /// Prometheus from 3.16 on, with anchored ranges: they count from the sample before a tile, also past a restart.
    /// Prometheus 3.15 has them with `--enable-feature=promql-extended-range-selectors`; in those before it, a gap
    /// between scrapes makes the query fail.
    PrometheusAnchored,
    /// VictoriaMetrics with vmalert: its `increase` counts every event once, so tiles are simpler.
    VictoriaMetrics,
}

/// How series and alerts are called.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Naming {
    /// As [`Series`](super::Series) says.
    #[default]
    Native,
    /// As Sloth calls them, so that dashboards and routes made for it keep working. The numbers are ours.
    Sloth,
}
