//! `slo controller`

use super::{
    common::{Assumed, Naming},
    values::{address, object_label},
};
use clap::Args as Group;
use std::net::SocketAddr;

#[derive(Debug, Group)]
pub(crate) struct Controlled {
    /// Watch only this namespace; may be given several times
    #[arg(long = "namespace", value_name = "NAME")]
    pub(crate) namespaces: Vec<String>,
    /// The address of /metrics, /healthz and /readyz
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9095", value_parser = address)]
    pub(crate) listen: SocketAddr,
    /// The namespace of the lease by which replicas elect the one that writes; its own by default
    #[arg(long, value_name = "NAME")]
    pub(crate) lease_namespace: Option<String>,
    /// Delete the rules that Sloth and Pyrra made, once those written here have enough history
    #[arg(long)]
    pub(crate) take_over: bool,
    /// The names of series and alerts
    #[arg(long, value_enum, default_value_t = Naming::Native)]
    pub(crate) naming: Naming,
    /// Read counters with anchored ranges, which need Prometheus 3.16 or later
    #[arg(long)]
    pub(crate) anchored: bool,
    /// A label for `PrometheusRule` objects, such as the one that `ruleSelector` matches; may be given several times
    #[arg(long = "object-label", value_name = "NAME=VALUE", value_parser = object_label)]
    pub(crate) object_labels: Vec<(String, String)>,
    #[command(flatten)]
    pub(crate) assumed: Assumed,
}
