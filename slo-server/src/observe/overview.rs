//! All SLOs, as Prometheus has recorded them.

use super::{
    past::{Past, parts},
    source::Source,
};
use slo_core::{model::Service, rules::Recorded};
use slo_ops::watch::{LoadedRules, Row};
use slo_prometheus::Labels;
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

/// All SLOs, the most urgent first.
#[derive(Debug)]
pub(crate) struct Overview {
    /// A row for each SLO.
    pub(crate) rows: Vec<Row>,
    /// What the server warned of.
    pub(crate) warnings: BTreeSet<String>,
}

impl Overview {
    /// The row of an SLO.
    pub(crate) fn row(&self, service: &str, slo: &str) -> Option<&Row> {
        self.rows
            .iter()
            .find(|row| row.service.name().as_str() == service && row.slo().name().as_str() == slo)
    }

    /// Asks for the status of all SLOs.
    pub(super) async fn ask(source: &Source, services: &[Arc<Service>]) -> Result<Self, String> {
        let mut rows = Vec::new();
        for part in parts(services.iter()) {
            let [series, alerts] =
                Recorded::queries(part.iter().map(Arc::as_ref)).map(|query| query.to_string());
            let (series, alerts) = tokio::try_join!(source.now(&series), source.now(&alerts))?;
            let (series, alerts) = (by_service(series), by_service(alerts));
            let none = Vec::new();
            for service in &part {
                let of = |samples: &HashMap<String, Vec<(Labels, f64)>>| -> Vec<(Labels, f64)> {
                    samples.get(service.name().as_str()).unwrap_or(&none).clone()
                };
                let (series, alerts) = (of(&series), of(&alerts));
                let recorded = Recorded::of(
                    service,
                    series.iter().map(|(labels, value)| (labels, *value)),
                    alerts.iter().map(|(labels, value)| (labels, *value)),
                );
                let row = |slo| Row::of(service, slo, recorded.statuses(slo));
                rows.extend(service.slos().iter().filter_map(row));
            }
        }
        rows.sort_by(Row::by_urgency);
        Ok(Self { rows, warnings: source.take_warnings() })
    }

    /// The same with the budgets of the past, and what is wrong with the rules.
    pub(super) fn with(mut self, past: &[Arc<Past>], rules: Option<&LoadedRules>) -> Self {
        for row in &mut self.rows {
            let slo = row.slo();
            let key = (row.service.name().to_string(), slo.name().to_string(), row.status.group.clone());
            let mut left = past.iter().find_map(|past| past.get(&key)).cloned().unwrap_or_default();
            if !left.is_empty() {
                left.push(row.status.budget_projected);
            }
            let faults = rules.map(|rules| rules.faults(&row.service, slo)).unwrap_or_default();
            row.left = left;
            row.faults.extend(faults);
        }
        self
    }
}

fn by_service(samples: Vec<(Labels, f64)>) -> HashMap<String, Vec<(Labels, f64)>> {
    let mut parts: HashMap<String, Vec<(Labels, f64)>> = HashMap::new();
    for (labels, value) in samples {
        let service = labels.get("service").cloned().unwrap_or_default();
        parts.entry(service).or_default().push((labels, value));
    }
    parts
}
