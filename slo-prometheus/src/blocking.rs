//! The blocking client.

use crate::{
    address::Address,
    answer::Points,
    error::Error,
    server::{Server, is_form},
    settings::Settings,
    sinks::{Placed, Samples, add},
    steps::{Steps, range_parameters},
    tls,
    values::{Answer, Labels, Sample},
};
use serde::de::DeserializeOwned;
use std::fmt;
use ureq::{Body, http::Response};

/// A blocking client of one server.
///
/// `Debug` and messages show neither the password nor the value of a header.
pub struct Client {
    server: Server,
    agent: ureq::Agent,
}

impl Client {
    /// A client of the server at `address`. Nothing is sent yet.
    ///
    /// # Errors
    /// The address, a header or a certificate is not valid.
    pub fn new(address: &str, settings: Settings) -> Result<Self, Error> {
        let agent = tls::agent(&settings)?;
        Ok(Self { server: Server::new(address, settings)?, agent })
    }

    /// Its address, without a password.
    #[must_use]
    pub const fn address(&self) -> &Address {
        &self.server.address
    }

    /// The JSON at `path` of the server.
    ///
    /// # Errors
    /// The server does not answer, returns an error, or the answer is too long or does not fit `T`.
    pub fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        let response = self.ask(path, &[])?;
        self.server.json(path, response.status(), response.into_body().into_reader())
    }

    /// The current values of `query`.
    ///
    /// # Errors
    /// The server does not answer, returns an error, or the answer exceeds a limit.
    pub fn query(&self, query: &str) -> Result<Answer<Vec<Sample>>, Error> {
        let mut samples = Samples::default();
        let warnings = self.read("/api/v1/query", &[("query", query)], &mut samples)?;
        Ok(Answer { result: samples.found, warnings })
    }

    /// Calls `point` for every point of `query` at `steps`, and returns the warnings of the server.
    ///
    /// `point` gets the labels, the number of the step and the value. The points of a series come in order of
    /// time. Many steps are queried in pieces: each piece has the points of all series.
    ///
    /// # Errors
    /// The server does not answer, returns an error, or an answer exceeds a limit.
    pub fn range(
        &self,
        query: &str,
        steps: Steps,
        mut point: impl FnMut(&Labels, usize, f64),
    ) -> Result<Vec<String>, Error> {
        let mut warnings = Vec::new();
        for piece in steps.pieces() {
            let times = piece.parameters();
            let parameters = range_parameters(query, &times);
            let mut placed = Placed::new(piece, &mut point);
            add(&mut warnings, self.read("/api/v1/query_range", &parameters, &mut placed)?);
        }
        Ok(warnings)
    }

    fn read(
        &self,
        path: &str,
        parameters: &[(&str, &str)],
        points: &mut dyn Points,
    ) -> Result<Vec<String>, Error> {
        let response = self.ask(path, parameters)?;
        self.server.read(path, response.status(), response.into_body().into_reader(), points)
    }

    fn ask(&self, path: &str, parameters: &[(&str, &str)]) -> Result<Response<Body>, Error> {
        let url = self.server.address.of(path);
        let headers = self.server.headers.iter();
        let answer = if is_form(parameters) {
            let request =
                headers.fold(self.agent.post(url), |request, (name, value)| request.header(name, value));
            request.send_form(parameters.iter().copied())
        } else {
            let request =
                headers.fold(self.agent.get(url), |request, (name, value)| request.header(name, value));
            request.query_pairs(parameters.iter().copied()).call()
        };
        answer.map_err(|error| self.server.failed(path, &error.to_string()))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("address", &self.server.address)
            .field("settings", &self.server.settings)
            .finish_non_exhaustive()
    }
}
