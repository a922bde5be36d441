//! The verbs of the server and its record.

use super::{
    common::{Output, Reading, TimeScale},
    values::{host_and_port, parsed},
};
use clap::{Args as Group, Subcommand};
use slo_core::model::{Timestamp, Window};
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
pub(crate) struct Runbooks {
    #[command(subcommand)]
    pub(crate) verb: RunbooksVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RunbooksVerb {
    /// Run a runbook for an alert from a file: nobody is told, and the record of the server is left alone
    Run(RunbookRun),
}

#[derive(Debug, Group)]
pub(crate) struct RunbookRun {
    /// The runbook
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// The configuration that has it
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// The alert: the body of a webhook, or `-` for standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) alert: PathBuf,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// A remediation that may run, by its name; may be given several times
    #[arg(long, value_name = "STEP", conflicts_with = "dry_run")]
    pub(crate) approve: Vec<String>,
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
    /// How long the stages of incidents take, and how alerts did; before and after a day, with --since and --split
    Stats(Stats),
    /// Write the draft of a postmortem, in Markdown
    Postmortem(Postmortem),
    /// Write whole records, an entry a line as JSON, for `slo.incidents` in Python
    Export(Export),
    /// Say that you take care of it
    Acknowledge(Act),
    /// Say that users do not suffer any more
    Mitigated(Act),
    /// End an episode whose sender does not say that it is over
    Close(Act),
    /// Let a step run that waits for an approval
    Approve(Step),
    /// Say that a step must not run
    Deny(Step),
    /// Write something down
    Note(Note),
}

/// Where the record is.
#[derive(Debug, Group)]
#[group(required = true, multiple = true, args = ["store", "config"])]
pub(crate) struct Record {
    /// The record: `sqlite:FILE`, or `postgres://USER@HOST/DATABASE`
    #[arg(long, value_name = "URL")]
    pub(crate) store: Option<String>,
    /// The configuration of the server, which names the record and what is taken out of texts
    #[arg(long, value_name = "FILE", conflicts_with_all = ["store", "password_file"])]
    pub(crate) config: Option<PathBuf>,
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
pub(crate) struct Stats {
    #[command(flatten)]
    pub(crate) record: Record,
    /// Only episodes that began within this time until now
    #[arg(long, value_name = "DURATION", default_value = "90d", value_parser = parsed::<Window>)]
    pub(crate) since: Window,
    /// Compare the episodes before this moment with those after it, such as 2026-11-01T00:00:00Z
    #[arg(long, value_name = "TIME", value_parser = parsed::<Timestamp>)]
    pub(crate) split: Option<Timestamp>,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Group)]
pub(crate) struct Postmortem {
    #[command(flatten)]
    pub(crate) record: Record,
    /// The incident, or the first digits of it; of its episodes, the latest
    #[arg(value_name = "INCIDENT")]
    pub(crate) incident: String,
    /// Write this file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Group)]
pub(crate) struct Export {
    #[command(flatten)]
    pub(crate) record: Record,
    /// Write this file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
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
