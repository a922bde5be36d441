//! The verb of Dynatrace.

use super::{
    access::Access,
    common::{Specs, TimeScale},
    server::{Place, Record},
    values::parsed,
};
use clap::{Args as Group, Subcommand, ValueEnum};
use slo_core::model::Timestamp;
use std::path::PathBuf;

#[derive(Debug, Group)]
pub(crate) struct Dynatrace {
    #[command(subcommand)]
    pub(crate) verb: DynatraceVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DynatraceVerb {
    /// Write SLOs of Dynatrace, as JSON for its API or as Terraform
    Slos(Slos),
    /// Write SLIs, budgets and burn rates as metric lines, or send them
    Metrics(Budgets),
    /// Write a deployment as an event, or send it
    Deployment(WentLive),
    /// Write an incident as an error event, or send it
    Incident(Noticed),
}

/// The kinds of SLOs that Dynatrace has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// A metric expression, evaluated by the classic API
    Classic,
    /// A query in DQL, evaluated by the platform
    Platform,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SloForm {
    /// A list of bodies, each for a request
    Json,
    /// Resources of the provider `dynatrace-oss/dynatrace`
    Terraform,
}

#[derive(Debug, Group)]
pub(crate) struct Slos {
    #[command(flatten)]
    pub(crate) specs: Specs,
    /// The file that says which metrics of Dynatrace the SLOs count; SLOs that are not in it are left out, with a warning
    #[arg(long, value_name = "FILE")]
    pub(crate) mapping: PathBuf,
    /// The kind of SLO
    #[arg(long, value_enum, default_value_t = Kind::Classic)]
    pub(crate) kind: Kind,
    /// The output format
    #[arg(long, value_enum, default_value_t = SloForm::Json)]
    pub(crate) format: SloForm,
    /// Write this file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

/// Where to send something; without it, it is only written.
#[derive(Debug, Group)]
pub(crate) struct Environment {
    /// Send it to this environment, such as `https://abc12345.live.dynatrace.com`
    #[arg(long, value_name = "URL", requires = "token_file")]
    pub(crate) environment: Option<String>,
    /// A file with an API token
    #[arg(long, value_name = "FILE", requires = "environment")]
    pub(crate) token_file: Option<PathBuf>,
}

#[derive(Debug, Group)]
pub(crate) struct Budgets {
    #[command(flatten)]
    pub(crate) specs: Specs,
    /// URL of the Prometheus that evaluates the generated rules, or @FILE to read a URL with a password from a file
    #[arg(long, value_name = "URL")]
    pub(crate) prometheus: String,
    #[command(flatten)]
    pub(crate) access: Access,
    #[command(flatten)]
    pub(crate) environment: Environment,
    #[command(flatten)]
    pub(crate) scale: TimeScale,
}

#[derive(Debug, Group)]
pub(crate) struct WentLive {
    /// The service, as in its spec
    #[arg(value_name = "SERVICE")]
    pub(crate) service: String,
    /// The version that went live
    #[arg(value_name = "VERSION")]
    pub(crate) version: String,
    /// When it went live, such as 2026-12-01T10:00:00Z; now by default
    #[arg(long, value_name = "TIME", value_parser = parsed::<Timestamp>)]
    pub(crate) at: Option<Timestamp>,
    /// Where people can read about it
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// Who or what deployed it
    #[arg(long, value_name = "NAME")]
    pub(crate) who: Option<String>,
    /// The entities that it belongs to; the whole environment by default
    #[arg(long, value_name = "SELECTOR")]
    pub(crate) entities: Option<String>,
    #[command(flatten)]
    pub(crate) environment: Environment,
}

#[derive(Debug, Group)]
pub(crate) struct Noticed {
    #[command(flatten)]
    pub(crate) record: Record,
    /// The ID of the incident, or its first digits; the event is about its latest episode
    #[arg(value_name = "INCIDENT")]
    pub(crate) incident: String,
    /// The entities that it belongs to; the whole environment by default
    #[arg(long, value_name = "SELECTOR")]
    pub(crate) entities: Option<String>,
    #[command(flatten)]
    pub(crate) environment: Environment,
}

impl Noticed {
    /// Where the record is.
    pub(crate) const fn place(&self) -> &Place {
        &self.record.place
    }
}
