//! Questions to a server.

use crate::{
    address::Address,
    answer::{Point, Reader, TOO_MANY, Told},
    error::{Error, Kind},
    settings::Settings,
};
use serde::de::{DeserializeOwned, DeserializeSeed};
use std::{
    collections::BTreeMap,
    fmt,
    io::{BufReader, Read},
};
use ureq::{
    Body,
    http::{HeaderName, HeaderValue, Response, StatusCode, header},
};

/// What tells series apart.
pub type Labels = BTreeMap<String, String>;

/// A client of one server.
///
/// `Debug` and every message show the address without its password, and no header.
pub struct Client {
    address: Address,
    headers: Vec<(HeaderName, HeaderValue)>,
    settings: Settings,
    agent: ureq::Agent,
}

/// What a server answered, and what it warns of: of a partial answer, say.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Answer<T> {
    /// The result.
    pub result: T,
    /// What the server warns of, in its own words.
    pub warnings: Vec<String>,
}

/// One value of a series.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Sample {
    /// The labels of the series.
    pub labels: Labels,
    /// Its time, in seconds since the Unix epoch.
    pub time: f64,
    /// Its value, which may be no number.
    pub value: f64,
}

/// Moments of the same distance, the first of which is a step after `start`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Steps {
    /// Milliseconds since the Unix epoch.
    pub start: i64,
    /// Milliseconds from one to the next.
    pub step: u64,
    /// How many.
    pub count: usize,
}

/// Queries longer than that are sent as a form: servers limit addresses, and proxies may allow nothing but addresses.
const LONGEST_ADDRESS: usize = 4_096;
/// Points that Prometheus gives for a series at once are 11,000.
const POINTS: usize = 10_000;
/// Bytes that are read at once.
const BUFFER: usize = 256 * 1024;
/// Bytes of an answer that is an error.
const LONGEST_ERROR: u64 = 64 * 1024;

impl Client {
    /// A client of the server at `address`. Nothing is sent yet.
    ///
    /// # Errors
    /// What is no address, no header, or no certificate.
    pub fn new(address: &str, settings: Settings) -> Result<Self, Error> {
        let address: Address = address.parse()?;
        let mut headers = settings.checked_headers()?;
        if let Some(authorization) = address.authorization()
            && !headers.iter().any(|(name, _)| name == header::AUTHORIZATION)
        {
            let mut value: HeaderValue = authorization
                .parse()
                .map_err(|_| Error::new(Kind::Settings, "a password that no header can say"))?;
            value.set_sensitive(true);
            headers.push((header::AUTHORIZATION, value));
        }
        Ok(Self { agent: settings.agent()?, address, headers, settings })
    }

    /// Its address, without a password.
    #[must_use]
    pub const fn address(&self) -> &Address {
        &self.address
    }

