//! The verbs and options of the command.

mod access;
mod common;
#[cfg(feature = "server")]
mod controller;
#[cfg(feature = "server")]
mod dynatrace;
#[cfg(feature = "server")]
mod experiment;
#[cfg(feature = "server")]
mod logs;
#[cfg(feature = "server")]
mod noise;
#[cfg(feature = "server")]
mod release;
#[cfg(feature = "server")]
mod server;
#[cfg(feature = "server")]
mod traces;
mod values;

pub(crate) use access::Access;
use clap::{Args as Group, Parser, Subcommand, ValueEnum};
pub(crate) use common::{Format, Naming, Output, Reading, ReportFormat, Specs, TimeScale};
#[cfg(feature = "server")]
pub(crate) use controller::Controlled;
#[cfg(feature = "server")]
pub(crate) use dynatrace::{
    Budgets, Dynatrace, DynatraceVerb, Environment, Kind, Noticed, SloForm, Slos, WentLive,
};
#[cfg(feature = "server")]
pub(crate) use experiment::{
    ExperimentVerb, Experiments, Exported, Journals, Judged, Listed, Planned, Running, Stopped, Told,
};
#[cfg(feature = "server")]
pub(crate) use logs::Logs;
#[cfg(feature = "server")]
pub(crate) use noise::{Noise, NoiseFormat};
#[cfg(feature = "server")]
pub(crate) use release::{
    Deployed, Deployments, DeploymentsVerb, Gate, Recorded, Release, Review, ReviewFormat, Rules, Since,
};
#[cfg(feature = "server")]
pub(crate) use server::{
    Act, Diagnose, Export, Incidents, IncidentsVerb, List, Mcp, Note, Place, Postmortem, Proxy, Record,
    RunbookRun, Runbooks, RunbooksVerb, Serve, Show, Stats, Step, Toil,
};
use slo_core::{
    artifact::{AlertmanagerVersion, Hours, Target},
    model::{Objective, Timestamp, Window},
};
use std::path::PathBuf;
#[cfg(feature = "server")]
pub(crate) use traces::Traces;
pub(crate) use values::Written;
use values::{channels, host_and_port, moment, object_label, parsed, target, written, zone};

#[derive(Debug, Parser)]
#[command(name = "slo", version, about, max_term_width = 100)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check specs, and print every fault with its position and a hint
    Validate(Specs),
    /// Generate recording and alerting rules, and tests for them
    Generate(Generate),
    /// Convert specs of Sloth, OpenSLO and other tools to the native format, and list fields that have no
    /// counterpart
    Import(Specs),
    /// Show the cost and the delay of the rules, and when their alerts fire
    Explain(Explain),
    /// Write Grafana dashboards: an overview, one for incidents, and one for each SLO
    Dashboards(Dashboards),
    /// Write an Alertmanager configuration that routes the alerts of these SLOs, with one notification per
    /// outage
    Alertmanager(Alertmanager),
    /// Show the SLIs, budgets, burn rates and alerts that Prometheus has recorded
    Status(Status),
    /// Watch error budgets live, most urgent first
    Top(Top),
    /// Report on SLOs over a month, a quarter or the last days, from the data that Prometheus has recorded
    Report(Report),
    /// Decide by the error-budget policy whether a change may go live, and which incidents need a postmortem
    Policy(Policy),
    /// Replay the alerts on past data: which would have fired, when, and how much budget was spent by then
    Backtest(Backtest),
    /// Show SLOs and incidents as web pages; receive alerts, run runbooks, send notifications
    #[cfg(feature = "server")]
    Serve(Serve),
    /// Keep the rules of SLO objects right, in a cluster of Kubernetes
    #[cfg(feature = "server")]
    Controller(Controlled),
    /// Check this host or container for problems
    #[cfg(feature = "server")]
    Diagnose(Diagnose),
    /// Try out a runbook on an alert from a file
    #[cfg(feature = "server")]
    Runbook(Runbooks),
    /// List and inspect incidents, and act on them
    #[cfg(feature = "server")]
    Incidents(Incidents),
    /// Find templates in logs, and what is unusual about a window of them
    #[cfg(feature = "server")]
    Logs(Logs),
    /// Find alerts that cost attention for nothing, and what would have spared them
    #[cfg(feature = "server")]
    Noise(Noise),
    /// Show how much of a team's time is work by hand, from a file and from the record of incidents
    #[cfg(feature = "server")]
    Toil(Toil),
    /// Find whose time the extra time of slow requests is, and where errors come from
    #[cfg(feature = "server")]
    Traces(Traces),
    /// Write SLOs for Dynatrace, and send it budgets, deployments and incidents
    #[cfg(feature = "server")]
    Dynatrace(Dynatrace),
    /// Serve budgets, incidents, explanations and gates to assistants, as read-only tools of the Model Context Protocol
    #[cfg(feature = "server")]
    Mcp(Mcp),
    /// Inject faults, watch SLOs meanwhile, and stop in time
    #[cfg(feature = "server")]
    Experiment(Experiments),
    /// Judge a new version by its SLOs: pass, fail, or inconclusive
    #[cfg(feature = "server")]
    Gate(Gate),
    /// Show what of a release is live, what is stuck and why, and which revision to go back to
    #[cfg(feature = "server")]
    Release(Release),
    /// Record and list deployments
    #[cfg(feature = "server")]
    Deployments(Deployments),
    /// Review manifests of Kubernetes for what threatens the SLOs
    #[cfg(feature = "server")]
    Review(Review),
    /// Pass TCP connections on, with faults: latency, limited bandwidth, resets, black holes
    #[cfg(feature = "server")]
    Proxy(Proxy),
    /// Calculate an error budget
    Budget(Budget),
    /// Print the JSON Schema of the native format, for editors; or the definition of the kind `SLO` of Kubernetes
    Schema(Schema),
    /// Print completions for a shell
    Completions(Completions),
    /// Write the manual pages
    Manual(Manual),
}

