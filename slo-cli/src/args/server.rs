//! The verbs of the server and its record.

use super::{
    access::Access,
    common::{Output, Reading, TimeScale},
    values::{address, host_and_port, parsed, zone},
};
use clap::{Args as Group, Subcommand};
use slo_core::model::{Timestamp, Window};
use std::{net::SocketAddr, path::PathBuf};

#[derive(Debug, Group)]
pub(crate) struct Serve {
    /// Spec files or directories, with --prometheus; or one configuration file, with `version: slo-server/v1`
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// The URL of the Prometheus server whose numbers the pages show, or @FILE to read it from a file
    #[arg(long, value_name = "URL")]
    pub(crate) prometheus: Option<String>,
    #[command(flatten)]
    pub(crate) access: Access,
    /// The address to listen on, 127.0.0.1:9099 by default; other addresses than loopback need a configuration file with
    /// `access`
    #[arg(long, value_name = "HOST:PORT", value_parser = address)]
    pub(crate) listen: Option<SocketAddr>,
    /// The path below which everything is served, such as /slo, for a proxy that passes it on
    #[arg(long, value_name = "PATH")]
    pub(crate) base_path: Option<String>,
    /// The time zone of pages and reports, UTC by default
    #[arg(long, value_name = "ZONE", value_parser = zone)]
    pub(crate) time_zone: Option<String>,
    /// Only check the configuration or the specs
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
    /// Run a runbook for an alert from a file, without notifications and without changes to the server's
    /// record
    Run(RunbookRun),
}

#[derive(Debug, Group)]
pub(crate) struct RunbookRun {
    /// The name of the runbook
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// The configuration file that defines the runbook
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// A file with the alert, as the body of a webhook, or `-` for standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) alert: PathBuf,
    /// Print the steps without running them
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Approve the remediation of this name; may be given several times
    #[arg(long, value_name = "STEP", conflicts_with = "dry_run")]
    pub(crate) approve: Vec<String>,
    #[command(flatten)]
    pub(crate) reading: Reading,
    #[command(flatten)]
    pub(crate) scale: TimeScale,
}

#[derive(Debug, Group)]
pub(crate) struct Proxy {
    /// The address to listen on, such as 127.0.0.1:9001
    #[arg(long, value_name = "HOST:PORT", value_parser = address)]
    pub(crate) listen: SocketAddr,
    /// The host and port to pass connections on to
    #[arg(long, value_name = "HOST:PORT", value_parser = host_and_port)]
    pub(crate) upstream: String,
    /// The faults to start with, as YAML or JSON: `{latency: 300ms, jitter: 50ms, bandwidth: 64KiB, share: 50%, seed: 7}`,
    /// `{reset: true}` or `{black_hole: true}`
    #[arg(long, value_name = "FAULTS")]
    pub(crate) toxic: Option<String>,
    /// The address at which programs change the faults, over HTTP: PUT, GET or DELETE /toxic
    #[arg(long, value_name = "HOST:PORT", value_parser = address)]
    pub(crate) control: Option<SocketAddr>,
    /// A file with the bearer token for --control; required if other hosts can reach it
    #[arg(long, value_name = "FILE", requires = "control")]
    pub(crate) token_file: Option<PathBuf>,
}

#[derive(Debug, Group)]
pub(crate) struct Diagnose {
    /// Another host to connect to, as a check; may be given several times
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
    /// List episodes, the most recently changed first
    List(List),
    /// Show the summary, the stages and the timeline of an incident
    Show(Show),
    /// Summarize the last episode of an incident in prose: by the model of the server's configuration, checked, or by the template
    Summarize(Show),
    /// Show how long the stages of incidents take, and how many alerts were acknowledged or came back
    Stats(Stats),
    /// Write the draft of a postmortem, in Markdown
    Postmortem(Postmortem),
    /// Write the records of all incidents as JSON, one entry a line, for `slo.incidents` in Python
    Export(Export),
    /// Acknowledge an incident: you are working on it
    Acknowledge(Act),
    /// Record that the impact on users has ended
    Mitigated(Act),
    /// End an incident whose Alertmanager never sends that it is resolved
    Close(Act),
    /// Approve a step that is waiting for approval
    Approve(Step),
    /// Deny a step that is waiting for approval
    Deny(Step),
    /// Add a note to an incident
    Note(Note),
}

