//! The verbs of experiments.

use super::{
    access::Access,
    common::{Output, ReportFormat, Specs, TimeScale},
    server::Place,
    values::parsed,
};
use clap::{Args as Group, Subcommand};
use slo_ops::experiment::ExportTarget;
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
    /// Judge a run of Chaos Toolkit by its journal and the events in Prometheus
    Judge(Judged),
    /// Write an experiment for another tool
    Export(Exported),
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

#[derive(Debug, Group)]
pub(crate) struct Judged {
    /// The `journal.json` of Chaos Toolkit
    #[arg(value_name = "JOURNAL")]
    pub(crate) journal: PathBuf,
    #[command(flatten)]
    pub(crate) planned: Planned,
}

#[derive(Debug, Group)]
pub(crate) struct Exported {
    /// The file of the experiment, with `version: slo-experiment/v1`
    #[arg(value_name = "EXPERIMENT")]
    pub(crate) experiment: PathBuf,
    /// The spec files that the experiment is about, for Chaos Toolkit
    #[arg(value_name = "FILE", required_if_eq("target", "chaos-toolkit"))]
    pub(crate) files: Vec<PathBuf>,
    /// The tool: chaos-toolkit, chaos-mesh or litmus. Chaos Toolkit runs `slo experiment run`, so that the fault ends in time;
    /// the others inject the fault themselves, and do not look at SLOs
    #[arg(long, value_name = "TOOL", value_parser = parsed::<ExportTarget>)]
    pub(crate) target: ExportTarget,
    /// URL of the Prometheus that has the events of the SLOs, for Chaos Toolkit
    #[arg(long, value_name = "URL", required_if_eq("target", "chaos-toolkit"))]
    pub(crate) prometheus: Option<String>,
    /// The namespace of the pods that the fault hits, for Chaos Mesh and Litmus
    #[arg(long, value_name = "NAME", requires = "selector")]
    pub(crate) namespace: Option<String>,
    /// The labels of the pods that the fault hits, such as app=checkout, for Chaos Mesh and Litmus
    #[arg(long, value_name = "LABELS", requires = "namespace")]
    pub(crate) selector: Option<String>,
    /// Write this file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}
