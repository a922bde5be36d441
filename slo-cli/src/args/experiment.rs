//! The verbs of experiments.

use super::{Access, Output, ReportFormat, Specs, TimeScale, server::Place};
use clap::{Args as Group, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Group)]
pub(crate) struct Experiments {
    #[command(subcommand)]
    pub(crate) verb: ExperimentVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ExperimentVerb {
    /// Show what an experiment will cost, whether it can teach anything, and what forbids it; nothing is injected
    Plan(Planned),
    /// Run an experiment: inject its fault, and undo it when the SLOs break, a limit is reached or its time is over
    Run(Running),
    /// List the runs, and what is left of their faults
    Status(Listed),
    /// Stop the run that is going on, and undo what a run has left whose process died
    Abort(Stopped),
    /// Report on runs: what broke, what held, and what to do next
    Verdict(Told),
}

/// The journals of runs.
#[derive(Debug, Group)]
pub(crate) struct Journals {
    /// The folder with the journals of the runs; by default /var/lib/slo/experiments for root, and
    /// ~/.local/state/slo/experiments for others
    #[arg(long, value_name = "DIR")]
    pub(crate) journals: Option<PathBuf>,
}

#[derive(Debug, Group)]
pub(crate) struct Planned {
    /// The file of the experiment, with `version: slo-experiment/v1`
    #[arg(value_name = "EXPERIMENT")]
    pub(crate) experiment: PathBuf,
    #[command(flatten)]
    pub(crate) specs: Specs,
    /// URL of the Prometheus that has the events of the SLOs, or @FILE to read a URL with a password from a file
    #[arg(long, value_name = "URL")]
    pub(crate) prometheus: String,
    #[command(flatten)]
    pub(crate) access: Access,
    #[command(flatten)]
    pub(crate) journals: Journals,
    #[command(flatten)]
    pub(crate) scale: TimeScale,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Group)]
pub(crate) struct Running {
    #[command(flatten)]
    pub(crate) planned: Planned,
    // Without one, the run is in no incident record.
    #[command(flatten)]
    pub(crate) place: Place,
}

#[derive(Debug, Group)]
pub(crate) struct Listed {
    #[command(flatten)]
    pub(crate) journals: Journals,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Group)]
pub(crate) struct Stopped {
    #[command(flatten)]
    pub(crate) journals: Journals,
    /// The name to record; by default the name of the current user
    #[arg(long, value_name = "NAME")]
    pub(crate) who: Option<String>,
}

#[derive(Debug, Group)]
pub(crate) struct Told {
    /// The IDs of runs, or their beginnings; all runs without one
    #[arg(value_name = "RUN")]
    pub(crate) runs: Vec<String>,
    #[command(flatten)]
    pub(crate) journals: Journals,
    /// The output format: Markdown, an HTML page, or JSON for programs
    #[arg(long, value_enum, default_value_t = ReportFormat::Markdown)]
    pub(crate) format: ReportFormat,
    /// Write this file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}
