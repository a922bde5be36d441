//! The queries behind the numbers of an SLO.

use slo_core::rules::{RecordedQueries, Series};
use slo_ops::watch::{DetailPlan, Row, What};

/// The PromQL behind each number and chart: its name, and the query.
pub(in super::super) fn numbers(row: &Row, plan: &DetailPlan) -> Vec<(String, String)> {
    let (slo, group) = (row.slo(), plan.group.as_ref());
    let queries = RecordedQueries::of(&row.service, slo);
    let series = |series| queries.series(series, group).to_string();
    let mut all = vec![
        ("SLI so far".to_owned(), format!("1 - {}", series(Series::ErrorRatio(slo.period().into())))),
        ("budget left of the period".to_owned(), series(Series::BudgetProjected)),
        ("coverage".to_owned(), series(Series::Coverage(slo.period().into()))),
    ];
    let windows = slo.policy().windows();
    all.extend(
        windows
            .into_iter()
            .map(|window| (format!("burn rate {window}"), series(Series::BurnRate(window.into())))),
    );
    for query in &plan.queries {
        let name = match query.what {
            What::Total => "all events of a step",
            What::Bad => "bad events of a step",
            What::PeriodTotal => "all events of the period so far",
            What::PeriodBad => "bad events of the period so far",
            What::Fired => "firing alerts",
            What::ActiveSince => "alerts, active since",
            What::ActiveState => "alerts and their states",
            What::Buckets => "events of each bucket of a step",
            What::GroupBad => "bad events of each group",
            _ => continue,
        };
        all.push((name.to_owned(), query.text.clone()));
    }
    all
}
