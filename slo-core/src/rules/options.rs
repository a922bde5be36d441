//! Options for generating rules.

use crate::model::Timestamp;

/// Options for generating rules.
///
/// The default is any Prometheus from 2.42 on, with native names.
///
/// ```
/// use slo_core::rules::{Backend, Options};
///
/// let options = Options { backend: Backend::VictoriaMetrics, ..Options::default() };
/// assert_eq!(options.now, None);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "callers write it as a literal over `Options::default()`")]
pub struct Options {
    /// The server that evaluates the rules.
    pub backend: Backend,
    /// The names of series and alerts.
    pub naming: Naming,
    /// The current time. Only calendar periods need it: their bounds are written
    /// from this time on.
    pub now: Option<Timestamp>,
}

/// The server that evaluates rules.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Backend {
    /// Prometheus from 2.42 on, and compatible servers: Thanos, Mimir, Cortex.
    #[default]
    Prometheus,
    /// Prometheus from 3.16 on, with anchored ranges: they count from the sample before a tile, and across
    /// restarts. Prometheus 3.15 needs `--enable-feature=promql-extended-range-selectors`. In earlier
    /// versions, a gap between scrapes makes the query fail.
    PrometheusAnchored,
    /// Azure Monitor's managed service for Prometheus. Its tiles are those of Prometheus, and the annotations of its alerts ask
    /// no queries.
    AzureMonitor,
    /// VictoriaMetrics with vmalert: its `increase` counts every event once, so tiles are simpler.
    VictoriaMetrics,
}

/// The names of series and alerts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Naming {
    /// The names of [`Series`](super::Series).
    #[default]
    Native,
    /// Sloth's names, so that dashboards and routes made for Sloth keep working. The values are still exact.
    Sloth,
}