/// The location of the incident record.
#[derive(Debug, Group)]
#[group(required = true, multiple = true, args = ["store", "config"])]
pub(crate) struct Record {
    #[command(flatten)]
    pub(crate) place: Place,
}

/// Where an incident record is.
#[derive(Debug, Group)]
#[group(skip)]
pub(crate) struct Place {
    /// The incident record: `sqlite:FILE`, or `postgres://USER@HOST/DATABASE`
    #[arg(long, value_name = "URL")]
    pub(crate) store: Option<String>,
    /// The configuration file of the server, which names the incident record and what to redact
    #[arg(long, value_name = "FILE", conflicts_with_all = ["store", "password_file"])]
    pub(crate) config: Option<PathBuf>,
    /// A file with the password for PostgreSQL
    #[arg(long, value_name = "FILE", requires = "store")]
    pub(crate) password_file: Option<PathBuf>,
}

#[derive(Debug, Group)]
pub(crate) struct List {
    #[command(flatten)]
    pub(crate) record: Record,
    /// List only episodes that are not resolved
    #[arg(long)]
    pub(crate) open: bool,
    /// The largest number of episodes to list
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) limit: usize,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Group)]
pub(crate) struct Show {
    #[command(flatten)]
    pub(crate) record: Record,
    /// The ID of the incident, or its first digits
    #[arg(value_name = "INCIDENT")]
    pub(crate) incident: String,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Group)]
pub(crate) struct Stats {
    #[command(flatten)]
    pub(crate) record: Record,
    /// Count only episodes that began in the last DURATION
    #[arg(long, value_name = "DURATION", default_value = "90d", value_parser = parsed::<Window>)]
    pub(crate) since: Window,
    /// Compare the episodes before this moment with those after it, such as 2026-11-01T00:00:00Z
    #[arg(long, value_name = "TIME", value_parser = parsed::<Timestamp>)]
    pub(crate) split: Option<Timestamp>,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Group)]
pub(crate) struct Mcp {
    /// Spec files or directories; by default those of --config
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) reading: Reading,
    /// URL of the Prometheus that evaluates the generated rules, or @FILE to read a URL with a password from a file; by default
    /// that of --config
    #[arg(long, value_name = "URL")]
    pub(crate) prometheus: Option<String>,
    #[command(flatten)]
    pub(crate) access: Access,
    #[command(flatten)]
    pub(crate) place: Place,
    /// Serve streamable HTTP at `http://HOST:PORT/mcp` in place of standard input and output
    #[arg(long, value_name = "HOST:PORT", value_parser = address)]
    pub(crate) listen: Option<SocketAddr>,
    /// A file with the token that callers must send; needed beyond loopback
    #[arg(long, value_name = "FILE", requires = "listen")]
    pub(crate) bearer_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) scale: TimeScale,
}

#[derive(Debug, Group)]
pub(crate) struct Toil {
    /// The file with the weeks of the team: hours worked, and work by hand
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Group)]
pub(crate) struct Postmortem {
    #[command(flatten)]
    pub(crate) record: Record,
    /// The ID of the incident, or its first digits; the draft is for its latest episode
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
    /// The ID of the incident, or its first digits
    #[arg(value_name = "INCIDENT")]
    pub(crate) incident: String,
    /// The name to record; by default the name of the current user
    #[arg(long, value_name = "NAME")]
    pub(crate) who: Option<String>,
}

#[derive(Debug, Group)]
pub(crate) struct Step {
    #[command(flatten)]
    pub(crate) act: Act,
    /// The name of the step, or its number in the runbook, from 1
    #[arg(value_name = "STEP")]
    pub(crate) step: String,
}

#[derive(Debug, Group)]
pub(crate) struct Note {
    #[command(flatten)]
    pub(crate) act: Act,
    /// The text of the note
    #[arg(value_name = "TEXT")]
    pub(crate) text: String,
}
