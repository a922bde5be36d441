//! `slo logs`

use super::{
    access::Access,
    common::{Output, Reading},
    release::Since,
    values::{parsed, percentage, zone},
};
use clap::Args as Group;
use slo_core::model::Window;
use slo_ops::logs::LogFormat;
use std::path::PathBuf;

/// The heading of options for an SLO.
const SLO: &str = "Templates whose lines come with bad events";

#[derive(Debug, Group)]
pub(crate) struct Logs {
    /// Log files, plain or gzip; directories, with all files whose names contain `.log`; or `-` for standard input
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// The format; by default it is found out from each line
    #[arg(long, value_name = "FORMAT", default_value_t, value_parser = parsed::<LogFormat>)]
    pub(crate) log_format: LogFormat,
    /// The time zone of times that name none
    #[arg(long, value_name = "ZONE", default_value = "UTC", value_parser = zone)]
    pub(crate) time_zone: String,
    /// Find what is unusual since then: a time such as 2026-12-01T10:00:00Z, or how long ago, such as 20m
    #[arg(long, value_name = "TIME", value_parser = parsed::<Since>)]
    pub(crate) since: Option<Since>,
    /// The end of the window that begins at --since; by default, now
    #[arg(long, value_name = "TIME", value_parser = parsed::<Since>, requires = "since")]
    pub(crate) until: Option<Since>,
    /// The beginning of the time that the window is compared with; by default, the first line
    #[arg(long, value_name = "TIME", value_parser = parsed::<Since>, requires = "since")]
    pub(crate) baseline: Option<Since>,
    /// The probability of a false alarm in the window, over all templates
    #[arg(long, value_name = "PERCENT", default_value = "5%", value_parser = percentage, requires = "since")]
    pub(crate) false_alarms: f64,
    /// The widest bin that lines are counted in; with --since, bins divide the window
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = parsed::<Window>)]
    pub(crate) bin: Window,
    /// The most templates to keep: the one that was used least recently makes room for another
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub(crate) most_templates: usize,
    /// Group lines by their words only, without masks for numbers, addresses, ids, paths and times
    #[arg(long)]
    pub(crate) no_masks: bool,
    /// Show this many templates, those with most lines, and this many findings
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) top: usize,
    /// A spec file or directory that has the SLO; may be given several times
    #[arg(long, help_heading = SLO, value_name = "FILE", requires_all = ["slo", "prometheus"])]
    pub(crate) spec: Vec<PathBuf>,
    /// The SLO whose bad events are compared with the lines
    #[arg(long, help_heading = SLO, value_name = "SERVICE/SLO", requires_all = ["spec", "prometheus"])]
    pub(crate) slo: Option<String>,
    /// URL of the Prometheus that has the events, or @FILE to read a URL with a password from a file
    #[arg(long, help_heading = SLO, value_name = "URL", requires_all = ["slo", "spec"])]
    pub(crate) prometheus: Option<String>,
    #[command(flatten)]
    pub(crate) access: Access,
    #[command(flatten)]
    pub(crate) reading: Reading,
    #[command(flatten)]
    pub(crate) output: Output,
}
