//! What a server is told.

use super::{Secret, files::Files};
use crate::tls;
use rustls::ServerConfig;
use slo_ops::{Error, Redactor, runbook::Runbooks};
use std::{net::SocketAddr, path::PathBuf};

/// What a server is told: where it listens, what it keeps, whom it tells, and what it may do.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// Where it listens.
    pub listen: SocketAddr,
    /// By which certificate callers know it; `None` for plain HTTP.
    pub tls: Option<TlsConfig>,
    /// Where the record is.
    pub store: StoreConfig,
    /// The SLOs: files and folders.
    pub specs: Vec<PathBuf>,
    /// Who knows the counts.
    pub prometheus: Option<PrometheusConfig>,
    /// Who may send alerts; `None` for everybody on this machine.
    pub intake: Option<Credentials>,
    /// Who may look and act; `None` for everybody on this machine.
    pub access: Option<Access>,
    /// Who is told.
    pub notify: Notify,
    /// What may answer.
    pub runbooks: Runbooks,
    /// What is taken out of everything that leaves the process.
    pub redactor: Redactor,
}

/// By which certificate callers know a server.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsConfig {
    /// The file of its certificate and of those that vouch for it, its own first, as PEM.
    pub certificate: PathBuf,
    /// The file of its private key, as PEM.
    pub key: PathBuf,
}

impl TlsConfig {
    /// What the two files say now.
    pub(crate) fn read(&self) -> Result<ServerConfig, Error> {
        tls::server(&Files::bytes(&self.certificate)?, &Files::bytes(&self.key)?)
    }
}

/// Where the record is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreConfig {
    /// A file of `SQLite`.
    Sqlite(PathBuf),
    /// A database of `PostgreSQL`.
    Postgres {
        /// Its URL, without a password.
        url: String,
        /// Its password.
        password: Option<Secret>,
    },
}

/// Who knows the counts.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PrometheusConfig {
    /// The address of the server.
    pub url: String,
    /// Headers that are sent along.
    pub headers: Vec<(String, Secret)>,
    /// Certificates to trust in place of the system's, as PEM.
    pub roots: Option<Vec<u8>>,
}

/// What a caller must know.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Credentials {
    /// `Authorization: Bearer …`.
    Bearer(Secret),
    /// `Authorization: Basic …`, of `user:password`.
    Basic(Secret),
}

/// Who may look and act.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Access {
    /// Who may look.
    pub viewers: Option<Credentials>,
    /// Who may acknowledge, approve and write notes; they may look, too.
    pub responders: Credentials,
}

/// Who is told.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Notify {
    /// `PagerDuty`.
    pub pagerduty: Option<PagerDutyConfig>,
    /// Slack.
    pub slack: Option<SlackConfig>,
}

/// How `PagerDuty` is told, and tells.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PagerDutyConfig {
    /// The key of the integration.
    pub routing_key: Secret,
    /// The address of its Events API.
    pub url: String,
    /// What its webhooks are signed with.
    pub signing_secret: Option<Secret>,
}

/// How Slack is told, and tells.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SlackConfig {
    /// How messages go there.
    pub door: SlackDoor,
    /// What its requests are signed with; without it, messages have no buttons.
    pub signing_secret: Option<Secret>,
}

/// How messages go to Slack.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum SlackDoor {
    /// An incoming webhook: each message stands for itself.
    Webhook(Secret),
    /// A bot: its first message is brought up to date, and details go into its thread.
    Bot {
        /// Its token.
        token: Secret,
        /// The channel.
        channel: String,
        /// The address of the Web API.
        url: String,
    },
}
