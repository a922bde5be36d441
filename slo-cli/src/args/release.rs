//! The verbs of releases.

use super::{
    access::Access,
    common::{Output, Reading, TimeScale},
    server::Record,
    values::{counts, matchers, number, parsed, percentage},
};
use clap::{Args as Group, Subcommand, ValueEnum};
use slo_core::{
    math::Tally,
    model::{Objective, Timestamp, Window},
};
use slo_ops::review::Severity;
use std::{path::PathBuf, str::FromStr};

/// The heading of options that say what is good and what is harmful.
const RULES: &str = "What is good, and what is harmful";
/// The heading of options for counts that are known.
const COUNTS: &str = "Counts in place of specs and Prometheus";

#[derive(Debug, Group)]
pub(crate) struct Gate {
    /// Spec files, directories (read recursively), or `-` for standard input
    #[arg(value_name = "FILE", required_unless_present = "new_counts")]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) reading: Reading,
    /// URL of the Prometheus that has the events, or @FILE to read a URL with a password from a file
    #[arg(long, value_name = "URL", required_unless_present = "new_counts")]
    pub(crate) prometheus: Option<String>,
    #[command(flatten)]
    pub(crate) access: Access,
    /// Judge the release by this SLO only; may be given several times
    #[arg(long, value_name = "SERVICE/SLO")]
    pub(crate) slo: Vec<String>,
    /// The labels of the new version's series, such as version=2, or matchers as in PromQL; without them, all series count
    #[arg(long, value_name = "LABELS", value_parser = matchers)]
    pub(crate) new: Option<String>,
    /// Compare with the old version that runs beside it: the labels of its series
    #[arg(long, value_name = "LABELS", value_parser = matchers, conflicts_with = "before", requires = "new")]
    pub(crate) old: Option<String>,
    /// Compare with the time before the release, over this DURATION
    #[arg(long, value_name = "DURATION", value_parser = parsed::<Window>)]
    pub(crate) before: Option<Window>,
    /// When the new version went live: a time such as 2026-12-01T10:00:00Z, or how long ago, such as 20m. By default now, which
    /// needs --wait
    #[arg(long, value_name = "TIME", value_parser = parsed::<Since>)]
    pub(crate) since: Option<Since>,
    /// Look again and again until there is a verdict, at most for this DURATION
    #[arg(long, value_name = "DURATION", value_parser = parsed::<Window>)]
    pub(crate) wait: Option<Window>,
    /// The objective
    #[arg(long, help_heading = COUNTS, value_name = "PERCENT", value_parser = parsed::<Objective>, requires = "new_counts")]
    pub(crate) objective: Option<Objective>,
    /// The events of the new version, such as 3/1000 for 3 bad ones of 1000
    #[arg(long, help_heading = COUNTS, value_name = "BAD/TOTAL", value_parser = counts, requires = "objective", conflicts_with_all = ["files", "prometheus", "slo", "new", "old", "before", "since", "wait"])]
    pub(crate) new_counts: Option<Tally>,
    /// The events of the old version beside it, in the same time
    #[arg(long, help_heading = COUNTS, value_name = "BAD/TOTAL", value_parser = counts, requires = "new_counts", conflicts_with = "before_counts")]
    pub(crate) old_counts: Option<Tally>,
    /// The events before the release
    #[arg(long, help_heading = COUNTS, value_name = "BAD/TOTAL", value_parser = counts, requires = "new_counts")]
    pub(crate) before_counts: Option<Tally>,
    #[command(flatten)]
    pub(crate) rules: Rules,
    #[command(flatten)]
    pub(crate) scale: TimeScale,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Group)]
pub(crate) struct Rules {
    /// A version that burns the budget at most this fast is good
    #[arg(long, help_heading = RULES, value_name = "RATE", default_value = "1", value_parser = number)]
    pub(crate) allowed_burn_rate: f64,
    /// One that burns it at least this fast is harmful; by default where the slowest alert of the SLO pages, at 6
    #[arg(long, help_heading = RULES, value_name = "RATE", value_parser = number)]
    pub(crate) harmful_burn_rate: Option<f64>,
    /// Compared with an old version, one with this many times its error ratio is harmful
    #[arg(long, help_heading = RULES, value_name = "TIMES", default_value = "2", value_parser = number)]
    pub(crate) harmful_ratio: f64,
    /// How often a good version may fail, at most
    #[arg(long, help_heading = RULES, value_name = "PERCENT", default_value = "1%", value_parser = percentage)]
    pub(crate) false_fail: f64,
    /// How often a harmful version may pass, at most
    #[arg(long, help_heading = RULES, value_name = "PERCENT", default_value = "5%", value_parser = percentage)]
    pub(crate) false_pass: f64,
    /// How many events fail together, for events that fail in bursts
    #[arg(long, help_heading = RULES, value_name = "N", default_value = "1", value_parser = number)]
    pub(crate) design_effect: f64,
}

/// A time, or how long ago it was.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Since {
    At(Timestamp),
    Ago(Window),
}

