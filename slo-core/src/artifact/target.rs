//! The programs that evaluate rules, and the files that they read.

use super::{
    azure,
    operator::{ObjectMeta, check_object_names, prometheus_rule},
    prometheus::{PartialResponse, mimir_rule_file, rule_file, rule_groups, thanos_rule_file},
};
use crate::{
    Error,
    model::Service,
    rules::{Backend, RuleGroup},
};
use std::{fmt, str::FromStr};

/// A program that evaluates the rules of a service.
///
/// ```
/// use slo_core::{artifact::{ObjectMeta, Target}, rules};
///
/// let text = "{version: slo/v1, service: a, slos: [{name: b, objective: 99.9%, window: 30d,
///     sli: {events: {total: requests_total, bad: errors_total}}}]}";
/// let service = slo_core::spec::parse(text)?.remove(0);
/// let target: Target = "operator".parse()?;
/// let options = rules::Options { backend: target.backend(), ..rules::Options::default() };
/// let groups = rules::generate_with(&service, options)?;
/// let object = target.rules(&service, &groups, &ObjectMeta::default());
/// assert!(object.contains("kind: PrometheusRule\n") && object.contains("  name: slo-a\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Target {
    /// Prometheus: a rule file.
    #[default]
    Prometheus,
    /// The Prometheus operator: a `PrometheusRule` object of `monitoring.coreos.com/v1`. Its name is `slo-` and the
    /// service's name as Kubernetes allows it: lower case, `-` for `_`.
    Operator,
    /// Mimir's and Cortex' ruler: a namespace of rules, as `mimirtool rules` reads it.
    Mimir,
    /// Thanos' ruler: a rule file whose groups are not evaluated on partial data.
    Thanos,
    /// VictoriaMetrics with vmalert: a rule file.
    VictoriaMetrics,
    /// Azure Monitor's managed service for Prometheus: rule groups as an ARM template, in JSON.
    Azure,
    /// The same rule groups in Bicep.
    AzureBicep,
}

impl Target {
    /// All targets.
    pub const ALL: [Self; 7] = [
        Self::Prometheus,
        Self::Operator,
        Self::Mimir,
        Self::Thanos,
        Self::VictoriaMetrics,
        Self::Azure,
        Self::AzureBicep,
    ];

