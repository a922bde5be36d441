//! Rule groups of Azure Monitor's managed service for Prometheus.
//!
//! The resource is `Microsoft.AlertsManagement/prometheusRuleGroups`, version 2023-03-01. Its limits are those of Azure's
//! documentation in November 2026, and of Microsoft's own converter of rule files.

mod arm;
mod bicep;
mod group;
mod item;

use crate::{model::Service, rules::RuleGroup};
pub(super) use group::{changes, check, check_names};

/// The rules of a service as an ARM template.
pub(super) fn template(service: &Service, groups: &[RuleGroup]) -> String {
    arm::template(&group::groups(service, groups))
}

/// The rules of a service in Bicep.
pub(super) fn bicep(service: &Service, groups: &[RuleGroup]) -> String {
    bicep::bicep(&group::groups(service, groups))
}
