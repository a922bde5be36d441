//! Recipients of alerts: a team, for its pages or for its tickets.

use crate::{
    Error,
    model::{Service, Severity, Slo},
    rules::alert_labels,
};
use std::collections::{BTreeMap, BTreeSet};

/// The alerts of a team and severity, identified by their labels.
pub(super) struct Recipient {
    pub(super) team: Option<String>,
    pub(super) severity: Severity,
    /// The values of the label `severity`, which a spec may rename.
    pub(super) labels: BTreeSet<String>,
}

/// The team name for alerts without a team.
pub(super) const NO_TEAM: &str = "default";

impl Recipient {
    pub(super) const fn new(team: Option<String>, severity: Severity) -> Self {
        Self { team, severity, labels: BTreeSet::new() }
    }

    pub(super) fn team(&self) -> &str {
        self.team.as_deref().unwrap_or(NO_TEAM)
    }

    pub(super) fn receiver(&self) -> String {
        receiver_name(self.team(), self.severity)
    }
}

pub(super) fn receiver_name(team: &str, severity: Severity) -> String {
    format!("slo-{team}-{severity}")
}

/// The recipients of the alerts of all SLOs.
///
/// # Errors
/// A team that cannot be a folder name, or a severity that is used for pages and for tickets.
pub(super) fn recipients(services: &[Service]) -> Result<Vec<Recipient>, Error> {
    let mut found: BTreeMap<(Option<String>, Severity), Recipient> = BTreeMap::new();
    let mut severities: BTreeMap<String, Severity> = BTreeMap::new();
    for service in services {
        for slo in service.slos() {
            for severity in [Severity::Page, Severity::Ticket] {
                if !alerts_of(slo, severity) {
                    continue;
                }
                let labels = alert_labels(service, slo, severity);
                let label = |name: &str| {
                    labels.iter().find(|(label, _)| label.as_str() == name).map(|(_, value)| value.clone())
                };
                let team = label("team");
                if let Some(team) = team.as_deref().filter(|team| !is_folder(team)) {
                    let error = Error::new(format!(
                        "the team `{team}` cannot be the name of a folder for its secrets"
                    ));
                    let hint = "use letters, digits, `-`, `_` and `.` in the label `team`";
                    return Err(error.with_hint(hint).of(&service.path_of(slo)));
                }
                if team.as_deref() == Some(NO_TEAM) {
                    let error =
                        Error::new(format!("the team `{NO_TEAM}` is reserved for alerts without a team"));
                    return Err(error.with_hint("rename the team").of(&service.path_of(slo)));
                }
                let named = label("severity").unwrap_or_else(|| severity.to_string());
                if *severities.entry(named.clone()).or_insert(severity) != severity {
                    let error =
                        Error::new(format!("the severity `{named}` is used for pages and for tickets"));
                    let hint = "use different values in `alerting.page.labels` and `alerting.ticket.labels`";
                    return Err(error.with_hint(hint).of(&service.path_of(slo)));
                }
                found
                    .entry((team.clone(), severity))
                    .or_insert_with(|| Recipient::new(team, severity))
                    .labels
                    .insert(named);
            }
        }
    }
    // Teams also get the alerts of their groups, of any severity.
    if services.iter().flat_map(Service::slos).any(has_teams) {
        let teams: BTreeSet<Option<String>> = found.keys().map(|(team, _)| team.clone()).collect();
        for severity in severities.values().copied().collect::<BTreeSet<_>>() {
            let labels =
                severities.iter().filter(|(_, one)| **one == severity).map(|(label, _)| label.clone());
            let labels: BTreeSet<String> = labels.collect();
            for team in teams.iter().filter(|team| team.is_some()) {
                found.entry((team.clone(), severity)).or_insert_with(|| Recipient {
                    labels: labels.clone(),
                    ..Recipient::new(team.clone(), severity)
                });
            }
        }
    }
    Ok(found.into_values().collect())
}

/// The values of the label `severity` of pages, or of tickets, in all specifications.
pub(super) fn labels_of(recipients: &[Recipient], severity: Severity) -> BTreeSet<&String> {
    recipients.iter().filter(|one| one.severity == severity).flat_map(|one| &one.labels).collect()
}

/// Whether the groups of an SLO may have a team.
pub(super) fn has_teams(slo: &Slo) -> bool {
    slo.by().iter().any(|label| label.as_str() == "team")
}

/// Whether an SLO has alerts of a severity.
fn alerts_of(slo: &Slo, severity: Severity) -> bool {
    let burns = slo.policy().tiers().iter().any(|tier| tier.severity() == severity);
    let others = slo.budget_alerts().iter().any(|alert| alert.severity() == severity);
    (burns && !slo.notification(severity).silent) || others
}

fn is_folder(team: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !team.is_empty() && team.bytes().all(known) && !team.bytes().all(|byte| byte == b'.')
}
