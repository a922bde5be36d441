//! The verbs, one file each.

mod alertmanager;
mod backtest;
mod budget;
#[cfg(feature = "server")]
mod controller;
mod dashboards;
#[cfg(feature = "server")]
mod deployments;
#[cfg(feature = "server")]
mod diagnose;
#[cfg(feature = "server")]
mod dynatrace;
#[cfg(feature = "server")]
mod experiment;
mod explain;
#[cfg(feature = "server")]
mod gate;
mod generate;
mod import;
#[cfg(feature = "server")]
mod incidents;
#[cfg(feature = "server")]
mod logs;
mod manual;
#[cfg(feature = "server")]
mod mcp;
#[cfg(feature = "server")]
mod noise;
mod policy;
#[cfg(feature = "server")]
mod proxy;
#[cfg(feature = "server")]
mod release;
mod report;
#[cfg(feature = "server")]
mod review;
#[cfg(feature = "server")]
mod runbook;
#[cfg(feature = "server")]
mod serve;
mod status;
#[cfg(feature = "server")]
mod toil;
mod top;
#[cfg(feature = "server")]
mod traces;
mod validate;

use crate::{
    args::{Args, Command},
    error::Error,
};
use clap::CommandFactory;
use std::io::Write;

pub(crate) fn run(command: &Command, out: &mut dyn Write, talk: &mut dyn Write) -> Result<(), Error> {
    match command {
        Command::Validate(specs) => validate::run(specs, out, talk),
        Command::Generate(generate) => generate::run(generate, out, talk),
        Command::Import(specs) => import::run(specs, out, talk),
        Command::Explain(explain) => explain::run(explain, out, talk),
        Command::Alertmanager(alertmanager) => alertmanager::run(alertmanager, out, talk),
        Command::Dashboards(dashboards) => dashboards::run(dashboards, talk),
        Command::Report(report) => report::run(report, out, talk),
        Command::Policy(policy) => policy::run(policy, out, talk),
        Command::Status(status) => status::run(status, out, talk),
        Command::Top(top) => top::run(top, out, talk),
        Command::Backtest(backtest) => backtest::run(backtest, out, talk),
        #[cfg(feature = "server")]
        Command::Controller(controlled) => controller::run(controlled, talk),
        #[cfg(feature = "server")]
        Command::Diagnose(diagnose) => diagnose::run(diagnose, out, talk),
        #[cfg(feature = "server")]
        Command::Serve(serve) => serve::run(serve, out, talk),
        #[cfg(feature = "server")]
        Command::Runbook(runbooks) => runbook::run(runbooks, out, talk),
        #[cfg(feature = "server")]
        Command::Incidents(incidents) => incidents::run(incidents, out, talk),
        #[cfg(feature = "server")]
        Command::Logs(logs) => logs::run(logs, out, talk),
        #[cfg(feature = "server")]
        Command::Dynatrace(dynatrace) => dynatrace::run(dynatrace, out, talk),
        #[cfg(feature = "server")]
        Command::Mcp(mcp) => mcp::run(mcp, talk),
        #[cfg(feature = "server")]
        Command::Noise(noise) => noise::run(noise, out, talk),
        #[cfg(feature = "server")]
        Command::Toil(toil) => toil::run(toil, out, talk),
        #[cfg(feature = "server")]
        Command::Traces(traces) => traces::run(traces, out, talk),
        #[cfg(feature = "server")]
        Command::Experiment(experiments) => experiment::run(experiments, out, talk),
        #[cfg(feature = "server")]
        Command::Gate(gate) => gate::run(gate, out, talk),
        #[cfg(feature = "server")]
        Command::Release(release) => release::run(release, out, talk),
        #[cfg(feature = "server")]
        Command::Deployments(deployments) => deployments::run(deployments, out, talk),
        #[cfg(feature = "server")]
        Command::Review(review) => review::run(review, out, talk),
        #[cfg(feature = "server")]
        Command::Proxy(proxy) => proxy::run(proxy, talk),
        Command::Budget(budget) => budget::run(budget, out),
        Command::Completions(completions) => {
            let mut text = Vec::new();
            clap_complete::generate(completions.shell, &mut Args::command(), "slo", &mut text);
            Ok(out.write_all(&text)?)
        }
        Command::Manual(manual) => manual::run(manual, talk),
        Command::Schema(schema) if schema.crd => {
            Ok(out.write_all(slo_core::spec::custom_resource_definition().as_bytes())?)
        }
        Command::Schema(_) => Ok(out.write_all(slo_core::spec::SCHEMA.as_bytes())?),
    }
}
