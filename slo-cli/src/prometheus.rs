//! Queries to a Prometheus server.

use crate::error::Error;
use serde::{Deserialize, de::DeserializeOwned};
use slo_core::model::Window;
use std::{collections::BTreeMap, time::Duration};
use ureq::http::StatusCode;

/// A client of one server.
pub(crate) struct Prometheus {
    address: String,
    /// The address as it is shown: without a password.
    name: String,
    headers: Vec<(String, String)>,
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
enum Answer<T> {
    Success { data: Data<T> },
    Error { error: String },
}

#[derive(Deserialize)]
struct Data<T> {
    result: T,
}

/// Bytes of an answer.
const LARGEST: u64 = 1 << 30;
const TIMEOUT: Duration = Duration::from_secs(30);

impl Prometheus {
    pub(crate) fn new(address: &str, headers: Vec<(String, String)>) -> Result<Self, Error> {
        // Where a server sends one to is not whom the headers are for.
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .http_status_as_error(false)
            .max_redirects(0)
            .build();
        let address = address.trim_end_matches('/').to_owned();
        let name = without_password(&address)?;
        Ok(Self { name, address, headers, agent: config.into() })
    }

    /// Its address, as it may be shown.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The JSON at `path` of the server.
    pub(crate) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        let (status, body) = self.ask(path, &[])?;
        match body {
            Ok(found) if status.is_success() => Ok(found),
            Err(error) if status.is_success() => {
                Err(self.failed(path, &format!("not what was expected: {error}")))
            }
            _ => Err(self.refused(path, status)),
        }
    }

    /// The instant vector that `query` gives now.
    pub(crate) fn query(&self, query: &str) -> Result<Vec<Sample>, Error> {
        self.result("/api/v1/query", &[("query", query)])
    }

    /// The result of a query.
    fn result<T: DeserializeOwned>(&self, path: &str, parameters: &[(&str, &str)]) -> Result<T, Error> {
        let (status, body) = self.ask(path, parameters)?;
        match body {
            Ok(Answer::Success { data }) => Ok(data.result),
            Ok(Answer::Error { error }) => Err(self.failed(path, &error)),
            Err(_) if !status.is_success() => Err(self.refused(path, status)),
            Err(error) => Err(self.failed(path, &format!("not an answer of Prometheus: {error}"))),
        }
    }

    /// The status and the JSON of an answer.
    fn ask<T: DeserializeOwned>(
        &self,
        path: &str,
        parameters: &[(&str, &str)],
    ) -> Result<(StatusCode, Result<T, ureq::Error>), Error> {
        let request = self.agent.get(format!("{}{path}", self.address));
        let request = self.headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        let request = parameters.iter().fold(request, |request, (name, value)| request.query(*name, *value));
        let mut response = request.call().map_err(|error| self.failed(path, &error.to_string()))?;
        let body = response.body_mut().with_config().limit(LARGEST).read_json();
        Ok((response.status(), body))
    }

    fn failed(&self, path: &str, what: &str) -> Error {
        Error::Outside(format!("{}{path}: {what}", self.name))
    }

    /// What a status says that is no success.
    fn refused(&self, path: &str, status: StatusCode) -> Error {
        let hint = match status.as_u16() {
            401 | 403 => {
                "it wants to know who asks: give --header, such as `Authorization: Bearer …` in a file"
            }
            300..=399 => "it sends one elsewhere: give the address that it leads to",
            _ => "is it the address of a Prometheus?",
        };
        self.failed(path, &format!("status {status}\n  hint: {hint}"))
    }
}

/// An address as it may be shown.
///
/// # Errors
/// What is none; without the text, which may have a password.
fn without_password(address: &str) -> Result<String, Error> {
    let refuse = |why: &str| Error::Usage(format!("{why}\n  hint: write it as http://127.0.0.1:9090"));
    let (scheme, rest) = address.split_once("://").ok_or_else(|| refuse("an address has no scheme"))?;
    let scheme = scheme.to_ascii_lowercase();
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    match scheme.as_str() {
        "http" | "https" if host.is_empty() => Err(refuse("an address has no host")),
        "http" | "https" if rest.contains(['?', '#']) || path.contains('@') => Err(refuse(
            "an address has `?`, `#`, or `@` in its path: a password has them as %3F, %23 and %40, and `/` as %2F",
        )),
        "http" | "https" => Ok(format!("{scheme}://{host}{path}")),
        _ => Err(refuse("an address is neither http nor https")),
    }
}

/// What tells series apart.
pub(crate) type Labels = BTreeMap<String, String>;

/// One series over time.
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
        let millis = i64::try_from(step.as_millis()).unwrap_or(i64::MAX);
        let seconds = |time: i64| format!("{}.{:03}", time.div_euclid(1_000), time.rem_euclid(1_000));
        let at = |index: usize| {
            start.saturating_add(i64::try_from(index + 1).unwrap_or(i64::MAX).saturating_mul(millis))
        };
        let mut all = BTreeMap::new();
        for first in (0..steps).step_by(POINTS) {
            let last = (first + POINTS).min(steps) - 1;
            let (from, to) = (seconds(at(first)), seconds(at(last)));
            let parameters = [
                ("query", query),
                ("start", &from),
                ("end", &to),
                ("step", &seconds(millis)),
                // VictoriaMetrics otherwise rounds the times.
                ("nocache", "1"),
            ];
            let found: Vec<Points> = self.result("/api/v1/query_range", &parameters)?;
            for Points { metric, values } in found {
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

#[cfg(test)]
mod tests {
    use super::without_password;

    #[test]
    fn passwords_are_not_shown() {
        for (address, shown) in [
            ("http://me:p%40ss@host:9090/a", "http://host:9090/a"),
            ("HTTPS://me:p@ss@host", "https://host"),
            ("http://token@host/x", "http://host/x"),
        ] {
            assert_eq!(without_password(address).unwrap(), shown);
        }
        for address in [
            "http://me:s3/cret@host",
            "http://host?token=s3cret",
            "ftp://me:s3cret@h",
            "host:9090",
            "http://",
            "http://s3cret@/",
        ] {
            let error = without_password(address).unwrap_err().to_string();
            assert!(error.contains("hint") && !error.contains("cret"), "{error}");
        }
    }
}
