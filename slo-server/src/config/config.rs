//! The configuration of a server.

use super::{Secret, files::Files};
use crate::tls;
use axum::http::HeaderName;
use ipnet::IpNet;
use rustls::ServerConfig;
use slo_ops::{Error, Redactor, release::Gates, runbook::Runbooks};
use slo_prometheus::Settings;
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

/// The configuration of a server.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// The address that it listens on.
    pub listen: SocketAddr,
    /// Its certificate and key; `None` for plain HTTP.
    pub tls: Option<TlsConfig>,
    /// The path below which everything is served, such as `/slo`; empty for the root.
    pub base_path: String,
    /// The time zone of pages and reports.
    pub time_zone: String,
    /// The store of the record; `None` for a server that shows SLOs and receives no alerts.
    pub store: Option<StoreConfig>,
    /// Files and folders with the specifications of SLOs.
    pub specs: Vec<PathBuf>,
    /// The Prometheus server to query for event counts.
    pub prometheus: Option<PrometheusConfig>,
    /// The credentials for sending alerts; `None` allows everybody on this machine.
    pub intake: Option<Credentials>,
    /// The credentials for viewing and acting; `None` allows everybody on this machine.
    pub access: Option<Access>,
    /// The receivers of messages.
    pub notify: Notify,
    /// The language model that summarizes episodes; `None` for the template.
    pub summary: Option<SummaryConfig>,
    /// The runbooks.
    pub runbooks: Runbooks,
    /// The gates of releases.
    pub gates: Gates,
    /// Removes secrets from everything that leaves the process.
    pub redactor: Redactor,
}

impl Config {
    /// The address that a server listens on by default.
    pub const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9_099);

    /// A server that shows SLOs from `prometheus` and receives no alerts. It listens on loopback, without credentials.
    #[must_use]
    pub fn of_pages(prometheus: PrometheusConfig) -> Self {
        Self {
            listen: Self::LISTEN,
            tls: None,
            base_path: String::new(),
            time_zone: Self::TIME_ZONE.to_owned(),
            store: None,
            specs: Vec::new(),
            prometheus: Some(prometheus),
            intake: None,
            access: None,
            notify: Notify::default(),
            summary: None,
            runbooks: Runbooks::new(),
            gates: Gates::new(),
            redactor: Redactor::default(),
        }
    }

    /// The time zone of pages and reports by default.
    pub const TIME_ZONE: &str = "UTC";
}

/// The certificate and key of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsConfig {
    /// The PEM file of its certificate chain, its own certificate first.
    pub certificate: PathBuf,
    /// The PEM file of its private key.
    pub key: PathBuf,
}

impl TlsConfig {
    /// Reads both files.
    pub(crate) fn read(&self) -> Result<ServerConfig, Error> {
        tls::server(&Files::bytes(&self.certificate)?, &Files::bytes(&self.key)?)
    }
}

/// The store of the record.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreConfig {
    /// A `SQLite` file.
    Sqlite(PathBuf),
    /// A `PostgreSQL` database.
    Postgres {
        /// Its URL, without a password.
        url: String,
        /// Its password.
        password: Option<Secret>,
    },
}

/// The Prometheus server to query for event counts.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PrometheusConfig {
    /// The address of the server.
    pub url: String,
    /// Headers that are sent along.
    pub headers: Vec<(String, Secret)>,
    /// Certificates to trust in place of the system's, as PEM.
    pub roots: Option<Vec<u8>>,
    /// The address at which people reach it, for links; by default that of the server.
    pub link: Option<String>,
}

impl PrometheusConfig {
    /// A server at `url`, with these headers and certificates.
    #[must_use]
    pub const fn new(url: String, headers: Vec<(String, Secret)>, roots: Option<Vec<u8>>) -> Self {
        Self { url, headers, roots, link: None }
    }

    /// How a client connects to it, if an answer may take so long.
    pub(crate) fn settings(&self, timeout: Duration) -> Settings {
        let headers = self.headers.iter().map(|(name, value)| (name.clone(), value.expose().to_owned()));
        Settings { headers: headers.collect(), roots: self.roots.clone(), timeout, ..Settings::default() }
    }
}

/// The credentials of a caller.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Credentials {
    /// `Authorization: Bearer …`.
    Bearer(Secret),
    /// `Authorization: Basic …`, of `user:password`.
    Basic(Secret),
}

/// The credentials for viewing and acting.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Access {
    /// The credentials of viewers, who may only look.
    pub viewers: Option<Credentials>,
    /// The credentials of responders, who may also acknowledge, approve and write notes.
    pub responders: Option<Credentials>,
    /// A proxy that says who its users are.
    pub proxy: Option<ProxyConfig>,
}

/// A proxy that has checked who its users are, and says so in headers.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProxyConfig {
    /// The addresses of the proxy. Headers in requests from other addresses do not count.
    pub from: Vec<IpNet>,
    /// The header with the name of the user.
    pub user_header: HeaderName,
    /// The header with the groups of the user, separated by commas.
    pub groups_header: Option<HeaderName>,
    /// The users who are responders; all others are viewers, unless a group of theirs is named.
    pub users: Vec<String>,
    /// The groups whose members are responders.
    pub groups: Vec<String>,
}

/// The receivers of messages.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Notify {
    /// `PagerDuty`.
    pub pagerduty: Option<PagerDutyConfig>,
    /// Slack.
    pub slack: Option<SlackConfig>,
}

/// A language model behind an OpenAI-compatible API.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SummaryConfig {
    /// The address of the API, such as `https://api.openai.com/v1`.
    pub base_url: String,
    /// The name of the model.
    pub model: String,
    /// The key, sent as a bearer token.
    pub key: Option<Secret>,
    /// How long an answer may take.
    pub timeout: Duration,
}

/// The connection to `PagerDuty`, in both directions.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PagerDutyConfig {
    /// The integration key.
    pub routing_key: Secret,
    /// The address of its Events API.
    pub url: String,
    /// The secret that its webhooks are signed with.
    pub signing_secret: Option<Secret>,
}

/// The connection to Slack, in both directions.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SlackConfig {
    /// How messages are sent.
    pub door: SlackDoor,
    /// The secret that its requests are signed with; without it, messages have no buttons.
    pub signing_secret: Option<Secret>,
}

/// How messages are sent to Slack.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum SlackDoor {
    /// An incoming webhook, which posts a new message each time.
    Webhook(Secret),
    /// A bot, which updates its first message and posts details in its thread.
    Bot {
        /// Its token.
        token: Secret,
        /// The channel.
        channel: String,
        /// The address of the Web API.
        url: String,
    },
}