#[derive(Debug, Group)]
pub(crate) struct Schema {
    /// Print the `CustomResourceDefinition` of the kind `SLO`, which `slo controller` watches
    #[arg(long)]
    pub(crate) crd: bool,
}

#[derive(Debug, Group)]
pub(crate) struct Generate {
    #[command(flatten)]
    pub(crate) specs: Specs,
    /// Write `DIR/rules/<service>.yaml` instead of standard output
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// The server that evaluates the rules; or, for queries that judge releases, the program that asks them
    #[arg(long, value_parser = written(), default_value_t = Written::Rules(Target::default()))]
    pub(crate) target: Written,
    /// Read counters with anchored ranges, which need Prometheus 3.16 or later: counts are exact, also after
    /// a restart
    #[arg(long)]
    pub(crate) anchored: bool,
    /// The namespace of Kubernetes objects
    #[arg(long, value_name = "NAME")]
    pub(crate) namespace: Option<String>,
    /// A label for Kubernetes objects, such as the one that `ruleSelector` matches; may be given
    /// several times
    #[arg(long = "object-label", value_name = "NAME=VALUE", value_parser = object_label)]
    pub(crate) object_labels: Vec<(String, String)>,
    /// The names of series and alerts
    #[arg(long, value_enum, default_value_t = Naming::Native)]
    pub(crate) naming: Naming,
    /// Also write `DIR/tests/<service>.yaml`, for `promtool test rules`
    #[arg(long, requires = "out")]
    pub(crate) tests: bool,
    #[command(flatten)]
    pub(crate) scale: TimeScale,
}

#[derive(Debug, Group)]
pub(crate) struct Explain {
    #[command(flatten)]
    pub(crate) specs: Specs,
    /// Explain rules that are generated with `--anchored`
    #[arg(long)]
    pub(crate) anchored: bool,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Group)]
pub(crate) struct Dashboards {
    #[command(flatten)]
    pub(crate) specs: Specs,
    /// Write `DIR/dashboards/<service>-<slo>.json`, `slo-overview.json` and `slo-incident.json`
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) scale: TimeScale,
}

