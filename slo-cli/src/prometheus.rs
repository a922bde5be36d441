//! Queries to a Prometheus server.

use crate::error::Error;
use serde::Deserialize;
use slo_core::model::Window;
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
    pub(crate) labels: Labels,
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

    /// The JSON at `path` of the server.
    pub(crate) fn get<T: serde::de::DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        let url = format!("{}{path}", self.address);
        let failed = |what: String| Error::Outside(format!("{url}: {what}"));
        let mut response = self.agent.get(&url).call().map_err(|error| failed(error.to_string()))?;
        let status = response.status();
        if !status.is_success() {
            return Err(failed(format!("status {status}")));
        }
        response.body_mut().read_json().map_err(|error| failed(format!("not what was expected: {error}")))
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
            Err(_) if !status.is_success() => {
                Err(failed(format!("status {status}\n  hint: is it the address of a Prometheus?")))
            }
            Err(error) => Err(failed(format!("not an answer of Prometheus: {error}"))),
        }
    }
}

/// What tells series apart.
pub(crate) type Labels = BTreeMap<String, String>;

/// Series over time.
#[derive(Deserialize)]
#[serde(tag = "status", rename_all = "lowercase")]
enum RangeAnswer {
    Success { data: RangeData },
    Error { error: String },
}

#[derive(Deserialize)]
struct RangeData {
    result: Vec<Points>,
}

#[derive(Deserialize)]
struct Points {
    metric: Labels,
    values: Vec<(f64, String)>,
}

/// Points that a server gives for a series at once are 11,000.
const POINTS: usize = 10_000;

impl Prometheus {
    /// The series that `query` gives, by their labels, at the ends of `steps` steps from `start` on, in milliseconds since the
    /// Unix epoch; `None` where one has no value.
    pub(crate) fn range(
        &self,
        query: &str,
        start: i64,
        step: Window,
        steps: usize,
    ) -> Result<BTreeMap<Labels, Vec<Option<f64>>>, Error> {
        let url = format!("{}/api/v1/query_range", self.address);
        let failed = |what: String| Error::Outside(format!("{url}: {what}"));
        let millis = i64::try_from(step.as_millis()).unwrap_or(i64::MAX);
        let seconds = |time: i64| format!("{}.{:03}", time.div_euclid(1_000), time.rem_euclid(1_000));
        let at = |index: usize| {
            start.saturating_add(i64::try_from(index + 1).unwrap_or(i64::MAX).saturating_mul(millis))
        };
        let mut all = BTreeMap::new();
        for first in (0..steps).step_by(POINTS) {
            let last = (first + POINTS).min(steps) - 1;
            let request = [
                ("query", query.to_owned()),
                ("start", seconds(at(first))),
                ("end", seconds(at(last))),
                ("step", seconds(millis)),
                // VictoriaMetrics otherwise rounds the times.
                ("nocache", "1".to_owned()),
            ];
            let request = request
                .into_iter()
                .fold(self.agent.get(&url), |request, (name, value)| request.query(name, value));
            let mut response = request.call().map_err(|error| failed(error.to_string()))?;
            let status = response.status();
            let answer = response.body_mut().with_config().limit(1 << 30).read_json::<RangeAnswer>();
            let data = match answer {
                Ok(RangeAnswer::Success { data }) => data,
                Ok(RangeAnswer::Error { error }) => return Err(failed(error)),
                Err(_) if !status.is_success() => {
                    return Err(failed(format!(
                        "status {status}\n  hint: is it the address of a Prometheus?"
                    )));
                }
                Err(error) => return Err(failed(format!("not an answer of Prometheus: {error}"))),
            };
            for Points { metric, values } in data.result {
                let found = all.entry(metric).or_insert_with(|| vec![None; steps]);
                for (time, value) in values {
                    #[expect(clippy::cast_possible_truncation, reason = "a time of this age")]
                    let since = (time * 1_000.0).round() as i64 - start;
                    let place =
                        usize::try_from(since / millis - 1).ok().and_then(|index| found.get_mut(index));
                    if let (Some(place), Ok(value)) = (place, value.parse::<f64>()) {
                        *place = Some(value).filter(|value| value.is_finite());
                    }
                }
            }
        }
        Ok(all)
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