impl FromStr for Since {
    type Err = slo_core::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(ago) = text.parse() {
            return Ok(Self::Ago(ago));
        }
        text.parse().map(Self::At).map_err(|_| {
            slo_core::Error::new(format!("`{text}` is neither a time nor a duration"))
                .with_hint("write 2026-12-01T10:00:00Z, or 20m for twenty minutes ago")
        })
    }
}

#[derive(Debug, Group)]
pub(crate) struct Release {
    /// The release of Helm, or `deployment/NAME`
    #[arg(value_name = "RELEASE")]
    pub(crate) name: String,
    /// Spec files or directories, to judge each revision by its SLOs
    #[arg(value_name = "FILE", requires = "prometheus")]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) reading: Reading,
    /// The namespace of the release; by default that of the current context
    #[arg(long, short, value_name = "NAME")]
    pub(crate) namespace: Option<String>,
    /// URL of the Prometheus that has the events, or @FILE to read a URL with a password from a file
    #[arg(long, value_name = "URL", requires = "files")]
    pub(crate) prometheus: Option<String>,
    #[command(flatten)]
    pub(crate) access: Access,
    /// Judge revisions by this SLO only; may be given several times
    #[arg(long, value_name = "SERVICE/SLO")]
    pub(crate) slo: Vec<String>,
    /// Read the output of `helm history RELEASE --output json` from FILE in place of running Helm
    #[arg(long, value_name = "FILE")]
    pub(crate) history: Option<PathBuf>,
    /// Read the secrets in which Helm keeps the revisions from FILE, as `kubectl get secrets --selector owner=helm --output json` writes them
    #[arg(long, value_name = "FILE", requires = "history")]
    pub(crate) secrets: Option<PathBuf>,
    /// Read the output of `kubectl get deployments,replicasets --output json` from FILE in place of running kubectl
    #[arg(long, value_name = "FILE")]
    pub(crate) objects: Option<PathBuf>,
    /// Run the command that is printed; with specs, then judge the release until there is a verdict
    #[arg(long, conflicts_with_all = ["history", "objects"])]
    pub(crate) execute: bool,
    /// Also run it if something speaks against it
    #[arg(long, requires = "execute")]
    pub(crate) accept_risks: bool,
    /// After it, look for a verdict at most for this DURATION
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = parsed::<Window>)]
    pub(crate) wait: Window,
    #[command(flatten)]
    pub(crate) rules: Rules,
    #[command(flatten)]
    pub(crate) scale: TimeScale,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Group)]
pub(crate) struct Deployments {
    #[command(subcommand)]
    pub(crate) verb: DeploymentsVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeploymentsVerb {
    /// Record that a version went live
    Record(Recorded),
    /// List what went live
    List(Deployed),
}

#[derive(Debug, Group)]
pub(crate) struct Recorded {
    #[command(flatten)]
    pub(crate) record: Record,
    /// The service, as in its spec
    #[arg(long, value_name = "NAME")]
    pub(crate) service: String,
    /// The version
    #[arg(long, value_name = "TEXT")]
    pub(crate) version: String,
    /// When it went live, such as 2026-12-01T10:00:00Z; by default now
    #[arg(long, value_name = "TIME", value_parser = parsed::<Timestamp>)]
    pub(crate) at: Option<Timestamp>,
    /// When the oldest change in it was committed
    #[arg(long, value_name = "TIME", value_parser = parsed::<Timestamp>)]
    pub(crate) committed_at: Option<Timestamp>,
    /// An address where people can read about it
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// Who or what deployed it; by default the name of the current user
    #[arg(long, value_name = "NAME")]
    pub(crate) who: Option<String>,
}

#[derive(Debug, Group)]
pub(crate) struct Deployed {
    #[command(flatten)]
    pub(crate) record: Record,
    /// List those of the last DURATION
    #[arg(long, value_name = "DURATION", default_value = "30d", value_parser = parsed::<Window>)]
    pub(crate) last: Window,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Group)]
pub(crate) struct Review {
    /// Manifests of Kubernetes and specs: files, directories (read recursively), or `-` for standard input, as for
    /// `helm template shop ./chart | slo review - slo.yaml`
    #[arg(required = true, value_name = "PATH")]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) reading: Reading,
    /// Fail if there is a finding of this severity or a worse one
    #[arg(long, value_name = "SEVERITY", default_value_t = Severity::High, value_parser = parsed::<Severity>)]
    pub(crate) fail_on: Severity,
    /// The share of the time that a pod is up; the rest are failures of nodes, restarts and evictions
    #[arg(long, value_name = "PERCENT", default_value = "99.5%", value_parser = percentage)]
    pub(crate) pod_availability: f64,
    /// Print disruption budgets and autoscalers that fit the objectives, in place of findings
    #[arg(long, conflicts_with = "format")]
    pub(crate) suggest: bool,
    /// Text for people, JSON for programs, or SARIF for code hosts
    #[arg(long, value_enum, default_value_t = ReviewFormat::Text)]
    pub(crate) format: ReviewFormat,
    /// Write this file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReviewFormat {
    Text,
    Json,
    Sarif,
}
