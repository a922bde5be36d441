//! `slo traces`

use super::{
    common::{Output, Reading},
    values::parsed,
};
use clap::Args as Group;
use slo_core::model::Window;
use std::path::PathBuf;

/// The heading of options that say which requests are slow.
const SLOW: &str = "Which requests are slow; by default, the slowest twentieth of the baseline's";

#[derive(Debug, Group)]
pub(crate) struct Traces {
    /// Files of OTLP, as JSON or protobuf, plain or gzip; or `-` for standard input
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Files of a time when requests were as usual; by default, the requests that are not slow; may be given several times
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Vec<PathBuf>,
    /// Look only at requests to this service
    #[arg(long, value_name = "NAME")]
    pub(crate) service: Option<String>,
    /// Requests that take longer are slow
    #[arg(long, help_heading = SLOW, value_name = "DURATION", value_parser = parsed::<Window>)]
    pub(crate) threshold: Option<Window>,
    /// A spec file or directory that has the SLO; may be given several times
    #[arg(long, help_heading = SLOW, value_name = "FILE", requires = "slo")]
    pub(crate) spec: Vec<PathBuf>,
    /// A latency SLO, whose threshold and service are taken
    #[arg(long, help_heading = SLOW, value_name = "SERVICE/SLO", requires = "spec", conflicts_with = "threshold")]
    pub(crate) slo: Option<String>,
    #[command(flatten)]
    pub(crate) reading: Reading,
    /// Show this many operations, errors and attributes
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) top: usize,
    #[command(flatten)]
    pub(crate) output: Output,
}
