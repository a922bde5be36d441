//! What specifications leave out, and their reader gives.

use crate::model::{Labels, Window};

/// What specifications leave to the command line of the tool that reads them.
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
pub struct Defaults {
    /// How often metrics are scraped, for documents that do not say. Without it, 15s are assumed.
    pub scrape_interval: Option<Window>,
    /// The period of SLOs of Sloth, whose documents have none. Without it, 30d are assumed.
    pub period: Option<Window>,
    /// The label that names the service, for SLOs of Pyrra, which knows none. Without it, or where an SLO has no such label,
    /// the namespace does.
    pub service_label: Option<String>,
    /// Labels that are set on every service, over those of its document, as Sloth's `--extra-labels` are.
    pub labels: Labels,
    /// Whether SLOs are called as Sloth calls them: those of OpenSLO `v1alpha` carry the number of their objective, also
    /// where there is only one.
    pub sloth_names: bool,
}
