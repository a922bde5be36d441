//! Defaults for settings that specifications leave out.

use crate::model::{Labels, Window};

/// Defaults for settings that some formats leave to a tool's command line.
///
/// ```
/// use slo_core::{model::Window, spec::{self, Defaults}};
///
/// let text = "{version: slo/v1, service: a, slos: [{name: b, objective: 99%, window: 30d,
///     sli: {events: {total: t_total, bad: b_total}}}]}";
/// let defaults = Defaults { scrape_interval: Some(Window::minutes(1)), ..Defaults::default() };
/// let service = spec::read_with(&[text], &defaults).remove(0)?.services.remove(0);
/// assert_eq!(service.scrape_interval().to_string(), "1m");
/// # Ok::<(), slo_core::Diagnostics>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "callers write it as a literal over `Defaults::default()`")]
pub struct Defaults {
    /// The scrape interval of documents that do not set one. If `None`, 15s is assumed.
    pub scrape_interval: Option<Window>,
    /// The period of Sloth's SLOs, whose documents do not set one. If `None`, 30d is assumed.
    pub period: Option<Window>,
    /// The label that names the service of Pyrra's SLOs, because Pyrra has no services. If it is `None`, or
    /// if an SLO does not have this label, the namespace names the service.
    pub service_label: Option<String>,
    /// Labels for every service. They override those of the document, like Sloth's `--extra-labels`.
    pub labels: Labels,
    /// Whether to name SLOs as Sloth does: the name of an SLO from OpenSLO `v1alpha` ends with the number of
    /// its objective, even if there is only one.
    pub sloth_names: bool,
}
