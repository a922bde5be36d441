//! Warnings about a valid configuration, as far as this machine can check it.

use super::{Config, StoreConfig};
use rustix::fs::{Access, access};
use slo_core::model::{Service, Severity};
use slo_ops::incident::StepKind;
use std::path::Path;

/// The length of `PagerDuty`'s integration keys.
const ROUTING_KEY: usize = 32;

impl Config {
    /// Likely mistakes, such as a response without a runbook or a missing program.
    #[must_use]
    pub fn warnings(&self, services: &[Service]) -> Vec<String> {
        let mut warnings = Vec::new();
        // Without a record, no alerts are received and no runbooks run.
        let responding = if self.store.is_some() { services } else { &[] };
        for (service, slo) in
            responding.iter().flat_map(|service| service.slos().iter().map(move |slo| (service, slo)))
        {
            for severity in [Severity::Page, Severity::Ticket] {
                let response = slo.notification(severity).response.as_ref();
                if let Some(name) = response.filter(|name| !self.runbooks.contains_key(name.as_str())) {
                    let slo = format!("{}/{}", service.name(), slo.name());
                    warnings
                        .push(format!("{slo}: its response `{name}` is not a runbook in this configuration"));
                }
            }
        }
        for (name, step) in
            self.runbooks.values().flat_map(|book| book.steps.iter().map(|step| (&book.name, step)))
        {
            if step.kind() == StepKind::Remediate && (self.prometheus.is_none() || self.specs.is_empty()) {
                warnings.push(format!(
                    "runbooks.{name}: {}: no event counts show that it is needed, so it never runs for an SLO: write `prometheus` \
                     and `specs`",
                    step.name
                ));
            }
            let Some(command) = step.command() else { continue };
            if let Some(program) = command.argv.first()
                && let Err(error) = access(program.as_str(), Access::EXEC_OK)
            {
                warnings.push(format!("runbooks.{name}: {}: {program}: {error}", step.name));
            }
            for path in command.writes.iter().filter(|path| !Path::new(path).exists()) {
                warnings.push(format!("runbooks.{name}: {}: writes: {path} does not exist", step.name));
            }
        }
        if let Some(StoreConfig::Sqlite(path)) = &self.store
            && let Some(folder) =
                path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists())
        {
            warnings.push(format!("store: the folder {} does not exist", folder.display()));
        }
        if let Some(pagerduty) = &self.notify.pagerduty {
            let key = pagerduty.routing_key.expose();
            if key.len() != ROUTING_KEY || !key.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                let told = "notify.pagerduty.routing_key_file: an integration key has 32 letters and digits";
                warnings.push(told.to_owned());
            }
        }
        warnings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remediation_without_counts_is_told() {
        let text = "version: slo-server/v1\nstore: sqlite:slo.db\nspecs: [slo.yaml]\n\
                    runbooks: {down: {steps: [{remediate: {command: [/bin/true]}}]}}\n";
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("slo.yaml"), "").unwrap();
        let told = |text: &str| {
            let warnings = Config::parse(text, folder.path()).unwrap().warnings(&[]);
            warnings.into_iter().filter(|one| one.contains("never runs for an SLO")).collect::<Vec<_>>()
        };
        let told_of = told(text);
        assert!(told_of.len() == 1 && told_of[0].starts_with("runbooks.down: true: "), "{told_of:?}");
        let counted = format!("{text}prometheus: {{url: 'http://127.0.0.1:9090'}}\n");
        assert!(told(&counted).is_empty());
    }
}