    /// Its name, in lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Prometheus => "prometheus",
            Self::Operator => "operator",
            Self::Mimir => "mimir",
            Self::Thanos => "thanos",
            Self::VictoriaMetrics => "victoriametrics",
            Self::Azure => "azure",
            Self::AzureBicep => "azure-bicep",
        }
    }

    /// Its output, in a line without a full stop.
    #[must_use]
    pub const fn summary(self) -> &'static str {
        match self {
            Self::Prometheus => "Prometheus rule files",
            Self::Operator => "`PrometheusRule` objects of the Prometheus operator",
            Self::Mimir => "Namespaces of rules for Mimir and Cortex",
            Self::Thanos => "Rule files for Thanos' ruler",
            Self::VictoriaMetrics => "Rule files for vmalert, with VictoriaMetrics' exact `increase`",
            Self::Azure => "Rule groups of Azure's managed Prometheus, as an ARM template",
            Self::AzureBicep => "The same rule groups in Bicep",
        }
    }

    /// The backend that its rules are generated for.
    #[must_use]
    pub const fn backend(self) -> Backend {
        match self {
            Self::Prometheus | Self::Operator | Self::Mimir | Self::Thanos => Backend::Prometheus,
            Self::VictoriaMetrics => Backend::VictoriaMetrics,
            Self::Azure | Self::AzureBicep => Backend::AzureMonitor,
        }
    }

    /// The backend for rules with anchored ranges; `None` if it does not support them.
    #[must_use]
    pub const fn anchored(self) -> Option<Backend> {
        match self {
            Self::Prometheus | Self::Operator => Some(Backend::PrometheusAnchored),
            Self::Mimir | Self::Thanos | Self::VictoriaMetrics | Self::Azure | Self::AzureBicep => None,
        }
    }

    /// Whether it reads objects of Kubernetes, which have a namespace and labels.
    #[must_use]
    pub const fn has_metadata(self) -> bool {
        matches!(self, Self::Operator)
    }

    /// Refuses services with the same name in this target, because the last would replace the others.
    ///
    /// # Errors
    /// Two such services.
    pub fn check_names<'a>(self, services: impl IntoIterator<Item = &'a Service>) -> Result<(), Error> {
        match self {
            Self::Operator => check_object_names(services),
            Self::Azure | Self::AzureBicep => azure::check_names(services),
            Self::Prometheus | Self::Mimir | Self::Thanos | Self::VictoriaMetrics => Ok(()),
        }
    }

    /// Refuses rules that the target does not take.
    ///
    /// # Errors
    /// Rules beyond the limits of Azure Monitor.
    pub fn check(self, service: &Service, groups: &[RuleGroup]) -> Result<(), Error> {
        match self {
            Self::Azure | Self::AzureBicep => azure::check(service, groups),
            _ => Ok(()),
        }
    }

    /// What the target does otherwise than the SLOs say, in words.
    #[must_use]
    pub fn changes(self, groups: &[RuleGroup]) -> Vec<String> {
        match self {
            Self::Azure | Self::AzureBicep => azure::changes(groups),
            _ => Vec::new(),
        }
    }

    /// The ending of its files.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Azure => "json",
            Self::AzureBicep => "bicep",
            _ => "yaml",
        }
    }

    /// Whether a file can hold the rules of several services.
    #[must_use]
    pub const fn holds_several(self) -> bool {
        !matches!(self, Self::Azure | Self::AzureBicep)
    }

    /// The rules of a service as a separate file. `meta` is for a target that [has
    /// metadata](Self::has_metadata).
    #[must_use]
    pub fn rules(self, service: &Service, groups: &[RuleGroup], meta: &ObjectMeta) -> String {
        match self {
            Self::Prometheus | Self::VictoriaMetrics => rule_file(groups),
            Self::Operator => prometheus_rule(service, groups, meta),
            Self::Mimir => mimir_rule_file(service, groups),
            Self::Thanos => thanos_rule_file(groups),
            Self::Azure => azure::template(service, groups),
            Self::AzureBicep => azure::bicep(service, groups),
        }
    }

    /// The rules of another service, to append to a file with the [rules](Self::rules) of others: more
    /// groups, or a separate document. Only for a target that [holds several](Self::holds_several).
    ///
    /// ```
    /// use slo_core::{artifact::{ObjectMeta, Target}, rules};
    ///
    /// let text = "{version: slo/v1, service: a, slos: [{name: b, objective: 99.9%, window: 30d,
    ///     sli: {events: {total: requests_total, bad: errors_total}}}]}";
    /// let service = slo_core::spec::parse(text)?.remove(0);
    /// let (groups, meta) = (rules::generate(&service)?, ObjectMeta::default());
    /// let file = Target::Prometheus.rules(&service, &groups, &meta);
    /// let more = Target::Prometheus.more_rules(&service, &groups, &meta);
    /// assert!(file.ends_with(&format!("\ngroups:\n{more}")));
    /// let document = Target::Mimir.more_rules(&service, &groups, &meta);
    /// assert!(document.starts_with("---\n"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn more_rules(self, service: &Service, groups: &[RuleGroup], meta: &ObjectMeta) -> String {
        match self {
            Self::Prometheus | Self::VictoriaMetrics => rule_groups(groups, PartialResponse::Usual),
            Self::Thanos => rule_groups(groups, PartialResponse::Abort),
            Self::Operator | Self::Mimir => format!("---\n{}", self.rules(service, groups, meta)),
            Self::Azure | Self::AzureBicep => self.rules(service, groups, meta),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Target {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|target| target.as_str() == text).ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str).join(", ");
            Error::new(format!("`{text}` is not a target")).with_hint(format!("write one of {names}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for target in Target::ALL {
            assert_eq!(target.to_string().parse(), Ok(target));
        }
        let error = "grafana".parse::<Target>().unwrap_err();
        assert_eq!(error.to_string().lines().next(), Some("`grafana` is not a target"));
        assert!(error.hint().is_some_and(|hint| hint.contains("victoriametrics")));
    }
}
