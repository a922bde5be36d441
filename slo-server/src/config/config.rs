//! The configuration of a server.

use super::{Secret, files::Files};
use crate::tls;
use rustls::ServerConfig;
use slo_ops::{Error, Redactor, runbook::Runbooks};
use std::{net::SocketAddr, path::PathBuf};

/// The configuration of a server.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// The address that it listens on.
    pub listen: SocketAddr,
    /// Its certificate and key; `None` for plain HTTP.
    pub tls: Option<TlsConfig>,
    /// The store of the record.
    pub store: StoreConfig,
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
    /// The runbooks.
    pub runbooks: Runbooks,
    /// Removes secrets from everything that leaves the process.
    pub redactor: Redactor,
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
    pub responders: Credentials,
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
