//! Artifacts: rule values as the text that other programs read.

mod alertmanager;
mod dashboards;
mod matcher;
mod operator;
mod prometheus;
mod promtool;
#[cfg(feature = "calendar")]
mod report;
mod series;

pub use alertmanager::{AlertmanagerVersion, Channel, Hours, Mail, Routing, alertmanager};
pub use dashboards::{Dashboard, dashboards};
pub use operator::{ObjectMeta, check_object_names, prometheus_rule};
pub use prometheus::{mimir_rule_file, rule_file, thanos_rule_file};
pub use promtool::rule_tests;
#[cfg(feature = "calendar")]
pub use report::{Dates, Fired, Others, Priced, Report, SloReport, burn_down_picture};

/// Words as a sentence begins.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