#[derive(Debug, Group)]
pub(crate) struct Alertmanager {
    #[command(flatten)]
    pub(crate) specs: Specs,
    // Parsed later: clap repeats a refused value in its error, and a channel may hold a secret.
    #[arg(long, value_name = "CHANNEL", help = channels("The channel for pages"))]
    pub(crate) page: Vec<String>,
    /// The channel for tickets, written as for --page; may be given several times
    #[arg(long, value_name = "CHANNEL")]
    pub(crate) ticket: Vec<String>,
    /// Also send every alert to `slo serve` at this address
    #[arg(long, value_name = "URL")]
    pub(crate) response: Option<String>,
    /// The file with the token for `slo serve`, at its path on Alertmanager's host; by default
    /// `response-token` in the folder of secrets, if the server is on another host
    #[arg(long, value_name = "FILE", requires = "response")]
    pub(crate) response_token: Option<String>,
    /// The server that sends e-mail, HOST:PORT
    #[arg(long, value_name = "HOST:PORT", requires = "smtp_from", value_parser = host_and_port)]
    pub(crate) smtp: Option<String>,
    /// The sender of e-mail
    #[arg(long, value_name = "ADDRESS", requires = "smtp")]
    pub(crate) smtp_from: Option<String>,
    /// The SMTP user name; the password is in the file smtp-password in the folder of secrets
    #[arg(long, value_name = "NAME", requires = "smtp")]
    pub(crate) smtp_username: Option<String>,
    /// The folder of secrets: one folder for each team, and `default` for all other alerts, with the files
    /// pagerduty-routing-key, opsgenie-api-key, smtp-password, slack-url, msteams-url, discord-url and webhook-url
    #[arg(long, value_name = "DIR", default_value = "/etc/alertmanager/secrets")]
    pub(crate) secrets: String,
    /// The hours in which tickets are sent, such as "Mon-Fri 09:00-17:00 Europe/Berlin", at least half an
    /// hour; at other times, tickets wait
    #[arg(long, value_name = "HOURS", value_parser = parsed::<Hours>)]
    pub(crate) ticket_hours: Option<Hours>,
    /// The version of Alertmanager; channels that it does not support are refused
    #[arg(long = "alertmanager-version", value_name = "VERSION", default_value_t, value_parser = parsed::<AlertmanagerVersion>)]
    pub(crate) version: AlertmanagerVersion,
    /// Write only a part to merge into your own configuration
    #[arg(long)]
    pub(crate) fragment: bool,
    /// Write this file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Group)]
pub(crate) struct Status {
    #[command(flatten)]
    pub(crate) specs: Specs,
    /// URL of the Prometheus that evaluates the generated rules, or @FILE to read a URL with a password from
    /// a file
    #[arg(long, value_name = "URL")]
    pub(crate) prometheus: String,
    #[command(flatten)]
    pub(crate) access: Access,
    #[command(flatten)]
    pub(crate) scale: TimeScale,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Group)]
pub(crate) struct Top {
    /// Spec files, directories (read recursively), or `-` for standard input; required with --prometheus
    #[arg(value_name = "FILE", required_unless_present = "service")]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) reading: Reading,
    /// URL of the Prometheus that evaluates the generated rules, or @FILE to read a URL with a password from
    /// a file
    #[arg(long, value_name = "URL", required_unless_present = "service")]
    pub(crate) prometheus: Option<String>,
    /// URL of a service that uses slo-instrument, to show the budgets that its process counts, from /slo.json
    #[arg(long, value_name = "URL", conflicts_with_all = ["prometheus", "files"])]
    pub(crate) service: Option<String>,
    #[command(flatten)]
    pub(crate) access: Access,
    /// How often to refresh
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = parsed::<Window>)]
    pub(crate) every: Window,
    /// Print one table and exit; this is the default if the output is not a terminal
    #[arg(long)]
    pub(crate) once: bool,
    #[command(flatten)]
    pub(crate) scale: TimeScale,
}

#[derive(Debug, Group)]
pub(crate) struct Report {
    #[command(flatten)]
    pub(crate) specs: Specs,
    /// URL of the Prometheus that evaluates the generated rules, or @FILE to read a URL with a password from
    /// a file
    #[arg(long, value_name = "URL")]
    pub(crate) prometheus: String,
    #[command(flatten)]
    pub(crate) access: Access,
    /// Report on a month, such as 2026-10
    #[arg(long, value_name = "YEAR-MONTH", conflicts_with_all = ["quarter", "last"])]
    pub(crate) month: Option<String>,
    /// Report on a quarter, such as 2026-Q3
    #[arg(long, value_name = "YEAR-QUARTER", conflicts_with = "last")]
    pub(crate) quarter: Option<String>,
    /// Report on the last DURATION, such as 7d
    #[arg(long, value_name = "DURATION", default_value = "30d", value_parser = parsed::<Window>)]
    pub(crate) last: Window,
    /// The time zone in which days and months begin
    #[arg(long, value_name = "ZONE", default_value = "UTC", value_parser = zone)]
    pub(crate) time_zone: String,
    /// Report how well software was delivered instead: the five numbers of DORA for each service, from the deployments in the
    /// record of --config or --store
    #[cfg(feature = "server")]
    #[arg(long)]
    pub(crate) delivery: bool,
    #[cfg(feature = "server")]
    #[command(flatten)]
    pub(crate) place: Place,
    /// The number of groups to show for each SLO, those that spent most of their budget; the others are only
    /// counted
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..))]
    pub(crate) groups: usize,
    /// The time to use as now, in seconds since the Unix epoch
    #[arg(long, value_name = "SECONDS", hide = true, value_parser = moment)]
    pub(crate) end: Option<Timestamp>,
    /// The output format: Markdown, an HTML page, or JSON for programs
    #[arg(long, value_enum, default_value_t = ReportFormat::Markdown)]
    pub(crate) format: ReportFormat,
    /// Write this file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) scale: TimeScale,
}