    /// The JSON at `path` of the server.
    ///
    /// # Errors
    /// No answer, one that is no success, too long, or not of that shape.
    pub fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        let mut response = self.ask(path, &[])?;
        if !response.status().is_success() {
            return Err(self.refused(path, response.status()));
        }
        let reader = self.reader(&mut response);
        serde_json::from_reader(reader).map_err(|error| self.unread(path, &error))
    }

    /// The values of `query` now.
    ///
    /// # Errors
    /// No answer, one that is no success, or too much.
    pub fn query(&self, query: &str) -> Result<Answer<Vec<Sample>>, Error> {
        let mut result = Vec::new();
        let mut keep =
            |labels: &Labels, time, value| result.push(Sample { labels: labels.clone(), time, value });
        let warnings = self.read("/api/v1/query", &[("query", query)], &mut keep)?;
        Ok(Answer { result, warnings })
    }

    /// Calls `point` with the labels, the number of the step and the value of every point that `query` has at `steps`; the
    /// points of a series come in the order of time, those of several in pieces.
    ///
    /// # Errors
    /// No answer, one that is no success, or too much.
    pub fn range(
        &self,
        query: &str,
        steps: Steps,
        mut point: impl FnMut(&Labels, usize, f64),
    ) -> Result<Vec<String>, Error> {
        let mut warnings = Vec::new();
        for first in (0..steps.count).step_by(POINTS) {
            let last = (first + POINTS).min(steps.count) - 1;
            let (from, to) = (seconds(steps.at(first)), seconds(steps.at(last)));
            let step = seconds(i64::try_from(steps.step).unwrap_or(i64::MAX));
            let parameters = [
                ("query", query),
                ("start", &from),
                ("end", &to),
                ("step", &step),
                // VictoriaMetrics otherwise rounds the times.
                ("nocache", "1"),
            ];
            let mut place = |labels: &Labels, time: f64, value: f64| {
                if let Some(index) = steps.index(time).filter(|index| (first..=last).contains(index)) {
                    point(labels, index, value);
                }
            };
            let told = self.read("/api/v1/query_range", &parameters, &mut place)?;
            warnings.extend(told.into_iter().filter(|told| !warnings.contains(told)).collect::<Vec<_>>());
        }
        Ok(warnings)
    }

    /// Hands on every point of an answer; what the server warns of.
    fn read(&self, path: &str, parameters: &[(&str, &str)], point: Point<'_>) -> Result<Vec<String>, Error> {
        let mut response = self.ask(path, parameters)?;
        let status = response.status();
        let reader = Reader { most_series: self.settings.most_series, point };
        let limit = if status.is_success() { self.settings.longest } else { LONGEST_ERROR };
        let body = response.body_mut().with_config().limit(limit).reader();
        let mut json = serde_json::Deserializer::from_reader(BufReader::with_capacity(BUFFER, body));
        match reader.deserialize(&mut json).and_then(|told| json.end().map(|()| told)) {
            Ok(Told { error: Some(error), .. }) => Err(self.failed(path, &shortened(&error))),
            Ok(Told { has_data: true, status: said, warnings, .. }) if said == "success" => Ok(warnings),
            _ if !status.is_success() => Err(self.refused(path, status)),
            Ok(_) => Err(self.failed(path, "not an answer of Prometheus: it has no result")),
            Err(error) => Err(self.unread(path, &error)),
        }
    }

    fn ask(&self, path: &str, parameters: &[(&str, &str)]) -> Result<Response<Body>, Error> {
        let url = self.address.of(path);
        let length: usize = parameters.iter().map(|(_, value)| value.len()).sum();
        let answer = if length > LONGEST_ADDRESS {
            let request = self.agent.post(url);
            let request =
                self.headers.iter().fold(request, |request, (name, value)| request.header(name, value));
            request.send_form(parameters.iter().copied())
        } else {
            let request = self.agent.get(url);
            let request =
                self.headers.iter().fold(request, |request, (name, value)| request.header(name, value));
            request.query_pairs(parameters.iter().copied()).call()
        };
        answer.map_err(|error| self.failed(path, &error.to_string()))
    }

    fn reader<'a>(&self, response: &'a mut Response<Body>) -> BufReader<impl Read + use<'a>> {
        let body = response.body_mut().with_config().limit(self.settings.longest).reader();
        BufReader::with_capacity(BUFFER, body)
    }

    fn failed(&self, path: &str, what: &str) -> Error {
        Error::new(Kind::Server, format!("{}{path}: {what}", self.address))
    }

    /// Why an answer could not be read to its end.
    fn unread(&self, path: &str, error: &serde_json::Error) -> Error {
        let place = self.address.of(path);
        if error.is_io() {
            let cause = error.to_string();
            return if cause.contains("limit") {
                Error::new(
                    Kind::TooMuch,
                    format!("{place}: an answer of more than {} bytes", self.settings.longest),
                )
                .with_hint("ask for fewer series, or a shorter time")
            } else {
                self.failed(path, &cause)
            };
        }
        if error.is_data() && error.to_string().starts_with(TOO_MANY) {
            return Error::new(
                Kind::TooMuch,
                format!("{place}: more than {} series", self.settings.most_series),
            )
            .with_hint("ask for fewer: `by` with fewer labels, or one SLO at a time");
        }
        self.failed(path, &format!("not an answer of Prometheus: {error}"))
    }

    /// What a status says that is no success.
    fn refused(&self, path: &str, status: StatusCode) -> Error {
        let hint = match status.as_u16() {
            401 | 403 => "it wants to know who asks: send a header such as `Authorization: Bearer …`",
            300..=399 => "it sends one elsewhere: give the address that it leads to",
            _ => "is it the address of a Prometheus?",
        };
        self.failed(path, &format!("status {status}")).with_hint(hint)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("address", &self.address)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Steps {
    fn at(&self, index: usize) -> i64 {
        let millis = u64::try_from(index).unwrap_or(u64::MAX).saturating_add(1).saturating_mul(self.step);
        self.start.saturating_add(i64::try_from(millis).unwrap_or(i64::MAX))
    }

    /// The step of a time in seconds.
    fn index(&self, time: f64) -> Option<usize> {
        #[expect(clippy::cast_possible_truncation, reason = "saturates")]
        let since = ((time * 1_000.0).round() as i64).checked_sub(self.start)?;
        usize::try_from(since.checked_div(i64::try_from(self.step).ok()?)?.checked_sub(1)?).ok()
    }
}

/// Milliseconds as seconds.
fn seconds(millis: i64) -> String {
    format!("{}.{:03}", millis.div_euclid(1_000), millis.rem_euclid(1_000))
}

/// As much of somebody else's words as a message can hold.
fn shortened(text: &str) -> String {
    const MOST: usize = 500;
    let mut characters = text.chars();
    let start: String = characters.by_ref().take(MOST).collect();
    if characters.next().is_some() { format!("{start}…") } else { start }
}

#[cfg(test)]
mod tests {
    use super::Steps;

    #[test]
    fn times_that_are_no_steps_have_no_index() {
        let minutes = Steps { start: 1_000, step: 60_000, count: 2 };
        for (time, index) in [(61.0, Some(0)), (121.0, Some(1)), (1.0, None), (-1e30, None), (f64::NAN, None)]
        {
            assert_eq!(minutes.index(time), index, "{time}");
        }
        assert_eq!(Steps { step: 0, ..minutes }.index(61.0), None);
        assert_eq!(Steps { start: 0, step: 1, count: 1 }.index(-1e30), None);
    }
}
