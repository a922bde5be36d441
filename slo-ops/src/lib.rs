//! Incident response for SLO alerts: incidents, messages, diagnoses, remediations.
//!
//! Nothing here reads a clock, a file, the network or randomness: time is an argument. Everything that people
//! see of an incident is a function of its record. The crate `slo-server` runs it.
//!
//! | module | from → to |
//! |---|---|
//! | [`alert`] | webhooks of Alertmanager and Grafana → alerts, and the ids of deliveries and incidents |
//! | [`incident`] | a record → episodes, steps, messages, stages |
//! | [`host`] | facts about a machine → findings |
//! | [`notify`] | an episode → messages for `PagerDuty` and Slack, within their limits |
//! | [`runbook`] | an episode and a configuration → the next actions |
//! | [`experiment`] | a file and counts of events → a plan, the rulings of a guard, verdicts |
//! | [`manifest`] | YAML → objects of Kubernetes |
//! | [`release`] | counts of events, histories → may a new version stay, and what to go back to |
//! | [`review`] | manifests, SLOs → what threatens an objective |
//! | [`watch`] | what a server has recorded → a list of SLOs, the details of one |
//! | [`logs`] | lines of logs → their templates, and what is unusual about a window |
//! | [`noise`] | alerts that fired, and what SLOs spent → which alerts were for nothing, and what would have spared them |
//! | [`summary`] | an episode → a summary in prose, whose every sentence can be checked |
//! | [`toil`] | hours worked, the record of incidents → how much of them is work by hand |
//! | [`traces`] | spans → whose time the extra time of slow requests is, and where errors come from |
//! | [`dynatrace`] | SLOs, budgets, deployments, episodes → SLOs, metric lines and events of Dynatrace |
//! | [`controller`] | objects of Kubernetes with SLOs → their `PrometheusRule`, and what their status says |

pub mod alert;
pub mod controller;
pub mod dynatrace;
pub mod experiment;
pub mod host;
pub mod incident;
pub mod logs;
pub mod manifest;
pub mod noise;
pub mod notify;
pub mod release;
pub mod review;
pub mod runbook;
pub mod summary;
pub mod toil;
pub mod traces;
pub mod watch;

mod deployment;
mod hex;
mod labels;
mod redact;
mod time;

pub use deployment::Deployment;
pub use labels::Split;
pub use redact::Redactor;
pub use slo_core::{Diagnostics, Error};
pub use time::time_between;

/// The programs of the README, so that they are compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
