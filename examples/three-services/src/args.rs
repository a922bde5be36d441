//! The flags of the program.

use clap::Parser;
use slo_core::model::Window;
use std::{ops::Range, str::FromStr, time::Duration};

/// Three critical services with live error budgets and burn rates.
#[derive(Debug, Parser)]
pub(crate) struct Args {
    /// Stop after this time; by default, run until Ctrl-C
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) duration: Option<Duration>,
    /// Port of the status page; the services use the next three ports
    #[arg(long, default_value_t = 8080, value_parser = clap::value_parser!(u16).range(1..=65530))]
    pub(crate) port: u16,
    /// How many times faster time runs in the budgets: at 60, a minute counts as an hour
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub(crate) time_scale: u32,
    /// Make a service fail, such as checkout@10s..25s
    #[arg(long, value_name = "SERVICE@FROM..TO")]
    pub(crate) outage: Vec<Planned>,
    /// Make a service slow, such as search@10s..25s
    #[arg(long, value_name = "SERVICE@FROM..TO")]
    pub(crate) slow: Vec<Planned>,
    /// Send this many requests that end in every possible way instead of a day's traffic, and compare the
    /// counts
    #[arg(long, value_name = "REQUESTS")]
    pub(crate) storm: Option<u64>,
    /// Also start Prometheus and Alertmanager with generated rules, dashboards and configuration; they use
    /// the two ports after the services
    #[arg(long)]
    pub(crate) prometheus: bool,
    /// Start without traffic; begin it with POST /load/start
    #[arg(long)]
    pub(crate) idle: bool,
}

/// A fault that is planned from the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Planned {
    pub(crate) service: String,
    /// Since the start of the program.
    pub(crate) time: Range<Duration>,
}

pub(crate) fn duration(text: &str) -> Result<Duration, slo_core::Error> {
    Ok(text.parse::<Window>()?.as_duration())
}

impl FromStr for Planned {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = || {
            let (service, time) = text.split_once('@')?;
            let (from, to) = time.split_once("..")?;
            let from = if from == "0s" { Duration::ZERO } else { duration(from).ok()? };
            Some((service, from..duration(to).ok()?))
        };
        match parts() {
            Some((service, _)) if !crate::service::NAMES.contains(&service) => {
                Err(format!("no service `{service}`; there are {}", crate::service::NAMES.join(", ")))
            }
            Some((service, time)) if time.start < time.end => Ok(Self { service: service.to_owned(), time }),
            _ => Err(format!("`{text}` is not a fault; write checkout@10s..25s")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_planned_faults() {
        let planned: Planned = "checkout@10s..25s".parse().unwrap();
        assert_eq!(planned.time, Duration::from_secs(10)..Duration::from_secs(25));
        for text in ["checkout", "checkout@10s", "cart@1s..2s", "login@5s..5s", "login@2s..1s", "login@a..b"]
        {
            assert!(text.parse::<Planned>().is_err(), "{text}");
        }
    }
}
