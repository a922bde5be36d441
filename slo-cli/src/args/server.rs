//! The verbs of the server and its record.

use super::{
    common::{Output, Reading, TimeScale},
    values::host_and_port,
};
use clap::{Args as Group, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Group)]
pub(crate) struct Serve {
    /// The configuration, `version: slo-server/v1`
    #[arg(value_name = "CONFIG")]
    pub(crate) config: PathBuf,
    /// Check the configuration and the specs that it names, and do nothing else
    #[arg(long)]
    pub(crate) check: bool,
    #[command(flatten)]
    pub(crate) reading: Reading,
    #[command(flatten)]
    pub(crate) scale: TimeScale,
}

#[derive(Debug, Group)]
pub(crate) struct Diagnose {
    /// Another machine to reach; may be given several times
    #[arg(long = "peer", value_name = "HOST:PORT", value_parser = host_and_port)]
    pub(crate) peers: Vec<String>,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Group)]
pub(crate) struct Incidents {
    #[command(subcommand)]
    pub(crate) verb: IncidentsVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum IncidentsVerb {
    /// List the latest episodes, those with the latest entries first
    List(List),
    /// Show one: its summary, its stages and its timeline
    Show(Show),
    /// Say that you take care of it
    Acknowledge(Act),
    /// Say that users do not suffer any more
    Mitigated(Act),
    /// Let a step run that waits for an approval
    Approve(Step),
    /// Say that a step must not run
    Deny(Step),
    /// Write something down
    Note(Note),
}

/// Where the record is.
#[derive(Debug, Group)]
pub(crate) struct Record {
    /// The record: `sqlite:FILE`, or `postgres://USER@HOST/DATABASE`
    #[arg(long, value_name = "URL")]
    pub(crate) store: String,
    /// The password of `PostgreSQL`, in a file
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
}

#[derive(Debug, Group)]
pub(crate) struct List {
    #[command(flatten)]
    pub(crate) record: Record,
    /// Only those whose alerts fire
    #[arg(long)]
    pub(crate) open: bool,
    /// How many incidents at most
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) limit: usize,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Group)]
pub(crate) struct Show {
    #[command(flatten)]
    pub(crate) record: Record,
    /// The incident, or the first digits of it
    #[arg(value_name = "INCIDENT")]
    pub(crate) incident: String,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Group)]
pub(crate) struct Act {
    #[command(flatten)]
    pub(crate) record: Record,
    /// The incident, or the first digits of it
    #[arg(value_name = "INCIDENT")]
    pub(crate) incident: String,
    /// Who says so; the name of the user of this machine, if not given
    #[arg(long, value_name = "NAME")]
    pub(crate) who: Option<String>,
}

#[derive(Debug, Group)]
pub(crate) struct Step {
    #[command(flatten)]
    pub(crate) act: Act,
    /// The step: its name, or its place in the runbook, from 1
    #[arg(value_name = "STEP")]
    pub(crate) step: String,
}

#[derive(Debug, Group)]
pub(crate) struct Note {
    #[command(flatten)]
    pub(crate) act: Act,
    /// What to write down
    #[arg(value_name = "TEXT")]
    pub(crate) text: String,
}
