//! The configuration, `version: slo-server/v1`.

#[expect(clippy::module_inception, reason = "the module of configurations holds the configuration")]
mod config;
mod files;
mod read;
mod secret;
mod warnings;

pub use config::{
    Access, Config, Credentials, Notify, PagerDutyConfig, PrometheusConfig, ProxyConfig, SlackConfig,
    SlackDoor, StoreConfig, SummaryConfig, TlsConfig,
};
pub use secret::Secret;
