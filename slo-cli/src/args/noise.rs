//! `slo noise`

use super::{
    access::Access,
    common::Reading,
    server::Place,
    values::{parsed, percentage, zone},
};
use clap::{Args as Group, ValueEnum};
use slo_core::{artifact::Hours, model::Window};
use std::path::PathBuf;

/// The heading of options that say where alerts come from.
const HISTORY: &str = "The history of alerts, one of these";

#[derive(Debug, Group)]
pub(crate) struct Noise {
    /// Spec files or directories: what their SLOs spent is the cost of an alert
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) reading: Reading,
    /// URL of a Prometheus that has `ALERTS` and the events of the SLOs, or @FILE to read a URL with a password from a file
    #[arg(long, help_heading = HISTORY, value_name = "URL", required_unless_present_any = ["store", "config", "webhooks"])]
    pub(crate) prometheus: Option<String>,
    /// Webhooks of Alertmanager, a JSON body a line, in place of `ALERTS`
    #[arg(long, help_heading = HISTORY, value_name = "FILE", conflicts_with_all = ["store", "config"])]
    pub(crate) webhooks: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(flatten)]
    pub(crate) access: Access,
    /// The length of the history
    #[arg(long, value_name = "DURATION", default_value = "30d", value_parser = parsed::<Window>)]
    pub(crate) last: Window,
    /// A firing that cost less than this share of a period's error budget was for nothing
    #[arg(long, value_name = "PERCENT", default_value = "1%", value_parser = percentage)]
    pub(crate) worth: f64,
    /// The hours in which people work, such as `Mon-Fri 09:00-17:00 Europe/Berlin`
    #[arg(long, value_name = "HOURS", value_parser = parsed::<Hours>)]
    pub(crate) hours: Option<Hours>,
    /// The time zone of the page
    #[arg(long, value_name = "ZONE", default_value = "UTC", value_parser = zone)]
    pub(crate) time_zone: String,
    /// Print a patch for the specs in place of the report: guards that would have spared pages
    #[arg(long, requires = "prometheus", conflicts_with = "format")]
    pub(crate) patch: bool,
    /// The output format: tables, JSON for programs, or an HTML page with a picture
    #[arg(long, value_enum, default_value_t = NoiseFormat::Table)]
    pub(crate) format: NoiseFormat,
    /// Write this file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum NoiseFormat {
    Table,
    Json,
    Html,
}
