//! The core of both clients: the address, headers and limits of a server, and how its answers are read.

use crate::{
    address::Address,
    answer::{Points, Reader, TOO_MANY, Told},
    error::{Error, Kind},
    settings::Settings,
};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::de::{DeserializeOwned, DeserializeSeed};
use std::io::{self, BufRead, BufReader, Read};

/// A server.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: Address,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) settings: Settings,
}

/// The longest query in a URL. Longer ones are sent as a form, since servers limit the length of URLs;
/// shorter ones are not, since proxies may refuse forms.
const LONGEST_ADDRESS: usize = 4_096;
/// Bytes that are read at once.
const BUFFER: usize = 256 * 1024;
/// The most bytes to read of an error response.
const LONGEST_ERROR: u64 = 64 * 1024;

/// Whether parameters are sent as a form.
pub(crate) fn is_form(parameters: &[(&str, &str)]) -> bool {
    parameters.iter().map(|(_, value)| value.len()).sum::<usize>() > LONGEST_ADDRESS
}

impl Server {
    pub(crate) fn new(address: &str, settings: Settings) -> Result<Self, Error> {
        let address: Address = address.parse()?;
        let mut headers = settings.checked_headers()?;
        if let Some(authorization) = address.authorization()
            && !headers.iter().any(|(name, _)| name == header::AUTHORIZATION)
        {
            let mut value: HeaderValue = authorization
                .parse()
                .map_err(|_| Error::new(Kind::Settings, "a password that a header cannot hold"))?;
            value.set_sensitive(true);
            headers.push((header::AUTHORIZATION, value));
        }
        Ok(Self { address, headers, settings })
    }

    /// Reads the JSON of an answer with this status.
    pub(crate) fn json<T: DeserializeOwned>(
        &self,
        path: &str,
        status: StatusCode,
        body: impl Read,
    ) -> Result<T, Error> {
        if !status.is_success() {
            return Err(self.refused(path, status));
        }
        let mut body = BufReader::with_capacity(BUFFER, Limited { body, left: self.settings.longest });
        self.check_is_no_page(path, &mut body)?;
        serde_json::from_reader(body).map_err(|error| self.unread(path, &error))
    }

    /// Passes on every point of an answer with this status, and returns the warnings of the server.
    pub(crate) fn read(
        &self,
        path: &str,
        status: StatusCode,
        body: impl Read,
        points: &mut dyn Points,
    ) -> Result<Vec<String>, Error> {
        let reader = Reader { most_series: self.settings.most_series, points };
        let left = if status.is_success() { self.settings.longest } else { LONGEST_ERROR };
        let mut body = BufReader::with_capacity(BUFFER, Limited { body, left });
        if status.is_success() {
            self.check_is_no_page(path, &mut body)?;
        }
        let mut json = serde_json::Deserializer::from_reader(body);
        match reader.deserialize(&mut json).and_then(|told| json.end().map(|()| told)) {
            Ok(Told { error: Some(error), .. }) => Err(self.failed(path, &shortened(&error))),
            Ok(Told { has_data: true, status: said, warnings, .. }) if said == "success" => Ok(warnings),
            _ if !status.is_success() => Err(self.refused(path, status)),
            Ok(_) => Err(self.failed(path, "invalid response: it has no result")),
            Err(error) => Err(self.unread(path, &error)),
        }
    }

    /// The error for a failed request to `path`.
    pub(crate) fn failed(&self, path: &str, what: &str) -> Error {
        Error::new(Kind::Server, format!("{}{path}: {what}", self.address))
    }

    /// Refuses a web page: a login page, or another server than Prometheus.
    fn check_is_no_page(&self, path: &str, body: &mut impl BufRead) -> Result<(), Error> {
        // An error comes again when the body is read.
        let is_page = body.fill_buf().is_ok_and(|start| start.trim_ascii_start().first() == Some(&b'<'));
        if is_page {
            return Err(self.failed(path, "the answer is a web page, not JSON").with_hint(
                "give the address of Prometheus' API, not that of a login page, a proxy or Grafana",
            ));
        }
        Ok(())
    }

    /// The error for an answer that could not be read to its end.
    fn unread(&self, path: &str, error: &serde_json::Error) -> Error {
        let place = self.address.of(path);
        if error.io_error_kind() == Some(io::ErrorKind::FileTooLarge) {
            return Error::new(
                Kind::TooMuch,
                format!("{place}: the answer has more than {} bytes", self.settings.longest),
            )
            .with_hint("ask for fewer series, or a shorter time");
        }
        if error.is_io() {
            return self.failed(path, &error.to_string());
        }
        if error.is_data() && error.to_string().starts_with(TOO_MANY) {
            return Error::new(
                Kind::TooMuch,
                format!("{place}: more than {} series", self.settings.most_series),
            )
            .with_hint("ask for fewer series: use fewer labels in `by`, or one SLO at a time");
        }
        self.failed(path, &format!("invalid response: {error}"))
    }

    /// The error for a status that is not a success.
    fn refused(&self, path: &str, status: StatusCode) -> Error {
        let hint = match status.as_u16() {
            401 | 403 => "authenticate with a header such as `Authorization: Bearer …`",
            300..=399 => "the server redirects: give the address of the target",
            _ => "check that this is the address of a Prometheus server",
        };
        self.failed(path, &format!("status {status}")).with_hint(hint)
    }
}

/// A body that fails once more than `left` bytes are read.
struct Limited<R> {
    body: R,
    left: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.body.read(buffer)?;
        self.left = self
            .left
            .checked_sub(u64::try_from(read).unwrap_or(u64::MAX))
            .ok_or_else(|| io::Error::from(io::ErrorKind::FileTooLarge))?;
        Ok(read)
    }
}

/// A text of the server, shortened to fit a message.
fn shortened(text: &str) -> String {
    const MOST: usize = 500;
    let mut characters = text.chars();
    let start: String = characters.by_ref().take(MOST).collect();
    if characters.next().is_some() { format!("{start}…") } else { start }
}
