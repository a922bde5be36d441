//! Instant queries to a Prometheus server.

use crate::error::Error;
use serde::Deserialize;
use std::{collections::BTreeMap, time::Duration};

/// A client of one server.
pub(crate) struct Prometheus {
    address: String,
    agent: ureq::Agent,
}

/// One series of a result.
#[derive(Debug, Deserialize)]
pub(crate) struct Sample {
    #[serde(rename = "metric")]
    pub(crate) labels: BTreeMap<String, String>,
    value: (f64, String),
}

#[derive(Deserialize)]
#[serde(tag = "status", rename_all = "lowercase")]
enum Answer {
    Success { data: Data },
    Error { error: String },
}

#[derive(Deserialize)]
struct Data {
    result: Vec<Sample>,
}

const TIMEOUT: Duration = Duration::from_secs(30);

impl Prometheus {
    pub(crate) fn new(address: &str) -> Self {
        let config =
            ureq::Agent::config_builder().timeout_global(Some(TIMEOUT)).http_status_as_error(false).build();
        Self { address: address.trim_end_matches('/').to_owned(), agent: config.into() }
    }

    /// The instant vector that `query` gives now.
    pub(crate) fn query(&self, query: &str) -> Result<Vec<Sample>, Error> {
        let url = format!("{}/api/v1/query", self.address);
        let failed = |what: String| Error::Outside(format!("{url}: {what}"));
        let mut response =
            self.agent.get(&url).query("query", query).call().map_err(|error| failed(error.to_string()))?;
        let status = response.status();
        let answer = response.body_mut().read_json::<Answer>();
        match answer {
            Ok(Answer::Success { data }) => Ok(data.result),
            Ok(Answer::Error { error }) => Err(failed(error)),
            Err(_) if !status.is_success() => Err(failed(format!("status {status}"))),
            Err(error) => Err(failed(format!("not an answer of Prometheus: {error}"))),
        }
    }
}

impl Sample {
    /// Its value; `None` where it is not a finite number.
    pub(crate) fn value(&self) -> Option<f64> {
        self.value.1.parse().ok().filter(|value: &f64| value.is_finite())
    }

    pub(crate) fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }
}
