//! Artifacts: files for other programs, such as rule files, dashboards and reports.

mod alertmanager;
mod azure;
#[cfg(feature = "calendar")]
mod backtest;
mod capital;
#[cfg(feature = "calendar")]
mod chart;
mod dashboards;
mod explanation;
mod gate;
mod matcher;
mod operator;
mod prometheus;
mod promtool;
#[cfg(feature = "calendar")]
mod report;
mod status;
mod target;
#[cfg(feature = "calendar")]
mod words;

pub use crate::yaml::yaml;
pub use alertmanager::{AlertmanagerVersion, Channel, Hours, Mail, Response, Routing, alertmanager};
#[cfg(feature = "calendar")]
pub use backtest::{BacktestPage, SloBacktest, SloFired, SloIncident};
#[cfg(feature = "calendar")]
pub use chart::{Chart, Color, Dates, HeatMap, Layer, Scale, Unit, burn_down_picture, sparkline};
pub use dashboards::{Dashboard, dashboards};
pub use explanation::explanation_json;
pub use gate::GateTarget;
pub use operator::ObjectMeta;
pub use prometheus::{rule_file, rule_file_json};
pub use promtool::rule_tests;
#[cfg(feature = "calendar")]
pub use report::{RecordedSource, Report, ReportSpan, TakePoint};
pub use status::status_json;
pub use target::Target;
#[cfg(feature = "calendar")]
pub use words::{count, html_page, local_time};
