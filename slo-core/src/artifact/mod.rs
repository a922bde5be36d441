//! Artifacts: files for other programs, such as rule files, dashboards and reports.

mod alertmanager;
#[cfg(feature = "calendar")]
mod backtest;
mod capital;
mod dashboards;
mod matcher;
mod operator;
#[cfg(feature = "calendar")]
mod picture;
mod prometheus;
mod promtool;
#[cfg(feature = "calendar")]
mod report;
mod target;
#[cfg(feature = "calendar")]
mod words;

pub use alertmanager::{AlertmanagerVersion, Channel, Hours, Mail, Response, Routing, alertmanager};
#[cfg(feature = "calendar")]
pub use backtest::{BacktestPage, SloBacktest, SloFired, SloIncident};
pub use dashboards::{Dashboard, dashboards};
pub use operator::ObjectMeta;
#[cfg(feature = "calendar")]
pub use picture::{Dates, burn_down_picture};
pub use prometheus::rule_file;
pub use promtool::rule_tests;
#[cfg(feature = "calendar")]
pub use report::Report;
pub use target::Target;
#[cfg(feature = "calendar")]
pub use words::{escape, html_page};