#[derive(Debug, Group)]
pub(crate) struct Policy {
    #[command(flatten)]
    pub(crate) specs: Specs,
    /// URL of the Prometheus that evaluates the generated rules, or @FILE to read a URL with a password from
    /// a file
    #[arg(long, value_name = "URL")]
    pub(crate) prometheus: String,
    #[command(flatten)]
    pub(crate) access: Access,
    /// The kind of change that wants to go live, such as security; a freeze lets the `exceptions` of the policy through
    #[arg(long, value_name = "KIND")]
    pub(crate) change: Option<String>,
    /// The time zone of the times that are told
    #[arg(long, value_name = "ZONE", default_value = "UTC", value_parser = zone)]
    pub(crate) time_zone: String,
    /// The number of groups to decide on for each SLO, those with the largest share of bad events
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..))]
    pub(crate) groups: usize,
    /// The time to use as now, in seconds since the Unix epoch
    #[arg(long, value_name = "SECONDS", hide = true, value_parser = moment)]
    pub(crate) end: Option<Timestamp>,
    #[command(flatten)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) scale: TimeScale,
}

#[derive(Debug, Group)]
pub(crate) struct Backtest {
    #[command(flatten)]
    pub(crate) specs: Specs,
    /// The past data: a CSV or Parquet file with `time` and two of `total`, `good` and `bad`; for several
    /// SLOs also `service` and `slo`; for groups, a column for each label of `by` under its recorded name
    #[arg(long, value_name = "FILE")]
    pub(crate) history: Option<PathBuf>,
    /// URL of a Prometheus that has the raw series, with or without the generated rules, or @FILE to read a
    /// URL with a password from a file
    #[arg(long, value_name = "URL", conflicts_with = "history")]
    pub(crate) prometheus: Option<String>,
    #[command(flatten)]
    pub(crate) access: Access,
    /// The kind of server at --prometheus
    #[arg(long, value_parser = target(), default_value_t, requires = "prometheus")]
    pub(crate) target: Target,
    /// Replay the last DURATION of the server's data
    #[arg(long, alias = "since", value_name = "DURATION", default_value = "30d", value_parser = parsed::<Window>, requires = "prometheus")]
    pub(crate) last: Window,
    /// Replay only this SLO
    #[arg(long, value_name = "SERVICE/SLO")]
    pub(crate) slo: Option<String>,
    /// Whether `time` in the file is the start or the end of a step
    #[arg(long, value_enum, default_value_t = Label::Start, requires = "history")]
    pub(crate) label: Label,
    /// The length of a step in the file; by default the most common time between two rows
    #[arg(long, value_name = "DURATION", value_parser = parsed::<Window>, requires = "history")]
    pub(crate) step: Option<Window>,
    /// The time zone for times in the file that have none, and for times in the output
    #[arg(long, value_name = "ZONE", default_value = "UTC", value_parser = zone)]
    pub(crate) time_zone: String,
    /// The time to use as now, in seconds since the Unix epoch
    #[arg(long, value_name = "SECONDS", hide = true, value_parser = moment)]
    pub(crate) end: Option<Timestamp>,
    /// The output format: tables, JSON for programs, or an HTML page with charts
    #[arg(long, value_enum, default_value_t = BacktestFormat::Table)]
    pub(crate) format: BacktestFormat,
    /// Write this file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Label {
    Start,
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum BacktestFormat {
    Table,
    Json,
    Html,
}

#[derive(Debug, Group)]
pub(crate) struct Budget {
    /// The objective, such as 99.9%
    #[arg(long, value_name = "PERCENT", value_parser = parsed::<Objective>)]
    pub(crate) objective: Objective,
    /// The period
    #[arg(long, value_name = "DURATION", default_value = "30d", value_parser = parsed::<Window>)]
    pub(crate) window: Window,
    /// Events in the period
    #[arg(long, value_name = "N", requires = "bad")]
    pub(crate) total: Option<u64>,
    /// Bad events among them
    #[arg(long, value_name = "N", requires = "total")]
    pub(crate) bad: Option<u64>,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Group)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Group)]
pub(crate) struct Manual {
    /// Write `DIR/man1/slo.1`, and a page for each verb
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
}
