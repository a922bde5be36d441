//! Options of several verbs.

use super::values::{glob, label, parsed};
use clap::{Args as Group, ValueEnum};
use slo_core::{
    model::{LabelName, Window},
    spec::Defaults,
};
use std::path::PathBuf;

/// The heading of these options in the help.
const READING: &str = "Reading specifications";

/// How specs are chosen and read.
#[derive(Debug, Group)]
pub(crate) struct Reading {
    /// In directories, read only files whose path matches, such as `**/slo/*.yaml`; may be given several times
    #[arg(long, help_heading = READING, value_name = "GLOB", value_parser = glob)]
    pub(crate) include: Vec<glob::Pattern>,
    /// In directories, skip files whose path matches; may be given several times
    #[arg(long, help_heading = READING, value_name = "GLOB", value_parser = glob)]
    pub(crate) exclude: Vec<glob::Pattern>,
    #[command(flatten)]
    pub(crate) assumed: Assumed,
}

/// What specs leave out.
#[derive(Debug, Group)]
pub(crate) struct Assumed {
    /// The scrape interval for specs that do not set one
    #[arg(long, help_heading = READING, value_name = "DURATION", value_parser = parsed::<Window>)]
    pub(crate) scrape_interval: Option<Window>,
    /// The SLO period for specs of Sloth and slo-generator, which do not set one
    #[arg(long, help_heading = READING, value_name = "DURATION", value_parser = parsed::<Window>)]
    pub(crate) period: Option<Window>,
    /// The label that names the service in specs of Pyrra, which have no field for it
    #[arg(long, help_heading = READING, value_name = "NAME")]
    pub(crate) service_label: Option<String>,
    /// A label to set on every service, in place of a label of the same name in its spec; may be given several times
    #[arg(long = "extra-labels", help_heading = READING, value_name = "NAME=VALUE", value_parser = label)]
    pub(crate) labels: Vec<(LabelName, String)>,
}

impl Reading {
    /// Defaults for values that specs do not set.
    pub(crate) fn defaults(&self) -> Defaults {
        self.assumed.defaults()
    }
}

impl Assumed {
    /// Defaults for values that specs do not set.
    pub(crate) fn defaults(&self) -> Defaults {
        Defaults {
            scrape_interval: self.scrape_interval,
            period: self.period,
            service_label: self.service_label.clone(),
            labels: self.labels.iter().cloned().collect(),
            sloth_names: false,
        }
    }
}

#[derive(Debug, Group)]
pub(crate) struct TimeScale {
    /// Divide every window and interval by N, for demonstrations and tests: at 60, a window of one hour
    /// becomes one minute
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) time_scale: u32,
}

#[derive(Debug, Group)]
pub(crate) struct Output {
    /// A table for people, or JSON for programs
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Table,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    Markdown,
    Html,
    Json,
}

#[derive(Debug, Group)]
pub(crate) struct Specs {
    /// Spec files, directories (read recursively), or `-` for standard input
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) reading: Reading,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Naming {
    /// `slo:sli_error:ratio30d{service, slo}`
    Native,
    /// Sloth's names, for dashboards made for Sloth
    Sloth,
}

impl From<Naming> for slo_core::rules::Naming {
    fn from(naming: Naming) -> Self {
        match naming {
            Naming::Native => Self::Native,
            Naming::Sloth => Self::Sloth,
        }
    }
}
