//! Services of other tools, whose SLOs may be in several documents.

use super::report::Report;
use crate::{
    document::Position,
    model::{LabelName, Labels, Name, Service, Severity, Slo},
    spec::Defaults,
};
use std::collections::BTreeSet;

/// A service of another tool, whose SLOs may be in several documents.
pub(super) struct Foreign {
    pub(super) position: Position,
    pub(super) name: Name,
    pub(super) labels: Labels,
    pub(super) slos: Vec<(Position, Slo)>,
}

impl Foreign {
    pub(super) fn merge(&mut self, other: Self, report: &mut Report) {
        for (label, value) in other.labels {
            let kept = self.labels.entry(label).or_insert_with(|| value.clone());
            if *kept != value {
                let message = format!("`{value}` is left out: the service has `{kept}` elsewhere");
                report.lose(other.position, "labels", message, "give a service the same labels everywhere");
            }
        }
        self.slos.extend(other.slos);
    }

    pub(super) fn finish(mut self, defaults: &Defaults, report: &mut Report) -> Option<(Position, Service)> {
        if self.slos.is_empty() {
            return None;
        }
        let position = self.slos.first().map_or(self.position, |(position, _)| *position);
        self.labels.extend(defaults.labels.clone());
        for (position, slo) in &mut self.slos {
            *slo = set_over_groups(slo.clone(), &self.labels, *position, report);
        }
        let slos = self.slos.into_iter().map(|(_, slo)| slo).collect();
        let interval = defaults.scrape_interval.unwrap_or(Service::SCRAPE_INTERVAL);
        let service = Service::new(self.name, interval, slos);
        let service = report.told(position, "", service)?.with_labels(self.labels);
        report.told(position, "", service.check_groups())?;
        if defaults.scrape_interval.is_some() {
            return Some((position, service));
        }
        report.assume(
            position,
            "",
            format!("the scrape interval of `{}` is not set; {interval} is assumed", service.name()),
            "pass `--scrape-interval`, or set `scrape_interval` in the native form, for cheaper and more \
             exact rules",
        );
        Some((position, service.with_assumed_scrape_interval()))
    }
}

/// The SLO without grouping labels that a rule sets: in Prometheus, the label of the rule wins.
fn set_over_groups(slo: Slo, of_service: &Labels, position: Position, report: &mut Report) -> Slo {
    let notifications = [Severity::Page, Severity::Ticket].map(|severity| &slo.notification(severity).labels);
    let set: BTreeSet<&LabelName> =
        [of_service, slo.labels()].into_iter().chain(notifications).flat_map(Labels::keys).collect();
    let (lost, kept): (Vec<_>, Vec<_>) =
        slo.by_raw().iter().zip(slo.by()).partition(|(_, recorded)| set.contains(recorded));
    if lost.is_empty() {
        return slo;
    }
    let names = lost.iter().map(|(label, _)| format!("`{label}`")).collect::<Vec<_>>().join(", ");
    report.lose(
        position,
        "",
        format!(
            "`{}` is not grouped by {names}: it has fixed labels of the same name, which override them",
            slo.name()
        ),
        "remove the fixed labels to group by them",
    );
    let kept = kept.into_iter().map(|(label, _)| label.clone()).collect();
    slo.clone().grouped_by(kept).unwrap_or(slo)
}
